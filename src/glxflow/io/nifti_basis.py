"""Read and write basis sets as NIfTI-MRS, the form in which the workflow keeps them.

The components lie along dimension 5 (DIM_USER_0), whose header names them.
"""

from pathlib import Path

import nibabel as nib
import numpy as np
from nifti_mrs.create_nmrs import gen_nifti_mrs_hdr_ext
from nifti_mrs.hdr_ext import Hdr_Ext
from nifti_mrs.nifti_mrs import NIFTI_MRS

from glxflow.errors import BasisError
from glxflow.io.basis_names import kind_of
from glxflow.io.files import atomic_path
from glxflow.spectrum import Axis, BasisSet

_NAMES = "Metabolite"


def read_nifti_basis(path: Path) -> BasisSet:
    """Return the basis set of a NIfTI-MRS file.

    Raises
    ------
    BasisError
        If the file cannot be read, or dimension 5 does not name its components.
    """
    try:
        image = NIFTI_MRS(path)
        samples = np.asarray(image[:], dtype=np.complex128)
    except (EOFError, OSError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise BasisError(
            f"{path}: cannot be read as NIfTI-MRS ({error}). Check the path, or copy it again."
        ) from error
    header = image.hdr_ext.to_dict()
    names = _names(path, header)
    samples = samples.reshape(samples.shape[3], -1).T
    if len(names) != len(samples):
        raise BasisError(
            f"{path}: {len(samples)} responses, but {len(names)} names. Make it again."
        )
    echo_time_s = header.get("EchoTime")
    return BasisSet(
        names=names,
        kinds=tuple(kind_of(name) for name in names),
        fids=samples,
        axis=Axis(
            n_points=samples.shape[1],
            dwell_time_s=1 / header["SpectralWidth"],
            spectrometer_frequency_mhz=header["SpectrometerFrequency"][0],
            reference_ppm=header["SpecFreqChemShift"],
        ),
        echo_time_s=np.nan if echo_time_s is None else float(echo_time_s),
        linewidth_hz=float(header["BasisLinewidth"]["Value"]),
        source=str(header["BasisSource"]["Value"]),
        notes=tuple(header["BasisNotes"]["Value"]),
    )


def _names(path: Path, header: dict[str, object]) -> tuple[str, ...]:
    """Return the names in the header of dimension 5, once it is known to be a basis set."""
    named = header.get("dim_5_header")
    if "BasisSource" not in header or not isinstance(named, dict) or _NAMES not in named:
        raise BasisError(
            f"{path}: a NIfTI-MRS file, but not a basis set: dimension 5 has no {_NAMES!r} names. "
            "Convert a basis set with `glxflow basis convert`."
        )
    return tuple(str(name) for name in named[_NAMES]["Value"])


def write_nifti_basis(path: Path, basis: BasisSet) -> None:
    """Write a basis set as NIfTI-MRS, in single precision."""
    axis = basis.axis
    extension = Hdr_Ext(axis.spectrometer_frequency_mhz, "1H", dimensions=5)
    named = {_NAMES: {"Value": list(basis.names), "Description": "Substance of each response"}}
    extension.set_dim_info(0, "DIM_USER_0", info="Components of the basis set", hdr=named)
    extension.set_standard_def("SpectralWidth", axis.bandwidth_hz)
    extension.set_standard_def("SpecFreqChemShift", axis.reference_ppm)
    if np.isfinite(basis.echo_time_s):
        extension.set_standard_def("EchoTime", basis.echo_time_s)
    extension.set_user_def("BasisLinewidth", basis.linewidth_hz, "Lorentzian width included, Hz")
    extension.set_user_def("BasisSource", basis.source, "Where the responses come from")
    extension.set_user_def("BasisNotes", list(basis.notes), "What was changed on reading")
    stored = basis.fids.T[np.newaxis, np.newaxis, np.newaxis].astype(np.complex64)
    image = gen_nifti_mrs_hdr_ext(stored, axis.dwell_time_s, extension, affine=np.eye(4))
    with atomic_path(path) as temporary:
        image.save(temporary)
