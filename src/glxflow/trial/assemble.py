"""Merge what was measured with what was planned."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from glxflow.errors import ConfigError
from glxflow.spectrum import FitStatus
from glxflow.trial.account import DESIGN_STAGE, QUALITY, USED
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

_KEYS = ["subject", "session", "bin"]
_FIGURES = ["t_min", "n_transients", "snr", _WIDTH, "qc_pass"]
_REASONS = "flags"
_ALONE = "none"


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
        outcome's unit; NaN where bin 0 by itself has zero, of which no percentage is known.
        What is scaled by water changes as the amplitude alone.
    """
    changes = changes[changes["status"] == FitStatus.CONVERGED.word]
    base = outcomes[outcomes["bin"] == 0].set_index(["subject", "session"])
    columns: dict[str, pd.Series] = {}
    for (name, over), rows in changes.groupby(["metabolite", "over"]):
        outcome = f"{name}_{'water' if over == _ALONE else over}".lower()
        if outcome in base:
            percent = rows.set_index(_KEYS)
            unit = base[outcome].where(base[outcome] > 0) / 100
            of_base = percent.join(unit, on=["subject", "session"])[outcome]
            for end in ("", "_sd", "_common_sd"):
                column = f"{joint_column(outcome)}{end}"
                columns[column] = percent[f"change_percent{end}"] * of_base
    if not columns:
        return changes[_KEYS].head(0)
    return pd.DataFrame(columns).rename_axis(_KEYS).reset_index()


def with_outcomes(
    qc: pd.DataFrame, concentrations: pd.DataFrame, changes: pd.DataFrame | None
) -> pd.DataFrame:
    """Return what was measured in each bin beside its quality, and the reasons of that in words.

    Parameters
    ----------
    qc : DataFrame
        A row per subject, session and bin with t_min, n_transients, snr, fwhm_hz, qc_pass
        and flags; without any it is returned as it is.
    concentrations : DataFrame
        As `outcomes_wide` takes it.
    changes : DataFrame or None
        As `joint_changes` takes it; None where no bins were fitted jointly.
    """
    if qc.empty:
        return qc
    outcomes = outcomes_wide(concentrations)
    # The other figures of the quality may be named as what the trial table holds.
    measured = qc[[*_KEYS, *_FIGURES, _REASONS]].merge(outcomes, on=_KEYS, how="left")
    if changes is None:
        return measured
    return measured.merge(joint_changes(changes, outcomes), on=_KEYS, how="left")


def trial_table(measured: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Return the long table of the trial: a row per participant, session and time bin.

    Parameters
    ----------
    measured : DataFrame
        As `with_outcomes` returns it.
    sessions : DataFrame
        As `account_for_sessions` returns it. Sessions that are used enter, and those
        that quality alone excludes: what is missing is counted by their rows, and
        analyses of all rows take them.
    """
    entering = (sessions["status"] == USED) | (sessions["stage"] == QUALITY)
    entered = _design_of(sessions[entering])
    figures = measured.drop(columns=_REASONS)
    return entered.merge(figures, on=["subject", "session"], how="inner").sort_values(
        ["subject", "period", "bin"], ignore_index=True
    )


def clinical_table(scores: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Return the scores with the design: a row per participant, session and day.

    Sessions whose scan is missing, failed or excluded still count for the clinical
    outcome; those whose design is not known do not.
    """
    known = _design_of(sessions[sessions["stage"] != DESIGN_STAGE])
    return known.merge(scores, on=["subject", "session"], how="inner").sort_values(
        ["subject", "period", "day"], ignore_index=True
    )


def _design_of(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that say who was measured when and how, without the account."""
    return sessions.drop(columns=["status", "stage", "reason", "note"], errors="ignore")
