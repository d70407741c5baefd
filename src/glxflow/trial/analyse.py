"""Run the analyses of a plan on the changes from baseline."""

import pandas as pd

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
    primary_outcome,
    simple_rows,
)
from glxflow.trial.parts import Run, one_by_one
from glxflow.trial.plan import Plan
from glxflow.trial.robustness import quantiles
from glxflow.trial.sensitivity import missing_data, sensitivity

__all__ = ["Analysis", "analyse"]


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
    result = Analysis({}, [], [], cautions(plan), {})
    primary = primary_outcome(result, trial, plan)
    result.quantiles.update(quantiles(primary.model.fit))
    second = clinical_outcome(result, clinical, plan)
    scores = None if second is None else second.changes
    result.tables.update(_of_each([primary, *([] if second is None else [second])], plan))
    result.tables["sensitivity"] = sensitivity(trial, plan)
    result.tables["missing"] = _missing(trial, result.tables["primary"], plan)
    result.tables.update(explore(trial, primary.changes, scores, plan, run))
    if plan.imaging is not None and imaging is not None:
        result.tables["imaging"] = imaging_analysis(imaging, primary.changes, plan)
    elif plan.imaging is not None:
        result.warnings.append(
            f"no imaging table was given: {plan.imaging.column} is not analysed"
        )
    tables, notes = with_families(result.tables, plan.families)
    result.tables.update(tables)
    result.warnings.extend(notes)
    return result


def _of_each(outcomes: list[Outcome], plan: Plan) -> dict[str, pd.DataFrame]:
    """Return the tables that have rows of every outcome."""
    percent = [blunting(one.model, one.changes, one.name, one.day, plan) for one in outcomes]
    classic = [classical(one.on_day, one.name, plan) for one in outcomes]
    name = "crossover" if plan.design == "crossover" else "classical"
    tables = {
        "attenuation": pd.concat(percent, ignore_index=True),
        name: pd.concat(classic, ignore_index=True),
    }
    if plan.infusion is not None:
        simple = [simple_rows(one, plan) for one in outcomes]
        tables["simple_effects"] = pd.concat(simple, ignore_index=True)
    equal = _equal(outcomes, plan)
    return tables if equal is None else tables | {"equivalence": equal}


def _equal(outcomes: list[Outcome], plan: Plan) -> pd.DataFrame | None:
    """Return what is held against a margin of equivalence; None where the plan has none."""
    found = []
    for one in outcomes:
        if one.margin is None:
            continue
        found.append((effect(one.model, one.name, one.day, plan), one.margin))
        shift = baseline_shift(one.changes, one.name) if plan.design == "crossover" else None
        if shift is not None:
            found.append((shift, one.margin))
    return equivalence(found, plan) if found else None


def _missing(trial: pd.DataFrame, primary: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return what is missing, as the design allows it to be counted."""
    if plan.design != "crossover":
        return missing_by_arm(trial, plan)
    claim = primary.iloc[0]
    return missing_data(trial, (float(claim["ci_low"]), float(claim["ci_high"])), plan)
