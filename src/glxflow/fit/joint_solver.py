"""Search of the parameters that several spectra share, by Gauss-Newton steps with damping."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.curvature import decrease
from glxflow.fit.joint import Joint, JointPoint
from glxflow.fit.prior import leaves
from glxflow.fit.solver import LARGEST_PREDICTED_DECREASE, SMALLEST_DECREASE
from glxflow.fit.square import principal
from glxflow.spectrum import BoolArray, RealArray

_MOST_STEPS = 80
_LARGEST_DAMPING = 1e10
_FALLS_FASTER = 1.5
_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class JointSolution:
    """The end of a joint search.

    Attributes
    ----------
    joint : Joint
        What was fitted.
    point : JointPoint
        The best parameters found.
    predicted_decrease, tolerance : float
        By how much a further Gauss-Newton step would lower chi-squared, and how
        much is allowed for a converged fit.
    free : (n_theta,) bool ndarray
        Parameters that were searched and are not at a bound.
    at_bound : tuple of str
        Those that came to be at one.
    """

    joint: Joint
    point: JointPoint
    predicted_decrease: float
    tolerance: float
    free: BoolArray
    at_bound: tuple[str, ...]

    @property
    def is_converged(self) -> bool:
        """Whether the Karush-Kuhn-Tucker conditions hold well enough."""
        return self.predicted_decrease < self.tolerance


def solve_joint(
    joint: Joint,
    start: RealArray,
    free: BoolArray,
    smallest_decrease: float = SMALLEST_DECREASE,
) -> JointSolution:
    """Minimise from near the optimum; parameters that are not free stay.

    Parameters
    ----------
    joint : Joint
        What to fit.
    start : (n_theta,) ndarray
        The optimum of one of its spectra.
    free : (n_theta,) bool ndarray
        Which parameters are searched.
    smallest_decrease : float
        The search ends where a step would gain less.
    """
    point, damping, growth = joint.evaluate(start), 1e-6, 2.0
    for _ in range(_MOST_STEPS):
        normal, gradient = joint.normal_equations(point, free)
        inside = ~leaves(joint.prior, point.theta, free, gradient)
        normal, gradient = principal(normal, inside), gradient[inside]
        predicted = decrease(normal, gradient)
        tolerance = LARGEST_PREDICTED_DECREASE * max(1.0, point.cost / joint.n_data)
        if predicted < smallest_decrease or damping > _LARGEST_DAMPING:
            break
        trial = point.theta.copy()
        curvature = damping * np.diag(normal)
        step = np.linalg.solve(normal + np.diag(curvature), gradient)
        trial[np.flatnonzero(free)[inside]] -= step
        candidate = joint.evaluate(np.clip(trial, joint.prior.low, joint.prior.high), point)
        gain = (point.cost - candidate.cost) / float(step @ (gradient + curvature * step))
        if gain > 0:
            is_short = gain > _FALLS_FASTER
            point = _further(joint, point, candidate) if is_short else candidate
            growth = 2.0
            damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
        else:
            damping, growth = damping * growth, 2 * growth
    stuck = free & joint.prior.stuck(point.theta)
    names = tuple(n for n, is_stuck in zip(joint.prior.names, stuck, strict=True) if is_stuck)
    return JointSolution(joint, point, predicted, tolerance, free & ~stuck, names)


def _further(joint: Joint, start: JointPoint, reached: JointPoint) -> JointPoint:
    """Return the last of ever longer steps in one direction that still lowers the cost.

    Off a saddle, between two minima of the shim, the cost falls faster than Gauss and Newton
    believe, and their steps are too short by any factor.
    """
    step = reached.theta - start.theta
    for _ in range(_MOST_DOUBLINGS):
        step = 2 * step
        theta = np.clip(start.theta + step, joint.prior.low, joint.prior.high)
        candidate = joint.evaluate(theta, reached)
        if candidate.cost >= reached.cost:
            break
        reached = candidate
    return reached
