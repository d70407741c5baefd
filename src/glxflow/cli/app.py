"""The command ``glxflow``: its sub-commands, and how an error reaches the user."""

import gc
import importlib
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from glxflow import __version__
from glxflow.errors import GlxflowError

COMMANDS = (
    "validate",
    "ingest",
    "basis",
    "preprocess",
    "calibrate",
    "fit",
    "series",
    "collect",
    "trial",
    "report",
    "simulate",
)
"""Sub-commands in the order of the data; each is the `app` of the module of its name."""

_BLAS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class _Stages(TyperGroup):
    """Import a sub-command when it is called: a fit need not wait for the report's imports."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Return the names of all sub-commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return one sub-command, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        # What is imported stays: to look for garbage in it takes a fifth of the start.
        gc.disable()
        try:
            module = importlib.import_module(f"glxflow.cli.{cmd_name}")
        finally:
            gc.freeze()
            gc.enable()
        command = get_command(module.app)
        command.name = cmd_name  # a group's own app has no name, and help would list none
        return command


app = typer.Typer(
    cls=_Stages,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="From MR spectra and clinical scores to a trial's answer about glutamate. "
    "For research, never for patient care.",
)


def _version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        typer.echo(f"glxflow {__version__}")
        raise typer.Exit


@app.callback()
def _glxflow(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Make the app a group although its commands are found by name."""


def main() -> None:
    """Run the command line; a user's error is one message on stderr and exit code 2."""
    # A job is declared with one thread; a BLAS that starts one a core would make
    # eight jobs on eight cores fight. Set before anything imports numpy.
    os.environ.update(dict.fromkeys(_BLAS_THREADS, "1"))
    try:
        app()
    except GlxflowError as error:
        typer.secho(f"Error: {error}", err=True, fg="red")
        sys.exit(2)
    except OSError as error:
        # A file that cannot be read or written; anything else is a fault of ours.
        if error.filename is None:
            raise
        typer.secho(f"Error: {error.filename}: {error.strerror}.", err=True, fg="red")
        sys.exit(2)
