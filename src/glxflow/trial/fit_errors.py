"""What the fits' own errors do to changes from the baseline, and which changes they are of.

Where the bins of a session were fitted jointly, the errors are those of the joint
changes: what bins have in common cancels there. Else they are those of separate fits,
in which it does not.
"""

import numpy as np
import pandas as pd

from glxflow.spectrum import RealArray
from glxflow.trial.plan import JOINT, Plan

OWN, COMMON = "own_variance", "common_variance"
"""Columns: squared error of a row alone, and of what all bins of a session have in common."""


def joint_column(outcome: str) -> str:
    """Return the column of an outcome's changes that were fitted jointly, in its unit."""
    return f"{outcome}_change_joint"


def later_column(plan: Plan) -> str:
    """Return the column that a bin after the baseline needs."""
    return joint_column(plan.outcome) if plan.change == JOINT else plan.outcome


def with_fit_errors(changes: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the changes that errors are known best of, with those in `OWN` and `COMMON`.

    These are the changes that were fitted jointly, where there are any; else all, with
    the errors of separate fits, NaN where a table has none.

    Parameters
    ----------
    changes : DataFrame
        From `glx_changes`.
    plan : Plan
        Names the outcome.
    """
    joint = joint_changes_of(changes, plan.outcome)
    if joint is not None:
        return changes.assign(**joint).dropna(subset=["delta"])
    # All bins of a session subtract the same baseline, whose error they share.
    own, common = (_squared(changes, name) for name in (f"{plan.outcome}_sd", "base_sd"))
    return changes.assign(**{OWN: own, COMMON: common})


def joint_changes_of(table: pd.DataFrame, outcome: str) -> dict[str, pd.Series] | None:
    """Return `delta`, `OWN` and `COMMON` of changes fitted jointly, or None without any."""
    column = joint_column(outcome)
    if column not in table or table[column].isna().all():
        return None
    whole, common = (_squared(table, f"{column}{end}") for end in ("_sd", "_common_sd"))
    # A single later bin has nothing in common.
    common = common.fillna(0.0)
    return {"delta": table[column], OWN: (whole - common).clip(lower=0.0), COMMON: common}


def _squared(table: pd.DataFrame, column: str) -> "pd.Series[float]":
    """Return the squares of a column of SDs, NaN where a table has none."""
    squares: pd.Series[float] = table.get(column, pd.Series(np.nan, table.index)) ** 2
    return squares


def known_covariance(table: pd.DataFrame) -> tuple[pd.DataFrame, RealArray]:
    """Return the rows whose errors are known, and their covariance beside the baseline.

    Of a model with the baseline as covariate, which takes up part of the baseline's error:
    what it leaves is common to a session's bins, and is for the variance between sessions
    to estimate.

    Parameters
    ----------
    table : DataFrame
        From `with_fit_errors`.
    """
    known = table.dropna(subset=[OWN]).reset_index(drop=True)
    return known, np.diag(known[OWN].to_numpy(dtype=np.float64))


def session_variance(table: pd.DataFrame) -> "pd.Series[float]":
    """Return what a row adds to the squared error of its session's mean change.

    Its mean over the session is that error: own errors average out over bins, the
    baseline's is common to all of them.

    Parameters
    ----------
    table : DataFrame
        From `with_fit_errors`.
    """
    n_bins = table.groupby(["subject", "period"], observed=True)["bin"].transform("size")
    variance: pd.Series[float] = table[OWN] / n_bins + table[COMMON]
    return variance
