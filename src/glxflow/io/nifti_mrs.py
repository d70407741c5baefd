"""Read and write NIfTI-MRS through nifti-mrs, whose arrays in memory have glxflow's sign.

nifti-mrs conjugates on get and set: files hold exp(-2j pi f t), memory holds
exp(+2j pi f t). This module is the door of `glxflow.spectrum`'s convention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from nifti_mrs.create_nmrs import gen_nifti_mrs_hdr_ext
from nifti_mrs.hdr_ext import Hdr_Ext
from numpy.typing import NDArray

from glxflow import __version__
from glxflow.errors import DataError
from glxflow.io.acquired import done_on_reading, read_acquired
from glxflow.io.edit_order import edit_conditions
from glxflow.io.files import atomic_path
from glxflow.io.metadata import ScanHeader, read_header
from glxflow.io.voxel import voxel_flags
from glxflow.spectrum import Axis, RealArray, Series, Step


def read_series(path: Path) -> Series:
    """Return the transients of a NIfTI-MRS file, whatever the order of its dimensions.

    Transients that hold NaN or infinity are left out; a flag says which.

    Raises
    ------
    HeaderError
        If the metadata are missing or contradictory.
    DataError
        If the samples cannot be read, no transient is finite, the scan is edited, or a
        dimension is not one of coils and transients.
    """
    return read_transients(read_header(path))


def read_transients(header: ScanHeader) -> Series:
    """Return the transients of a scan whose header was read, as `read_series` does."""
    conditions = edit_conditions(header)
    if conditions:
        names = ", ".join(dict.fromkeys(conditions))
        raise DataError(
            f"{header.path}: an edited scan ({names}), whose conditions must not be averaged. Run "
            "`glxflow preprocess` on it first, and give the record that it writes."
        )
    return _finite_only(header)


def read_reference(water: ScanHeader, scan: ScanHeader) -> Series:
    """Return the transients of a water reference, of all conditions alike where edited.

    Editing pulses stand as far above as below water, or elsewhere: they do not reach it.

    Parameters
    ----------
    water, scan : ScanHeader
        Of the reference, and of the spectra that it is for: a flag says where it is of
        another voxel.

    Raises
    ------
    HeaderError, DataError
        As `read_series`.
    """
    series = _finite_only(water)
    return replace(series, flags=(*series.flags, *voxel_flags(scan, water)))


def _finite_only(header: ScanHeader) -> Series:
    """Return the transients that are finite throughout."""
    samples, onset_s, finite = read_acquired(header)
    steps, flags = done_on_reading(header, finite, samples.shape[2])
    return Series(
        samples=samples if finite.all() else samples[:, finite],
        axis=replace(header.axis, n_points=samples.shape[2]),
        onset_s=onset_s[finite],
        echo_time_s=header.echo_time_s,
        repetition_time_s=header.repetition_time_s,
        steps=steps,
        flags=flags,
    )


def write_series(
    path: Path,
    series: Series,
    affine: RealArray,
    *,
    edit_pulse: Mapping[str, Any] | None = None,
) -> None:
    """Write a series as NIfTI-MRS with its processing steps in the header.

    Parameters
    ----------
    path : Path
        Target, `*.nii.gz`.
    series : Series
        Samples, (n_coils, n_transients, n_points).
    affine : (4, 4) ndarray
        Voxel to scanner coordinates, in mm.
    edit_pulse : mapping, optional
        The editing pulse of each condition, where the series comes from an edited scan.
    """
    extension = _scan_extension(series, ("DIM_COIL", "DIM_DYN"), edit_pulse)
    _write(path, series.samples, series.axis, extension, affine)


def write_conditions(
    path: Path, conditions: Mapping[str, Series], affine: RealArray, edit_pulse: Mapping[str, Any]
) -> None:
    """Write the combined transients of an edited scan, with DIM_EDIT and DIM_DYN.

    Parameters
    ----------
    path : Path
        Target, `*.nii.gz`.
    conditions : mapping
        Transients of each condition by its label, partners in the same order.
    affine : (4, 4) ndarray
        Voxel to scanner coordinates, in mm.
    edit_pulse : mapping
        The editing pulse of each condition, as NIfTI-MRS has it; may be empty.
    """
    first = next(iter(conditions.values()))
    extension = _scan_extension(first, ("DIM_EDIT", "DIM_DYN"), edit_pulse)
    extension.set_dim_info(0, "DIM_EDIT", hdr={"EditCondition": list(conditions)})
    samples = np.concatenate([series.samples for series in conditions.values()])
    _write(path, samples, first.axis, extension, affine)


def _scan_extension(
    series: Series, tags: Sequence[str], edit_pulse: Mapping[str, Any] | None
) -> Hdr_Ext:
    """Return the extension of a file of transients, with timing and steps."""
    extension = _header_extension(series.axis, tags)
    extension.set_standard_def("EchoTime", series.echo_time_s)
    if np.isfinite(series.repetition_time_s):
        extension.set_standard_def("RepetitionTime", series.repetition_time_s)
    if edit_pulse:
        extension.set_standard_def("EditPulse", dict(edit_pulse))
    extension.set_standard_def("ProcessingApplied", _processing(series.steps))
    return extension


def write_curves(
    path: Path,
    curves: NDArray[np.complexfloating],
    labels: Sequence[str],
    axis: Axis,
    affine: RealArray,
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
    path: Path,
    samples: NDArray[np.complexfloating],
    axis: Axis,
    extension: Hdr_Ext,
    affine: RealArray,
) -> None:
    """Write (first, second, n_points) samples as dimensions 5, 6 and 4."""
    stored = samples.transpose(2, 0, 1)[np.newaxis, np.newaxis, np.newaxis].astype(np.complex64)
    image = gen_nifti_mrs_hdr_ext(stored, axis.dwell_time_s, extension, affine=affine)
    with atomic_path(path) as temporary:
        image.save(temporary)
