"""Levenberg-Marquardt on bare arrays, and what makes its end a solution."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.prior import Prior
from glxflow.fit.problem import Point, Problem
from glxflow.fit.square import diagonal, principal
from glxflow.spectrum import BoolArray, RealArray

LARGEST_PREDICTED_DECREASE = 1e-4
"""Converged: a further Gauss-Newton step would lower reduced chi-squared units by less."""

SMALLEST_DECREASE = 3e-5
"""The search ends where a step would lower chi-squared by less: 0.006 SD of a parameter."""

_MOST_EVALUATIONS = 80
_LARGEST_DAMPING = 1e10
_LEAST_COSINE = 1e-3
# Curvature is learned only where steps are small: far from the minimum it misleads.
_NEAR = 0.02


@dataclass(frozen=True, slots=True)
class Solution:
    """The end of a search.

    Attributes
    ----------
    point : Point
        Best parameters found, with amplitudes and residual.
    n_evaluations : int
        Residuals that were computed.
    predicted_decrease : float
        By how much a free Gauss-Newton step would lower chi-squared.
    tolerance : float
        Limit of that for a converged fit: parameters are then within 0.01 SD.
    at_bound : tuple of str
        Parameters that ended at a bound.
    free : (n_theta,) bool ndarray
        Parameters that varied and did not.
    """

    point: Point
    n_evaluations: int
    predicted_decrease: float
    tolerance: float
    at_bound: tuple[str, ...]
    free: BoolArray

    @property
    def is_converged(self) -> bool:
        """Whether the Karush-Kuhn-Tucker conditions hold well enough."""
        return self.predicted_decrease < self.tolerance


def solve_fast(
    problem: Problem,
    start: RealArray,
    vary: BoolArray,
    smallest_decrease: float = SMALLEST_DECREASE,
) -> Solution:
    """Minimise on bare arrays, with the same residual and Jacobian as the reference.

    Parameters
    ----------
    problem : Problem
        What to fit.
    start : (n_theta,) ndarray
        Start values.
    vary : (n_theta,) bool ndarray
        Which parameters are searched.
    smallest_decrease : float
        Stop where the next step would lower the cost by less.
    """
    point = problem.evaluate(within(problem, start))
    varied = np.flatnonzero(vary)
    normal, gradient = problem.normal_equations(point, vary)
    second = np.zeros_like(normal)
    damping, growth, n_evaluations = 1e-3, 2.0, 1
    while damping < _LARGEST_DAMPING and n_evaluations < _MOST_EVALUATIONS:
        # What would leave its bounds stands still, or it would spoil the step of the others.
        inside = ~leaves(problem.prior, point.theta, vary, gradient)
        hessian = principal(normal + second, inside)
        curvature = damping * diagonal(normal)[inside]
        diagonal(hessian)[:] += curvature
        step = np.zeros(inside.size)
        step[inside] = np.linalg.solve(hessian, gradient[inside])
        predicted = float(step[inside] @ (gradient[inside] + curvature * step[inside]))
        if predicted < 0:
            second = np.zeros_like(normal)
            continue
        if predicted < smallest_decrease:
            break
        trial = point.theta.copy()
        trial[varied] -= step
        candidate = problem.evaluate(within(problem, trial))
        n_evaluations += 1
        gain = (point.cost - candidate.cost) / predicted
        if gain > 0:
            before, moved = gradient, (candidate.theta - point.theta)[varied]
            # Nielsen (1999): a smooth rule does not bounce between two dampings.
            point, growth = candidate, 2.0
            damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
            normal, gradient = problem.normal_equations(point, vary)
            if predicted < _NEAR * point.cost:
                second = second + _secant(gradient - before - (normal + second) @ moved, moved)
        else:
            damping, growth = damping * growth, 2 * growth
            second = np.zeros_like(normal)
    return solution_at(problem, point, (normal, gradient), vary, n_evaluations)


def _secant(missed: RealArray, moved: RealArray) -> RealArray:
    """Return the symmetric correction of rank one that explains a change of the gradient.

    Gauss-Newton neglects the curvature of the model; where data say little it
    overshoots for ever (Dennis, Gay & Welsch 1981, doi:10.1145/355958.355965).
    """
    share = float(missed @ moved)
    if abs(share) <= _LEAST_COSINE * float(np.linalg.norm(missed) * np.linalg.norm(moved)):
        return np.zeros((missed.size, missed.size))
    return np.outer(missed, missed) / share


def free_decrease(normal: RealArray, gradient: RealArray) -> float:
    """Return by how much a Gauss-Newton step would lower the cost."""
    ridge = 1e-12 * np.diag(np.diag(normal))
    return float(gradient @ np.linalg.solve(normal + ridge, gradient))


def leaves(prior: Prior, theta: RealArray, vary: BoolArray, gradient: RealArray) -> BoolArray:
    """Tell which varying parameters are at a bound that descent would cross."""
    at_low, at_high = theta[vary] <= prior.low[vary], theta[vary] >= prior.high[vary]
    crossing: BoolArray = (at_low & (gradient > 0)) | (at_high & (gradient < 0))
    return crossing


def within(problem: Problem, theta: RealArray) -> RealArray:
    """Return parameters moved inside their bounds."""
    bounded: RealArray = np.clip(theta, problem.prior.low, problem.prior.high)
    return bounded


def solution_at(
    problem: Problem,
    point: Point,
    normal_equations: tuple[RealArray, RealArray],
    vary: BoolArray,
    n_evaluations: int,
) -> Solution:
    """Return the solution at an optimum: bounds, and what one more free step would gain."""
    prior, (normal, gradient) = problem.prior, normal_equations
    margin = 1e-3 * prior.span
    stuck = vary & ((point.theta <= prior.low + margin) | (point.theta >= prior.high - margin))
    free = vary & ~stuck
    matrix, slope = principal(normal, free[vary]), gradient[free[vary]]
    gain = free_decrease(matrix, slope)
    names = tuple(name for name, is_stuck in zip(prior.names, stuck, strict=True) if is_stuck)
    # Where the model does not explain the data, chi-squared counts in units of its excess.
    excess = max(1.0, point.cost / len(problem.model.ppm))
    return Solution(point, n_evaluations, gain, LARGEST_PREDICTED_DECREASE * excess, names, free)
