"""Run the analyses of a plan on the changes from baseline."""

import pandas as pd

from glxflow.errors import TableError, TooFewError
from glxflow.trial.changes import scheduled_trial
from glxflow.trial.designs.blunting import blunting
from glxflow.trial.designs.cautions import cautions
from glxflow.trial.designs.classical import classical
from glxflow.trial.designs.missing import missing_by_arm
from glxflow.trial.equivalence import baseline_shift, effect, equivalence
from glxflow.trial.explore import explore
from glxflow.trial.families import with_families
from glxflow.trial.imaging import imaging_analysis
from glxflow.trial.outcomes import (
    Analysis,
    Outcome,
    clinical_outcome,
    no_answer,
    primary_outcome,
    simple_rows,
)
from glxflow.trial.parts import Run, one_by_one
from glxflow.trial.plan import Plan
from glxflow.trial.robustness import quantiles
from glxflow.trial.sensitivity import missing_data, sensitivity

__all__ = ["Analysis", "analyse"]

_UNCOUNTED = (
    "all rows here are of participants with any row in the trial table: who has none, as where "
    "every scan was lost, is not counted"
)


def analyse(
    trial: pd.DataFrame,
    clinical: pd.DataFrame | None,
    plan: Plan,
    run: Run = one_by_one,
    imaging: pd.DataFrame | None = None,
) -> Analysis:
    """Return the results of a plan.

    A clinical table that cannot be analysed is a warning, and stops nothing else. Where
    the trial table holds too little for an answer, the primary table says so in words.

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
        If the trial table contradicts the design.
    """
    result = Analysis({}, [], [], cautions(plan), {})
    primary, trial = _primary(result, trial, plan)
    second, parts = _second(result, clinical, plan)
    if primary is not None:
        result.quantiles.update(quantiles(primary.model.fit))
        for name, table in _of_outcome(primary, plan).items():
            result.tables[name] = pd.concat([table, parts.pop(name, None)], ignore_index=True)
        result.tables["sensitivity"] = sensitivity(trial, plan)
        result.tables["missing"] = _missing(trial, result.tables["primary"], plan)
        scores = None if second is None else second.changes
        result.tables.update(explore(trial, primary.changes, scores, plan, run))
        _image(result, imaging, primary, plan)
    result.tables.update(parts)
    tables, notes = with_families(result.tables, plan.families)
    result.tables.update(tables)
    result.warnings.extend(notes)
    return result


def _primary(
    result: Analysis, trial: pd.DataFrame, plan: Plan
) -> tuple[Outcome | None, pd.DataFrame]:
    """Return the primary outcome with its tables, or say why there is no answer.

    With it comes the table that all analyses take: without bins that few sessions have.
    """
    try:
        trial, notes = scheduled_trial(trial, plan)
        result.warnings.extend(notes)
        return primary_outcome(result, trial, plan), trial
    except TooFewError as error:
        # A study without an answer has a page, too: what became of each session stands there.
        result.tables["primary"] = no_answer(str(error), plan)
        result.warnings.append(f"there is no primary result: {error}")
        return None, trial


def _image(result: Analysis, imaging: pd.DataFrame | None, primary: Outcome, plan: Plan) -> None:
    """Add the analysis of receptor imaging, or say why there is none."""
    if plan.imaging is None:
        return
    unused = f"{plan.imaging.column} is not analysed"
    if imaging is None:
        result.warnings.append(f"no imaging table was given: {unused}")
        return
    try:
        result.tables["imaging"] = imaging_analysis(imaging, primary.changes, plan)
    except TableError as error:
        # What is secondary must not stop the primary result.
        result.warnings.append(f"{unused}: {error}")


def _second(
    result: Analysis, clinical: pd.DataFrame | None, plan: Plan
) -> tuple[Outcome | None, dict[str, pd.DataFrame]]:
    """Return the clinical outcome with its tables, or say why they cannot be had."""
    try:
        second = clinical_outcome(result, clinical, plan)
        return second, {} if second is None else _of_outcome(second, plan)
    except TableError as error:
        # What is secondary must not stop the primary result.
        result.warnings.append(f"{plan.instrument} could not be analysed as planned: {error}")
        return None, {}


def _of_outcome(one: Outcome, plan: Plan) -> dict[str, pd.DataFrame]:
    """Return an outcome's rows of the tables that hold every outcome."""
    tables = {
        "attenuation": blunting(one.model, one.changes, one.name, one.day, plan),
        "crossover" if plan.design == "crossover" else "classical": classical(
            one.on_day, one.name, plan
        ),
    }
    if plan.infusion is not None:
        tables["simple_effects"] = simple_rows(one, plan)
    if one.margin is None:
        return tables
    found = [effect(one.model, one.name, one.day, plan)]
    shift = baseline_shift(one.changes, one.name) if plan.design == "crossover" else None
    found += [] if shift is None else [shift]
    return tables | {"equivalence": equivalence([(each, one.margin) for each in found], plan)}


def _missing(trial: pd.DataFrame, primary: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return what is missing, as the design allows it to be counted, and who is not counted."""
    if plan.design == "crossover":
        claim = primary.iloc[0]
        found = missing_data(trial, (float(claim["ci_low"]), float(claim["ci_high"])), plan)
    else:
        found = missing_by_arm(trial, plan)
    found.loc[0, "note"] = _UNCOUNTED
    return found
