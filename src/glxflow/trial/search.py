"""The optimum of a mixed model's likelihood: several searches, polished by Newton's method."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.reml import Likelihood

_STARTS = (1.0, 0.2, 3.0)
_POLISH_STEPS = 8
_AT_BOUNDARY = 1e-5
_BESIDE_ZERO = (0.03, 0.3)
_FLAT = 1e-9
# A line search may leap to where V is singular in double precision; no random effect
# has 10,000 times the SD of the residual.
_LARGEST = 1e4


@dataclass(frozen=True, slots=True)
class Optimum:
    """The maximum of the likelihood.

    Attributes
    ----------
    theta : (n_theta,) ndarray
        Relative covariance parameters.
    sigma : float
        Residual SD.
    deviance : float
        Minus twice the (restricted) log likelihood.
    is_singular : bool
        Whether a variance is zero or a correlation one.
    """

    theta: RealArray
    sigma: float
    deviance: float
    is_singular: bool


def optimise(model: Likelihood, start: RealArray | None = None) -> Optimum:
    """Return the best of several searches, polished by Newton's method.

    Parameters
    ----------
    model : Likelihood
        What to maximise.
    start : (n_theta,) ndarray, optional
        The optimum of a model much like it, from which one search is enough.
    """
    diagonal = model.is_diagonal
    begins = (
        [np.where(diagonal, level, 0.0) for level in _STARTS]
        if start is None
        else [np.where(diagonal, np.maximum(start, _STARTS[1]), start)]
    )
    value, theta = min((_search(model, begin) for begin in begins), key=lambda found: found[0])
    while (begin := _off_zero(model, theta, value)) is not None:
        value, theta = _search(model, begin)
    theta = _polish(model.profiled_deviance, theta, diagonal)
    sigma = float(np.sqrt(model.sigma2(theta)))
    return Optimum(theta, sigma, model.profiled_deviance(theta), _is_singular(model, theta))


def _search(model: Likelihood, begin: RealArray) -> tuple[float, RealArray]:
    """Return the deviance and theta that a search ends at."""
    found = minimize(
        model.profiled_deviance,
        begin,
        method="L-BFGS-B",
        bounds=[
            (0.0 if is_diagonal else -_LARGEST, _LARGEST) for is_diagonal in model.is_diagonal
        ],
        options={"ftol": 1e-14, "gtol": 1e-8},
    )
    return float(found.fun), np.asarray(found.x, dtype=np.float64)


def _off_zero(model: Likelihood, theta: RealArray, value: float) -> RealArray | None:
    """Return a better place beside zero, or None.

    The deviance is even in an SD, so that its gradient vanishes at zero even where a
    variance of zero is the worst choice: a search that steps there stays.
    """
    for place in np.flatnonzero(model.is_diagonal & (theta < _AT_BOUNDARY)):
        for step in _BESIDE_ZERO:
            beside = theta.copy()
            beside[place] = step
            if model.profiled_deviance(beside) < value - _FLAT:
                return beside
    return None


def _is_singular(model: Likelihood, theta: RealArray) -> bool:
    """Tell whether any block's covariance has lost rank."""
    return any(
        float(np.abs(np.diag(factor)).min()) < _AT_BOUNDARY for factor in model.factors(theta)
    )


def _polish(
    deviance: Callable[[RealArray], float], theta: RealArray, diagonal: BoolArray
) -> RealArray:
    """Return theta after Newton steps with numerical derivatives, bounds kept."""
    theta = np.where(diagonal & (theta < 1e-4), 0.0, theta)
    free = ~(diagonal & (theta == 0.0))
    best = deviance(theta)
    for _ in range(_POLISH_STEPS):
        if not free.any():
            break
        gradient, hessian = _numerical(deviance, theta, free)
        values, vectors = np.linalg.eigh(hessian)
        inverse = np.where(values > 1e-8 * values.max(), 1 / np.maximum(values, 1e-300), 0.0)
        step = vectors @ (inverse * (vectors.T @ gradient))
        trial = theta.copy()
        trial[free] -= step
        trial = np.where(diagonal, np.maximum(trial, 0.0), trial)
        value = deviance(trial)
        if value > best + 1e-10:
            break
        theta, best = trial, min(value, best)
        if float(np.abs(step).max()) < 1e-9:
            break
    return theta


def _numerical(
    function: Callable[[RealArray], float], at: RealArray, free: BoolArray
) -> tuple[RealArray, RealArray]:
    """Return gradient and Hessian by central differences of the free coordinates."""
    coordinates = np.flatnonzero(free)
    steps = 1e-4 * np.maximum(np.abs(at[coordinates]), 0.1)
    size = coordinates.size
    gradient, hessian = np.zeros(size), np.zeros((size, size))

    def value(*moves: tuple[int, float]) -> float:
        moved = at.copy()
        for index, amount in moves:
            moved[coordinates[index]] += amount
        return function(moved)

    centre = function(at)
    for i, step in enumerate(steps):
        up, down = value((i, step)), value((i, -step))
        gradient[i] = (up - down) / (2 * step)
        hessian[i, i] = (up - 2 * centre + down) / step**2
        for j in range(i):
            other = steps[j]
            mixed = value((i, step), (j, other)) - value((i, step), (j, -other))
            mixed += value((i, -step), (j, -other)) - value((i, -step), (j, other))
            hessian[i, j] = hessian[j, i] = mixed / (4 * step * other)
    return gradient, hessian
