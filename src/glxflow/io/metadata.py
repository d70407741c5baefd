"""What the header and the sidecar of a scan say, checked in one go before any sample is read."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glxflow.errors import HeaderError, join_problems
from glxflow.io.images import open_nifti
from glxflow.io.sidecars import sidecar_of, sidecars_of
from glxflow.io.tables import read_json
from glxflow.io.volume_timing import timing_problems
from glxflow.spectrum import Axis, RealArray

NIFTI_MRS_EXTENSION = 44
"""Code of the header extension that makes a NIfTI file a NIfTI-MRS file."""

PRIVATE_FIELDS = (
    "PatientName",
    "PatientID",
    "PatientDoB",
    "PatientSex",
    "PatientWeight",
    "DeviceSerialNumber",
    "InstitutionName",
    "InstitutionAddress",
)
"""Header fields that could name a person or a place; they are never passed on."""

WATER_PPM = 4.65
"""Chemical shift at the centre where a 1H file gives no SpecFreqChemShift (NIfTI-MRS 0.10)."""

_TIME_UNITS = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
_LONGEST = {"EchoTime": 1.0, "RepetitionTime": 60.0}
_SAME = {
    "SpectrometerFrequency": 1e-6,
    "SpectralWidth": 1e-4,  # pixdim is single precision
    "EchoTime": 1e-6,
    "RepetitionTime": 1e-6,
}


@dataclass(frozen=True, slots=True)
class ScanHeader:
    """The checked metadata of one NIfTI-MRS file.

    Attributes
    ----------
    path : Path
        The file.
    shape : tuple of int
        Shape of the stored array, (1, 1, 1, points, ...).
    dim_tags : tuple of str
        NIfTI-MRS tags of dimensions 5 to 7, as many as there are.
    axis : Axis
        Time, frequency and chemical-shift axes.
    echo_time_s, repetition_time_s : float
        In s; TR is NaN where unknown.
    volume_timing_s : tuple of float or None
        BIDS VolumeTiming: the onset of each transient, in s.
    affine : (4, 4) ndarray
        Voxel to scanner coordinates, in mm.
    is_placed : bool
        Whether the file says that `affine` is in scanner coordinates.
    fields : mapping
        Everything else that header and sidecar say, without `PRIVATE_FIELDS`.
    private : tuple of str
        Names of private fields that were present, and are dropped.
    """

    path: Path
    shape: tuple[int, ...]
    dim_tags: tuple[str, ...]
    axis: Axis
    echo_time_s: float
    repetition_time_s: float
    volume_timing_s: tuple[float, ...] | None
    affine: RealArray
    is_placed: bool
    fields: Mapping[str, Any]
    private: tuple[str, ...]

    @property
    def mixing_time_s(self) -> float | None:
        """Mixing time of a stimulated echo, in s; None where it is not stated."""
        mixing_s = _number(self.fields.get("MixingTime"))
        return mixing_s if math.isfinite(mixing_s) else None


def read_header(path: Path) -> ScanHeader:
    """Return the metadata of a NIfTI-MRS file and its sidecars, own and inherited.

    Raises
    ------
    DataError
        If the file is absent, empty or no NIfTI file.
    HeaderError
        If fields are missing, contradict each other or cannot be in the unit they
        claim; the message lists every problem of the file at once.
    """
    image = open_nifti(path)
    extension = _extension(path, image)
    sidecar_paths = sidecars_of(path)
    sidecar = {name: value for each in sidecar_paths for name, value in read_json(each).items()}
    merged = {**extension, **sidecar}
    dwell_s = _dwell_s(image)
    problems = [
        *_contradictions({"SpectralWidth": 1 / dwell_s if dwell_s else None} | extension, sidecar),
        *_missing(merged),
        *_implausible(merged),
        *timing_problems(merged),
        *_array_problems(image, extension, dwell_s),
    ]
    if problems:
        raise HeaderError(
            join_problems(str(path), problems)
            + "\n  Convert the raw data again with spec2nii, or mend "
            + f"{' or '.join(each.name for each in sidecar_paths) or sidecar_of(path).name}."
        )
    return _header(path, image, merged, dwell_s)


def _extension(path: Path, image: Any) -> dict[str, Any]:
    """Return the NIfTI-MRS header extension."""
    codes = image.header.extensions.get_codes()
    if NIFTI_MRS_EXTENSION not in codes:
        raise HeaderError(
            f"{path}: no NIfTI-MRS header extension (code 44). "
            "Convert the raw data with spec2nii; plain NIfTI images hold no spectra."
        )
    extension = image.header.extensions[codes.index(NIFTI_MRS_EXTENSION)]
    try:
        content = json.loads(extension.text)
    except json.JSONDecodeError as error:
        raise HeaderError(
            f"{path}: the NIfTI-MRS header extension is not JSON ({error}). Convert it again."
        ) from error
    return dict(content)


def _dwell_s(image: Any) -> float:
    """Return pixdim[4] in s; files without a time unit hold seconds (spec2nii issue 82)."""
    unit = int(image.header["xyzt_units"]) & 0b111000
    return float(image.header["pixdim"][4]) * _TIME_UNITS.get(unit, math.nan)


def _first(value: Any) -> Any:
    """Return the first element of a list, as multi-nucleus fields hold one a nucleus."""
    return value[0] if isinstance(value, list) and value else value


def _number(value: Any) -> float:
    """Return a number, or NaN for anything that is none."""
    value = _first(value)
    return float(value) if isinstance(value, int | float) else math.nan


def _contradictions(header: Mapping[str, Any], sidecar: Mapping[str, Any]) -> list[str]:
    """List fields on which header and sidecar disagree, with both values."""
    problems = []
    for name, tolerance in _SAME.items():
        one, other = _number(header.get(name)), _number(sidecar.get(name))
        if math.isfinite(one + other) and not math.isclose(one, other, rel_tol=tolerance):
            problems.append(f"{name} is {one!r} in the header but {other!r} in the sidecar")
    one, other = (_first(side.get("ResonantNucleus")) for side in (header, sidecar))
    if one and other and one != other:
        problems.append(f"ResonantNucleus is {one!r} in the header but {other!r} in the sidecar")
    return problems


def _missing(fields: Mapping[str, Any]) -> list[str]:
    """List what the pipeline cannot do without."""
    consequence = {
        "SpectrometerFrequency": "(MHz), so the ppm axis is unknown",
        "EchoTime": "(s), so no basis set can be chosen",
    }
    problems = [
        f"no number for {name!r} {why}"
        for name, why in consequence.items()
        if not math.isfinite(_number(fields.get(name)))
    ]
    if _first(fields.get("ResonantNucleus")) != "1H":
        found = _first(fields.get("ResonantNucleus"))
        problems.append(f"ResonantNucleus is {found!r}, expected '1H'")
    return problems


def _implausible(fields: Mapping[str, Any]) -> list[str]:
    """List values that must be in another unit than the field's."""
    problems = []
    for name, longest in _LONGEST.items():
        value = _number(fields.get(name))
        if value > longest:
            problems.append(
                f"{name} is {value:g} s, more than {longest:g} s: it was probably given in "
                f"milliseconds; write {value / 1000:g}"
            )
        elif value <= 0:
            problems.append(f"{name} is {value:g} s, expected a positive number of seconds")
    frequency = _number(fields.get("SpectrometerFrequency"))
    if frequency > 1e5:
        problems.append(
            f"SpectrometerFrequency is {frequency:g}, expected MHz: it was probably given in Hz; "
            f"write {frequency / 1e6:g}"
        )
    elif not 10 <= frequency <= 1e5 and math.isfinite(frequency):
        problems.append(f"SpectrometerFrequency is {frequency:g} MHz, expected 10 MHz or more")
    return problems


def _array_problems(image: Any, extension: Mapping[str, Any], dwell_s: float) -> list[str]:
    """List what is wrong with the array's type, shape, dimension tags and dwell time."""
    problems = []
    shape = image.shape
    if image.get_data_dtype().kind != "c":
        problems.append(f"samples are {image.get_data_dtype()}, expected complex numbers")
    if not 4 <= len(shape) <= 7 or shape[:3] != (1, 1, 1):
        problems.append(f"the array has shape {shape}, expected one voxel: (1, 1, 1, points, ...)")
    problems.extend(
        f"dimension {dimension} of size {size} has no tag in the header, expected DIM_COIL, "
        "DIM_DYN or DIM_EDIT"
        for dimension, size in enumerate(shape[4:], start=5)
        if f"dim_{dimension}" not in extension and size > 1
    )
    if not 0 < dwell_s < 0.1:
        problems.append(f"the dwell time pixdim[4] is {dwell_s!r} s, expected 0 to 0.1 s")
    width = _number(extension.get("SpectralWidth"))
    if dwell_s > 0 and width > 0 and not math.isclose(1 / dwell_s, width, rel_tol=1e-4):
        problems.append(
            f"pixdim[4] gives {1 / dwell_s:.6g} Hz of spectral width, SpectralWidth {width:g} Hz"
        )
    return problems


def _header(path: Path, image: Any, fields: dict[str, Any], dwell_s: float) -> ScanHeader:
    """Build the record once nothing is wrong."""
    width_hz = _number(fields.get("SpectralWidth"))
    axis = Axis(
        n_points=image.shape[3],
        # SpectralWidth is double precision, pixdim single: 1e-8 of 2048 points is no error,
        # but equal dwell times then compare equal.
        dwell_time_s=1 / width_hz if math.isfinite(width_hz) else dwell_s,
        spectrometer_frequency_mhz=_number(fields["SpectrometerFrequency"]),
        reference_ppm=_finite_or(fields.get("SpecFreqChemShift"), WATER_PPM)
        + _finite_or(fields.get("RxOffset"), 0.0),
    )
    timing = fields.get("VolumeTiming")
    return ScanHeader(
        path=path,
        shape=tuple(image.shape),
        dim_tags=tuple(
            str(fields.get(f"dim_{dimension}", "")) for dimension in range(5, len(image.shape) + 1)
        ),
        axis=axis,
        echo_time_s=_number(fields["EchoTime"]),
        repetition_time_s=_number(fields.get("RepetitionTime")),
        volume_timing_s=tuple(float(onset) for onset in timing) if timing else None,
        affine=image.affine,
        is_placed=bool(image.header["qform_code"] or image.header["sform_code"]),
        fields={name: value for name, value in fields.items() if name not in PRIVATE_FIELDS},
        private=tuple(name for name in PRIVATE_FIELDS if fields.get(name)),
    )


def _finite_or(value: Any, fallback: float) -> float:
    """Return a number where the field holds one."""
    number = _number(value)
    return number if math.isfinite(number) else fallback
