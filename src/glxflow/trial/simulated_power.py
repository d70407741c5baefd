"""What the primary model says of simulated trials."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.attenuation import fieller
from glxflow.trial.designs.blunting import effects_of
from glxflow.trial.models import TrialModel, fit_design
from glxflow.trial.plan import Plan
from glxflow.trial.simulated import Design, simulate_changes


@dataclass(frozen=True, slots=True)
class Simulated:
    """What simulated trials say, one number a trial.

    Attributes
    ----------
    p, width : (n_trials,) ndarray
        Of the question's contrast, with Kenward-Roger df; NaN where the losses left a
        trial that cannot be analysed.
    percent_width : (n_trials,) ndarray
        Of Fieller's interval of the attenuation, in percent; NaN where not bounded.
    p_sex : (n_trials,) ndarray
        Of the interaction with sex; NaN where it was not asked for.
    """

    p: RealArray
    width: RealArray
    percent_width: RealArray
    p_sex: RealArray


def simulate_power(
    design: Design, plan: Plan, *, n_trials: int, rng: np.random.Generator
) -> Simulated:
    """Return what the primary model says of simulated trials.

    Parameters
    ----------
    design : Design
        Sizes, effects and losses; with a difference between the sexes other than
        zero the interaction is tested too.
    plan : Plan
        Design and confidence.
    n_trials : int
        Trials.
    rng : Generator
        Source of randomness.
    """
    return Simulated(*np.array([_one_trial(design, plan, rng) for _ in range(n_trials)]).T)


def _one_trial(design: Design, plan: Plan, rng: np.random.Generator) -> list[float]:
    """Return P, widths and P of the interaction of one simulated trial."""
    found = [np.nan] * 4
    table = simulate_changes(design, plan, rng)
    # Losses can leave a trial without an answer; its numbers stay unknown.
    with suppress(TableError):
        model = TrialModel("", "", fit_design(table, "bin"))
        row = model.fit.contrast(model.condition_contrast(plan)).iloc[0]
        width = 2 * stats.t.ppf(0.5 + plan.confidence / 2, row["df"]) * row["se"]
        percent = fieller(effects_of(model, plan, {}), plan.confidence)
        found[:3] = row["p"], width, 100 * (percent.ci_high - percent.ci_low)
        if design.sex_difference != 0:
            found[3] = _sex_p(table, plan)
    return found


def _sex_p(table: pd.DataFrame, plan: Plan) -> float:
    """Return P of the difference of the effect between the sexes."""
    model = TrialModel("", "", fit_design(table, "bin", moderator="sex"))
    effects = [model.condition_contrast(plan, {"sex": sex}) for sex in "FM"]
    return float(model.fit.contrast(effects[1] - effects[0])["p"].iloc[0])
