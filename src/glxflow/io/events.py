"""Events of a scan with their durations, from BIDS events.tsv."""

from pathlib import Path

import numpy as np
import pandas as pd

from glxflow.errors import DataError
from glxflow.io.tables import read_tsv
from glxflow.spectrum import RealArray


def events_of(events: Path, trial_type: str) -> tuple[RealArray, RealArray]:
    """Return starts and durations of all events of one type, in s.

    Raises
    ------
    DataError
        If a column is missing, there is no such event, or one has no positive duration.
    """
    table = read_tsv(events)
    if not {"onset", "duration", "trial_type"} <= set(table.columns):
        raise DataError(
            f"{events}: columns {', '.join(table.columns)}, expected onset, duration and "
            "trial_type."
        )
    rows = table[table["trial_type"] == trial_type]
    if rows.empty:
        found = ", ".join(sorted(table["trial_type"].dropna().astype(str).unique()))
        raise DataError(
            f"{events}: no event of trial_type '{trial_type}' (found: {found or 'none'}). Give "
            "one of those, or correct the table."
        )
    starts, durations = (
        np.asarray(pd.to_numeric(rows[column], errors="coerce"), dtype=np.float64)
        for column in ("onset", "duration")
    )
    if not (durations > 0).all() or not np.isfinite(starts).all():
        raise DataError(
            f"{events}: an event of trial_type '{trial_type}' has onset {rows['onset'].tolist()} "
            f"and duration {rows['duration'].tolist()}, expected numbers in s and durations "
            "above 0. Correct the table."
        )
    return starts, durations
