"""What the name of a scan and its events tell: read without searching a data set."""

import math
from pathlib import Path

import pandas as pd

from glxflow.errors import DataError, TableError
from glxflow.io.tables import read_tsv

SCAN_SUFFIX = "_svs.nii.gz"
"""How the name of a single-voxel spectroscopy file ends."""

LABEL = "[0-9A-Za-z+]+"
"""What BIDS takes for a label behind `sub-`, `ses-` or `task-`, as a regular expression."""


def prefix_of(path: Path) -> str:
    """Return the file name of a scan up to its suffix, as derivatives begin with it."""
    name = path.name
    for ending in (SCAN_SUFFIX, ".nii.gz", ".nii"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    raise DataError(f"{path}: not a NIfTI file. Expected a name that ends with .nii.gz.")


def infusion_onset_s(events: Path, trial_type: str) -> float:
    """Return when the infusion began, on the session's clock, in s.

    Raises
    ------
    DataError
        If the table has no such event, or several.
    TableError
        If the table cannot be read, or the onset is no number.
    """
    table = read_tsv(events, text=("trial_type",))
    if not {"onset", "trial_type"} <= set(table.columns):
        raise DataError(f"{events}: columns {list(table.columns)}, expected onset and trial_type.")
    onsets = table.loc[table["trial_type"] == trial_type, "onset"]
    if len(onsets) != 1:
        found = sorted(table["trial_type"].dropna().unique())
        raise DataError(
            f"{events}: {len(onsets)} events of trial_type '{trial_type}', expected one "
            f"(found: {', '.join(found) or 'none'}). "
            "Correct the table, or preprocess.infusion_event in config/config.yaml."
        )
    onset_s = float(pd.to_numeric(onsets, errors="coerce").iloc[0])
    if not math.isfinite(onset_s):
        raise TableError(
            f"{events}: the onset of '{trial_type}' is '{onsets.iloc[0]}', expected a number of "
            "seconds such as 600 or 600.5, without a unit. Correct the table."
        )
    return onset_s
