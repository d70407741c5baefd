"""Check the trial's tables and turn measurements into changes from the own baseline."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glxflow.errors import TableError, join_problems
from glxflow.trial.plan import Plan

BASELINE_BIN = 0
DESIGN = ("subject", "sequence", "period", "condition")
DERIVED = ("base", "base_sd", "delta", "base_sub_c", "base_dev", "visit")
"""Columns made here; a table that brings them along has them made anew."""


def check_design(table: pd.DataFrame, keys: Sequence[str], plan: Plan, where: str) -> None:
    """Refuse a table whose rows contradict the design.

    Parameters
    ----------
    table : DataFrame
        With the columns of `DESIGN` and `keys`.
    keys : sequence of str
        What makes a row unique.
    plan : Plan
        Names the conditions.
    where : str
        Name of the table, for the message.

    Raises
    ------
    TableError
        If columns are missing, rows are given twice, levels are unknown, or the
        allocation contradicts sequence and period; lists everything found.
    """
    missing = [name for name in dict.fromkeys((*DESIGN, *keys)) if name not in table]
    if missing:
        raise TableError(f"{where}: columns {', '.join(missing)} are missing. Add them.")
    problems = [
        f"{name} {level!r} is not one of {', '.join(map(str, known))}"
        for name, known in (
            ("condition", plan.conditions),
            ("sequence", plan.sequences),
            ("period", (1, 2)),
        )
        for level in sorted(set(table[name]) - set(known), key=str)
    ]
    twice = table.loc[table.duplicated(list(keys)), list(keys)].head(3)
    problems += [f"more than one row for {dict(row)}" for row in twice.to_dict("records")]
    problems += _misallocated(table, plan) if not problems else []
    if problems:
        raise TableError(join_problems(where, problems) + "\n  Correct the table, or the plan.")


def _misallocated(table: pd.DataFrame, plan: Plan) -> list[str]:
    """List sessions whose condition is not what sequence and period say."""
    letters = {label[0].upper(): label for label in plan.conditions}
    sessions = table[list(DESIGN)].drop_duplicates()
    return [
        f"{row['subject']} has {row['condition']!r} in period {row['period']}, but sequence "
        f"{row['sequence']} says {letters[row['sequence'][row['period'] - 1]]!r}"
        for row in sessions.to_dict("records")
        if letters[row["sequence"][row["period"] - 1]] != row["condition"]
    ]


def glx_changes(trial: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the outcome's change from each session's own baseline, a row a bin.

    Columns are those of the table and `delta`, `base` (and `base_sd`, where the
    table has the outcome's SD), `base_sub_c` (the
    participant's mean baseline, centred) and `base_dev` (the session's deviation
    from it): a period's baseline entered as it is beside a random participant
    effect would be biased (Kenward & Roger 2010, doi:10.1093/biostatistics/kxp046).

    Parameters
    ----------
    trial : DataFrame
        The long table; bin 0 is the baseline.
    plan : Plan
        Outcome, conditions and analysis set.

    Raises
    ------
    TableError
        If the outcome is absent, not numeric or missing everywhere, or the design
        is contradicted.
    """
    check_design(trial, ("subject", "period", "bin"), plan, "trial table")
    table = _numeric(trial, plan.outcome)
    if plan.analysis_set == "qc_pass":
        if "qc_pass" not in table:
            raise TableError(
                "trial table: no column qc_pass, which analysis_set 'qc_pass' needs. "
                "Add it, or write analysis_set: all in the plan."
            )
        table = table[table["qc_pass"].astype(float) == 1]
    table = table.dropna(subset=[plan.outcome])
    names = {plan.outcome: "base", f"{plan.outcome}_sd": "base_sd"}
    kept = ["subject", "period", *(name for name in names if name in table)]
    base = table.loc[table["bin"] == BASELINE_BIN, kept].rename(columns=names)
    merged = table[table["bin"] != BASELINE_BIN].merge(base, on=["subject", "period"])
    if merged.empty:
        raise TableError(
            f"trial table: no session has both a baseline (bin 0) and a later bin with "
            f"{plan.outcome!r} in the analysis set {plan.analysis_set!r}."
        )
    return _centred(merged.assign(delta=merged[plan.outcome] - merged["base"]), plan)


def clinical_changes(clinical: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the score's change from day 0 of its own session, a row a day.

    Columns as in `glx_changes`.

    Raises
    ------
    TableError
        As `glx_changes`.
    """
    score = str(plan.instrument)
    check_design(clinical, ("subject", "period", "day"), plan, "clinical table")
    table = _numeric(clinical, score).dropna(subset=[score])
    base = table.loc[table["day"] == 0, ["subject", "period", score]]
    merged = table[table["day"] != 0].merge(
        base.rename(columns={score: "base"}), on=["subject", "period"]
    )
    if not (merged["day"] == plan.day).any():
        raise TableError(
            f"clinical table: no session has {score!r} on day 0 and day {plan.day:g}."
        )
    return _centred(merged.assign(delta=merged[score] - merged["base"]), plan)


def _numeric(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a table whose outcome is a number column."""
    if column not in table:
        raise TableError(f"no column {column!r}. The table has {', '.join(map(str, table))}.")
    numbers = pd.to_numeric(table[column], errors="coerce")
    bad = table.loc[numbers.isna() & table[column].notna(), column]
    if len(bad):
        raise TableError(
            f"{column!r} holds {bad.iloc[0]!r} and {len(bad) - 1} more that are no numbers. "
            "Correct the table."
        )
    if numbers.isna().all():
        raise TableError(f"{column!r} is missing in every row: nothing to analyse.")
    return table.drop(columns=list(DERIVED), errors="ignore").assign(**{column: numbers})


def _centred(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Add the baseline's two parts and make the design's columns factors in a fixed order."""
    sessions = table[["subject", "period", "base"]].drop_duplicates()
    own = sessions.groupby("subject")["base"].mean()
    mean = table["subject"].map(own).astype(np.float64)
    return table.assign(
        base_sub_c=mean - float(own.mean()),
        base_dev=table["base"] - mean,
        condition=pd.Categorical(table["condition"], categories=plan.conditions),
        sequence=pd.Categorical(table["sequence"], categories=sorted(plan.sequences)),
        period=pd.Categorical(table["period"], categories=[1, 2]),
        visit=table["period"].astype(str),
    )
