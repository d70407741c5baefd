"""Choose the sequence of a basis set: the one that is asked for and that the scan names."""

from pathlib import Path

import typer

from glxflow.errors import ConfigError
from glxflow.io.metadata import read_header
from glxflow.io.sequence_names import sequence_names, sequences_in

_USUAL = "press"


def sequence_for(asked: str | None, like: Path | None) -> str:
    """Return the sequence to simulate; PRESS where nobody names one, which a note says.

    Parameters
    ----------
    asked : str or None
        What the user wants.
    like : Path or None
        A scan, or a protocol (JSON), which names no sequence.

    Raises
    ------
    ConfigError
        If the scan names another sequence than the user, several, or an unknown one
        and the user none.
    """
    named = sequence_names(read_header(like).fields) if like and like.suffix != ".json" else {}
    known = {sequence for name in named.values() for sequence in sequences_in(name)}
    found = ", ".join(f"{field} {name!r}" for field, name in named.items())
    if asked is None:
        if len(known) == 1:
            return known.pop()
        if named:
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
            "Correct --sequence or leave it out; if the scan's header is wrong, give --te, "
            "--field-mhz, --points and --dwell instead of --like."
        )
    return asked
