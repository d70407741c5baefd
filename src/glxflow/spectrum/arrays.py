"""Kinds of arrays, and the read-only copies that records keep."""

import numpy as np
import numpy.typing as npt

ComplexArray = npt.NDArray[np.complex128]
RealArray = npt.NDArray[np.float64]
SingleArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


def frozen_complex(values: npt.ArrayLike, name: str, n_dims: int) -> ComplexArray:
    """Return a read-only complex copy of `values`, or say why it cannot be one."""
    array = np.array(values, dtype=np.complex128)
    if array.ndim != n_dims:
        raise ValueError(f"{name} must have {n_dims} dimension(s), not shape {array.shape}")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{bad.size} of {array.size} {name} are not finite, first at {bad[0]}")
    array.setflags(write=False)
    return array


def frozen_real(values: npt.ArrayLike) -> RealArray:
    """Return a read-only float copy of `values`."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array
