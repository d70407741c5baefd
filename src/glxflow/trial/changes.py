"""Check the trial's tables and turn measurements into changes from the own baseline."""

import numpy as np
import pandas as pd

from glxflow.errors import TableError, TooFewError
from glxflow.trial.designs.tables import check_design
from glxflow.trial.fit_errors import joint_column, later_column
from glxflow.trial.plan import JOINT, Plan
from glxflow.trial.schedule import on_schedule

BASELINE_BIN = 0
"""Last bin of the baseline; earlier ones have negative numbers."""
DERIVED = ("base", "base_sd", "delta", "base_sub_c", "base_dev", "visit", "order")
"""Columns made here; a table that brings them along has them made anew."""

_QUALITY = ("fwhm_hz", "snr", "tnaa_tcr")
"""Columns of quality that analyses read."""


def scheduled_trial(trial: pd.DataFrame, plan: Plan) -> tuple[pd.DataFrame, list[str]]:
    """Return the trial's rows, checked, of bins that half of the sessions have, and what is not.

    Parameters
    ----------
    trial : DataFrame
        The long table; bin 0 is the baseline.
    plan : Plan
        Outcome and design.

    Raises
    ------
    TooFewError
        If the table is empty, or no bin is in half of the sessions.
    TableError
        If the outcome, or its joint change where the plan takes that, is absent, not numeric
        or missing everywhere, an SD is negative, or the design is contradicted.
    """
    where = "trial table"
    if trial.empty:
        raise TooFewError(
            f"{where}: no row. See sessions.tsv for why each session was left out, and what to do."
        )
    trial = check_design(trial, ("subject", "period", "bin"), plan, where)
    table = _numeric(trial, plan.outcome, where)
    joint = joint_column(plan.outcome)
    if plan.change == JOINT and joint not in table:
        raise TableError(
            f"{where}: no column {joint!r}, which `change: joint` of the plan needs. Add it, or "
            "write `change: separate` for differences from the baseline."
        )
    others = (f"{plan.outcome}_sd", *_QUALITY, joint, f"{joint}_sd", f"{joint}_common_sd")
    for name in others:
        if name in table and table[name].notna().any():
            table = _numeric(table, name, where)
    _refuse_negative(table, where)
    return on_schedule(table, "bin", _is_usable(table, plan), list(plan.factors), where)


def glx_changes(trial: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the outcome's change from each session's own baseline, a row a bin.

    It is the difference of separate fits or that of a joint fit, as the plan has it.
    Columns are those of the table and `delta`, `base` (and `base_sd`, where the table has
    the outcome's SD), `base_sub_c` (the participant's mean baseline, centred) and
    `base_dev` (the session's deviation from it): a period's baseline entered as it is
    beside a random participant effect would be biased (Kenward & Roger 2010,
    doi:10.1093/biostatistics/kxp046). Outside a crossover, where a sequence is no factor
    of the model, it is called `order`.

    Parameters
    ----------
    trial : DataFrame
        The long table; bin 0 is the baseline.
    plan : Plan
        Outcome, conditions and analysis set.

    Raises
    ------
    TooFewError
        As `scheduled_trial`, or if no session has a baseline and a later bin.
    TableError
        As `scheduled_trial`.
    """
    table = _analysis_set(scheduled_trial(trial, plan)[0], plan)
    later = table[table["bin"] > BASELINE_BIN]
    merged = later.merge(_baseline(table, plan.outcome), on=["subject", "period"])
    if merged.empty:
        raise TooFewError(
            f"trial table: no session has both a baseline (bin 0) with {plan.outcome!r} and a "
            f"later bin with {later_column(plan)!r} in the analysis set {plan.analysis_set!r}."
        )
    if plan.change == JOINT:
        delta = merged[joint_column(plan.outcome)]
    else:
        delta = merged[plan.outcome] - merged["base"]
    return _centred(merged.assign(delta=delta), plan)


def left_out(trial: pd.DataFrame, plan: Plan) -> list[str]:
    """Say which sessions of a table from `scheduled_trial` have rows and no change, and why."""
    table = _analysis_set(trial, plan)
    is_baseline = table["bin"] <= BASELINE_BIN
    rest = _sessions(trial)
    notes = []
    for what, part, column in (
        ("baseline", table[is_baseline], plan.outcome),
        ("later bin", table[~is_baseline], later_column(plan)),
    ):
        lacking = rest.difference(_sessions(part))
        rest = rest.difference(lacking)
        if len(lacking):
            names = ", ".join(
                f"{subject} in period {period}" if "period" in plan.needed else str(subject)
                for subject, period in lacking
            )
            notes.append(
                f"trial table: left out and counted as missing for want of a {what} with "
                f"{column!r} in the analysis set {plan.analysis_set!r}: {names}"
            )
    return notes


def _analysis_set(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the rows with an outcome that the plan's analysis set takes."""
    return table[_is_usable(table, plan)]


def _is_usable(table: pd.DataFrame, plan: Plan) -> "pd.Series[bool]":
    """Tell which rows have what the plan measures and are taken by its analysis set."""
    is_baseline = table["bin"] <= BASELINE_BIN
    has = table[plan.outcome].where(is_baseline, table[later_column(plan)]).notna()
    return has & _passes(table) if plan.analysis_set == "qc_pass" else has


def _sessions(table: pd.DataFrame) -> pd.MultiIndex:
    """Return the sessions of a table in order."""
    return pd.MultiIndex.from_frame(table[["subject", "period"]].drop_duplicates())


def scheduled_scores(clinical: pd.DataFrame, plan: Plan) -> tuple[pd.DataFrame, list[str]]:
    """Return the scores, checked, of days that half of the sessions have, and what is not.

    The plan's day stays. Days before day 0, such as that of a screening, are no outcome and
    not averaged into the baseline, as bins are: a score of last week is another state,
    and not the same one measured again.

    Raises
    ------
    TooFewError
        If no day is in half of the sessions.
    TableError
        As `scheduled_trial`.
    """
    where, score = "clinical table", str(plan.instrument)
    clinical = check_design(clinical, ("subject", "period", "day"), plan, where)
    table = _numeric(clinical, score, where)
    table = table[table["day"] >= 0]
    return on_schedule(table, "day", table[score].notna(), list(plan.factors), where, plan.day)


def clinical_changes(clinical: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the score's change from day 0 of its own session, a row a later day.

    Columns as in `glx_changes`.

    Raises
    ------
    TableError
        As `scheduled_scores`, or if no session has day 0 and the plan's day.
    """
    score = str(plan.instrument)
    scores, _ = scheduled_scores(clinical, plan)
    table = scores.dropna(subset=[score])
    base = table.loc[table["day"] == 0, ["subject", "period", score]]
    merged = table[table["day"] > 0].merge(
        base.rename(columns={score: "base"}), on=["subject", "period"]
    )
    if not (merged["day"] == plan.day).any():
        raise TableError(
            f"clinical table: no session has {score!r} on day 0 and day {plan.day:g}."
        )
    return _centred(merged.assign(delta=merged[score] - merged["base"]), plan)


def _numeric(table: pd.DataFrame, column: str, where: str) -> pd.DataFrame:
    """Return a table whose outcome is a number column."""
    if column not in table:
        raise TableError(
            f"{where}: no column {column!r}. The table has {', '.join(map(str, table))}."
        )
    numbers = pd.to_numeric(table[column], errors="coerce")
    bad = table.loc[~np.isfinite(numbers) & table[column].notna(), column]
    if len(bad):
        raise TableError(
            f"{where}: {column!r} holds {bad.iloc[0]!r} and {len(bad) - 1} more that are no "
            "finite numbers. Correct the table."
        )
    if numbers.isna().all():
        raise TableError(f"{where}: {column!r} is missing in every row: nothing to analyse.")
    return table.drop(columns=list(DERIVED), errors="ignore").assign(**{column: numbers})


def _refuse_negative(table: pd.DataFrame, where: str) -> None:
    """Refuse SDs below zero, which their squares would hide."""
    sds = table.filter(regex=r"_sd(_model)?$").select_dtypes("number")
    for column in map(str, sds):
        bad = table[table[column] < 0]
        if len(bad):
            row = bad.iloc[0]
            raise TableError(
                f"{where}: {column!r} is {row[column]:g} in the row of {row['subject']}, period "
                f"{row['period']}, bin {row['bin']}, and negative in {len(bad) - 1} more; an SD "
                "is 0 or more. Correct the table."
            )


def _baseline(table: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Return each session's mean over its baseline bins, and its error where there is one."""
    before = table[table["bin"] <= BASELINE_BIN]
    sessions = before.groupby(["subject", "period"], sort=False)
    parts = {"base": sessions[outcome].mean()}
    if f"{outcome}_sd" in table:
        # Errors of several bins are independent; one bin keeps its own.
        squared = before.assign(squared=before[f"{outcome}_sd"] ** 2)
        mean = squared.groupby(["subject", "period"], sort=False)["squared"].mean()
        # A bin without an error has that of the others.
        parts["base_sd"] = np.sqrt(mean / sessions.size())
    return pd.DataFrame(parts).reset_index()


def _passes(table: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows pass quality control."""
    if "qc_pass" not in table:
        raise TableError(
            "trial table: no column qc_pass, which analysis_set 'qc_pass' needs. "
            "Add it, or write analysis_set: all in the plan."
        )
    flags = pd.to_numeric(table["qc_pass"], errors="coerce")
    wrong = table.loc[~flags.isin([0, 1]), "qc_pass"]
    if len(wrong):
        raise TableError(
            f"trial table: qc_pass holds {wrong.iloc[0]!r} in {len(wrong)} rows, expected 1 where "
            "a row passes and 0 where not. Correct the table."
        )
    return flags == 1


def _centred(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Add the baseline's two parts and make the design's columns factors in a fixed order."""
    if plan.infusion is None:
        # One infusion for everybody is no factor.
        table = table.drop(columns="infusion", errors="ignore")
    sessions = table[["subject", "period", "base"]].drop_duplicates()
    own = sessions.groupby("subject")["base"].mean()
    mean = table["subject"].map(own).astype(np.float64)
    table = table.assign(
        base_sub_c=mean - float(own.mean()),
        base_dev=table["base"] - mean,
        condition=pd.Categorical(table["condition"], categories=plan.conditions),
        period=pd.Categorical(table["period"]),
        visit=table["period"].astype(str),
    )
    if plan.design == "crossover":
        sequence = pd.Categorical(table["sequence"], categories=sorted(plan.sequences))
        return table.assign(sequence=sequence)
    table = table.rename(columns={"sequence": "order"})
    if plan.infusion is None:
        return table
    return table.assign(infusion=pd.Categorical(table["infusion"], categories=plan.infusion))
