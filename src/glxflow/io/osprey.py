"""Read and write Osprey (FID-A) basis sets: a MATLAB struct BASIS.

Samples have the package's sign; 0 Hz is at `centerFreq` (often 3 ppm), and
offsets become ppm through Bo and Osprey's gamma.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glxflow.errors import BasisError
from glxflow.io.basis_names import kind_of
from glxflow.spectrum import Axis, BasisSet

GAMMA_MHZ_PER_T = 42.577
"""The value that Osprey's ppm axes use; files hold Bo instead of a frequency."""


def read_basis_struct(path: Path) -> BasisSet:
    """Return the basis set of an Osprey .mat file, of MATLAB's formats 5 and 7.3.

    Raises
    ------
    BasisError
        If the file is unreadable, lacks a field, or holds several sub-spectra.
    """
    # Its libraries take longer to import than a basis set to be read.
    from glxflow.io.matlab import read_struct

    fields = read_struct(path, "BASIS")
    missing = [
        name for name in ("fids", "name", "dwelltime", "Bo", "centerFreq") if name not in fields
    ]
    if missing:
        raise BasisError(
            f"{path}: BASIS has no {', '.join(missing)}. Save it again from Osprey or FID-A."
        )
    names = tuple(str(name) for name in np.atleast_1d(fields["name"]).ravel())
    fids = _samples(path, fields, len(names))
    axis = Axis(
        n_points=fids.shape[1],
        dwell_time_s=float(fields["dwelltime"]),
        spectrometer_frequency_mhz=float(fields["Bo"]) * GAMMA_MHZ_PER_T,
        reference_ppm=float(fields["centerFreq"]),
    )
    return BasisSet(
        names=names,
        kinds=tuple(kind_of(name) for name in names),
        fids=fids,
        axis=axis,
        echo_time_s=(float(fields.get("te", 0)) or np.nan) / 1000,
        linewidth_hz=float(fields.get("linewidth", 0.0)),
        source=f"{path.name} (Osprey, {fields.get('seq', 'unknown sequence')})",
    )


def _samples(path: Path, fields: Mapping[str, Any], n_names: int) -> npt.NDArray[Any]:
    """Return (n_components, n_points) samples."""
    fids = np.asarray(fields["fids"])
    if fids.ndim == 3 and fids.shape[2] == 1:
        fids = fids[:, :, 0]
    if fids.ndim != 2:
        raise BasisError(
            f"{path}: fids have shape {fids.shape}: {fids.shape[2:]} sub-spectra of an edited "
            "sequence. Save one of them (such as the difference) as a basis set of its own."
        )
    if fids.shape[1] != n_names:
        raise BasisError(
            f"{path}: fids hold {fids.shape[1]} responses for {n_names} names. Save it again."
        )
    transposed: npt.NDArray[Any] = fids.T
    return transposed


def write_basis_struct(path: Path, basis: BasisSet) -> None:
    """Write a basis set as a MATLAB struct that Osprey reads."""
    from glxflow.io.matlab import write_struct  # slow to import, as above

    axis = basis.axis
    fields = {
        "spectralwidth": axis.bandwidth_hz,
        "dwelltime": axis.dwell_time_s,
        "n": float(axis.n_points),
        "linewidth": basis.linewidth_hz,
        "Bo": axis.spectrometer_frequency_mhz / GAMMA_MHZ_PER_T,
        "seq": basis.source,
        "te": 1000 * basis.echo_time_s,
        "centerFreq": axis.reference_ppm,
        "t": axis.time_s,
        "fids": basis.fids.T,
        "name": np.array(basis.names, dtype=object),
        "sz": np.array(basis.fids.T.shape, dtype=np.float64),
        "scale": 1.0,
    }
    write_struct(path, "BASIS", fields)
