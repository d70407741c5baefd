"""Check the onsets of transients that BIDS calls VolumeTiming."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

_LONGEST_S = 86400.0


def timing_problems(fields: Mapping[str, Any]) -> list[str]:
    """List what is wrong with the onsets of the transients; nothing where none are given.

    Parameters
    ----------
    fields : mapping
        Header and sidecar. Only onsets of transients that are not edited must ascend: partners
        of a pair are stored by condition, whichever was acquired first.
    """
    timing = fields.get("VolumeTiming")
    if timing is None:
        return []
    if not isinstance(timing, list):
        return [f"VolumeTiming is {timing!r}, expected a list with the onset of each transient, s"]
    problems = [
        f"VolumeTiming[{index}] is {onset!r}, expected a number of seconds"
        for index, onset in enumerate(timing)
        if not (isinstance(onset, int | float) and math.isfinite(onset))
    ]
    if problems or not timing:
        return problems
    is_edited = "DIM_EDIT" in (fields.get(f"dim_{dimension}") for dimension in (5, 6, 7))
    if not is_edited:
        problems = [
            f"VolumeTiming[{index}] is {onset_s:g} s but the one before it {earlier_s:g} s, "
            "expected onsets that ascend"
            for index, (earlier_s, onset_s) in enumerate(pairwise(timing), start=1)
            if onset_s <= earlier_s
        ]
    first_s, last_s = min(timing), max(timing)
    if last_s - first_s > _LONGEST_S:
        problems.append(
            f"VolumeTiming runs from {first_s:g} to {last_s:g} s, more than a day: it was "
            "probably given in milliseconds; divide it by 1000"
        )
    return problems
