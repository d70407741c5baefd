"""Files and folders that are there and cannot be read, which stop their own session alone."""

import os
from collections.abc import Iterable
from pathlib import Path


def why_not_read(path: Path, error: OSError) -> str:
    """Say why a file could not be read, and what to do.

    Parameters
    ----------
    path : Path
        The file.
    error : OSError
        What came of it.
    """
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return (
                f"a link to {path.readlink()}, which is not here. Get its content "
                "(`datalad get`, `git annex get`), or mend the link."
            )
        return "no such file. Check the path."
    return (
        f"it cannot be read ({error.strerror}). Give yourself the right to read it and its folder "
        "(`chmod -R u+rX`), or ask its owner."
    )


def readable(paths: Iterable[Path]) -> list[Path]:
    """Return those of some files that can be read now."""
    return [path for path in paths if os.access(path, os.R_OK)]


def closed_sessions(bids_dir: Path) -> dict[tuple[str, str], str]:
    """Return the sessions of a data set whose folder cannot be read, and what to do.

    Parameters
    ----------
    bids_dir : Path
        Root of the BIDS data set.

    Returns
    -------
    dict
        From (subject, session), as BIDS labels with their prefix, to the message.
    """
    found = {}
    for session in sorted(bids_dir.glob("sub-*/ses-*")):
        for folder in (session, session / "mrs"):
            if _is_there(folder) and not is_open(folder):
                found[session.parent.name, session.name] = (
                    f"{folder}: the folder cannot be read, nor its scans. Give yourself the "
                    "right to (`chmod -R u+rX`), or ask its owner."
                )
                break
    return found


def _is_there(folder: Path) -> bool:
    """Tell whether a folder is there; in one that is closed nothing can be told."""
    try:
        return folder.is_dir()
    except PermissionError:
        return False


def is_open(folder: Path) -> bool:
    """Tell whether a folder's files can be listed and opened."""
    return os.access(folder, os.R_OK | os.X_OK)
