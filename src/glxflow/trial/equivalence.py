"""Is an effect smaller than a margin: two one-sided tests, and what they include.

References
----------
Schuirmann DJ. J Pharmacokinet Biopharm 15:657-680 (1987). doi:10.1007/BF01068419
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.trial.designs.question import contrast_name
from glxflow.trial.families import MEMBER
from glxflow.trial.models import TrialModel
from glxflow.trial.plan import Plan


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its error.

    Attributes
    ----------
    name : str
        What it is.
    value, error, df : float
        Estimate, standard error, degrees of freedom.
    n_participants : int
        Who it is from.
    """

    name: str
    value: float
    error: float
    df: float
    n_participants: int


def effect(model: TrialModel, name: str, day: float | None, plan: Plan) -> Estimate:
    """Return the effect of a model, over all bins or on one day."""
    at = {} if day is None or "day" not in model.fit.fixed.levels else {"day": day}
    row = model.fit.contrast(model.condition_contrast(plan, at)).iloc[0]
    return Estimate(
        f"{name}, {contrast_name(plan)}", float(row["estimate"]), float(row["se"]),
        float(row["df"]), int(model.fit.data["subject"].nunique()),
    )  # fmt: skip


def baseline_shift(changes: pd.DataFrame, name: str) -> Estimate | None:
    """Return period 2 minus period 1 of the baseline within participants.

    What the first session leaves behind would show here. None with fewer than two
    participants with both.
    """
    sessions = changes.drop_duplicates(["subject", "period"])
    wide = sessions.pivot_table(index="subject", columns="period", values="base", observed=True)
    wide = wide.dropna()
    if len(wide) < 2 or wide.shape[1] != 2:
        return None
    shift = np.array(wide.iloc[:, 1] - wide.iloc[:, 0], dtype=np.float64)
    error = float(shift.std(ddof=1) / np.sqrt(shift.size))
    title = f"{name}, baseline of period 2 - period 1"
    return Estimate(title, float(shift.mean()), error, shift.size - 1, shift.size)


def two_one_sided(found: Estimate, margin: float, alpha: float) -> dict[str, object]:
    """Return the test that a number is inside a margin, with the interval it rests on.

    A number without an error, as of a baseline that both sessions share, is not tested.

    Parameters
    ----------
    found : Estimate
        With a t distribution.
    margin : float
        Equivalence is a number between minus and plus this.
    alpha : float
        Level of each one-sided test; the interval has confidence 1 - 2 alpha.
    """
    row: dict[str, object] = {
        "role": "secondary",
        "analysis": found.name,
        "estimate": found.value,
        "se": found.error,
        "df": found.df,
        **dict.fromkeys(("p", "ci_low", "ci_high"), np.nan),
        "margin": margin,
        "note": "the same in every participant: nothing to test",
        "n_participants": found.n_participants,
    }
    if found.error == 0:
        return row
    half = stats.t.ppf(1 - alpha, found.df) * found.error
    above = stats.t.sf((found.value + margin) / found.error, found.df)
    below = stats.t.cdf((found.value - margin) / found.error, found.df)
    low, high = found.value - half, found.value + half
    inside = bool(-margin < low and high < margin)
    return row | {
        "p": float(max(above, below)),
        "ci_low": low,
        "ci_high": high,
        "note": f"{100 * (1 - 2 * alpha):g} % interval "
        + ("inside the margin: equivalent" if inside else "not inside the margin: not shown"),
    }


def equivalence(found: list[tuple[Estimate, float]], plan: Plan) -> pd.DataFrame:
    """Return the tests of equivalence, a row an estimate with its margin.

    Effects are tests of the plan's families; baselines describe.
    """
    rows = [
        two_one_sided(one, margin, 1 - plan.confidence)
        | {MEMBER: "" if "baseline" in one.name else "equivalence"}
        for one, margin in found
    ]
    return pd.DataFrame(rows)
