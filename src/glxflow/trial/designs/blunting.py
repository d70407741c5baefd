"""By how many percent the response is smaller under the active condition."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glxflow.spectrum import RealArray
from glxflow.trial.attenuation import Attenuation, TwoEffects, bootstrap, fieller
from glxflow.trial.designs.responses import Responses, cell_means, responses
from glxflow.trial.models import TrialModel
from glxflow.trial.plan import Plan


def blunting(
    model: TrialModel, changes: pd.DataFrame, outcome: str, day: float | None, plan: Plan
) -> pd.DataFrame:
    """Return the attenuation by Fieller's interval and by the bootstrap, a row each.

    Parameters
    ----------
    model : TrialModel
        Fitted to `changes`.
    changes : DataFrame
        From `glx_changes` or `clinical_changes`.
    outcome : str
        Its name.
    day : float or None
        Day of the clinical contrast; None for all bins with equal weight.
    plan : Plan
        Design, conditions, draws and seed.
    """
    at = {} if day is None else {"day": day}
    exact = fieller(effects_of(model, plan, at), plan.confidence)
    subset = changes if day is None else changes[changes["day"] == day]
    drawn = [
        # Draws of a denominator that may be zero have quantiles that mean nothing.
        one if exact.is_bounded else replace(exact, method=one.method)
        for one in _resampled(subset, plan)
    ]
    return pd.DataFrame([_percent(outcome, day, one) for one in (exact, *drawn)])


def effects_of(model: TrialModel, plan: Plan, at: Mapping[str, object]) -> TwoEffects:
    """Return the responses under both conditions with their covariance."""
    rows = np.array([model.response(label, plan, at) for label in plan.conditions])
    # With the df of the difference, the interval holds zero just when its test says so.
    means = model.fit.contrast(np.vstack([rows, rows[1] - rows[0]]))
    covariance = rows @ model.fit.inference().covariance @ rows.T
    return TwoEffects(
        reference=float(means["estimate"].iloc[0]),
        active=float(means["estimate"].iloc[1]),
        variance_reference=float(covariance[0, 0]),
        variance_active=float(covariance[1, 1]),
        covariance=float(covariance[0, 1]),
        df=float(means["df"].iloc[2]),
    )


def _resampled(changes: pd.DataFrame, plan: Plan) -> list[Attenuation]:
    """Return the bootstrap's attenuation, or nothing where nobody is complete."""
    found = responses(changes, plan)
    if found.value.size == 0:
        return []
    effects = _both_effects(changes, found, plan)
    weights = {label: _weights(label, found, plan) for label in np.unique(found.group)}
    return [
        bootstrap(
            *effects,
            found.group,
            weights,
            confidence=plan.confidence,
            n_draws=plan.n_bootstrap,
            rng=np.random.default_rng([plan.seed, 1]),
        )
    ]


def _both_effects(
    changes: pd.DataFrame, found: Responses, plan: Plan
) -> tuple[RealArray, RealArray]:
    """Return each participant's response under the reference and the active condition."""
    if "condition" not in plan.within:
        # An arm has one condition; its weight in the other's effect is zero.
        return found.value, found.value
    wide = cell_means(changes, plan).loc[found.subject]
    if "infusion" in plan.within and plan.infusion is not None:
        reference, active = plan.infusion
        both = [wide[label][active] - wide[label][reference] for label in plan.conditions]
    else:
        both = [wide[label] for label in plan.conditions]
    first, second = (np.asarray(part, dtype=np.float64) for part in both)
    return first, second


def _weights(group: str, found: Responses, plan: Plan) -> tuple[float, float]:
    """Return with which weight a group's mean enters the two effects."""
    member = found.group == group
    arm = found.arm[member][0]
    share = 1 / np.unique(found.group[found.arm == arm]).size
    sign = float(found.sign[member][0])
    if "condition" in plan.within:
        return sign * share, sign * share
    is_active = str(arm).startswith(f"{plan.active} ")
    return (0.0, sign * share) if is_active else (-sign * share, 0.0)


def _percent(outcome: str, day: float | None, one: Attenuation) -> Mapping[str, Any]:
    """Return an attenuation as a row in percent; without an interval there is no number."""
    return {
        "outcome": outcome if day is None else f"{outcome}, day {day:g}",
        "estimate": 100 * one.estimate,
        "ci_low": 100 * one.ci_low,
        "ci_high": 100 * one.ci_high,
        "unit": "percent",
        "method": one.method,
        "bounded": one.is_bounded,
        "note": one.note,
    }
