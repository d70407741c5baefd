"""The fits of one spectrum by other models, each searched from the optimum of its own."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glxflow.fit.found import Found
from glxflow.fit.joint import Joint
from glxflow.fit.minima import are_apart, shoulders, wide_lines
from glxflow.fit.optimum import Optimum, View, optimum_of
from glxflow.fit.problem import Problem
from glxflow.fit.solver import Solution, solve_fast
from glxflow.fit.variants import variants_of

SEARCHED_TO = 1e-3
"""The search of a variant ends where a step gains less: 0.03 SD of a parameter."""

AS_WELL = 3.84
"""Chi-squared by which another minimum may be higher: the data do not exclude it."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another model of the same data, at its optimum.

    Attributes
    ----------
    choice, label : str
        What was chosen otherwise, and how.
    optimum : Optimum
        Where its search ended.
    """

    choice: str
    label: str
    optimum: Optimum


def alternatives(found: Found, noise_sd: float) -> Iterator[Alternative]:
    """Yield every variant of a fit's model, then another minimum of the model itself.

    Parameters
    ----------
    found : Found
        The fit of one spectrum.
    noise_sd : float
        Of the noise in the spectrum, in signal units.
    """
    start, view = found.solution.point.theta, View(found.alignment, noise_sd)
    vary = np.ones(start.size, dtype=np.bool_)
    for variant in variants_of(found.problem):
        end = solve_fast(variant.problem, start, vary, SEARCHED_TO)
        yield Alternative(variant.choice, variant.label, _optimum(variant.problem, end, view))
    other = _other_minimum(found)
    if other is not None:
        yield Alternative("line shape", "other minimum", _optimum(found.problem, other, view))


def _other_minimum(found: Found) -> Solution | None:
    """Return another minimum that describes a spectrum nearly as well, if it has one."""
    prior, best = found.problem.prior, found.solution.point
    where = (prior, best.theta, found.alignment.linewidth_hz)
    starts = [*shoulders(*where), wide_lines(*where)]
    vary = np.ones(best.theta.size, dtype=np.bool_)
    ends = [solve_fast(found.problem, start, vary, SEARCHED_TO) for start in starts]
    others = [
        end
        for end in ends
        if end.point.cost < best.cost + AS_WELL and are_apart(prior, end.point.theta, best.theta)
    ]
    return min(others, key=lambda end: end.point.cost, default=None)


def _optimum(problem: Problem, end: Solution, view: View) -> Optimum:
    """Return the first-order view of one spectrum where a search ended."""
    joint = Joint.of(problem)
    return optimum_of(joint, joint.evaluate(end.point.theta), end.free, (view,))
