"""Statistical mediation in a within-participant design of two conditions.

An indirect effect is a product of two regressions. It is no proof of a mechanism:
the mediator was not randomised.

References
----------
Montoya AK, Hayes AF. Psychol Methods 22:6-27 (2017). doi:10.1037/met0000086
Imai K, Keele L, Tingley D. Psychol Methods 15:309-334 (2010). doi:10.1037/a0020761
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from glxflow.errors import TooFewError
from glxflow.spectrum import RealArray
from glxflow.trial.brain import BEHAVIOUR, BRAIN, Pairs, regress
from glxflow.trial.design import residuals

_ROWS_AT_ONCE = 2000
_N_COEFFICIENTS = 4
"""Of the regression of the outcome: intercept, sequence, mediator and its sum."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Coefficients of the two regressions, with standard errors.

    Attributes
    ----------
    a, b, sum_slope, direct, total : tuple of float
        Estimate and standard error: condition on the mediator; mediator on the
        outcome; the mediator's sum on the outcome; condition on the outcome beside
        and without the mediator.
    """

    a: tuple[float, float]
    b: tuple[float, float]
    sum_slope: tuple[float, float]
    direct: tuple[float, float]
    total: tuple[float, float]

    @property
    def indirect(self) -> float:
        """Product of a and b."""
        return self.a[0] * self.b[0]


def paths(pairs: Pairs, *, adjust_period: bool) -> Paths:
    """Return the paths from condition through the brain to behaviour.

    Parameters
    ----------
    pairs : Pairs
        Complete participants.
    adjust_period : bool
        Whether sequence enters both regressions, so that a period effect cancels.

    Raises
    ------
    TooFewError
        If a path cannot be told, or has no error.
    """
    n = len(pairs.side)
    base = [np.ones(n), *([pairs.side] if adjust_period else [])]
    total = pairs.brain.sum(axis=1)
    small = np.column_stack(base)
    # At the mean of both sequences' means, where the other intercepts stand: the total
    # effect is then direct plus indirect, of unequal sequences too.
    centred = total - regress(small, total, "the brain's sum of both sessions")[0][0]
    full = np.column_stack([*base, pairs.brain_difference, centred])
    first, first_error = regress(small, pairs.brain_difference, BRAIN)
    whole, whole_error = regress(small, pairs.behaviour_difference, BEHAVIOUR)
    second, second_error = regress(full, pairs.behaviour_difference, BEHAVIOUR)
    return Paths(
        a=(float(first[0]), float(first_error[0])),
        b=(float(second[-2]), float(second_error[-2])),
        sum_slope=(float(second[-1]), float(second_error[-1])),
        direct=(float(second[0]), float(second_error[0])),
        total=(float(whole[0]), float(whole_error[0])),
    )


def mediate(
    pairs: Pairs, *, confidence: float, n_draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the period-adjusted paths, the indirect effect and its sensitivity.

    Parameters
    ----------
    pairs : Pairs
        Complete participants.
    confidence : float
        Of the intervals.
    n_draws : int
        Bootstrap draws of whole participants within sequence.
    rng : Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        role, analysis, estimate, se, df, p, ci_low, ci_high, n_participants, note.

    Raises
    ------
    TooFewError
        As `paths` does.
    """
    found = paths(pairs, adjust_period=True)
    n = len(pairs.side)
    rows = [
        _path(name, value, df, confidence)
        for name, value, df in (
            ("a: condition on brain", found.a, n - 2),
            ("b: brain on behaviour", found.b, n - 4),
            ("d: brain sum on behaviour", found.sum_slope, n - 4),
            ("direct effect", found.direct, n - 4),
            ("total effect", found.total, n - 2),
        )
    ]
    draws = _indirect_draws(pairs, n_draws, rng)
    tails = np.array([0.5 - confidence / 2, 0.5 + confidence / 2])
    share = np.clip((draws < found.indirect).mean(), 1 / n_draws, 1 - 1 / n_draws)
    corrected = stats.norm.cdf(2 * stats.norm.ppf(share) + stats.norm.ppf(tails))
    note = f"{n_draws} draws within sequence"
    for method, levels in (("percentile", tails), ("bias-corrected", corrected)):
        low, high = np.quantile(draws, levels)
        rows.append(
            _row(f"indirect effect, {method} bootstrap", found.indirect, low, high, note)
            | {"se": draws.std(ddof=1)}
        )
    rows += [_error_corrected(pairs), _confounding(pairs)]
    return pd.DataFrame(rows).assign(role="exploratory", n_participants=n)


def _row(analysis: str, estimate: float, low: float, high: float, note: str) -> dict[str, object]:
    """Return a row with every column."""
    empty = dict.fromkeys(("se", "df", "p"), np.nan)
    return {
        "analysis": analysis, "estimate": estimate, **empty, "ci_low": low, "ci_high": high,
        "note": note,
    }  # fmt: skip


def _path(
    analysis: str, value: tuple[float, float], df: int, confidence: float
) -> dict[str, object]:
    """Return a coefficient with its t interval."""
    estimate, error = value
    half = stats.t.ppf(0.5 + confidence / 2, df) * error
    row = _row(analysis, estimate, estimate - half, estimate + half, "")
    return row | {"se": error, "df": df, "p": 2 * stats.t.sf(abs(estimate / error), df)}


def _indirect_draws(pairs: Pairs, n_draws: int, rng: np.random.Generator) -> RealArray:
    """Return indirect effects of participants drawn within their sequence, (n_draws,)."""
    groups = [np.flatnonzero(pairs.side == side) for side in np.unique(pairs.side)]
    parts = []
    for start in range(0, n_draws, _ROWS_AT_ONCE):
        size = min(_ROWS_AT_ONCE, n_draws - start)
        drawn = [group[rng.integers(group.size, size=(size, group.size))] for group in groups]
        parts.append(_indirect(pairs, np.concatenate(drawn, axis=1)))
    return np.concatenate(parts)


def _indirect(pairs: Pairs, rows: npt.NDArray[np.int64]) -> RealArray:
    """Return the period-adjusted indirect effect of each row of drawn participants."""
    brain, behaviour = pairs.brain_difference[rows], pairs.behaviour_difference[rows]
    total, side = pairs.brain.sum(axis=1)[rows], pairs.side[rows]
    ones = np.ones_like(side)
    small = np.stack([ones, side], axis=-1)
    full = np.stack([ones, side, brain, total], axis=-1)
    a = _solve(small, brain)[:, 0]
    indirect: RealArray = a * _solve(full, behaviour)[:, 2]
    return indirect


def _solve(design: RealArray, values: RealArray) -> RealArray:
    """Return least squares coefficients of each draw; pinv, since a draw may repeat rows."""
    gram = design.swapaxes(-1, -2) @ design
    moment = design.swapaxes(-1, -2) @ values[..., np.newaxis]
    solved: RealArray = (np.linalg.pinv(gram, hermitian=True) @ moment)[..., 0]
    return solved


def _error_corrected(pairs: Pairs) -> dict[str, object]:
    """Return b without the attenuation that the fits' errors in the mediator cause.

    Of the changes that errors are known best of, which scatter by these errors.
    """
    name = "b, corrected for errors of measurement"
    own = pairs.of_measured()
    known = np.isfinite(own.measured_variance)
    if not known.any(axis=0).all():
        return _row(name, np.nan, np.nan, np.nan, "no errors of the mediator are known")
    if own.side.size <= _N_COEFFICIENTS or np.ptp(own.side) == 0:
        note = f"{own.side.size} participants have changes of known error: too few"
        return _row(name, np.nan, np.nan, np.nan, note)
    try:
        b, error = paths(own, adjust_period=True).b
    except TooFewError as reason:
        return _row(name, np.nan, np.nan, np.nan, str(reason))
    # The mean of each condition over the sessions whose error is known.
    noise = float(np.mean(own.measured_variance, axis=0, where=known).sum())
    total = own.brain.sum(axis=1)
    design = np.column_stack([np.ones(total.size), own.side, total])
    left = residuals(own.brain_difference, design)
    reliability = 1 - noise / (float(left @ left) / (total.size - 3))
    if reliability <= 0:
        note = "errors of measurement explain all variation of the mediator: no number"
        return _row(name, np.nan, np.nan, np.nan, note)
    half = 2 * error / reliability
    note = f"reliability {reliability:.2f} of the difference; interval two errors to either side"
    if not known.all():
        note += f"; errors known of {known.sum()} of {known.size} sessions"
    if not np.array_equal(own.brain, pairs.brain):
        note += f"; of the changes fitted jointly, {own.side.size} participants"
    return _row(name, b / reliability, b / reliability - half, b / reliability + half, note)


def _confounding(pairs: Pairs) -> dict[str, object]:
    """Return the correlation of errors at which the indirect effect would vanish.

    Both are taken beside the mediator's sum, as b is.
    """
    total = pairs.brain.sum(axis=1)
    design = np.column_stack([np.ones(total.size), pairs.side, total])
    left = [
        residuals(values, design)
        for values in (pairs.brain_difference, pairs.behaviour_difference)
    ]
    rho = float(np.corrcoef(left[0], left[1])[0, 1])
    note = "an unmeasured cause of both that correlates their errors so explains the indirect path"
    return _row("sensitivity: error correlation that removes it", rho, np.nan, np.nan, note)
