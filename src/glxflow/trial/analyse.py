"""Run the analyses of a plan on the changes from baseline.

The claim rests on the design-respecting model, in which a session has an effect
of its own, since conditions vary between sessions. The published model, with a
participant effect only, is run beside it and labelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glxflow.errors import TableError
from glxflow.trial.attenuation import Attenuation, TwoEffects, bootstrap, fieller
from glxflow.trial.changes import clinical_changes, glx_changes
from glxflow.trial.crossover import analyse_crossover
from glxflow.trial.explore import explore
from glxflow.trial.lmm import fit_lmm
from glxflow.trial.models import METHODS, TrialModel, contrast_name, design_formula
from glxflow.trial.multiplicity import holm
from glxflow.trial.plan import Plan
from glxflow.trial.sensitivity import missing_data, sensitivity


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything a plan asks for.

    Attributes
    ----------
    tables : dict
        From file name (without ending) to a table of results.
    models : list of dict
        Id, formula, engine, counts and warnings of each model.
    warnings : list of str
        What a reader must know.
    """

    tables: dict[str, pd.DataFrame]
    models: list[dict[str, Any]]
    warnings: list[str]


def analyse(trial: pd.DataFrame, clinical: pd.DataFrame | None, plan: Plan) -> Analysis:
    """Return the results of a plan.

    Parameters
    ----------
    trial : DataFrame
        Long table of the outcome, a row per participant, period and bin.
    clinical : DataFrame or None
        Long table of scores, a row per participant, period and day.
    plan : Plan
        What to do.

    Raises
    ------
    TableError
        If the tables contradict the design or cannot carry the primary model.
    """
    changes = glx_changes(trial, plan)
    result = Analysis({}, [], [])
    primary = _mixed(result, changes, "bin", "primary", plan)
    result.tables["primary"] = pd.concat(
        [primary.rows(plan), _published(result, changes, plan)], ignore_index=True
    )
    result.tables["bins"] = _by_level(primary, "bin", plan)
    scores = None
    attenuations = [_attenuation(primary, changes, plan.outcome, None, plan)]
    crossovers = [_classical(changes, plan.outcome, plan)]
    if plan.instrument is not None and clinical is not None:
        scores = clinical_changes(clinical, plan)
        model = _mixed(result, scores, "day", "clinical", plan)
        result.tables["clinical"] = pd.concat(
            [model.rows(plan), _by_level(model, "day", plan)], ignore_index=True
        )
        attenuations.append(_attenuation(model, scores, plan.instrument, plan.day, plan))
        day = scores[scores["day"] == plan.day]
        crossovers.append(_classical(day, plan.instrument, plan))
    elif plan.instrument is not None:
        result.warnings.append(f"no clinical table was given: {plan.instrument} is not analysed")
    result.tables["attenuation"] = pd.concat(attenuations, ignore_index=True)
    result.tables["crossover"] = pd.concat(crossovers, ignore_index=True)
    result.tables["sensitivity"] = sensitivity(trial, plan)
    claim = result.tables["primary"].iloc[0]
    limits = (float(claim["ci_low"]), float(claim["ci_high"]))
    result.tables["missing"] = missing_data(trial, limits, plan)
    result.tables.update(explore(trial, changes, scores, plan))
    return result


def _mixed(
    result: Analysis, changes: pd.DataFrame, time: str, role: str, plan: Plan
) -> TrialModel:
    """Fit the design-respecting model and record how."""
    table = changes.assign(**{time: pd.Categorical(changes[time])})
    _require_both_conditions(table, plan)
    fit = fit_lmm(design_formula(table, time), table)
    model = TrialModel("design-respecting" if role == "primary" else "clinical", role, fit)
    _record(result, model, plan)
    return model


def _published(result: Analysis, changes: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the model as published, for comparison only."""
    table = changes.assign(bin=pd.Categorical(changes["bin"]))
    main = "condition*bin" if table["bin"].nunique() > 1 else "condition"
    period = " + period" if table["period"].nunique() > 1 else ""
    model = TrialModel(
        "as published", "as published", fit_lmm(f"delta ~ {main}{period} + (1|subject)", table)
    )
    _record(result, model, plan)
    return model.rows(plan)


def _require_both_conditions(table: pd.DataFrame, plan: Plan) -> None:
    """Refuse data in which the question cannot be asked."""
    counts = table.groupby("condition", observed=False)["subject"].nunique()
    short = [label for label in plan.conditions if counts.get(label, 0) < 2]
    if short:
        raise TableError(
            f"fewer than two participants have usable data under {', '.join(short)}: the "
            "conditions cannot be compared. See sessions.tsv for what was left out and why."
        )


def _record(result: Analysis, model: TrialModel, plan: Plan) -> None:
    """Note how a model was fitted, and say when it is at its boundary."""
    fit = model.fit
    components = fit.variance_components
    result.models.append(
        {
            "model": model.name,
            "formula": fit.formula,
            "engine": "glxflow.trial.lmm, REML",
            "n_participants": int(fit.data["subject"].nunique()),
            "n_rows": len(fit.data),
            "singular": fit.singular,
            "variance_components": components.to_dict("records"),
        }
    )
    if fit.singular:
        zero = components.loc[components["variance"] < 1e-12, "group"]
        result.warnings.append(
            f"{model.name}: the fit is at the boundary (variance of {', '.join(zero)} is zero). "
            "The term is kept, and Kenward-Roger keeps its stratum."
        )
    if plan.analysis_set == "all" and model.role == "primary":
        result.warnings.append("quality control does not decide which rows enter (set: all)")


def _by_level(model: TrialModel, time: str, plan: Plan) -> pd.DataFrame:
    """Return active minus reference in each bin or on each day, with Holm's adjustment."""
    if time not in model.fit.fixed.levels:
        return pd.DataFrame()
    levels = model.fit.fixed.levels[time]
    rows = [model.at(plan.active, time, level) for level in levels]
    rows = [
        row - model.at(plan.reference, time, level)
        for row, level in zip(rows, levels, strict=True)
    ]
    table = model.fit.contrast(np.array(rows)).assign(
        term=[
            f"{contrast_name(plan)}, {time} {level:g}" for level in map(float, map(str, levels))
        ],
        role="secondary",
    )
    return model.labelled(table, METHODS[0], plan).assign(p_holm=holm(table["p"].to_numpy()))


def _attenuation(
    model: TrialModel, changes: pd.DataFrame, outcome: str, day: float | None, plan: Plan
) -> pd.DataFrame:
    """Return by how much the change is smaller under the active condition, in percent."""
    time = None if day is None else "day"
    rows = np.array([model.at(label, time, day) for label in plan.conditions])
    # With the df of the difference, the interval holds zero just when its test says so.
    means = model.fit.contrast(np.vstack([rows, rows[1] - rows[0]]))
    covariance = rows @ model.fit.inference().covariance @ rows.T
    effects = TwoEffects(
        reference=float(means["estimate"].iloc[0]),
        active=float(means["estimate"].iloc[1]),
        variance_reference=float(covariance[0, 0]),
        variance_active=float(covariance[1, 1]),
        covariance=float(covariance[0, 1]),
        df=float(means["df"].iloc[2]),
    )
    both = [fieller(effects, plan.confidence)]
    subset = changes if day is None else changes[changes["day"] == day]
    wide = _complete(subset)
    if len(wide):
        both.append(
            bootstrap(
                wide[plan.reference].to_numpy(),
                wide[plan.active].to_numpy(),
                wide["sequence"].to_numpy(dtype=str),
                confidence=plan.confidence,
                n_draws=plan.n_bootstrap,
                rng=np.random.default_rng([plan.seed, 1]),
            )
        )
    return pd.DataFrame([_percent(outcome, day, one) for one in both])


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


def _complete(changes: pd.DataFrame) -> pd.DataFrame:
    """Return participants with both sessions: mean change by condition, and the sequence."""
    wide = changes.pivot_table(
        index="subject", columns="condition", values="delta", aggfunc="mean", observed=False
    ).dropna()
    sequence = changes.drop_duplicates("subject").set_index("subject")["sequence"].astype(str)
    return wide.join(sequence)


def _classical(changes: pd.DataFrame, outcome: str, plan: Plan) -> pd.DataFrame:
    """Return the classical analysis of complete participants, or why there is none."""
    wide = _complete(changes)
    is_active_first = (wide["sequence"] == plan.sequences[1]).to_numpy()
    reference, active = (wide[label].to_numpy(dtype=np.float64) for label in plan.conditions)
    try:
        table = analyse_crossover(
            np.where(is_active_first, active, reference),
            np.where(is_active_first, reference, active),
            is_active_first,
            contrast=contrast_name(plan),
            confidence=plan.confidence,
            n_permutations=plan.n_permutations,
            rng=np.random.default_rng([plan.seed, 2]),
        )
    except TableError as error:
        table = pd.DataFrame([{"analysis": "none", "note": str(error)}])
    return table.assign(outcome=outcome, n_participants=len(wide))
