"""Open a NIfTI file, or say what is wrong with it."""

import zlib
from pathlib import Path
from typing import Any

import nibabel as nib

from glxflow.errors import DataError
from glxflow.io.readable import why_not_read

NIBABEL_ERRORS = (
    nib.filebasedimages.ImageFileError,
    nib.spatialimages.HeaderDataError,
    EOFError,
    OSError,
    ValueError,
    zlib.error,
)
"""What nibabel raises for a file that is cut off, changed on the way, or of another kind."""


def open_nifti(path: Path) -> Any:
    """Return the image without its samples.

    Raises
    ------
    DataError
        If the file is absent, may not be read, or is no NIfTI file.
    """
    try:
        # The library says of a file that may not be read that it is none.
        path.open("rb").close()
        return nib.load(path)
    except (FileNotFoundError, PermissionError) as error:
        raise DataError(f"{path}: {why_not_read(path, error)}") from None
    except NIBABEL_ERRORS as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> DataError:
    """Return what to say of a file that nibabel cannot read.

    Parameters
    ----------
    path : Path
        The file.
    error : Exception
        What nibabel said, one of `NIBABEL_ERRORS`.
    """
    return DataError(f"{path}: not a readable NIfTI file ({error}). Copy or convert it again.")
