"""Read and write a struct of a MATLAB file, of format 5 or 7.3."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import scipy.io
from scipy.io.matlab import MatReadError

from glxflow.errors import BasisError
from glxflow.io.files import atomic_path

_HDF5_MAGIC = b"MATLAB 7.3"


def read_struct(path: Path, name: str) -> dict[str, Any]:
    """Return the fields of a struct, arrays in MATLAB's axis order.

    Raises
    ------
    BasisError
        If the file cannot be read, or has no such struct.
    """
    try:
        with path.open("rb") as stream:
            is_hdf5 = stream.read(len(_HDF5_MAGIC)) == _HDF5_MAGIC
        return _hdf5_fields(path, name) if is_hdf5 else _matlab_fields(path, name)
    except KeyError:
        raise BasisError(f"{path}: no struct {name}. This is no Osprey basis set.") from None
    except (OSError, ValueError, TypeError, MatReadError) as error:
        raise BasisError(
            f"{path}: cannot be read as a MATLAB file ({error}). Check the path, or copy it again."
        ) from error


def _matlab_fields(path: Path, name: str) -> dict[str, Any]:
    """Return the fields of a struct from a file of MATLAB's format 5."""
    struct = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)[name]
    return {field: getattr(struct, field) for field in struct._fieldnames}


def _hdf5_fields(path: Path, name: str) -> dict[str, Any]:
    """Return the fields of a struct from a file of MATLAB's format 7.3."""
    with h5py.File(path) as file:
        group = file[name]
        return {
            field: _hdf5_value(file, item)
            for field, item in group.items()
            if isinstance(item, h5py.Dataset)
        }


def _hdf5_value(file: Any, item: Any) -> Any:
    """Return a number, text, list of texts or array."""
    values = item[()]
    if item.dtype == h5py.ref_dtype:
        return [_hdf5_value(file, file[reference]) for reference in values.ravel()]
    if item.attrs.get("MATLAB_class") == b"char":
        return "".join(map(chr, values.ravel()))
    if values.dtype.names:
        values = values["real"] + 1j * values["imag"]
    return values.T if values.size > 1 else values.ravel()[0]


def write_struct(path: Path, name: str, fields: Mapping[str, Any]) -> None:
    """Write a file of format 5 that holds one struct."""
    with atomic_path(path) as temporary:
        scipy.io.savemat(temporary, {name: dict(fields)}, appendmat=False)
