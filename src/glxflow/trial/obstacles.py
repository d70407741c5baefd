"""Tell which fitted sessions cannot add to the primary result, and why."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from glxflow.trial.account import QUALITY
from glxflow.trial.changes import BASELINE_BIN
from glxflow.trial.fit_errors import later_column
from glxflow.trial.plan import Plan

_EVENTS = "events"
_WATER = "_water"
_SEE_PAGE = "See the page of the scan"
_SET_LIMITS = "; limits of quality are set under qc in config/config.yaml."


def without_change(
    measured: pd.DataFrame,
    plan: Plan,
    unscaled: Mapping[tuple[str, str], str],
) -> dict[tuple[str, str], tuple[str, str]]:
    """Return which of the fitted sessions tell no change, with the stage and why.

    In every design a session counts by the change of its later bins from its own
    baseline: it needs a baseline and a later bin in the plan's analysis set.

    Parameters
    ----------
    measured : DataFrame
        As `with_outcomes` returns it.
    plan : Plan
        Outcome, how its change is measured, and analysis set.
    unscaled : mapping
        From (subject, session) to why it has no water-scaled concentrations; others are absent.
    """
    if measured.empty:
        return {}
    found = {
        (key := (str(subject), str(session))): _obstacle(bins, plan, unscaled.get(key, ""))
        for (subject, session), bins in measured.groupby(["subject", "session"])
    }
    return {session: obstacle for session, obstacle in found.items() if obstacle[1]}


def _obstacle(bins: pd.DataFrame, plan: Plan, unscaled: str) -> tuple[str, str]:
    """Return the stage and the reason why the bins of a session tell no change, or nothing."""
    if unscaled and plan.outcome.endswith(_WATER):
        return QUALITY, f"no {plan.outcome}: {unscaled.rstrip('.')}. {_SEE_PAGE}."
    is_baseline = bins["bin"] <= BASELINE_BIN
    if (bins.loc[is_baseline, "t_min"] >= 0).any():
        return _EVENTS, (
            "the scan has no infusion event, so that all of it is one bin without a baseline. "
            "Add its *_events.tsv with the start of the infusion."
        )
    for name, part in (("baseline", bins[is_baseline]), ("later bin", bins[~is_baseline])):
        faults = [_fault(row, plan) for row in part.to_dict("records")]
        if all(faults):
            found = " ".join(dict.fromkeys(faults)) or "Every transient was left out."
            is_judged = plan.analysis_set == "qc_pass" and not part["qc_pass"].all()
            remedy = f"{_SEE_PAGE}{_SET_LIMITS if is_judged else '.'}"
            return QUALITY, f"no {name} can be used. {found} {remedy}"
    return "", ""


def _fault(row: Mapping[Hashable, Any], plan: Plan) -> str:
    """Say why the analysis set has no place for a bin, or nothing."""
    if plan.analysis_set == "qc_pass" and not row["qc_pass"]:
        return f"Bin {row['bin']}: {row['flags']}"
    needed = later_column(plan) if row["bin"] > BASELINE_BIN else plan.outcome
    if pd.notna(row.get(needed)):
        return ""
    if needed != plan.outcome:
        return (
            f"No joint change of {plan.outcome} in a bin that could be used: the fit of all bins "
            "together did not converge (`status` in *_desc-fit_changes.tsv), or gives none, as of "
            "what is zero in bin 0."
        )
    return f"Bin {row['bin']}: no {plan.outcome}."
