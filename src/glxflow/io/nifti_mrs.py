"""Read and write NIfTI-MRS through nifti-mrs, whose arrays in memory have glxflow's sign.

nifti-mrs conjugates on get and set: files hold exp(-2j pi f t), memory holds
exp(+2j pi f t). This module is the door of `glxflow.spectrum`'s convention.
"""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nifti_mrs.create_nmrs import gen_nifti_mrs_hdr_ext
from nifti_mrs.hdr_ext import Hdr_Ext
from nifti_mrs.nifti_mrs import NIFTI_MRS

from glxflow import __version__
from glxflow.errors import DataError
from glxflow.io.files import atomic_path
from glxflow.io.metadata import ScanHeader, read_header
from glxflow.spectrum import Axis, ComplexArray, RealArray, Series, Step

_READ_DIMENSIONS = ("DIM_COIL", "DIM_DYN")


def read_series(path: Path) -> Series:
    """Return the transients of a NIfTI-MRS file, whatever the order of its dimensions.

    Transients that hold NaN or infinity are left out; a step says which.

    Raises
    ------
    HeaderError
        If the metadata are missing or contradictory.
    DataError
        If the samples cannot be read, no transient is finite, or a dimension is
        not one of coils and transients.
    """
    header = read_header(path)
    stored = _stored_samples(header)
    samples = _ordered(header, stored)
    onset_s = _onsets(header, samples.shape[1])
    finite = np.asarray(np.isfinite(samples).all(axis=(0, 2)))
    if not finite.any():
        raise DataError(
            f"{path}: every one of {finite.size} transients holds NaN or infinity. "
            "Convert the raw data again."
        )
    return Series(
        samples=samples if finite.all() else samples[:, finite],
        axis=header.axis,
        onset_s=onset_s[finite],
        echo_time_s=header.echo_time_s,
        repetition_time_s=header.repetition_time_s,
        steps=_left_out(path, finite),
    )


def _stored_samples(header: ScanHeader) -> ComplexArray:
    """Return the array as stored, in the package's sign."""
    try:
        # In the precision of the file: a session of 32 coils is 160 MB, and the record
        # makes the one copy in double precision.
        samples = np.asarray(NIFTI_MRS(header.path)[:])
    except (EOFError, OSError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise DataError(
            f"{header.path}: the samples cannot be read ({error}). "
            "The file is truncated or damaged: copy it again and compare its size."
        ) from error
    return samples.reshape(header.shape)


def _ordered(header: ScanHeader, stored: ComplexArray) -> ComplexArray:
    """Return samples as (n_coils, n_transients, n_points)."""
    sizes = dict(zip(header.dim_tags, header.shape[4:], strict=True))
    unknown = {
        tag: size for tag, size in sizes.items() if tag not in _READ_DIMENSIONS and size > 1
    }
    if unknown:
        raise DataError(
            f"{header.path}: dimensions {unknown} besides coils and transients (DIM_COIL, DIM_DYN)"
            " are not understood here. Split the file along them with `mrs_tools split`."
        )
    voxel = stored[0, 0, 0]
    order = [header.dim_tags.index(tag) + 1 for tag in _READ_DIMENSIONS if tag in header.dim_tags]
    rest = [axis for axis in range(1, voxel.ndim) if axis not in order]
    moved = voxel.transpose(*order, *rest, 0)
    ordered: ComplexArray = moved.reshape(sizes.get("DIM_COIL", 1), sizes.get("DIM_DYN", 1), -1)
    return ordered


def _onsets(header: ScanHeader, n_transients: int) -> RealArray:
    """Return the start of each transient, from VolumeTiming, else from TR x index."""
    timing = header.volume_timing_s
    if timing is None:
        if n_transients == 1:
            return np.zeros(1)
        return np.arange(n_transients, dtype=np.float64) * header.repetition_time_s
    if len(timing) != n_transients:
        raise DataError(
            f"{header.path}: VolumeTiming lists {len(timing)} onsets for {n_transients} "
            "transients. Correct the sidecar."
        )
    return np.array(timing)


def _left_out(path: Path, finite: npt.NDArray[np.bool_]) -> tuple[Step, ...]:
    """Say which transients are not finite."""
    if finite.all():
        return ()
    bad = ", ".join(str(index) for index in np.flatnonzero(~finite))
    return (
        Step(
            "Rejection of unreadable data",
            f"{path.name}: {(~finite).sum()} of {finite.size} transients hold NaN or infinity and "
            f"are left out (counted from 0: {bad}). Convert the raw data again to regain them.",
        ),
    )


def write_series(path: Path, series: Series, affine: RealArray) -> None:
    """Write a series as NIfTI-MRS with its processing steps in the header.

    Parameters
    ----------
    path : Path
        Target, `*.nii.gz`.
    series : Series
        Samples, (n_coils, n_transients, n_points).
    affine : (4, 4) ndarray
        Voxel to scanner coordinates, in mm.
    """
    extension = _header_extension(series.axis, ("DIM_COIL", "DIM_DYN"))
    extension.set_standard_def("EchoTime", series.echo_time_s)
    if np.isfinite(series.repetition_time_s):
        extension.set_standard_def("RepetitionTime", series.repetition_time_s)
    extension.set_standard_def("ProcessingApplied", _processing(series.steps))
    _write(path, series.samples, series.axis, extension, affine)


def write_curves(
    path: Path, curves: ComplexArray, labels: Sequence[str], axis: Axis, affine: RealArray
) -> None:
    """Write named time-domain curves of one spectrum or several, such as fit components.

    Parameters
    ----------
    path : Path
        Target, `*.nii.gz`.
    curves : (n_curves, n_spectra, n_points) complex ndarray
        Time-domain signals in the package's sign.
    labels : sequence of str
        One name a curve; stored in the header of DIM_USER_0.
    axis : Axis
        Axes of the last dimension.
    affine : (4, 4) ndarray
        Voxel to scanner coordinates, in mm.
    """
    extension = _header_extension(axis, ("DIM_USER_0", "DIM_DYN"))
    named = {"Curve": {"Value": list(labels), "Description": "What each curve is"}}
    extension.set_dim_info(0, "DIM_USER_0", info="Curves of the fit", hdr=named)
    _write(path, curves, axis, extension, affine)


def _header_extension(axis: Axis, tags: Sequence[str]) -> Hdr_Ext:
    """Return the extension every file we write has."""
    extension = Hdr_Ext(axis.spectrometer_frequency_mhz, "1H", dimensions=4 + len(tags))
    for index, tag in enumerate(tags):
        extension.set_dim_info(index, tag)
    extension.set_standard_def("SpectralWidth", axis.bandwidth_hz)
    extension.set_standard_def("SpecFreqChemShift", axis.reference_ppm)
    return extension


def _processing(steps: Sequence[Step]) -> list[dict[str, str]]:
    """Return the steps as the NIfTI-MRS field ProcessingApplied."""
    return [
        {
            "Program": "glxflow",
            "Version": __version__,
            "Method": step.method,
            "Details": step.details,
        }
        for step in steps
    ]


def _write(
    path: Path, samples: ComplexArray, axis: Axis, extension: Hdr_Ext, affine: RealArray
) -> None:
    """Write (first, second, n_points) samples as dimensions 5, 6 and 4."""
    stored = samples.transpose(2, 0, 1)[np.newaxis, np.newaxis, np.newaxis].astype(np.complex64)
    image = gen_nifti_mrs_hdr_ext(stored, axis.dwell_time_s, extension, affine=affine)
    with atomic_path(path) as temporary:
        image.save(temporary)
