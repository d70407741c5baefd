"""Choose the sequence of a basis set: the one that is asked for and that the scan names."""

from pathlib import Path

import typer

from glxflow.errors import ConfigError
from glxflow.io.metadata import read_header
from glxflow.io.sequence_names import recognised_sequences, sequence_names
from glxflow.io.tables import read_json

_USUAL = "press"


def sequence_for(asked: str | None, like: Path | None) -> str:
    """Return the sequence to simulate; PRESS where nobody names one, which a note says.

    Parameters
    ----------
    asked : str or None
        What the user wants.
    like : Path or None
        A scan, or the protocol (JSON) that `glxflow validate` writes.

    Raises
    ------
    ConfigError
        If the scan or the scans of the protocol name another sequence than the user,
        several, or an unknown one and the user none.
    """
    known, found = _named(like) if like else (set(), "")
    if asked is None:
        if len(known) == 1:
            return known.pop()
        if found:
            problem = f"stands for {' or '.join(sorted(known))}" if known else "is not recognised"
            raise ConfigError(
                f"{like}: the scan's sequence, {found}, {problem}. Say which one it was with "
                "--sequence."
            )
        typer.secho(f"no sequence is named: {_USUAL} is taken (see --sequence)", err=True)
        return _USUAL
    if known and asked not in known:
        raise ConfigError(
            f"--sequence is {asked!r}, but {like} says {' or '.join(sorted(known))} ({found}). "
            "Correct --sequence (of a workflow: basis.sequence in config/config.yaml) or leave "
            "it out; if the scan's header is wrong, give --te, --field-mhz, --points and --dwell "
            "instead of --like, or to a workflow basis.file."
        )
    return asked


def _named(like: Path) -> tuple[set[str], str]:
    """Return the sequences that a scan or a protocol stands for, and by which names."""
    if like.suffix == ".json":
        known = set(read_json(like).get("sequences", []))
        return known, "as the headers of its scans do" if known else ""
    fields = read_header(like).fields
    found = ", ".join(f"{field} {name!r}" for field, name in sequence_names(fields).items())
    return recognised_sequences(fields), found
