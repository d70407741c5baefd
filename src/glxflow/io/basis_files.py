"""Read and write basis sets in every known format.

`load_basis` returns what a file states; `read_basis` is the door of the fit: it
also checks sign, reference and scale against known singlets, and says in the
notes what it changed.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from glxflow.errors import BasisError
from glxflow.io import fsl, jmrui, lcmodel, nifti_basis, osprey
from glxflow.io.basis_check import at_reference, for_fitting, oriented
from glxflow.spectrum import Axis, BasisSet

_WRITERS: dict[str, Callable[[Path, BasisSet], None]] = {
    "lcmodel": lcmodel.write_basis_file,
    "raw": lcmodel.write_raw_folder,
    "fsl": fsl.write_folder,
    "jmrui": jmrui.write_text_files,
    "nifti": nifti_basis.write_nifti_basis,
    "osprey": osprey.write_basis_struct,
}
_FIXED_REFERENCE_PPM = {
    "lcmodel": lcmodel.REFERENCE_PPM,
    "raw": lcmodel.REFERENCE_PPM,
    "fsl": fsl.REFERENCE_PPM,
    "jmrui": jmrui.REFERENCE_PPM,
}
_SUFFIXES_IN_FOLDER = {"fsl": ".json", "raw": ".RAW", "jmrui": ".txt"}
FORMATS = tuple(_WRITERS)
"""Names of the formats that can be written."""

_SUFFIXES = {".basis": "lcmodel", ".mat": "osprey", ".nii.gz": "nifti", ".nii": "nifti"}


def read_basis(path: Path) -> BasisSet:
    """Return a basis set ready for a fit, whatever its format.

    Names are the package's, one proton is 1 at t = 0, and what had to be changed
    (sign, reference, scale, substances left out) is in the notes.

    Parameters
    ----------
    path : Path
        LCModel .BASIS, NIfTI-MRS, Osprey .mat, jMRUI .txt, or a folder of
        FSL-MRS JSON or jMRUI .txt files.

    Raises
    ------
    BasisError
        If the format is unknown, the file is broken, or neither sign nor a usual
        reference puts creatine and NAA at their chemical shifts.
    """
    return for_fitting(load_basis(path))


def load_basis(path: Path, axis: Axis | None = None) -> BasisSet:
    """Return a basis set as its file states it, except that a wrong sign is put right.

    Parameters
    ----------
    path : Path
        As `read_basis` takes it, or a folder of LCModel .RAW files.
    axis : Axis, optional
        Sampling of .RAW files, which do not state it.

    Raises
    ------
    BasisError
        If the format is unknown, the file is broken, or neither sign nor a usual reference
        puts creatine and NAA at their chemical shifts.
    """
    try:
        basis = _load(path, axis)
    except ValueError as error:
        # The records refuse repeated names, NaN and empty axes; here it is the file's fault.
        raise BasisError(f"{path}: {error}. Correct the file, or export it again.") from error
    return oriented(basis)


def _load(path: Path, axis: Axis | None) -> BasisSet:
    """Return what the reader of the format finds."""
    if path.is_dir():
        return _load_folder(path, axis)
    if not path.exists():
        raise BasisError(f"{path}: no such basis set. Check the path.")
    suffix = path.suffix.lower()
    if suffix == ".basis":
        return lcmodel.read_basis_file(path)
    if suffix == ".mat":
        return osprey.read_basis_struct(path)
    if suffix == ".txt":
        return jmrui.read_text_files([path])
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return nifti_basis.read_nifti_basis(path)
    raise BasisError(
        f"{path}: unknown kind of basis set. Known are LCModel .BASIS, NIfTI-MRS .nii.gz, Osprey "
        ".mat, jMRUI .txt, and folders of FSL-MRS .json, jMRUI .txt or LCModel .RAW files."
    )


def _load_folder(folder: Path, axis: Axis | None) -> BasisSet:
    """Return the basis set in a folder with one file a metabolite."""
    suffixes = {path.suffix.lower() for path in folder.iterdir()}
    if ".json" in suffixes:
        return fsl.read_folder(folder)
    if ".raw" in suffixes:
        if axis is None:
            raise BasisError(
                f"{folder}: .RAW files do not state their sampling. Give --field-mhz, --dwell "
                "and --points with `glxflow basis convert`."
            )
        return lcmodel.read_raw_folder(folder, axis)
    texts = [path for path in sorted(folder.glob("*.txt")) if jmrui.is_jmrui(path)]
    if texts:
        return jmrui.read_text_files(texts)
    raise BasisError(
        f"{folder}: neither FSL-MRS .json, LCModel .RAW nor jMRUI .txt files in this folder."
    )


def format_of(path: Path) -> str:
    """Return the format that a target's name asks for; a folder is FSL-MRS."""
    for suffix, name in _SUFFIXES.items():
        if path.name.lower().endswith(suffix):
            return name
    if path.suffix:
        raise BasisError(
            f"{path}: no format has this suffix. Use one of {', '.join(_SUFFIXES)}, a folder, or "
            f"give --format ({', '.join(FORMATS)})."
        )
    return "fsl"


def write_basis(path: Path, basis: BasisSet, fmt: str) -> None:
    """Write a basis set.

    Parameters
    ----------
    path : Path
        A file, or a folder for the formats `fsl`, `raw` and `jmrui`.
    basis : BasisSet
        Brought to 4.65 ppm at 0 Hz where the format cannot say another.
    fmt : str
        One of `FORMATS`.

    Raises
    ------
    BasisError
        If the format is unknown, or the folder holds files that would be read as part of
        the set, or instead of it.
    """
    if fmt not in _WRITERS:
        raise BasisError(f"format {fmt!r} is unknown. Known are {', '.join(FORMATS)}.")
    if fmt in _SUFFIXES_IN_FOLDER and path.is_dir():
        _check_leftovers(path, [f"{name}{_SUFFIXES_IN_FOLDER[fmt]}" for name in basis.names])
    reference_ppm = _FIXED_REFERENCE_PPM.get(fmt, basis.axis.reference_ppm)
    _WRITERS[fmt](path, at_reference(basis, reference_ppm))


def _check_leftovers(folder: Path, written: Sequence[str]) -> None:
    """Refuse a folder with responses of another set, which would be read with this one."""
    left = [path.name for path in _responses_in(folder) if path.name not in written]
    if left:
        raise BasisError(
            f"{folder}: holds {len(left)} files of another basis set ({', '.join(left[:5])}"
            f"{', ...' if len(left) > 5 else ''}), which would be read with this one. Remove "
            "them, or choose an empty folder."
        )


def _responses_in(folder: Path) -> list[Path]:
    """Return the files that reading the folder, in whatever format, takes for responses."""
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [
        path
        for path in paths
        if path.suffix.lower() in (".json", ".raw")
        or (path.suffix.lower() == ".txt" and jmrui.is_jmrui(path))
    ]
