"""The reference solver, lmfit, on the same residual and Jacobian; and its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import lmfit
import numpy as np

from glxflow.fit.curvature import Quadratic
from glxflow.fit.point import Point
from glxflow.fit.prior import Prior, leaves
from glxflow.fit.problem import Problem
from glxflow.fit.solver import Solution, quadratic_after, solution_at, within
from glxflow.spectrum import BoolArray, RealArray

_LMFIT_TOLERANCE = 1e-6
_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class _Tangent:
    """A point of the search as a residual of few rows with the same gradient and cost.

    A solver of least squares asks for J'J, J'r and r'r only. The root of the Hessian is
    a Jacobian with that J'J, so that lmfit takes the steps of Newton and factorises some
    75 rows and not 420.

    Attributes
    ----------
    point : Point
        Where.
    local : Quadratic
        The cost near it.
    residual : (n_varying + 1,) ndarray
        Along the tangent space, then the length across.
    jacobian : (n_varying + 1, n_varying) ndarray
        Upper triangular; nothing across.
    """

    point: Point
    local: Quadratic
    residual: RealArray
    jacobian: RealArray


def solve_lmfit(problem: Problem, start: RealArray, vary: BoolArray) -> Solution:
    """Minimise through lmfit with the analytic Jacobian.

    Bounds are kept from outside. lmfit's are sines, flat where they end: a search that
    ends at one takes a hundred evaluations more. So what leaves
    its bounds is held at them and the others are searched again.
    """
    start, searched = within(problem, start), vary
    for _ in range(_MOST_ROUNDS):
        found = _search(problem, start, searched)
        point, local = found.point, found.local
        start = within(problem, point.theta)
        escaped = start != point.theta
        if escaped.any() or (searched != vary).any():
            point = problem.evaluate(start)
            local = problem.quadratic(point, vary)
        stays = np.zeros_like(vary)
        stays[vary] = leaves(problem.prior, start, vary, local.gradient)
        if not (escaped | (vary & ~searched & ~stays)).any():
            break
        searched = vary & ~stays & ~escaped
    return solution_at(problem, point, local, vary)


def _search(problem: Problem, start: RealArray, vary: BoolArray) -> _Tangent:
    """Return where lmfit ends without bounds."""
    at = _remember_last(lambda theta, before: _tangent(problem, theta, vary, before))
    # A list, since lmfit builds its `Parameters` from whatever it is given, and each takes 30 us.
    parameters = [
        lmfit.Parameter(_valid(name), value=float(value), vary=bool(varies))
        for name, value, varies in zip(problem.prior.names, start, vary, strict=True)
    ]
    # Dfun is given to the constructor, so that lmfit's confidence intervals could use it.
    minimizer = _Minimizer(
        lambda params: at(values_of(params)).residual,
        parameters,
        # lmfit scales the Jacobian in place.
        Dfun=lambda params: at(values_of(params)).jacobian.copy(),
        col_deriv=0,
        scale_covar=False,
        ftol=_LMFIT_TOLERANCE,
        xtol=_LMFIT_TOLERANCE,
    )
    outcome = minimizer.leastsq()
    return at(values_of(outcome.params))


class _Minimizer(lmfit.Minimizer):
    """lmfit's minimizer without its error analysis.

    Its covariance lacks the amplitudes, and filling 5,000 correlations one by one
    takes as long as the search: `fitted_parameters` sets them from our own.
    """

    def _calculate_uncertainties_correlations(self) -> None:
        """Leave errors and correlations unset."""


def _tangent(
    problem: Problem, theta: RealArray, vary: BoolArray, before: _Tangent | None
) -> _Tangent:
    """Return a residual and Jacobian of the varying parameters with the same quadratic model.

    `before` is where the search was last.
    """
    point = problem.evaluate(theta)
    if before is None:
        local = problem.quadratic(point, vary, is_near=False)
    else:
        step = (theta - before.point.theta)[vary]
        local = quadratic_after(
            problem,
            before.local,
            vary,
            point,
            gain=before.point.cost - point.cost,
            predicted=-float(step @ (2 * before.local.gradient + before.local.hessian @ step)),
        )
    try:
        root = _root(local.hessian, local.gradient, point.cost)
    except np.linalg.LinAlgError:
        # Beyond its bounds a parameter may promise more than there is to gain.
        root = _root(local.normal, local.gradient, point.cost)
    return _Tangent(point, local, residual=root[-1], jacobian=root[:-1].T)


def _root(hessian: RealArray, gradient: RealArray, cost: float) -> RealArray:
    """Return the root of the Hessian bordered by gradient and cost: it holds all three."""
    bordered = np.empty((gradient.size + 1, gradient.size + 1))
    bordered[:-1, :-1], bordered[-1, :-1], bordered[-1, -1] = hessian, gradient, cost
    # The lower triangle is read.
    return np.asarray(np.linalg.cholesky(bordered), dtype=np.float64)


def _remember_last(
    evaluate: Callable[[RealArray, _Tangent | None], _Tangent],
) -> Callable[[RealArray], _Tangent]:
    """Return a function that does not repeat the evaluation it has just made.

    It is told of the one before.
    """
    last: list[_Tangent] = []

    def at(theta: RealArray) -> _Tangent:
        if not last or not np.array_equal(last[0].point.theta, theta):
            last[:] = [evaluate(theta, last[0] if last else None)]
        return last[0]

    return at


def lmfit_parameters(prior: Prior, values: RealArray) -> lmfit.Parameters:
    """Return lmfit parameters with the bounds of the prior; infinite bounds are none."""
    parameters = lmfit.Parameters()
    for name, value, low, high in zip(prior.names, values, prior.low, prior.high, strict=True):
        parameters.add(_valid(name), value=float(value), min=low, max=high)
    return parameters


def no_parameters() -> lmfit.Parameters:
    """Return the parameters of a fit that failed: none."""
    return lmfit.Parameters()


def fitted_parameters(
    prior: Prior,
    components: tuple[str, ...],
    theta: RealArray,
    amplitudes: RealArray,
    free: BoolArray,
    covariance: RealArray,
) -> lmfit.Parameters:
    """Return lmfit parameters of a finished fit, with standard errors and correlations.

    Parameters
    ----------
    prior : Prior
        Names and bounds of the non-linear parameters.
    components : tuple of str
        Components; their amplitudes are parameters `amplitude_<name>`.
    theta : (n_theta,) ndarray
        Non-linear parameters.
    amplitudes : (n_components,) ndarray
        In the order of `components`.
    free : (n_theta,) bool ndarray
        Non-linear parameters with an uncertainty; the others ended at a bound.
    covariance : (n_free + n_components, n_free + n_components) ndarray
        Of the free parameters, then the amplitudes.
    """
    parameters = lmfit_parameters(prior, theta)
    for name, value in zip(components, amplitudes, strict=True):
        parameters.add(_valid(f"amplitude_{name}"), value=float(value), min=0.0)
    names = list(parameters)
    known = [name for name, is_free in zip(names, free, strict=False) if is_free]
    known += names[len(free) :]
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    for row, name in enumerate(known):
        parameters[name].stderr = float(sd[row])
        parameters[name].correl = {
            other: float(correlation[row, column])
            for column, other in enumerate(known)
            if column != row
        }
    return parameters


def _valid(name: str) -> str:
    """Return the name as a Python identifier, as lmfit demands."""
    return "".join(letter if letter.isidentifier() or letter.isdigit() else "_" for letter in name)


def values_of(parameters: Mapping[str, lmfit.Parameter]) -> RealArray:
    """Return the vector of values of lmfit parameters, in their order."""
    return np.array([parameter.value for parameter in parameters.values()])
