"""The reference solver, lmfit, on the same residual and Jacobian; and its parameters."""

from collections.abc import Callable, Mapping

import lmfit
import numpy as np

from glxflow.fit.prior import Prior
from glxflow.fit.problem import Point, Problem
from glxflow.fit.solver import Solution, solution_at, within
from glxflow.spectrum import BoolArray, RealArray

_LMFIT_TOLERANCE = 1e-7


def solve_lmfit(problem: Problem, start: RealArray, vary: BoolArray) -> Solution:
    """Minimise through lmfit with the analytic Jacobian.

    Dfun is given to the constructor, so that lmfit's confidence intervals use it
    as well.
    """
    minimizer, parameters = lmfit_minimizer(problem, within(problem, start), vary)
    outcome = minimizer.leastsq(parameters)
    point = problem.evaluate(values_of(outcome.params))
    return solution_at(problem, point, vary, int(outcome.nfev))


def lmfit_minimizer(
    problem: Problem, start: RealArray, vary: BoolArray
) -> tuple[lmfit.Minimizer, lmfit.Parameters]:
    """Return lmfit's minimizer of a problem, with the analytic Jacobian, and its parameters."""
    parameters = lmfit_parameters(problem.prior, start)
    for parameter, varies in zip(parameters.values(), vary, strict=True):
        parameter.vary = bool(varies)
    at = _remember_last(problem.evaluate)

    def residual(params: lmfit.Parameters) -> RealArray:
        return at(values_of(params)).residual

    def jacobian(params: lmfit.Parameters) -> RealArray:
        return problem.jacobian(at(values_of(params)), vary)

    minimizer = lmfit.Minimizer(
        residual,
        parameters,
        Dfun=jacobian,
        col_deriv=0,
        scale_covar=False,
        ftol=_LMFIT_TOLERANCE,
        xtol=_LMFIT_TOLERANCE,
        calc_covar=False,
    )
    return minimizer, parameters


def _remember_last(evaluate: Callable[[RealArray], Point]) -> Callable[[RealArray], Point]:
    """Return a function that does not repeat the evaluation it has just made."""
    last: list[Point] = []

    def at(theta: RealArray) -> Point:
        if not last or not np.array_equal(last[0].theta, theta):
            last[:] = [evaluate(theta)]
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
