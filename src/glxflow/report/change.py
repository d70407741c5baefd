"""Describe a group: change from each session's own baseline, means and their intervals.

These describe the data for the eye. The claim rests on the mixed model, whose
numbers come from the inference tables and are not computed here; nor is each
participant's mean change, which the classical analysis compares.
"""

import pandas as pd
from scipy.special import stdtrit


def is_true(column: pd.Series) -> pd.Series:
    """Return where a column says yes; missing is no, so that nothing unjudged is drawn."""
    return column.eq(True).fillna(False).astype(bool)


def measured(
    table: pd.DataFrame, outcome: str, is_baseline: "pd.Series[bool]", joint_change: str | None
) -> "pd.Series[float]":
    """Return what a row must have to be compared; NaN where it has not.

    Parameters
    ----------
    table : DataFrame
        Its rows.
    outcome : str
        Column that those of the baseline need.
    is_baseline : Series of bool
        Which these are.
    joint_change : str or None
        Column that the others need, where it is not the outcome.
    """
    values: pd.Series[float] = table[outcome]
    return values if joint_change is None else values.where(is_baseline, table[joint_change])


def change_from_baseline(
    table: pd.DataFrame,
    outcome: str,
    time: str,
    is_baseline: "pd.Series[bool]",
    joint_change: str | None = None,
) -> tuple[pd.DataFrame, int]:
    """Return an outcome's change from its session's baseline, and who has none.

    Parameters
    ----------
    table : DataFrame
        A row per subject, session and time point, with condition and the outcome.
    outcome, time : str
        Columns of the outcome and of the time point.
    is_baseline : Series of bool
        Rows whose mean is the session's baseline.
    joint_change : str, optional
        Column of changes that stand, after the baseline, in the place of differences.

    Returns
    -------
    changes : DataFrame
        Columns subject, session, condition, the time and `change`, rows of the baseline
        among them. Sessions without a baseline are left out.
    n_left_out : int
        Sessions with a value but without a baseline.
    """
    keys = ["subject", "session"]
    of_rows = measured(table, outcome, is_baseline, joint_change)
    is_known = of_rows.notna() & table[time].notna()
    known = table[is_known]
    start = table[is_known & is_baseline].groupby(keys)[outcome].mean()
    joined = known.join(start.rename("start"), on=keys)
    is_lacking = joined["start"].isna()
    n_left_out = len(joined.loc[is_lacking, keys].drop_duplicates())
    change = joined[outcome] - joined["start"]
    if joint_change is not None:
        change = change.where(is_baseline[is_known], joined[joint_change])
    joined = joined.assign(change=change)
    changes = joined.loc[~is_lacking, [*keys, "condition", time, "change"]]
    return changes.sort_values([*keys, time], ignore_index=True), n_left_out


def group_means(changes: pd.DataFrame, time: str) -> pd.DataFrame:
    """Return mean change and its 95 % t interval by condition and time.

    Returns
    -------
    DataFrame
        Columns condition, the time, n, mean, half (half the width of the
        interval; NaN for fewer than two sessions).
    """
    grouped = changes.groupby(["condition", time], observed=True)["change"]
    summary = grouped.agg(n="size", mean="mean", sd="std").reset_index()
    t = stdtrit(summary["n"] - 1, 0.975)
    summary["half"] = t * summary["sd"] / summary["n"] ** 0.5
    return summary.drop(columns="sd")


def counted(changes: pd.DataFrame, time: str, conditions: tuple[str, ...]) -> str:
    """Return a sentence with the sessions behind each mean; nothing where there are none.

    Parameters
    ----------
    changes : DataFrame
        From `change_from_baseline`.
    time : str
        Its column of time points.
    conditions : tuple of str
        In the order of the sentence.
    """
    if changes.empty:
        return ""
    counts = pd.crosstab(changes["condition"], changes[time]).reindex(conditions, fill_value=0)
    rows = zip(conditions, counts.to_numpy(), strict=True)
    parts = "; ".join(f"{name} {', '.join(map(str, row))}" for name, row in rows)
    return f" Sessions at each mark, from left to right: {parts}."


def groups(conditions: tuple[str, ...], infusions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of what a course tells apart.

    Parameters
    ----------
    conditions : tuple of str
        The two conditions.
    infusions : tuple of str
        Reference and active infusion of a factorial design, whose names come first; else empty.
    """
    named = [f"{name} with {infusion}" for infusion in infusions[::-1] for name in conditions]
    return tuple(named) or conditions


def by_infusion(table: pd.DataFrame, infusions: tuple[str, ...]) -> pd.DataFrame:
    """Return a table whose conditions have the names of `groups`."""
    if not infusions:
        return table
    return table.assign(condition=table["condition"] + " with " + table["infusion"])


def by_participant(
    participants: pd.DataFrame, conditions: tuple[str, ...], infusions: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Return each participant's mean change, a column per condition.

    Rows are ordered by the difference between the first two conditions; participants
    with one condition come last, those of a condition together and by their change.
    Participants who have an infusion each are named with it and stand with their like.

    Parameters
    ----------
    participants : DataFrame
        A row per subject and session with condition and its mean change, NaN where the
        sessions of a participant have no bin in common; of a factorial design, infusion.
    conditions : tuple of str
        Columns.
    infusions : tuple of str
        Reference and active infusion where they vary within participants: the change is
        then that with the active less that with the reference one.
    """
    people = ["subject"]
    if infusions:
        cells = participants.groupby([*people, "condition", "infusion"], observed=True)["change"]
        means = cells.mean().unstack("infusion").reindex(columns=list(infusions))
        changes = means[infusions[1]] - means[infusions[0]]
    else:
        people = [*(["infusion"] if "infusion" in participants else []), *people]
        changes = participants.groupby([*people, "condition"], observed=True)["change"].mean()
    wide = changes.unstack("condition").reindex(columns=list(conditions)).dropna(how="all")
    difference = wide[conditions[0]] - wide[conditions[1]]
    ranked = wide.assign(difference=difference).reset_index()
    ranked = ranked.sort_values([*people[:-1], "difference", *conditions])
    keys = ranked[people[::-1]].itertuples(index=False, name=None)
    return ranked.set_index(pd.Index([", ".join(key) for key in keys]))[list(conditions)]
