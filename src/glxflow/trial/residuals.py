"""Mixed models whose residuals are correlated over bins or differ in size.

The residual covariance is sigma^2 R(shape) with one parameter. At a given shape, rows
divided by R's root make an ordinary mixed model; a search over the shape does the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.optimize import minimize_scalar

from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.inference import KenwardRoger
from glxflow.trial.reml import Likelihood, RandomBlock
from glxflow.trial.search import Optimum, optimise

_SHAPE_ERROR = 1e-6
_SLOPE_STEP = 1e-5


@dataclass(frozen=True)
class ShapedLikelihood(Likelihood):
    """A model at a given shape of its residuals; its rows are divided by R's root.

    Attributes
    ----------
    slope : (n_rows, n_rows) ndarray
        Derivative of the residual covariance by the shape, to any scale. It makes the
        shape one of the parameters whose error Kenward and Roger's method counts;
        derivatives of second order are left out, as in its first-order form.
    """

    slope: RealArray

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "components", (*self.components, self.slope))

    def variances(self, theta: RealArray, sigma: float) -> RealArray:
        """Return the variance components; the slope has none."""
        return np.append(super().variances(theta, sigma), 0.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """A family of residual covariances with one parameter.

    Attributes
    ----------
    name : str
        What it says of the residuals.
    covariance : callable
        From the parameter to R, (n_rows, n_rows).
    bounds : tuple of float
        Of the parameter.
    drops : str or None
        Label of a random term that it takes the place of.
    """

    name: str
    covariance: Callable[[float], RealArray]
    bounds: tuple[float, float]
    drops: str | None = None


@dataclass(frozen=True, slots=True)
class ShapedFit:
    """A model at the best shape of its residuals.

    Attributes
    ----------
    parameter : float
        The shape.
    deviance : float
        Minus twice the restricted log likelihood.
    inference : KenwardRoger
        Coefficients and tests.
    """

    parameter: float
    deviance: float
    inference: KenwardRoger


def autoregressive(session: npt.NDArray[np.str_], bin_number: RealArray) -> Shape:
    """Return residuals that resemble those of neighbouring bins of the session, AR(1)."""
    same = session[:, np.newaxis] == session
    lag = np.abs(bin_number[:, np.newaxis] - bin_number)
    sign = np.where(lag % 2 == 1, -1.0, 1.0)

    def covariance(rho: float) -> RealArray:
        size = abs(rho) ** lag
        return np.where(same, size if rho >= 0 else sign * size, 0.0)

    return Shape("residuals of a session: AR(1) over bins", covariance, (-0.9, 0.95))


def compound_symmetric(session: npt.NDArray[np.str_], drops: str) -> Shape:
    """Return residuals of a session with a common correlation, which may be negative."""
    same = session[:, np.newaxis] == session
    most = int(same.sum(axis=1).max())

    def covariance(rho: float) -> RealArray:
        return np.where(same, rho, 0.0) + (1 - rho) * np.eye(session.size)

    low = -0.99 / (most - 1)
    name = "residuals of a session: compound symmetry"
    return Shape(name, covariance, (low, 0.99), drops)


def heteroscedastic(name: str, is_other: BoolArray) -> Shape:
    """Return residuals with another SD in some rows; the parameter is the log of the ratio."""

    def covariance(log_ratio: float) -> RealArray:
        return np.diag(np.where(is_other, np.exp(2 * log_ratio), 1.0))

    return Shape(name, covariance, (-2.0, 2.0))


def fit_shaped(model: Likelihood, shape: Shape) -> ShapedFit:
    """Return a model with the shape of its residuals estimated by restricted likelihood.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the data cannot tell the shape from the random effects.
    """
    blocks = tuple(block for block in model.blocks if block.label != shape.drops)
    plain = Likelihood(model.y, model.x, blocks, True)
    start = optimise(plain)

    def deviance(parameter: float) -> float:
        return _at(plain, shape, parameter, start)[1]

    search = minimize_scalar(
        deviance, bounds=shape.bounds, method="bounded", options={"xatol": _SHAPE_ERROR}
    )
    best = float(search.x)
    optimum, least, root = _at(plain, shape, best, start)
    whitened = _whitened(plain, root)
    step = (shape.covariance(best + _SLOPE_STEP) - shape.covariance(best - _SLOPE_STEP)) / (
        2 * _SLOPE_STEP
    )
    half = solve_triangular(root, step, lower=True)
    slope = solve_triangular(root, half.T, lower=True)
    shaped = ShapedLikelihood(whitened.y, whitened.x, whitened.blocks, True, slope)
    return ShapedFit(best, least, KenwardRoger(shaped, optimum))


def _at(
    model: Likelihood, shape: Shape, parameter: float, start: Optimum
) -> tuple[Optimum, float, RealArray]:
    """Return the optimum at a given shape, its deviance, and the root of R."""
    root = np.asarray(np.linalg.cholesky(shape.covariance(parameter)), dtype=np.float64)
    optimum = optimise(_whitened(model, root), start=start.theta)
    return optimum, optimum.deviance + 2 * float(np.log(np.diag(root)).sum()), root


def _whitened(model: Likelihood, root: RealArray) -> Likelihood:
    """Return a model with its rows divided by the root of R."""
    z = [block.designs for block in model.blocks]
    blocks: tuple[RandomBlock, ...] = tuple(
        replace(
            block,
            designs=tuple(solve_triangular(root, design, lower=True) for design in designs),
        )
        for block, designs in zip(model.blocks, z, strict=True)
    )
    joined = solve_triangular(root, np.column_stack([model.y, model.x]), lower=True)
    return Likelihood(joined[:, 0], joined[:, 1:], blocks, True)
