"""The outcomes of a trial: their design-respecting models, and the tables of each.

The claim rests on the design-respecting model, in which a session has an effect
of its own, since conditions vary between sessions. The published model of the
crossover, with a participant effect only, is run beside it and labelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glxflow.errors import TooFewError
from glxflow.spectrum import RealArray
from glxflow.trial.changes import clinical_changes, glx_changes, left_out, scheduled_scores
from glxflow.trial.designs.question import contrast_name, simple_effects
from glxflow.trial.designs.responses import session_means
from glxflow.trial.families import MEMBER
from glxflow.trial.models import METHODS, TrialModel, fit_design, fit_published, term_at
from glxflow.trial.multiplicity import holm
from glxflow.trial.plan import Plan
from glxflow.trial.responders import responders


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome with its model.

    Attributes
    ----------
    name : str
        Column of its table.
    changes : DataFrame
        From `glx_changes` or `clinical_changes`.
    model : TrialModel
        Fitted to them.
    day : float or None
        Of the clinical contrast; None for all bins with equal weight.
    margin : float or None
        Of equivalence.
    """

    name: str
    changes: pd.DataFrame
    model: TrialModel
    day: float | None
    margin: float | None

    @property
    def on_day(self) -> pd.DataFrame:
        """Rows of the day, or all."""
        if self.day is None:
            return self.changes
        return self.changes[self.changes["day"] == self.day]


def primary_outcome(result: Analysis, trial: pd.DataFrame, plan: Plan) -> Outcome:
    """Return the primary outcome; write its tables."""
    changes = glx_changes(trial, plan)
    means = session_means(changes)
    # Where the design has one session a participant, its period was made up.
    has_periods = "period" in plan.needed
    result.tables["participants"] = means if has_periods else means.drop(columns="period")
    result.warnings.extend(left_out(trial, plan))
    model = _mixed(result, changes, "bin", "primary", plan)
    rows = [_claim(model.rows(plan), "primary")]
    if plan.design == "crossover":
        rows.append(_published(result, changes, plan))
    result.tables["primary"] = pd.concat(rows, ignore_index=True)
    result.tables["bins"] = _by_level(model, "bin", plan)
    return Outcome(plan.outcome, changes, model, None, plan.margins.outcome)


def no_answer(reason: str, plan: Plan) -> pd.DataFrame:
    """Return the primary table of data that are too few: why, and no number."""
    row = {"role": "primary", "model": "design-respecting", "term": contrast_name(plan)}
    unknown = dict.fromkeys(
        ("estimate", "se", "df", "statistic", "p", "ci_low", "ci_high"), np.nan
    )
    return pd.DataFrame([row | unknown | {"note": reason}])


def clinical_outcome(
    result: Analysis, clinical: pd.DataFrame | None, plan: Plan
) -> Outcome | None:
    """Return the clinical outcome, where there is one; write its tables."""
    if plan.instrument is None:
        return None
    if clinical is None:
        result.warnings.append(f"no clinical table was given: {plan.instrument} is not analysed")
        return None
    clinical, notes = scheduled_scores(clinical, plan)
    result.warnings.extend(notes)
    scores = clinical_changes(clinical, plan)
    model = _mixed(result, scores, "day", "clinical", plan)
    by_day = _by_level(model, "day", plan)
    is_claim = by_day[MEMBER] == "clinical"
    rest = model.rows(plan, {"day": plan.day}).iloc[1:]
    claim = by_day[is_claim].assign(role="clinical")
    result.tables["clinical"] = pd.concat(
        [claim, _day_alone(scores, plan), rest, by_day[~is_claim]], ignore_index=True
    )
    if plan.responders is not None:
        result.tables["responders"] = responders(scores, plan)
    return Outcome(plan.instrument, scores, model, plan.day, plan.margins.clinical)


def _day_alone(changes: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the claim by the scores of the plan's day alone; nothing where there are no others.

    The model of all days has one variance for them: where scores scatter more on the plan's
    day, its error is too small.
    """
    on_day = changes[changes["day"] == plan.day]
    if len(on_day) == len(changes):
        return pd.DataFrame()
    try:
        fit = fit_design(on_day, "day")
    except TooFewError:
        return pd.DataFrame()
    model = TrialModel(f"clinical, day {plan.day:g} alone", "sensitivity", fit)
    term = term_at(plan, {"day": plan.day})
    found = fit.contrast(model.condition_contrast(plan)).assign(term=term, role=model.role)
    note = "without the scatter of other days, which the model of all days takes for that of any"
    return model.labelled(found, METHODS[0], plan).assign(note=note)


def simple_rows(outcome: Outcome, plan: Plan) -> pd.DataFrame:
    """Return the effect of each factor at each level of the other."""
    at = {} if outcome.day is None else {"day": outcome.day}
    effects = simple_effects(plan)
    fit = outcome.model.fit
    rows = np.array([outcome.model.weighted(cells, at) for cells in effects.values()])
    table = fit.contrast(rows).assign(term=list(effects), role="secondary")
    name = outcome.name if outcome.day is None else f"{outcome.name}, day {outcome.day:g}"
    return outcome.model.labelled(table, METHODS[0], plan).assign(
        outcome=name, **{MEMBER: "simple_effects"}
    )


def _claim(rows: pd.DataFrame, member: str) -> pd.DataFrame:
    """Return a model's rows, the first of which is a test of the plan's families."""
    return rows.assign(**{MEMBER: [member, *[""] * (len(rows) - 1)]})


def _mixed(
    result: Analysis, changes: pd.DataFrame, time: str, role: str, plan: Plan
) -> TrialModel:
    """Fit the design-respecting model and record how."""
    day = {} if time == "bin" else {"day": plan.day}
    _require_every_cell(changes, day, plan)
    name = "design-respecting" if role == "primary" else "clinical"
    try:
        model = TrialModel(name, role, fit_design(changes, time))
    except TooFewError as error:
        raise TooFewError(f"{_counted(changes)} do not carry the model: {error}") from error
    _require_an_error(model, model.condition_contrast(plan, day), plan)
    _record(result, model, plan)
    return model


def _published(result: Analysis, changes: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the model as published, for comparison only."""
    model = TrialModel("as published", "as published", fit_published(changes))
    _record(result, model, plan)
    return model.rows(plan)


def _require_every_cell(changes: pd.DataFrame, day: Mapping[str, float], plan: Plan) -> None:
    """Refuse data in which the question cannot be asked, of scores on the plan's day."""
    table = changes[changes["day"] == plan.day] if day else changes
    on_day = f" of day {plan.day:g}" if day else ""
    factors = ["condition"] if plan.infusion is None else ["condition", "infusion"]
    counts = table.groupby(factors, observed=False)["subject"].nunique()
    short = [
        label if isinstance(label, str) else " with ".join(label)
        for label in counts.index[counts < 2]
    ]
    if short:
        raise TooFewError(
            f"fewer than two participants have usable data{on_day} under {', '.join(short)}: the "
            "conditions cannot be compared. See sessions.tsv for what was left out and why."
        )


def _require_an_error(model: TrialModel, contrast: RealArray, plan: Plan) -> None:
    """Refuse a claim that too few participants leave without an error."""
    if model.fit.contrast(contrast)["se"].notna().all():
        return
    raise TooFewError(
        f"{_counted(model.fit.data)} leave less than one degree of freedom for the error of "
        f"{contrast_name(plan)}: there is no interval and no P, and without them no estimate. "
        "Add participants; sessions.tsv says what was left out and why."
    )


def _counted(changes: pd.DataFrame) -> str:
    """Return how many participants and sessions there are, in words."""
    sessions = changes[["subject", "visit"]].drop_duplicates()
    return f"{sessions['subject'].nunique()} participants with {len(sessions)} usable sessions"


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
    levels = sorted(model.fit.data[time].unique())
    rows = [model.condition_contrast(plan, {time: level}) for level in levels]
    table = model.fit.contrast(np.array(rows)).assign(
        term=[term_at(plan, {time: level}) for level in levels],
        role="secondary",
    )
    member = ["clinical" if level == plan.day else "days" for level in levels]
    return model.labelled(table, METHODS[0], plan).assign(
        p_holm=holm(table["p"].to_numpy()),
        **{MEMBER: "bins" if time == "bin" else member},
    )
