"""Events of a scan with their durations, from BIDS events.tsv."""

from pathlib import Path

import numpy as np
import pandas as pd

from glxflow.errors import DataError
from glxflow.io.tables import read_tsv
from glxflow.spectrum import RealArray

_REST = ("rest", "baseline", "off", "fixation")
"""Types that name what is compared with, as do times without any event."""

Times = tuple[RealArray, RealArray]
"""Starts and durations of events, (n_events,) each, in s."""


def events_of(events: Path, trial_type: str) -> Times:
    """Return starts and durations of all events of one type, in s.

    Events that overlap, or stand in the table twice, are one.

    Raises
    ------
    DataError
        If a column is missing, there is no such event, or one has no positive duration.
    """
    table = _read(events)
    rows = table[table["trial_type"] == trial_type]
    if rows.empty:
        found = ", ".join(sorted(table["trial_type"].dropna().unique()))
        raise DataError(
            f"{events}: no event of trial_type '{trial_type}' (found: {found or 'none'}). Give "
            "one of those, or correct the table."
        )
    starts, durations = _times(rows)
    if not (durations > 0).all() or not np.isfinite(starts).all():
        raise DataError(
            f"{events}: an event of trial_type '{trial_type}' has onset {rows['onset'].tolist()} "
            f"and duration {rows['duration'].tolist()}, expected numbers in s and durations "
            "above 0. Correct the table."
        )
    return _joined(starts, durations)


def other_events(events: Path, trial_type: str) -> dict[str, Times]:
    """Return the events of all other types that last, by their type, without those of rest.

    Raises
    ------
    DataError
        If a column is missing.
    """
    table = _read(events)
    found = {}
    is_other = (table["trial_type"] != trial_type) & ~table["trial_type"].str.lower().isin(_REST)
    for name, rows in table[is_other].groupby("trial_type"):
        starts, durations = _times(rows)
        lasts = np.isfinite(starts) & (durations > 0)
        if lasts.any():
            found[str(name)] = _joined(starts[lasts], durations[lasts])
    return found


def _read(events: Path) -> pd.DataFrame:
    """Return the table, types as text."""
    table = read_tsv(events, text=("trial_type",))
    if not {"onset", "duration", "trial_type"} <= set(table.columns):
        raise DataError(
            f"{events}: columns {', '.join(table.columns)}, expected onset, duration and "
            "trial_type."
        )
    return table


def _times(rows: pd.DataFrame) -> Times:
    """Return starts and durations, NaN where they are no numbers."""
    starts, durations = (
        np.asarray(pd.to_numeric(rows[column], errors="coerce"), dtype=np.float64)
        for column in ("onset", "duration")
    )
    return starts, durations


def _joined(starts: RealArray, durations: RealArray) -> Times:
    """Return events in their order, those that overlap or touch as one."""
    order = np.argsort(starts)
    starts, stops = starts[order], (starts + durations)[order]
    reached = np.maximum.accumulate(stops)
    is_first = np.concatenate([[True], starts[1:] > reached[:-1]])
    firsts = np.flatnonzero(is_first)
    lasts = np.append(firsts[1:], starts.size) - 1
    return starts[firsts], reached[lasts] - starts[firsts]
