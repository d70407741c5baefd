"""What the record of preprocessing says of single transients, for the page of a scan."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glxflow.preprocess.edited import CONDITIONS
from glxflow.report.transients import Transients
from glxflow.spectrum import RealArray


def transients_of(record: Mapping[str, Any]) -> Transients:
    """Return the transients of a session on the clock of its time bins.

    Parameters
    ----------
    record : mapping
        As `glxflow preprocess` writes it, or of a scan that is fitted as one bin.
    """
    table = record["TransientTable"]
    # A scan that was never divided has no infusion.
    onset_s = record.get("Parameters", {}).get("onset_s")
    condition = table.get("condition")
    n_together = len(CONDITIONS) if condition else 1
    edges_s = [(part["start_s"], part["stop_s"]) for part in record["BinTable"]]
    return Transients(
        time_min=(_column(table, "onset_s") - (onset_s or 0.0)) / 60,
        frequency_hz=_column(table, "frequency_hz"),
        phase_deg=np.degrees(_column(table, "phase_rad")),
        number=np.arange(len(table["onset_s"]), dtype=np.float64) // n_together,
        is_rejected=_column(table, "weight") == 0,
        is_on=np.array(condition) == CONDITIONS[1] if condition else None,
        edges_min=np.array(edges_s) / 60,
        has_infusion=onset_s is not None,
    )


def _column(table: Mapping[str, list[float | None]], name: str) -> RealArray:
    """Return a column, in which null stands for NaN."""
    return np.array(table[name], dtype=np.float64)
