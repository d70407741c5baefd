"""Merge what was measured with what was planned, and account for every session."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from glxflow.errors import ConfigError
from glxflow.trial.fit_errors import joint_column
from glxflow.trial.plan import JOINT, SEPARATE, Plan, plan_from

METABOLITES = ("Glx", "Glu", "Gln")
"""Numerators of the outcomes, over each denominator."""

DENOMINATORS = ("tnaa", "tcr")
"""Denominators of the ratios in concentrations.tsv, as its columns name them."""

_WIDTH = "fwhm_hz"

OUTCOMES = (
    *(f"{name.lower()}_{over}" for name in METABOLITES for over in (*DENOMINATORS, "water")),
    "tnaa_tcr",
    _WIDTH,
)
"""What the trial table can hold for a plan to analyse; the last two are negative controls."""

DESIGN = ("subject", "session", "sex", "age", "sequence", "period", "condition")
"""Columns that say who was measured when and under which condition."""

USED, EXCLUDED, FAILED, MISSING = "used", "excluded", "failed", "missing"
"""What can become of a planned session."""

QUALITY = "quality"
"""Stage that excludes a session whose rows stay for analyses of all rows."""

_KEYS = ["subject", "session", "bin"]
_CONVERGED, _ALONE = "converged", "none"
_DESIGN = "design"
_FAILING = ("preprocess", "fit")
"""Stages whose refusal is a failure; what the others refuse is excluded."""


def plan_of_spectra(content: Mapping[str, Any], where: str) -> Plan:
    """Return the plan that a file holds for tables which are made from spectra.

    Raises
    ------
    ConfigError
        As `plan_from` does, or if no spectrum gives the plan's outcome or its joint change.
    """
    plan = plan_from(content, where)
    if plan.outcome not in OUTCOMES:
        raise ConfigError(
            f"{where}: 'outcome' is {plan.outcome!r}, which no spectrum gives. Write one of "
            f"{', '.join(OUTCOMES)}."
        )
    if plan.change == JOINT and plan.outcome == _WIDTH:
        raise ConfigError(
            f"{where}: 'change' is {JOINT!r}, but of {_WIDTH} there are only values of single "
            f"bins. Write `change: {SEPARATE}`."
        )
    return plan


def refuse_sliding(plan: Plan, where: str, bin_s: float | None, bin_step_s: float | None) -> None:
    """Refuse joint changes of time bins that share transients.

    Parameters
    ----------
    plan : Plan
        How changes are measured.
    where : str
        Its file.
    bin_s, bin_step_s : float or None
        Width of time bins and distance of their starts, in s.

    Raises
    ------
    ConfigError
        If the plan takes joint changes and bins slide.
    """
    if bin_s is None or bin_step_s is None or plan.change != JOINT:
        return
    if bin_step_s < bin_s:
        raise ConfigError(
            f"{where}: 'change' is {JOINT!r}, but preprocess.bin_step_s is {bin_step_s:g} s and "
            f"preprocess.bin_s {bin_s:g} s: bins that share transients are not fitted jointly. "
            f"Set bin_step_s to null, or write `change: {SEPARATE}`."
        )


def outcomes_wide(concentrations: pd.DataFrame) -> pd.DataFrame:
    """Return a row a session and bin with a column for each outcome and its SD.

    Parameters
    ----------
    concentrations : DataFrame
        A row per subject, session, bin and metabolite with `ratio_tnaa`,
        `ratio_tnaa_sd`, `ratio_tcr`, ... and, where water was measured,
        `water_molal` and `water_molal_sd`; `<ratio>_sd_model` and
        `<ratio>_change_sd_model` go along.

    Returns
    -------
    DataFrame
        Columns subject, session, bin, `glx_tnaa`, `glx_tnaa_sd`, ..., and
        `tnaa_tcr`, the negative control.
    """
    by_name = {name: rows.set_index(_KEYS) for name, rows in concentrations.groupby("metabolite")}
    columns: dict[str, pd.Series] = {}
    for name in METABOLITES:
        for denominator in DENOMINATORS:
            outcome = f"{name.lower()}_{denominator}"
            columns |= _with_sd(by_name.get(name), f"ratio_{denominator}", outcome)
        columns |= _with_sd(by_name.get(name), "water_molal", f"{name.lower()}_water")
    columns |= _with_sd(by_name.get("tNAA"), "ratio_tcr", "tnaa_tcr")
    return pd.DataFrame(columns).rename_axis(_KEYS).reset_index()


def _with_sd(rows: pd.DataFrame | None, source: str, outcome: str) -> dict[str, pd.Series]:
    """Return an outcome, its SD and what models add to it as columns, where measured."""
    if rows is None or source not in rows or rows[source].isna().all():
        return {}
    spreads = [end for end in ("sd_model", "change_sd_model") if f"{source}_{end}" in rows]
    return {outcome: rows[source]} | {
        f"{outcome}_{end}": rows[f"{source}_{end}"] for end in ("sd", *spreads)
    }


def joint_changes(changes: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return a row a session and later bin with the changes that were fitted jointly.

    Parameters
    ----------
    changes : DataFrame
        A row per subject, session, bin, metabolite and `over` with `change_percent`,
        its SD and `change_percent_common_sd`, what of it the bins have in common, all
        in percent of bin 0, and `status` of the joint fit: changes of one that did not
        converge are none.
    outcomes : DataFrame
        As `outcomes_wide` returns it.

    Returns
    -------
    DataFrame
        Columns subject, session, bin, and for every ratio `<outcome>_change_joint`,
        `<outcome>_change_joint_sd` and `<outcome>_change_joint_common_sd`, in the
        outcome's unit. What is scaled by water changes as the amplitude alone.
    """
    changes = changes[changes["status"] == _CONVERGED]
    base = outcomes[outcomes["bin"] == 0].set_index(["subject", "session"])
    columns: dict[str, pd.Series] = {}
    for (name, over), rows in changes.groupby(["metabolite", "over"]):
        outcome = f"{name}_{'water' if over == _ALONE else over}".lower()
        if outcome in base:
            percent = rows.set_index(_KEYS)
            of_base = percent.join(base[outcome] / 100, on=["subject", "session"])[outcome]
            for end in ("", "_sd", "_common_sd"):
                column = f"{joint_column(outcome)}{end}"
                columns[column] = percent[f"change_percent{end}"] * of_base
    if not columns:
        return changes[_KEYS].head(0)
    return pd.DataFrame(columns).rename_axis(_KEYS).reset_index()


def with_outcomes(
    qc: pd.DataFrame, concentrations: pd.DataFrame, changes: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the quality of bins with what was measured in them.

    Parameters
    ----------
    qc : DataFrame
        A row per subject, session and bin.
    concentrations : DataFrame
        As `outcomes_wide` takes it.
    changes : DataFrame or None
        As `joint_changes` takes it; None where no bins were fitted jointly.
    """
    outcomes = outcomes_wide(concentrations)
    measured = qc.merge(outcomes, on=_KEYS, how="left")
    if changes is None:
        return measured
    return measured.merge(joint_changes(changes, outcomes), on=_KEYS, how="left")


def trial_table(
    concentrations: pd.DataFrame,
    qc: pd.DataFrame,
    sessions: pd.DataFrame,
    changes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the long table of the trial: a row per participant, session and time bin.

    Parameters
    ----------
    concentrations : DataFrame
        As `outcomes_wide` takes it.
    qc : DataFrame
        A row per subject, session and bin with t_min, n_transients, snr, fwhm_hz, qc_pass.
    sessions : DataFrame
        As `account_for_sessions` returns it. Sessions that are used enter, and those
        that quality alone excludes: what is missing is counted by their rows, and
        analyses of all rows take them.
    changes : DataFrame, optional
        As `joint_changes` takes it; absent where bins were not fitted jointly.
    """
    entering = (sessions["status"] == USED) | (sessions["stage"] == QUALITY)
    entered = _design_of(sessions[entering])
    figures = ["t_min", "n_transients", "snr", "fwhm_hz", "qc_pass"]
    measured = with_outcomes(qc[[*_KEYS, *figures]], concentrations, changes)
    return entered.merge(measured, on=["subject", "session"], how="inner").sort_values(
        ["subject", "period", "bin"], ignore_index=True
    )


def clinical_table(scores: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with the design: a row per participant, session and day.

    Sessions whose scan is missing, failed or excluded still count for the clinical
    outcome; those whose design is not known do not.
    """
    known = _design_of(sessions[sessions["stage"] != _DESIGN])
    return known.merge(scores, on=["subject", "session"], how="inner").sort_values(
        ["subject", "period", "day"], ignore_index=True
    )


def _design_of(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that say who was measured when and how, without the account."""
    return sessions.drop(columns=["status", "stage", "reason", "note"], errors="ignore")


def account_for_sessions(
    participants: pd.DataFrame,
    planned: pd.DataFrame,
    outcomes: Mapping[tuple[str, str], tuple[str, str]],
    table_problems: Mapping[str, str],
    plan: Plan,
) -> pd.DataFrame:
    """Return what became of every session that was planned or scanned, and why.

    Parameters
    ----------
    participants : DataFrame
        Columns subject, sex, age, sequence.
    planned : DataFrame
        Columns subject, session, period, condition.
    outcomes : mapping
        From (subject, session) of every scan to its stage and message: ("", "")
        for a scan that the trial can use, else the stage that refused it and why.
    table_problems : mapping
        From subject to what is wrong with its sessions table.
    plan : Plan
        Its conditions, what its design needs to know of a session, and further columns
        of both tables: the infusion, and what the allocation was blocked and stratified by.

    Returns
    -------
    DataFrame
        The columns of `DESIGN` and those carried, then status, stage and reason.
    """
    scanned = pd.DataFrame(list(outcomes), columns=["subject", "session"])
    rows = planned.merge(scanned, on=["subject", "session"], how="outer").merge(
        participants, on="subject", how="outer"
    )
    rows = rows.reindex(columns=list(dict.fromkeys((*DESIGN, *plan.carried))))
    # A row without a period would make those of all others 1.0 and 2.0.
    rows["period"] = pd.to_numeric(rows["period"]).astype("Int64")
    known = set(participants["subject"])
    listed = set(planned[["subject", "session"]].itertuples(index=False, name=None))
    verdicts = []
    for row in rows.to_dict("records"):
        fault = table_problems.get(row["subject"]) or _unplanned(row, listed, known, plan)
        verdicts.append((EXCLUDED, _DESIGN, fault) if fault else _verdict(row, outcomes))
    verdict = pd.DataFrame(verdicts, columns=["status", "stage", "reason"], index=rows.index)
    return pd.concat([rows, verdict], axis=1).sort_values(
        ["subject", "session"], ignore_index=True
    )


def _unplanned(
    row: Mapping[Hashable, Any], listed: set[tuple[str, str]], known: set[str], plan: Plan
) -> str:
    """Say what the tables lack of a session that the plan needs, or nothing."""
    subject, session = row["subject"], row["session"]
    table = f"{subject}_sessions.tsv"
    if subject not in known:
        return f"participants.tsv has no row for {subject}. Add one."
    if pd.isna(session):
        return ""
    if (subject, session) not in listed:
        return f"{table} has no row for {session}. Add one."
    if pd.isna(row["condition"]):
        return f"{table} gives {session} no condition: it is not part of the trial."
    if row["condition"] not in plan.conditions:
        return (
            f"{table} gives condition {row['condition']!r} for {session}, but the plan knows "
            f"{', '.join(plan.conditions)}. Correct the table, or `conditions` in the plan."
        )
    return _unknown_level(row, plan)


def _unknown_level(row: Mapping[Hashable, Any], plan: Plan) -> str:
    """Say which level of the design a session lacks, or has that there is not, or nothing."""
    of_session = f"{row['subject']}_sessions.tsv gives {row['session']}"
    given = {
        "period": of_session,
        "sequence": f"participants.tsv gives {row['subject']}",
        "infusion": of_session,
    }
    for name, levels in plan.needed.items():
        if pd.isna(row[name]):
            return f"{given[name]} no {name}, which design {plan.design!r} needs. Add it."
        if levels and row[name] not in levels:
            expected = " or ".join(map(str, levels))
            return f"{given[name]} {name} {row[name]!r}, expected {expected}. Correct the table."
    return ""


def _verdict(
    row: Mapping[Hashable, Any], outcomes: Mapping[tuple[str, str], tuple[str, str]]
) -> tuple[str, str, str]:
    """Return status, stage and reason of a session whose design is known."""
    subject, session = row["subject"], row["session"]
    if pd.isna(session):
        return MISSING, _DESIGN, f"{subject}_sessions.tsv plans no session, and none was scanned."
    if (subject, session) not in outcomes:
        where = f"{subject}/{session}/mrs"
        return (
            MISSING,
            "scan",
            f"no *_svs.nii.gz in {where}. Convert the raw data, if there are any.",
        )
    stage, message = outcomes[subject, session]
    if not message:
        return USED, "", ""
    return FAILED if stage in _FAILING else EXCLUDED, stage, message
