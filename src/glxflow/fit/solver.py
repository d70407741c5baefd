"""Levenberg-Marquardt on bare arrays, and what makes its end a solution."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.problem import Point, Problem
from glxflow.spectrum import BoolArray, RealArray

LARGEST_PREDICTED_DECREASE = 1e-4
"""Converged: a further Gauss-Newton step would lower reduced chi-squared units by less."""

SMALLEST_DECREASE = 1e-7
"""Share of the cost; far below what moves an amplitude."""

_MOST_STEPS = 80
_LARGEST_DAMPING = 1e10


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
        Stop where the next step would lower the cost by a smaller share.
    """
    point = problem.evaluate(within(problem, start))
    damping, growth, n_evaluations = 1e-3, 2.0, 1
    for _ in range(_MOST_STEPS):
        jacobian = problem.jacobian(point, vary)
        gradient = jacobian.T @ point.residual
        # What would leave its bounds stands still, or it would spoil the step of the others.
        inside = ~_leaves(problem, point.theta, vary, gradient)
        jacobian, gradient = jacobian[:, inside], gradient[inside]
        normal = jacobian.T @ jacobian
        curvature = damping * np.diag(normal)
        step = np.linalg.solve(normal + np.diag(curvature), gradient)
        trial = point.theta.copy()
        trial[np.flatnonzero(vary)[inside]] -= step
        candidate = problem.evaluate(within(problem, trial))
        n_evaluations += 1
        predicted = float(step @ (gradient + curvature * step))
        gain = (point.cost - candidate.cost) / max(predicted, 1e-300)
        is_small = predicted < smallest_decrease * point.cost
        if gain > 0:
            # Nielsen (1999): a smooth rule does not bounce between two dampings.
            point, growth = candidate, 2.0
            damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
        else:
            damping, growth = damping * growth, 2 * growth
        if is_small or damping > _LARGEST_DAMPING:
            break
    return solution_at(problem, point, vary, n_evaluations)


def _leaves(problem: Problem, theta: RealArray, vary: BoolArray, gradient: RealArray) -> BoolArray:
    """Tell which varying parameters are at a bound that descent would cross."""
    prior = problem.prior
    at_low, at_high = theta[vary] <= prior.low[vary], theta[vary] >= prior.high[vary]
    leaves: BoolArray = (at_low & (gradient > 0)) | (at_high & (gradient < 0))
    return leaves


def within(problem: Problem, theta: RealArray) -> RealArray:
    """Return parameters moved inside their bounds."""
    bounded: RealArray = np.clip(theta, problem.prior.low, problem.prior.high)
    return bounded


def solution_at(problem: Problem, point: Point, vary: BoolArray, n_evaluations: int) -> Solution:
    """Check the optimum: bounds, and what one more free step would gain."""
    prior = problem.prior
    margin = 1e-3 * np.where(np.isfinite(prior.high - prior.low), prior.high - prior.low, 0.0)
    stuck = vary & ((point.theta <= prior.low + margin) | (point.theta >= prior.high - margin))
    free = vary & ~stuck
    jacobian = problem.jacobian(point, free)
    normal, gradient = jacobian.T @ jacobian, jacobian.T @ point.residual
    gain = float(gradient @ np.linalg.solve(normal + 1e-12 * np.diag(np.diag(normal)), gradient))
    names = tuple(name for name, is_stuck in zip(prior.names, stuck, strict=True) if is_stuck)
    # Where the model does not explain the data, chi-squared counts in units of its excess.
    excess = max(1.0, point.cost / len(problem.model.ppm))
    return Solution(point, n_evaluations, gain, LARGEST_PREDICTED_DECREASE * excess, names, free)
