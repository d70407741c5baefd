"""Intervals by profile likelihood: an amplitude, sum or ratio is held, all else fitted anew.

They bend where a normal interval cannot: near zero, where an amplitude ends, and where
substances trade places (Venzon & Moolgavkar 1988, doi:10.2307/2347496). Chi-squared
counts in units in which its curvature is the reported variance, so that misfit and the
macromolecules' shape widen these intervals as they do the SD.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from glxflow.fit.found import Fit
from glxflow.fit.nnls import nnls_gram
from glxflow.fit.point import Curves, Point
from glxflow.fit.problem import Problem
from glxflow.fit.solver import Solution, solve_fast
from glxflow.fit.uncertainty import inverse_of
from glxflow.spectrum import RealArray

CHI2_95 = 3.84
"""95 % quantile of chi-squared with one degree of freedom."""

_STRENGTH = 1e3
_STEPS = (2.2, 4.0, 8.0, 16.0, 32.0)
_ACCURACY = 0.01
_DECREASE = 1e-4
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
        NaN where the fit failed, infinite where no limit was found.
    """

    value: float
    sd: float
    low95: float
    high95: float


class Held(Problem):
    """A problem in which a weighted sum of amplitudes has a given value.

    Parameters
    ----------
    problem : Problem
        Without the constraint.
    row : (n_columns,) ndarray
        Weights of the amplitudes over the SD of their sum.
    target : float
        Value of the sum over its SD.
    """

    def __init__(self, problem: Problem, row: RealArray, target: float) -> None:
        super().__init__(
            problem.model,
            problem._spectrum,
            problem.noise_sd,
            problem.stiffness,
            problem.ratio_rows,
        )
        self._row = _STRENGTH * row
        self._target = _STRENGTH * target

    def _complete(self, curves: Curves) -> Point:
        """Return the state under the constraint: one more row of the residual."""
        point = super()._complete(curves)
        n_fit = len(self.model.ppm)
        observed = point.residual[:n_fit] + point.amplitudes @ point.whitened
        gram = point.gram + np.outer(self._row, self._row)
        moment = point.whitened @ observed + self._target * self._row
        amplitudes = nnls_gram(gram, moment, point.amplitudes != 0, self.model.is_signed)
        residual = np.concatenate(
            [
                observed - amplitudes @ point.whitened,
                self.ratio_rows @ amplitudes,
                point.residual[n_fit + len(self.ratio_rows) :],
                [self._row @ amplitudes - self._target],
            ]
        )
        return replace(point, amplitudes=amplitudes, gram=gram, residual=residual)


def profile_interval(
    fit: Fit, numerator: RealArray, denominator: RealArray | None = None
) -> ProfileInterval:
    """Return the 95 % profile interval of a sum of amplitudes, or of a ratio of two sums.

    Parameters
    ----------
    fit : Fit
        A finished fit.
    numerator : (n_components,) ndarray
        Weights of the amplitudes.
    denominator : (n_components,) ndarray, optional
        Weights of the sum it is divided by; the amplitude itself if absent.
    """
    below = np.zeros(numerator.size) if denominator is None else denominator
    amount = 1.0 if denominator is None else float(below @ fit.result.amplitudes)
    if fit.found is None or not amount > 0:
        return ProfileInterval(*[float("nan")] * 4)
    problem, solution = fit.found.problem, fit.found.solution
    value = float(numerator @ fit.result.amplitudes) / amount
    gradient = (numerator - value * below) / amount
    sd = float(np.sqrt(gradient @ fit.result.covariance @ gradient))
    if sd <= _KNOWN * value:
        return ProfileInterval(value, sd, value, value)
    unit = CHI2_95 * sd**2 / _curvature_variance(problem, solution, gradient)
    best, start = solution.point.cost, [solution.point.theta]
    every = np.ones(start[0].size, dtype=np.bool_)

    def excess(candidate: float) -> float:
        """Return by how much the rise of chi-squared exceeds that of the limits, as a root."""
        # A ratio is held by a sum that is zero, an amplitude by one that is not.
        row = np.zeros(len(problem.model.response))
        row[: numerator.size] = (numerator - candidate * below) / (amount * sd)
        target = candidate / sd if denominator is None else 0.0
        end = solve_fast(Held(problem, row, target), start[-1], every, _DECREASE)
        start.append(end.point.theta)
        return float(np.sqrt(max(end.point.cost - best, 0.0) / unit)) - 1.0

    return ProfileInterval(value, sd, _low(excess, value, sd), _high(excess, value, sd))


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


def _curvature_variance(problem: Problem, solution: Solution, gradient: RealArray) -> float:
    """Return the variance of a combination of amplitudes by the curvature of chi-squared."""
    point, free = solution.point, solution.free
    rows = np.concatenate(
        [problem.fixed_jacobian(point)[:, free], problem.linear_jacobian(point)], axis=1
    )
    weights = np.zeros(rows.shape[1])
    first = int(free.sum())
    weights[first : first + gradient.size] = gradient
    return float(weights @ inverse_of(rows.T @ rows) @ weights)
