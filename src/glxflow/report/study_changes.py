"""The changes that the courses of the study page draw, and who has none."""

import pandas as pd

from glxflow.report.change import by_infusion, change_from_baseline
from glxflow.report.study_words import left_out


def outcome_changes(
    rows: pd.DataFrame, outcome: str, joint_change: str | None, infusions: tuple[str, ...]
) -> tuple[pd.DataFrame, str]:
    """Return the changes of the outcome over the bins, and a sentence on who has none.

    Parameters
    ----------
    rows : DataFrame
        Rows of the trial that are in the plan's analysis set.
    outcome : str
        Its column.
    joint_change : str or None
        Column of its changes that were fitted jointly, where the plan takes these.
    infusions : tuple of str
        Of a factorial design, which the condition's names then hold; else empty.
    """
    if outcome not in rows or rows.empty:
        return pd.DataFrame(), ""
    # Sessions start at slightly different times: a bin stands at its usual place.
    place = rows.groupby("bin")["t_min"].transform("median")
    table = by_infusion(rows.assign(t_min=place), infusions)
    is_baseline = table["bin"] <= 0
    changes, n_left_out = change_from_baseline(table, outcome, "t_min", is_baseline, joint_change)
    return changes, left_out(n_left_out, "no baseline in the plan's analysis set")


def score_changes(
    clinical: pd.DataFrame, score: str, score_label: str, infusions: tuple[str, ...]
) -> tuple[pd.DataFrame, str]:
    """Return the changes of the score over the days, and a sentence on who has none.

    Parameters
    ----------
    clinical : DataFrame
        A row per subject, session and day.
    score, score_label : str
        Its column, and how it is printed.
    infusions : tuple of str
        As of `outcome_changes`.
    """
    if score not in clinical or clinical.empty:
        return pd.DataFrame(), ""
    # A screening before the day of the infusion is no baseline of the session.
    table = by_infusion(clinical[clinical["day"] >= 0], infusions)
    changes, n_left_out = change_from_baseline(table, score, "day", table["day"] == 0)
    return changes, left_out(n_left_out, f"no {score_label} of day 0")
