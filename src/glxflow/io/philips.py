"""Philips SPAR files: what they say, and what spec2nii makes wrong of it."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glxflow.errors import DataError


def companion(source: Path, suffix: str) -> Path:
    """Return the file of the same name with another suffix, in either case."""
    for candidate in (source.with_suffix(suffix), source.with_suffix(suffix.upper())):
        if candidate.exists():
            return candidate
    raise DataError(
        f"{source}: no {source.stem}{suffix} beside it. Copy it from the scanner as well: "
        "the samples alone have no frequency and no timing."
    )


def read_spar(path: Path) -> dict[str, str]:
    """Return the parameters of a Philips SPAR file as text, by name."""
    text = path.read_text(encoding="latin-1")
    pairs = re.findall(r"^([^!\n\r:]+?)[ \t]*:[ \t]*(.*?)[ \t\r]*$", text, flags=re.MULTILINE)
    return dict(pairs)


def complete_spar(source: Path, scratch: Path, notes: list[str]) -> Path:
    """Return the spar of an sdat, with the line that old ones lack and spec2nii asks for."""
    spar = companion(source, ".spar")
    if "spectrum_inversion_time" in read_spar(spar):
        return spar
    completed = scratch / spar.name
    shutil.copyfile(spar, completed)
    with completed.open("a", encoding="latin-1") as stream:
        stream.write("\nspectrum_inversion_time : 0\n")
    notes.append("spectrum_inversion_time is missing in the SPAR file: taken as no inversion")
    return completed


def inversion_time(source: Path, fields: Mapping[str, Any], notes: list[str]) -> dict[str, float]:
    """Return the inversion time of a Philips scan in s, where spec2nii has it otherwise."""
    inversion_s = float(_spar_of(source).get("spectrum_inversion_time", 0)) / 1000
    if inversion_s <= 0 or fields.get("InversionTime") == inversion_s:
        return {}
    notes.append(f"InversionTime is {inversion_s:g} s by the SPAR file")
    return {"InversionTime": inversion_s}


def averages_of(source: Path) -> dict[str, int]:
    """Return how many transients the scanner averaged; the header has no field for it."""
    averages = _spar_of(source).get("averages", "")
    return {"NumberOfTransients": int(float(averages))} if averages else {}


def _spar_of(source: Path) -> dict[str, str]:
    """Return the parameters beside an sdat; none for other kinds of files."""
    return read_spar(companion(source, ".spar")) if source.suffix.lower() == ".sdat" else {}
