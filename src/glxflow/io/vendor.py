"""Convert vendors' raw spectra through spec2nii, and mend or report what it gets wrong.

spec2nii (Clarke et al. 2022, doi:10.1002/mrm.29418) runs as a program of its own, so
that its crash is one message about one file.
"""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from glxflow.errors import DataError, HeaderError
from glxflow.io.files import atomic_path
from glxflow.io.metadata import NIFTI_MRS_EXTENSION, PRIVATE_FIELDS, read_header
from glxflow.io.philips import averages_of, companion, complete_spar, inversion_time
from glxflow.io.sidecars import sidecar_of, sidecars_of
from glxflow.io.tables import read_json, write_json
from glxflow.io.vendor_checks import check_overflow, doubts_about

_PROGRAM = "from spec2nii.spec2nii import main; main()"
_SUBCOMMANDS = {
    ".sdat": "philips",
    ".data": "philips_dl",
    ".dat": "twix",
    ".rda": "rda",
    ".7": "ge",
    ".mrui": "jmrui",
    ".raw": "raw",
    ".fid": "varian",
    ".ima": "dicom",
    ".dcm": "dicom",
}
_PRIVATE = (*PRIVATE_FIELDS, "OriginalFile", "ConversionTime", "InstitutionalDepartmentName")
_TIMEOUT_S = 600
_SAME = 1e-4
_DICOM_HEAD = 200_000


@dataclass(frozen=True, slots=True)
class Conversion:
    """One converted file.

    Attributes
    ----------
    target : Path
        The NIfTI-MRS file; its sidecar lies beside it.
    notes : tuple of str
        What was mended, dropped, or should be looked at.
    """

    target: Path
    notes: tuple[str, ...]


def convert(
    source: Path,
    target: Path,
    *,
    known: Mapping[str, float],
    extra: Mapping[str, Any],
    scratch: Path,
) -> Conversion:
    """Write a vendor's raw file as NIfTI-MRS with a complete sidecar.

    Parameters
    ----------
    source : Path
        Siemens twix, rda or DICOM, Philips sdat (with its spar), data (with list and
        spar) or DICOM, GE P-file, Bruker, Varian, jMRUI, LCModel RAW, or NIfTI-MRS.
    target : Path
        File to write, `*_svs.nii.gz` or `*_mrsref.nii.gz`.
    known : mapping
        EchoTime, RepetitionTime (s), SpectrometerFrequency (MHz), SpectralWidth (Hz)
        where somebody knows them; needed where the raw file does not say.
    extra : mapping
        Fields for the sidecar that the raw file does not know, such as TaskName.
    scratch : Path
        An empty folder for intermediate files.

    Raises
    ------
    DataError
        If spec2nii fails, writes nothing or several files, or samples overflowed.
    HeaderError
        If what it writes lacks or contradicts what the pipeline needs.
    """
    notes: list[str] = []
    is_nifti = source.name.endswith(".nii.gz")
    image: Any = nib.load(source if is_nifti else _run(source, known, scratch, notes))
    fields = _fields(source, image)
    beside = _sidecar_fields(source) if is_nifti else {}
    fields |= inversion_time(source, fields, notes)
    fields |= _known_fields(source, {**fields, **beside}, known)
    _drop_private(fields, beside, notes)
    samples = np.asarray(image.dataobj)
    if source.suffix.lower() == ".raw":
        samples = samples.conj()
        notes.append("conjugated: spec2nii writes LCModel's samples with the opposite sign")
    check_overflow(source, samples)
    notes += doubts_about(fields, samples, target)
    candidate = scratch / "checked" / target.name
    _write(image, samples, fields, candidate)
    counted = averages_of(source, fields, notes)
    write_json(sidecar_of(candidate), {**_bids_fields({**fields, **beside}), **counted, **extra})
    _check_header(source, candidate)
    for made, wanted in ((candidate, target), (sidecar_of(candidate), sidecar_of(target))):
        with atomic_path(wanted) as temporary:
            shutil.copyfile(made, temporary)
    return Conversion(target, tuple(notes))


def _check_header(source: Path, candidate: Path) -> None:
    """Stop before anything reaches the data set if the pipeline could not use it."""
    try:
        read_header(candidate)
    except HeaderError as error:
        problems = str(error).removeprefix(str(candidate))
        raise HeaderError(
            f"{source} as spec2nii converts it{problems}\n  What a raw file does not say can "
            "stand in columns EchoTime, RepetitionTime (s), SpectrometerFrequency (MHz) and "
            "SpectralWidth (Hz) of the mapping table."
        ) from error


def _run(source: Path, known: Mapping[str, float], scratch: Path, notes: list[str]) -> Path:
    """Return the NIfTI-MRS file that spec2nii makes of a raw file."""
    arguments = _arguments(source, known, scratch, notes)
    command = [sys.executable, "-c", _PROGRAM, *arguments, "-f", "raw", "-o", str(scratch)]
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{source}: spec2nii did not end within {_TIMEOUT_S} s.") from None
    written = sorted(scratch.glob("raw*.nii.gz"))
    if ran.returncode or not written:
        last = (ran.stderr.strip() or ran.stdout.strip() or "no message").splitlines()[-1]
        raise DataError(
            f"{source}: spec2nii {arguments[0]} ended with code {ran.returncode} and wrote "
            f"{len(written)} files ({last}). Convert the file by hand (`spec2nii --help`) and "
            "give the NIfTI-MRS file in the mapping table."
        )
    if len(written) > 1:
        names = ", ".join(path.name for path in written)
        raise DataError(
            f"{source}: holds {len(written)} acquisitions ({names}), such as a water reference "
            "inside the metabolite scan. Convert it by hand with spec2nii and give each "
            "NIfTI-MRS file its own row in the mapping table."
        )
    return written[0]


def _arguments(
    source: Path, known: Mapping[str, float], scratch: Path, notes: list[str]
) -> list[str]:
    """Return the command line of spec2nii for one raw file."""
    if source.name in {"fid", "2dseq"} or source.name.startswith("rawdata"):
        mode = {"fid": "FID", "2dseq": "2DSEQ"}.get(source.name, "RAWDATA")
        return ["bruker", "-m", mode, str(source)]
    subcommand = _SUBCOMMANDS.get(source.suffix.lower())
    if subcommand is None and source.is_dir():
        subcommand = "dicom"
    if subcommand is None:
        raise DataError(
            f"{source}: unknown kind of raw file {source.suffix!r}, expected "
            f"{', '.join(_SUBCOMMANDS)}, a Bruker fid, 2dseq or rawdata, a folder of DICOM "
            "files, or .nii.gz."
        )
    if subcommand == "philips":
        return ["philips", str(source), str(complete_spar(source, scratch, notes))]
    if subcommand == "philips_dl":
        return ["philips_dl", *(str(part) for part in (source, *_companions(source)))]
    if subcommand == "twix":
        return ["twix", "-e", "image", str(source)]
    if subcommand == "raw":
        options = {"SpectrometerFrequency": "-i", "SpectralWidth": "-b"}
        given = [
            word
            for name, option in options.items()
            if name in known
            for word in (option, str(known[name]))
        ]
        return ["raw", "-n", "1H", *given, str(source)]
    return [_dicom_kind(source) if subcommand == "dicom" else subcommand, str(source)]


def _companions(source: Path) -> tuple[Path, Path]:
    """Return the list and the spar that belong to a data file."""
    return companion(source, ".list"), companion(source, ".spar")


def _dicom_kind(source: Path) -> str:
    """Return the subcommand for a DICOM file, or a folder of them, by its maker."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    first = files[0] if files else source
    head = first.read_bytes()[:_DICOM_HEAD] if first.is_file() else b""
    return "philips_dcm" if b"Philips" in head else "dicom"


def _known_fields(
    source: Path, fields: Mapping[str, Any], known: Mapping[str, float]
) -> dict[str, Any]:
    """Return the fields that the mapping table adds; it may repeat the file, not contradict it."""
    for name, value in known.items():
        stored = fields.get(name, value)
        first = stored[0] if isinstance(stored, list) else stored
        if not math.isclose(first, value, rel_tol=_SAME):
            raise HeaderError(
                f"{source}: {name} is {first!r} in the raw file but {value!r} in the mapping "
                "table. Leave it out of the table, or correct it there."
            )
    return {
        name: [value] if name == "SpectrometerFrequency" else value
        for name, value in known.items()
        if name not in fields
    }


def _fields(source: Path, image: Any) -> dict[str, Any]:
    """Return the NIfTI-MRS header extension of an image."""
    codes = image.header.extensions.get_codes()
    if NIFTI_MRS_EXTENSION not in codes:
        raise HeaderError(
            f"{source}: no NIfTI-MRS header extension (code 44). Give the vendor's raw file, "
            "or a file that spec2nii wrote."
        )
    extension = image.header.extensions[codes.index(NIFTI_MRS_EXTENSION)]
    return dict(json.loads(extension.text))


def _sidecar_fields(source: Path) -> dict[str, Any]:
    """Return what the sidecars of a NIfTI-MRS file say; of each field the nearest has the say."""
    return {name: value for each in sidecars_of(source) for name, value in read_json(each).items()}


def _drop_private(fields: dict[str, Any], beside: dict[str, Any], notes: list[str]) -> None:
    """Take out of header and sidecar what could name a person or a place, and note it."""
    said = {**fields, **beside}
    personal = [name for name in PRIVATE_FIELDS if said.get(name)]
    for name in _PRIVATE:
        fields.pop(name, None)
        beside.pop(name, None)
    if personal:
        notes.append(f"personal fields dropped: {', '.join(personal)}")


def _write(image: Any, samples: Any, fields: Mapping[str, Any], target: Path) -> None:
    """Write samples with a cleaned header extension and its units."""
    extension = nib.nifti1.Nifti1Extension(NIFTI_MRS_EXTENSION, json.dumps(fields).encode())
    header = image.header.copy()
    header.extensions.clear()
    header.extensions.append(extension)
    # Some converters leave the units at 0, "unknown"; NIfTI-MRS means mm and s.
    header.set_xyzt_units("mm", "sec")
    copy = type(image)(samples, image.affine, header)
    with atomic_path(target) as temporary:
        nib.save(copy, temporary)


def _bids_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what belongs in the sidecar: everything but the array's own description."""
    return {name: value for name, value in fields.items() if not name.startswith("dim_")}
