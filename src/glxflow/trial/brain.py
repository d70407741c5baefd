"""How brain and behaviour go together: within participants, between them, never pooled.

The 2n points of a crossover are n pairs. Pooling them would count each participant
twice and mix differences between people with differences between conditions.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.spectrum import RealArray


@dataclass(frozen=True, slots=True)
class Pairs:
    """Both measures of complete participants under both conditions.

    Attributes
    ----------
    brain, behaviour : (n_participants, 2) ndarray
        Change under the reference condition and under the active one.
    side : (n_participants,) ndarray
        Sequence as -1 and +1, +1 where the active condition came first.
    measured : (n_participants, 2) ndarray
        The brain's change that errors are known best of: that of joint fits, where there are any;
        NaN where a participant has none.
    measured_variance : (n_participants, 2) ndarray
        Squared error of `measured` by the fits; NaN where unknown.
    """

    brain: RealArray
    behaviour: RealArray
    side: RealArray
    measured: RealArray
    measured_variance: RealArray

    def of_measured(self) -> "Pairs":
        """Return the participants with a measured change, with that for the brain's."""
        has = np.isfinite(self.measured).all(axis=1)
        measured, variance = self.measured[has], self.measured_variance[has]
        return Pairs(measured, self.behaviour[has], self.side[has], measured, variance)

    @property
    def brain_difference(self) -> RealArray:
        """Active minus reference, (n_participants,)."""
        return np.asarray(self.brain[:, 1] - self.brain[:, 0])

    @property
    def behaviour_difference(self) -> RealArray:
        """Active minus reference, (n_participants,)."""
        return np.asarray(self.behaviour[:, 1] - self.behaviour[:, 0])


def associations(pairs: Pairs, confidence: float) -> pd.DataFrame:
    """Return within- and between-participant associations, a row each.

    The first asks whether who differs more in the brain differs more in behaviour. The
    repeated-measures correlation of two conditions asks no such thing: where both
    measures differ between the conditions on average it is there without it.

    Parameters
    ----------
    pairs : Pairs
        Complete participants.
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        role, analysis, estimate, statistic, df, p, ci_low, ci_high,
        n_participants, note.

    References
    ----------
    Bakdash JZ, Marusich LR. Front Psychol 8:456 (2017).
    doi:10.3389/fpsyg.2017.00456
    """
    n = len(pairs.brain)
    within = [values - values.mean(axis=1, keepdims=True) for values in _both(pairs)]
    means = [values.mean(axis=1) for values in _both(pairs)]
    design = np.column_stack([np.ones(n), pairs.side])
    adjusted = [
        _residual(values, design)
        for values in (pairs.brain_difference, pairs.behaviour_difference)
    ]
    rows = [
        correlation(
            "partial correlation of differences, period-adjusted",
            adjusted[0],
            adjusted[1],
            n - 3,
            confidence,
        ),
        correlation("repeated-measures correlation", within[0], within[1], n - 1, confidence)
        | {"note": "holds what the conditions change in everybody, associated or not"},
        slope_row(pairs, confidence),
        correlation(
            "between participants, means of both sessions", means[0], means[1], n - 2, confidence
        ),
    ]
    return pd.DataFrame(rows).assign(role="exploratory", n_participants=n)


def _both(pairs: Pairs) -> tuple[RealArray, RealArray]:
    """Return brain and behaviour."""
    return pairs.brain, pairs.behaviour


def _residual(values: RealArray, design: RealArray) -> RealArray:
    """Return what a regression on a design leaves."""
    return np.asarray(values - design @ np.linalg.lstsq(design, values, rcond=None)[0])


def correlation(
    analysis: str, one: RealArray, other: RealArray, df: int, confidence: float
) -> dict[str, object]:
    """Return a correlation of centred or raw values with Fisher's interval at given df.

    Parameters
    ----------
    analysis : str
        Name.
    one, other : (n_points,) ndarray
        Values.
    df : int
        Points less the parameters of both means and of the slope.
    confidence : float
        Of the interval.
    """
    one, other = one - one.mean(), other - other.mean()
    r = float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))
    t = r * np.sqrt(df / (1 - r**2))
    half = stats.norm.ppf(0.5 + confidence / 2) / np.sqrt(df - 1)
    return {
        "analysis": analysis,
        "estimate": r,
        "statistic": t,
        "df": df,
        "p": 2 * stats.t.sf(abs(t), df),
        "ci_low": np.tanh(np.arctanh(r) - half),
        "ci_high": np.tanh(np.arctanh(r) + half),
        "note": "",
    }


def slope_row(pairs: Pairs, confidence: float) -> dict[str, object]:
    """Return the slope of the behaviour's difference on the brain's, period-adjusted."""
    n = len(pairs.side)
    design = np.column_stack([pairs.brain_difference, np.ones(n), pairs.side])
    solution, error = regress(design, pairs.behaviour_difference)
    half = stats.t.ppf(0.5 + confidence / 2, n - 3) * error[0]
    return {
        "analysis": "slope of behaviour on brain differences, period-adjusted",
        "estimate": solution[0],
        "statistic": solution[0] / error[0],
        "df": n - 3,
        "p": 2 * stats.t.sf(abs(solution[0] / error[0]), n - 3),
        "ci_low": solution[0] - half,
        "ci_high": solution[0] + half,
        "note": "score points per unit of the outcome",
    }


def regress(design: RealArray, values: RealArray) -> tuple[RealArray, RealArray]:
    """Return coefficients of ordinary least squares and their standard errors."""
    solution = np.asarray(np.linalg.lstsq(design, values, rcond=None)[0], dtype=np.float64)
    df = design.shape[0] - design.shape[1]
    variance = float(np.sum((values - design @ solution) ** 2)) / df
    error: RealArray = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    return solution, error
