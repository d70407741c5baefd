"""Philips SPAR files: what they say, and what spec2nii makes wrong of it."""

import math
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


def averages_of(source: Path, fields: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """Return how many transients a Philips scan has, and when averages of several began."""
    spar = _spar_of(source)
    averages, rows = (int(float(spar.get(name) or 0)) for name in ("averages", "rows"))
    if averages < 1:
        return {}
    count = {"NumberOfTransients": max(rows, 1) * averages}
    repetition_s = float(fields.get("RepetitionTime", math.nan))
    if rows < 2 or averages < 2 or math.isnan(repetition_s):
        return count
    apart_s = averages * repetition_s
    notes.append(
        f"{rows} rows of {averages} averages each by the SPAR file: VolumeTiming has one each "
        f"{apart_s:g} s; correct the sidecar if a row is a single transient"
    )
    return {**count, "VolumeTiming": [index * apart_s for index in range(rows)]}


def _spar_of(source: Path) -> dict[str, str]:
    """Return the parameters beside an sdat; none for other kinds of files."""
    return read_spar(companion(source, ".spar")) if source.suffix.lower() == ".sdat" else {}
