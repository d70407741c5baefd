"""Intervals by profile likelihood: an amplitude, sum or ratio is held, all else fitted anew.

They bend where a normal interval cannot: near zero, where an amplitude ends, and where
substances trade places (Venzon & Moolgavkar 1988, doi:10.2307/2347496). Chi-squared
counts in units in which its curvature is the reported variance, so that misfit and the
macromolecules' shape widen these intervals as they do the SD.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from glxflow.fit.edited_result import EditedFit
from glxflow.fit.found import Fit
from glxflow.fit.joint import Joint, information
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.solved import Solved, solved
from glxflow.spectrum import RealArray

CHI2_95 = 3.84
"""95 % quantile of chi-squared with one degree of freedom."""

_STRENGTH = 1e3
_STEPS = (2.2, 4.0, 8.0, 16.0, 32.0)
_ACCURACY = 0.01
_DECREASE = 1e-2
_LOWER = 1.0
"""How far chi-squared may fall below that of the fit, which ends nearer to its minimum."""
_KNOWN = 1e-9


@dataclass(frozen=True, slots=True)
class ProfileInterval:
    """The 95 % interval of one quantity.

    Attributes
    ----------
    value, sd : float
        Estimate and its reported SD.
    low95, high95 : float
        Limits. A lower limit of 0 was not reached: the upper one then stands alone.
        NaN where the fit failed or a lower minimum was met, infinite where no limit was found.
    """

    value: float
    sd: float
    low95: float
    high95: float


def profile_interval(
    fit: Fit | EditedFit, numerator: RealArray, denominator: RealArray | None = None
) -> ProfileInterval:
    """Return the 95 % profile interval of a sum of amplitudes, or of a ratio of two sums.

    Parameters
    ----------
    fit : Fit or EditedFit
        A finished fit; of an edited session, the amplitudes are those of its difference.
    numerator : (n_components,) ndarray
        Weights of the amplitudes.
    denominator : (n_components,) ndarray, optional
        Weights of the sum it is divided by; the amplitude itself if absent.
    """
    optimum = solved(fit)
    if optimum is None:
        return ProfileInterval(*[float("nan")] * 4)
    amplitudes = optimum.joint.blocks[0].reported @ optimum.point.blocks[0].linear
    below = np.zeros(numerator.size) if denominator is None else denominator
    amount = 1.0 if denominator is None else float(below @ amplitudes)
    if not amount > 0:
        return ProfileInterval(*[float("nan")] * 4)
    value = float(numerator @ amplitudes) / amount
    gradient = (numerator - value * below) / amount
    sd = float(np.sqrt(gradient @ optimum.reported.covariance @ gradient))
    if sd <= _KNOWN * value:
        return ProfileInterval(value, sd, value, value)
    unit = CHI2_95 * sd**2 / _curvature_variance(optimum, gradient)
    start, rises = [optimum.point.theta], [0.0]

    @cache
    def excess(candidate: float) -> float:
        """Return by how much the rise of chi-squared exceeds that of the limits, as a root.

        Once for each candidate: from another start the search may end in another minimum, and
        a limit would no longer lie between the two that were found about it.
        """
        if candidate == value:
            return -1.0
        # A ratio is held by a sum that is zero, an amplitude by one that is not.
        weights = (numerator - candidate * below) / (amount * sd)
        target = candidate / sd if denominator is None else 0.0
        end = solve_joint(_held(optimum, weights, target), start[-1], optimum.free, _DECREASE)
        start.append(end.point.theta)
        rises.append(end.point.cost - optimum.point.cost)
        return float(np.sqrt(max(rises[-1], 0.0) / unit)) - 1.0

    limits = _low(excess, value, sd), _high(excess, value, sd)
    if min(rises) < -_LOWER:
        # The search had ended in a minimum that is not the lowest: its limits mean nothing.
        limits = float("nan"), float("nan")
    return ProfileInterval(value, sd, *limits)


def _held(optimum: Solved, weights: RealArray, target: float) -> Joint:
    """Return the problem in which a weighted sum of amplitudes has a given value."""
    block = optimum.joint.blocks[0]
    row = _STRENGTH * (weights @ block.reported)
    return Joint([block.held(row, _STRENGTH * target)], optimum.joint.prior)


def _curvature_variance(optimum: Solved, weights: RealArray) -> float:
    """Return the variance of a weighted sum of amplitudes by the curvature of chi-squared."""
    _, inverse = information(optimum.joint, optimum.point, optimum.free)
    linear = weights @ optimum.joint.blocks[0].reported
    n_free = int(optimum.free.sum())
    return float(linear @ inverse[n_free:, n_free:] @ linear)


def _high(excess: Callable[[float], float], value: float, sd: float) -> float:
    """Return where the profile crosses its limit above the estimate; infinite if it does not."""
    inside = value
    for step in _STEPS:
        if excess(value + step * sd) > 0:
            return _crossing(excess, inside, value + step * sd, _ACCURACY * sd)
        inside = value + step * sd
    return float("inf")


def _low(excess: Callable[[float], float], value: float, sd: float) -> float:
    """Return where the profile crosses its limit below the estimate; 0 if it does not."""
    inside = value
    for step in _STEPS:
        lower = max(value - step * sd, 0.0)
        if inside > 0 and excess(lower) > 0:
            return _crossing(excess, lower, inside, _ACCURACY * sd)
        inside = lower
    return 0.0


def _crossing(
    excess: Callable[[float], float], lower: float, upper: float, accuracy: float
) -> float:
    """Return where the profile crosses its limit between two values."""
    # Takes 0.25 s to import, as long as ten fits; only profile intervals need it.
    from scipy.optimize import brentq

    return float(brentq(excess, lower, upper, xtol=accuracy))
