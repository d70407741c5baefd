"""What the commands that work on one session share: where they write, and how they fail."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from glxflow.errors import GlxflowError
from glxflow.io.records import write_failure

RecordFailure = Annotated[
    bool,
    typer.Option(
        "--record-failure",
        help="Write a broken input into the record and exit with 0, so that a workflow goes on "
        "with the other sessions and lists this one.",
    ),
]


@contextmanager
def at_file(path: Path) -> Iterator[None]:
    """Put a file's name before what a stage, which knows no files, finds wrong in it."""
    try:
        yield
    except GlxflowError as error:
        raise type(error)(f"{path}: {error}") from error


@contextmanager
def failure_recorded(
    record: Path, stage: str, results: Sequence[Path], *, enabled: bool
) -> Iterator[None]:
    """Turn a user's error inside the block into a failed record, where that is asked for.

    The step's results that an earlier run has left are then removed.
    """
    try:
        yield
    except GlxflowError as error:
        if not enabled:
            raise
        write_failure(record, stage=stage, message=str(error), results=results)
        typer.secho(f"Recorded: {error}", err=True, fg="yellow")
