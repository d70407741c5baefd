"""Levenberg-Marquardt on bare arrays, and what makes its end a solution."""

from dataclasses import dataclass, replace

import numpy as np

from glxflow.fit.curvature import Quadratic, decrease
from glxflow.fit.point import Point
from glxflow.fit.prior import leaves
from glxflow.fit.problem import Problem
from glxflow.fit.square import diagonal, principal
from glxflow.spectrum import BoolArray, RealArray

LARGEST_PREDICTED_DECREASE = 1e-4
"""Converged: a further Gauss-Newton step would lower reduced chi-squared units by less."""

SMALLEST_DECREASE = 8e-5
"""The search ends where a step would lower chi-squared by less: 0.009 SD of a parameter."""

_NEAR = 0.2
"""Near the minimum, a step lowers the cost by less than this share of it."""

_LARGEST_KEPT_GAIN = 0.3
_LARGEST_SURPRISE = 0.2
_MOST_EVALUATIONS = 80
_LARGEST_DAMPING = 1e10
_LEAST_SHRINKING = 0.1
_LEAST_RAISED = 0.05


@dataclass(frozen=True, slots=True)
class Solution:
    """The end of a search.

    Attributes
    ----------
    point : Point
        Best parameters found, with amplitudes and residual.
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
    start: RealArray | Point,
    vary: BoolArray,
    smallest_decrease: float = SMALLEST_DECREASE,
) -> Solution:
    """Minimise on bare arrays, with the same residual and Jacobian as the reference.

    Parameters
    ----------
    problem : Problem
        What to fit.
    start : (n_theta,) ndarray or Point
        Start values, or where the same problem was evaluated.
    vary : (n_theta,) bool ndarray
        Which parameters are searched.
    smallest_decrease : float
        Stop where the next step would lower the cost by less.
    """
    point = start if isinstance(start, Point) else problem.evaluate(within(problem, start))
    varied = np.flatnonzero(vary)
    local = problem.quadratic(point, vary, is_near=False)
    damping, growth, n_evaluations = 1e-3, 2.0, 1
    while damping < _LARGEST_DAMPING and n_evaluations < _MOST_EVALUATIONS:
        # What would leave its bounds stands still, or it would spoil the step of the others.
        inside = ~leaves(problem.prior, point.theta, vary, local.gradient)
        gradient = local.gradient[inside]
        hessian = principal(local.hessian, inside)
        curvature = damping * diagonal(local.normal)[inside]
        diagonal(hessian)[:] += curvature
        step = np.linalg.solve(hessian, gradient)
        predicted = float(step @ (gradient + curvature * step))
        if predicted < smallest_decrease:
            break
        trial = point.theta.copy()
        trial[varied[inside]] -= step
        candidate = problem.evaluate(within(problem, trial))
        n_evaluations += 1
        gain = point.cost - candidate.cost
        if gain > 0:
            # Nielsen (1999): a smooth rule does not bounce between two dampings.
            damping *= max(_LEAST_SHRINKING, 1 - (2 * gain / predicted - 1) ** 3)
            growth = 2.0
            local = quadratic_after(
                problem, local, vary, candidate, gain=gain, predicted=predicted
            )
            point = candidate
        else:
            damping = growth * max(damping, _LEAST_RAISED)
            growth *= 2
    return solution_at(problem, point, local, vary)


def quadratic_after(
    problem: Problem,
    local: Quadratic,
    vary: BoolArray,
    point: Point,
    *,
    gain: float,
    predicted: float,
) -> Quadratic:
    """Return the quadratic model where a step has led.

    Second derivatives change by a tenth over an SD: where a step gained a third of chi-squared
    or less, and as much as they had promised, they are kept and only the gradient is new.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    local : Quadratic
        The model that the step was made by.
    vary : (n_theta,) bool ndarray
        Which parameters are searched.
    point : Point
        Where it has led.
    gain, predicted : float
        By how much it has lowered the cost, and should have.
    """
    is_as_promised = abs(gain - predicted) < _LARGEST_SURPRISE * predicted
    if local.is_exact and is_as_promised and gain < _LARGEST_KEPT_GAIN:
        return replace(local, gradient=problem.gradient(point, vary))
    return problem.quadratic(point, vary, is_near=abs(gain) < _NEAR * point.cost)


def within(problem: Problem, theta: RealArray) -> RealArray:
    """Return parameters moved inside their bounds."""
    bounded: RealArray = np.clip(theta, problem.prior.low, problem.prior.high)
    return bounded


def solution_at(problem: Problem, point: Point, local: Quadratic, vary: BoolArray) -> Solution:
    """Return the solution at an optimum: bounds, and what one more free step would gain."""
    prior = problem.prior
    stuck = vary & prior.stuck(point.theta)
    free = vary & ~stuck
    matrix, slope = principal(local.hessian, free[vary]), local.gradient[free[vary]]
    gain = decrease(matrix, slope)
    names = tuple(name for name, is_stuck in zip(prior.names, stuck, strict=True) if is_stuck)
    # Where the model does not explain the data, chi-squared counts in units of its excess.
    excess = max(1.0, point.cost / len(problem.model.ppm))
    return Solution(point, gain, LARGEST_PREDICTED_DECREASE * excess, names, free)
