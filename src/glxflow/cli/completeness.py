"""How much of a scan its file holds, beside what was planned and what could be used."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from glxflow.io.acquired import onsets
from glxflow.io.edit_order import edit_conditions
from glxflow.io.metadata import ScanHeader
from glxflow.spectrum import Flag, starts_within

# How far, as a share, the distance of onsets may be from the time that averages take.
_AS_LONG = 0.1


def compare_with_file(
    results: dict[str, Any], header: ScanHeader, infusion_s: float | None
) -> None:
    """Add to what preprocessing found how much of the scan the file holds, readable or not.

    Parameters
    ----------
    results : dict
        As `outcome_of` returns it; flags and the bin table are added to.
    header : ScanHeader
        Of the raw scan.
    infusion_s : float or None
        Onset of the infusion, in s.
    """
    results["Flags"] += _fewer_than_planned(header)
    _count_acquired(results["BinTable"], header, infusion_s)


def _fewer_than_planned(header: ScanHeader) -> list[dict[str, str]]:
    """Return a flag where a scan stopped before its planned number of transients.

    One transient is no such case: it is the scanner's average of all.
    """
    planned = header.fields.get("NumberOfTransients")
    found = _n_stored(header)
    if not isinstance(planned, int) or not 1 < found < planned:
        return []
    if _are_averages(header, planned / found):
        return []
    or_average = ""
    if planned % found == 0:
        or_average = (
            f", or each stored transient is an average of {planned // found}; then VolumeTiming "
            "is needed in the sidecar, the start of each in s"
        )
    message = (
        f"{found} of {planned} planned transients: the scan stopped, or part of it was lost on "
        f"the way, and later time bins are missing{or_average}. Compare with the scan's log."
    )
    return [asdict(Flag("fewer_transients", message))]


def _are_averages(header: ScanHeader, count: float) -> bool:
    """Tell whether onsets lie so far apart that stored transients are averages of as many."""
    timing_s = header.volume_timing_s
    if timing_s is None:
        return False
    apart_s = float(np.median(np.diff(np.sort(timing_s))))
    return math.isclose(apart_s, count * header.repetition_time_s, rel_tol=_AS_LONG)


def _count_acquired(
    table: list[dict[str, Any]], header: ScanHeader, infusion_s: float | None
) -> None:
    """Add to each bin how many transients (or pairs) the file has in it, readable or not."""
    time_s = onsets(header, _n_stored(header))
    conditions = np.array(edit_conditions(header))
    if conditions.size:
        time_s = time_s[conditions == conditions[0]]
    time_s = time_s - (infusion_s or 0.0)
    for row in table:
        # The first bin and a whole session begin and end with what could be used.
        start_s = row["start_s"] if row["index"] else -math.inf
        stop_s = row["stop_s"] if infusion_s is not None else math.inf
        left = row["n_used"] + row["n_rejected"]
        row["n_acquired"] = max(int(starts_within(time_s, start_s, stop_s).sum()), left)


def _n_stored(header: ScanHeader) -> int:
    """Return the number of transients in a file, those of all conditions."""
    sizes = zip(header.dim_tags, header.shape[4:], strict=True)
    return math.prod(size for tag, size in sizes if tag != "DIM_COIL")
