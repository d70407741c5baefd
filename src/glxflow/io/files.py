"""Write files whole or not at all, and name them by their content."""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
        # Some libraries write through private temporary files; a group must be able to read.
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
