"""Run the analyses of a plan on the changes from baseline.

The claim rests on the design-respecting model, in which a session has an effect
of its own, since conditions vary between sessions. The published model of the
crossover, with a participant effect only, is run beside it and labelled.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glxflow.errors import TableError
from glxflow.trial.changes import clinical_changes, glx_changes
from glxflow.trial.designs.blunting import blunting
from glxflow.trial.designs.cautions import cautions
from glxflow.trial.designs.classical import classical
from glxflow.trial.designs.missing import missing_by_arm
from glxflow.trial.designs.question import contrast_name, simple_effects
from glxflow.trial.equivalence import Estimate, baseline_shift, effect, equivalence
from glxflow.trial.explore import explore
from glxflow.trial.families import MEMBER, with_families
from glxflow.trial.imaging import imaging_analysis
from glxflow.trial.lmm import fit_lmm
from glxflow.trial.models import METHODS, TrialModel, fit_design
from glxflow.trial.multiplicity import holm
from glxflow.trial.parts import Run, one_by_one
from glxflow.trial.plan import Plan
from glxflow.trial.responders import responders
from glxflow.trial.robustness import quantiles
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
    cautions : list of str
        What the design cannot show.
    quantiles : dict
        Of the primary model's residuals and random effects, beside normal ones.
    """

    tables: dict[str, pd.DataFrame]
    models: list[dict[str, Any]]
    warnings: list[str]
    cautions: list[str]
    quantiles: dict[str, dict[str, list[float]]]


def analyse(
    trial: pd.DataFrame,
    clinical: pd.DataFrame | None,
    plan: Plan,
    run: Run = one_by_one,
    imaging: pd.DataFrame | None = None,
) -> Analysis:
    """Return the results of a plan.

    Parameters
    ----------
    trial : DataFrame
        Long table of the outcome, a row per participant, period and bin.
    clinical : DataFrame or None
        Long table of scores, a row per participant, period and day.
    plan : Plan
        What to do.
    run : Run
        Does the parts that take long.
    imaging : DataFrame or None
        Receptor imaging, where the plan has it.

    Raises
    ------
    TableError
        If the tables contradict the design or cannot carry the primary model.
    """
    changes = glx_changes(trial, plan)
    result = Analysis({}, [], [], cautions(plan), {})
    primary = _mixed(result, changes, "bin", "primary", plan)
    result.quantiles.update(quantiles(primary.fit))
    rows = [_claim(primary.rows(plan), "primary")]
    if plan.design == "crossover":
        rows.append(_published(result, changes, plan))
    result.tables["primary"] = pd.concat(rows, ignore_index=True)
    result.tables["bins"] = _by_level(primary, "bin", plan)
    scores = None
    simple = [_simple_effects(primary, plan.outcome, None, plan)]
    equal = _equal(primary, changes, plan.outcome, plan.margins.outcome, plan)
    attenuations = [blunting(primary, changes, plan.outcome, None, plan)]
    classics = [classical(changes, plan.outcome, plan)]
    if plan.instrument is not None and clinical is not None:
        scores = clinical_changes(clinical, plan)
        model = _mixed(result, scores, "day", "clinical", plan)
        by_day, marginal = _by_level(model, "day", plan), model.rows(plan)
        # With one day the model's own contrast is that day's.
        marginal = marginal if len(by_day) else _claim(marginal, "clinical")
        result.tables["clinical"] = pd.concat([marginal, by_day], ignore_index=True)
        simple.append(_simple_effects(model, plan.instrument, plan.day, plan))
        attenuations.append(blunting(model, scores, plan.instrument, plan.day, plan))
        if plan.responders is not None:
            result.tables["responders"] = responders(scores, plan)
        equal += _equal(model, scores, plan.instrument, plan.margins.clinical, plan)
        classics.append(classical(scores[scores["day"] == plan.day], plan.instrument, plan))
    elif plan.instrument is not None:
        result.warnings.append(f"no clinical table was given: {plan.instrument} is not analysed")
    if equal:
        result.tables["equivalence"] = equivalence(equal, plan)
    if plan.infusion is not None:
        result.tables["simple_effects"] = pd.concat(simple, ignore_index=True)
    result.tables["attenuation"] = pd.concat(attenuations, ignore_index=True)
    name = "crossover" if plan.design == "crossover" else "classical"
    result.tables[name] = pd.concat(classics, ignore_index=True)
    result.tables["sensitivity"] = sensitivity(trial, plan)
    result.tables["missing"] = _missing(trial, result.tables["primary"], plan)
    result.tables.update(explore(trial, changes, scores, plan, run))
    if plan.imaging is not None and imaging is not None:
        result.tables["imaging"] = imaging_analysis(imaging, changes, plan)
    elif plan.imaging is not None:
        result.warnings.append(
            f"no imaging table was given: {plan.imaging.column} is not analysed"
        )
    tables, notes = with_families(result.tables, plan.families)
    result.tables.update(tables)
    result.warnings.extend(notes)
    return result


def _equal(
    model: TrialModel, changes: pd.DataFrame, name: str, margin: float | None, plan: Plan
) -> list[tuple[Estimate, float]]:
    """Return what is held against a margin of equivalence, if the plan has one."""
    if margin is None:
        return []
    found = [effect(model, name, plan.day if model.role == "clinical" else None, plan)]
    if plan.design == "crossover" and (shift := baseline_shift(changes, name)) is not None:
        found.append(shift)
    return [(one, margin) for one in found]


def _claim(rows: pd.DataFrame, member: str) -> pd.DataFrame:
    """Return a model's rows, the first of which is a test of the plan's families."""
    return rows.assign(**{MEMBER: [member, *[""] * (len(rows) - 1)]})


def _missing(trial: pd.DataFrame, primary: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return what is missing, as the design allows it to be counted."""
    if plan.design != "crossover":
        return missing_by_arm(trial, plan)
    claim = primary.iloc[0]
    return missing_data(trial, (float(claim["ci_low"]), float(claim["ci_high"])), plan)


def _mixed(
    result: Analysis, changes: pd.DataFrame, time: str, role: str, plan: Plan
) -> TrialModel:
    """Fit the design-respecting model and record how."""
    _require_every_cell(changes, plan)
    name = "design-respecting" if role == "primary" else "clinical"
    model = TrialModel(name, role, fit_design(changes, time))
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


def _require_every_cell(table: pd.DataFrame, plan: Plan) -> None:
    """Refuse data in which the question cannot be asked."""
    factors = ["condition"] if plan.infusion is None else ["condition", "infusion"]
    counts = table.groupby(factors, observed=False)["subject"].nunique()
    short = [
        label if isinstance(label, str) else " with ".join(label)
        for label in counts.index[counts < 2]
    ]
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
    """Return the contrast of the question in each bin or on each day, with Holm's adjustment."""
    if time not in model.fit.fixed.levels:
        return pd.DataFrame()
    levels = model.fit.fixed.levels[time]
    rows = [model.condition_contrast(plan, {time: level}) for level in levels]
    table = model.fit.contrast(np.array(rows)).assign(
        term=[
            f"{contrast_name(plan)}, {time} {level:g}" for level in map(float, map(str, levels))
        ],
        role="secondary",
    )
    member = [
        "clinical" if level == plan.day else "days" for level in map(float, map(str, levels))
    ]
    return model.labelled(table, METHODS[0], plan).assign(
        p_holm=holm(table["p"].to_numpy()),
        **{MEMBER: "bins" if time == "bin" else member},
    )


def _simple_effects(
    model: TrialModel, outcome: str, day: float | None, plan: Plan
) -> pd.DataFrame:
    """Return the effect of each factor at each level of the other."""
    at = {} if day is None else {"day": day}
    effects = simple_effects(plan)
    if not effects:
        return pd.DataFrame()
    rows = np.array([model.weighted(cells, at) for cells in effects.values()])
    table = model.fit.contrast(rows).assign(term=list(effects), role="secondary")
    name = outcome if day is None else f"{outcome}, day {day:g}"
    return model.labelled(table, METHODS[0], plan).assign(
        outcome=name, **{MEMBER: "simple_effects"}
    )
