"""Clinical scales whose key is known, and which totals no scale can have."""

from dataclasses import dataclass

import pandas as pd

MISSING_CODES = (-9999, -999, -99, -98, -97, -96, -95, -88, -77, -66, 999, 9999)
"""What databases write for a missing number; taken for a score it would be an extreme one.

Small ones such as -9 are scores of scales that go below zero, and not among them.
"""


@dataclass(frozen=True, slots=True)
class Instrument:
    """How a clinical score is made of its items.

    Attributes
    ----------
    name : str
        As people call it.
    n_items : int
        How many items make the total, their sum.
    lowest, highest : int
        Range of one item.
    reference : str
        DOI of the instrument.
    missing : str
        What becomes of the total where items are missing, for a reader.
    """

    name: str
    n_items: int
    lowest: int
    highest: int
    reference: str
    missing: str


INSTRUMENTS = {
    "madrs": Instrument(
        name="Montgomery-Asberg Depression Rating Scale",
        n_items=10,
        lowest=0,
        highest=6,
        reference="10.1192/bjp.134.4.382",
        # Its authors give no rule for missing items. A total scaled up from nine would take
        # the tenth for their like, which sleep or suicidal thoughts are not.
        missing="n/a unless all ten items are there: none is filled in or scaled up",
    )
}
"""Instruments whose key is known; the total of any other is taken from its column."""


def impossible_totals(
    instrument: str, totals: "pd.Series[float]"
) -> "tuple[pd.Series[bool], str]":
    """Tell which totals an instrument cannot have, and what is expected instead.

    Parameters
    ----------
    instrument : str
        Its key; of one that is not known, codes for missing data alone are impossible.
    totals : Series
        Total scores, NaN where missing.
    """
    known = INSTRUMENTS.get(instrument)
    if known is None:
        is_code = totals.isin(MISSING_CODES)
        # A scale that goes below zero may have one among its scores.
        if (totals[~is_code] < 0).any():
            is_code &= totals.abs() > 90
        return is_code, (
            "a score, or n/a where it is missing, for which such numbers stand; where it is a "
            "score, add the same number to all scores: changes stay as they are"
        )
    lowest, highest = (known.n_items * end for end in (known.lowest, known.highest))
    outside = (totals < lowest) | (totals > highest)
    return outside, f"{lowest} to {highest}, or n/a where it is missing"
