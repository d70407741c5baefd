"""What is missing in each cell of a design that is no crossover, and whether cells differ."""

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.trial.changes import BASELINE_BIN, glx_changes
from glxflow.trial.plan import Plan


def missing_by_arm(trial: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return usable rows and sessions of every cell, and a test where cells are arms.

    Participants who have no row in any cell are not known here; their arm is not.

    Parameters
    ----------
    trial : DataFrame
        The long table.
    plan : Plan
        Outcome, design and analysis set.

    Returns
    -------
    DataFrame
        A row per cell with n_cells, n_usable, share_missing and n_sessions_missing;
        then Fisher's exact test of sessions without usable data between two arms.
    """
    factors = ["condition"] if plan.infusion is None else ["condition", "infusion"]
    usable = glx_changes(trial, plan)
    bins = int((trial["bin"].unique() > BASELINE_BIN).sum())
    between = [name for name in factors if name not in plan.within]
    rows = []
    for cell, own in trial.groupby(factors):
        labels = dict(zip(factors, cell if isinstance(cell, tuple) else (cell,), strict=True))
        everybody = trial
        for name in between:
            everybody = everybody[everybody[name] == labels[name]]
        n = everybody["subject"].nunique()
        have = usable
        for name, label in labels.items():
            have = have[have[name] == label]
        rows.append(
            {
                "analysis": f"data under {' with '.join(map(str, labels.values()))}",
                "n_cells": n * bins,
                "n_usable": len(have),
                "share_missing": 1 - len(have) / (n * bins),
                "n_sessions_missing": n - have["subject"].nunique(),
                "n_participants": own["subject"].nunique(),
            }
        )
    table = pd.DataFrame(rows)
    if len(rows) != 2 or plan.within:
        return table
    gone = table["n_sessions_missing"].to_numpy()
    total = table["n_cells"].to_numpy() // bins
    test = stats.fisher_exact(np.array([gone, total - gone]))
    name = "sessions without usable data, Fisher's exact test between arms"
    return pd.concat(
        [table, pd.DataFrame([{"analysis": name, "p": float(test.pvalue)}])], ignore_index=True
    )
