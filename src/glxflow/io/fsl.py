"""Read and write FSL-MRS basis folders: one JSON file a metabolite.

Files hold exp(-2j pi f t) for a line at higher ppm, and put 0 Hz at 4.65 ppm.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glxflow.errors import BasisError, TableError
from glxflow.io.basis_names import kind_of
from glxflow.io.tables import read_json, write_json
from glxflow.spectrum import Axis, BasisSet, ComplexArray

REFERENCE_PPM = 4.65
"""Chemical shift at 0 Hz, fixed by FSL-MRS for 1H."""

_SAME_TE_S = 1e-5
_FIELDS = ("basis_re", "basis_im", "basis_dwell", "basis_centre")


def read_folder(folder: Path) -> BasisSet:
    """Return the basis set in a folder of FSL-MRS JSON files.

    Raises
    ------
    BasisError
        If there is no such file, a field is missing or no number, or two
        metabolites differ in length, dwell time, frequency or echo time.
    """
    paths = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    if not paths:
        raise BasisError(f"{folder}: no JSON file. An FSL-MRS basis set has one a metabolite.")
    contents = [_content(path) for path in paths]
    axes = [_axis(path, content) for path, content in zip(paths, contents, strict=True)]
    _check_equal(paths, axes)
    names = tuple(
        str(content.get("basis_name") or path.stem)
        for path, content in zip(paths, contents, strict=True)
    )
    return BasisSet(
        names=names,
        kinds=tuple(kind_of(name) for name in names),
        fids=np.array(
            [_signal(path, content) for path, content in zip(paths, contents, strict=True)]
        ),
        axis=axes[0],
        echo_time_s=_echo_time_s(paths, contents),
        linewidth_hz=_number(contents[0].get("basis_width"), 0.0),
        source=str(contents[0]["meta"].get("Source") or f"{folder.name} (FSL-MRS)"),
        notes=tuple(contents[0]["meta"].get("Notes") or ()),
    )


def _content(path: Path) -> dict[str, Any]:
    """Return the fields of one file, with its `meta` beside them."""
    try:
        whole = read_json(path)
    except TableError as error:
        raise BasisError(str(error)) from error
    content = whole.get("basis")
    if not isinstance(content, dict):
        raise BasisError(
            f"{path}: no object 'basis', so that {path.parent} is no folder of an FSL-MRS basis "
            "set. Give the folder of its JSON files, or a basis file."
        )
    missing = [field for field in _FIELDS if content.get(field) is None]
    if missing:
        raise BasisError(
            f"{path}: no {', '.join(map(repr, missing))} in 'basis'. Simulate or export it again."
        )
    meta = whole.get("meta")
    return content | {"meta": meta if isinstance(meta, dict) else {}}


def _number(value: Any, fallback: float) -> float:
    """Return a number where the file has one."""
    return float(value) if isinstance(value, int | float) else fallback


def _signal(path: Path, content: Mapping[str, Any]) -> ComplexArray:
    """Return one response in the package's sign."""
    try:
        real, imaginary = (
            np.array(content[part], dtype=np.float64).ravel() for part in ("basis_re", "basis_im")
        )
    except (TypeError, ValueError) as error:
        raise BasisError(
            f"{path}: 'basis_re' or 'basis_im' holds what is no number ({error}). "
            "The file is damaged: export it again."
        ) from None
    if real.size != imaginary.size:
        raise BasisError(
            f"{path}: {real.size} points in 'basis_re' but {imaginary.size} in 'basis_im'. "
            "The file is truncated: export it again."
        )
    signal: ComplexArray = real - 1j * imaginary
    return signal


def _axis(path: Path, content: Mapping[str, Any]) -> Axis:
    """Return the axis of one file."""
    try:
        dwell_time_s, centre_mhz = (float(content[key]) for key in ("basis_dwell", "basis_centre"))
        return Axis(np.size(content["basis_re"]), dwell_time_s, centre_mhz, REFERENCE_PPM)
    except (TypeError, ValueError) as error:
        raise BasisError(
            f"{path}: 'basis_dwell' (s) is {content['basis_dwell']!r} and 'basis_centre' (MHz) "
            f"{content['basis_centre']!r} ({error}). Correct them, or export the file again."
        ) from None


def _check_equal(paths: list[Path], axes: list[Axis]) -> None:
    """Refuse metabolites that were sampled differently."""
    for path, axis in zip(paths, axes, strict=True):
        if axis != axes[0]:
            raise BasisError(
                f"{path}: {axis.n_points} points, dwell time {axis.dwell_time_s:g} s, "
                f"{axis.spectrometer_frequency_mhz:g} MHz, expected {axes[0].n_points}, "
                f"{axes[0].dwell_time_s:g} s and {axes[0].spectrometer_frequency_mhz:g} MHz as in "
                f"{paths[0].name}. Simulate the metabolites of one set together."
            )


def _echo_time_s(paths: list[Path], contents: list[dict[str, Any]]) -> float:
    """Return the echo time that the files share, in s; NaN where none knows it."""
    times_s = [_number(content["meta"].get("EchoTime"), np.nan) for content in contents]
    known = [(path, time_s) for path, time_s in zip(paths, times_s, strict=True) if time_s > 0]
    for path, time_s in known:
        first, first_s = known[0]
        if abs(time_s - first_s) > _SAME_TE_S:
            raise BasisError(
                f"{path}: EchoTime is {1000 * time_s:g} ms, expected {1000 * first_s:g} ms as in "
                f"{first.name}. Remove the files of the other set, or export them into a folder "
                "of their own."
            )
    return known[0][1] if known else np.nan


def write_folder(folder: Path, basis: BasisSet) -> None:
    """Write one JSON file a component.

    Parameters
    ----------
    folder : Path
        Target; made when missing.
    basis : BasisSet
        Already on a reference of 4.65 ppm.
    """
    meta = {"EchoTime": basis.echo_time_s, "Source": basis.source, "Notes": basis.notes}
    for name, fid in zip(basis.names, basis.fids, strict=True):
        content = {
            "basis_re": fid.real.tolist(),
            "basis_im": (-fid.imag).tolist(),
            "basis_dwell": basis.axis.dwell_time_s,
            "basis_centre": basis.axis.spectrometer_frequency_mhz,
            "basis_width": basis.linewidth_hz,
            "basis_name": name,
        }
        write_json(
            folder / f"{name}.json",
            {"basis": content, "meta": meta, "seq": {"description": basis.source}},
        )
