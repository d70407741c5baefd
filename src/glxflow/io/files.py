"""Write files whole or not at all, and name them by their content."""

import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_HASHED_BYTES = 1_000_000
"""Size up to which `fingerprint` reads a file: tables and sidecars, and no large scan."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` to write to; it becomes `path` when the block succeeds.

    Parameters
    ----------
    path : Path
        The file to write; its folder is made when missing.

    Yields
    ------
    Path
        A temporary name with the same suffixes, removed when the block fails, so
        that a reader never meets half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.{path.name}")
    try:
        yield temporary
        # Some libraries write through private temporary files, whatever the user lets others do.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        # What a full disk says names no file.
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """Return which rights the user takes from new files; to be read, it must be set."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_of(path: Path) -> list[Path]:
    """Return a file, or the files in a folder such as a basis set may be."""
    return sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]


def fingerprint(paths: Iterable[Path | str]) -> str:
    """Return a text that becomes another one when the files do, even older ones.

    Snakemake looks for newer files alone: not for sessions that were swapped by renaming
    them, nor for a table that was restored or copied with its time.

    Parameters
    ----------
    paths : iterable of Path or str
        Files, or folders of files, in the order of their roles; they may be absent. Large
        ones are compared by size and time, without reading them.
    """
    states = [_state(file) for path in paths for file in files_of(Path(path))]
    return hashlib.sha256("\n".join(states).encode()).hexdigest()


def _state(path: Path) -> str:
    """Return the name of a file, and its content or what stands for it."""
    try:
        status = path.stat()
        if status.st_size <= _HASHED_BYTES:
            return f"{path.name} {sha256(path)}"
    except OSError as error:
        # Absent or not readable; the step that reads it says so.
        return f"{path.name} {error.strerror}"
    return f"{path.name} {status.st_size} {int(status.st_mtime)}"
