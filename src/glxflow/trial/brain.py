"""How brain and behaviour go together: within participants, between them, never pooled.

The 2n points of a crossover are n pairs. Pooling them would count each participant
twice and mix differences between people with differences between conditions.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.errors import TooFewError
from glxflow.spectrum import RealArray
from glxflow.trial.design import aliased_columns, residuals

BRAIN = "the brain's difference between the conditions"
BEHAVIOUR = "the behaviour's difference between the conditions"

_FEWEST_DF = 2
"""Degrees of freedom of a correlation below which Fisher's interval has no width."""

_LINE = 1e-14
"""Share of the variance that rounding leaves beside a line."""


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
        n_participants, note; the note of a row without numbers says why.

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
        residuals(values, design)
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
        correlation(
            "repeated-measures correlation",
            within[0],
            within[1],
            n - 1,
            confidence,
            note="holds what the conditions change in everybody, associated or not",
        ),
        slope_row(pairs, confidence),
        correlation(
            "between participants, means of both sessions", means[0], means[1], n - 2, confidence
        ),
    ]
    return pd.DataFrame(rows).assign(role="exploratory", n_participants=n)


def _both(pairs: Pairs) -> tuple[RealArray, RealArray]:
    """Return brain and behaviour."""
    return pairs.brain, pairs.behaviour


def correlation(
    analysis: str,
    one: RealArray,
    other: RealArray,
    df: int,
    confidence: float,
    note: str = "",
) -> dict[str, object]:
    """Return a correlation of centred or raw values with Fisher's interval at given df.

    Where it has none, the row has no numbers, and its note says why.

    Parameters
    ----------
    analysis : str
        Name.
    one, other : (n_points,) or (n_participants, n_sessions) ndarray
        Values; every one is a point.
    df : int
        Points less the parameters of both means and of the slope.
    confidence : float
        Of the interval.
    note : str
        Of a row with numbers.
    """
    if df < _FEWEST_DF:
        return _unknown(analysis, f"{one.size} points leave too few degrees of freedom ({df})")
    one, other = (residuals(part.ravel(), np.ones((part.size, 1))) for part in (one, other))
    if not one.any() or not other.any():
        return _unknown(analysis, "one of both is the same at every point")
    r = float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))
    if 1 - r**2 < _LINE:
        return _unknown(analysis, "all points lie on a line: no error is known")
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
        "note": note,
    }


def _unknown(analysis: str, why: str) -> dict[str, object]:
    """Return a row without numbers."""
    empty = dict.fromkeys(("estimate", "statistic", "df", "p", "ci_low", "ci_high"), np.nan)
    return {"analysis": analysis, **empty, "note": why}


def slope_row(pairs: Pairs, confidence: float) -> dict[str, object]:
    """Return the slope of the behaviour's difference on the brain's, period-adjusted."""
    n = len(pairs.side)
    analysis = "slope of behaviour on brain differences, period-adjusted"
    design = np.column_stack([pairs.brain_difference, np.ones(n), pairs.side])
    try:
        coefficients, errors = regress(design, pairs.behaviour_difference, BEHAVIOUR)
    except TooFewError as reason:
        return _unknown(analysis, str(reason))
    slope, error = float(coefficients[0]), float(errors[0])
    half = stats.t.ppf(0.5 + confidence / 2, n - 3) * error
    return {
        "analysis": analysis,
        "estimate": slope,
        "statistic": slope / error,
        "df": n - 3,
        "p": 2 * stats.t.sf(abs(slope / error), n - 3),
        "ci_low": slope - half,
        "ci_high": slope + half,
        "note": "score points per unit of the outcome",
    }


def regress(design: RealArray, values: RealArray, what: str) -> tuple[RealArray, RealArray]:
    """Return coefficients of ordinary least squares and their standard errors.

    Parameters
    ----------
    design : (n_participants, n_coefficients) ndarray
        Columns.
    values : (n_participants,) ndarray
        What is regressed.
    what : str
        Its name, for the message.

    Raises
    ------
    TooFewError
        If the coefficients cannot be told apart, or have no error.
    """
    n, size = design.shape
    if n <= size or aliased_columns(design):
        raise TooFewError(
            f"{n} participants cannot tell the {size} coefficients of a regression of {what} apart"
        )
    left = residuals(values, design)
    if not left.any():
        raise TooFewError(
            f"{what} is exactly what a regression with {size} coefficients gives, as where it is "
            "the same in everybody: no error is known"
        )
    solution = np.asarray(np.linalg.lstsq(design, values, rcond=None)[0], dtype=np.float64)
    variance = float(left @ left) / (n - size)
    error: RealArray = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    return solution, error
