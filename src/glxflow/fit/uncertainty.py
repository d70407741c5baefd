"""How well amplitudes are known: posterior covariance and Cramer-Rao bounds."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.point import Fitted, Point
from glxflow.fit.problem import Problem
from glxflow.fit.square import diagonal, principal
from glxflow.spectrum import BoolArray, Kind, RealArray

_RIDGE = 1e-10
_SHAPE_SD = 0.11
_SHAPE_LENGTH_PPM = 0.06
_LAST_COSINE = 0.8


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Covariances at the optimum, of the free parameters and the amplitudes together.

    Attributes
    ----------
    covariance : (n_free + n_components, n_free + n_components) ndarray
        Inverse of the Gauss-Newton Hessian with priors, the baseline and every
        nuisance parameter, times
        the larger of `reduced_chi2` and 1: model error counts as noise.
    noise_covariance : (n_columns, n_columns) ndarray
        Of the amplitudes, that noise alone causes in this penalised fit.
    free : (n_theta,) bool ndarray
        Non-linear parameters in the covariance; they come first.
    reduced_chi2 : float
        Weighted residual sum of squares over its expectation.
    """

    covariance: RealArray
    noise_covariance: RealArray
    free: BoolArray
    reduced_chi2: float

    def reported(self, n_components: int) -> RealArray:
        """Return the block of the free parameters and the first amplitudes."""
        n_known = int(self.free.sum()) + n_components
        return self.covariance[:n_known, :n_known]

    def of_amplitudes(self, n_components: int) -> RealArray:
        """Return the block of the first amplitudes, (n_components, n_components)."""
        n_free = int(self.free.sum())
        return self.reported(n_components)[n_free:, n_free:]


def uncertainty(problem: Problem, point: Point, free: BoolArray, noise_sd: float) -> Uncertainty:
    """Return the covariances of parameters and amplitudes at an optimum.

    Parameters
    ----------
    problem : Problem
        The fit.
    point : Point
        Its optimum.
    free : (n_theta,) bool ndarray
        Non-linear parameters that are neither fixed nor at a bound.
    noise_sd : float
        SD of the noise in the fitted spectrum; the problem may weigh its data by
        a larger one.

    Notes
    -----
    Amplitudes at zero stay in: what they might be is part of what the others
    might be. The bounds follow the noise through the penalised estimator, the
    sandwich H^-1 J' W J H^-1 (Cavassila 2001, doi:10.1002/nbm.701); the error of
    the macromolecules' shape follows the same way.
    """
    rows = np.concatenate(
        [problem.fixed_jacobian(point)[:, free], problem.linear_jacobian(point)], axis=1
    )
    n_data, n_free = len(problem.model.ppm), int(free.sum())
    data_rows, known_rows = rows[:n_data], rows[n_data:]
    of_data = data_rows.T @ data_rows
    inverse = inverse_of(of_data + known_rows.T @ known_rows)
    effective = float(np.sum(of_data * inverse)) + float(problem.shares.sum())
    noise_rows = problem.whiten(data_rows.T).T
    sandwich = inverse @ (noise_rows.T @ noise_rows) @ inverse
    shape_error = inverse @ (noise_rows.T @ shape_errors(problem, point))
    loosened = inverse[:, n_free:] @ problem.loosened_rows.T
    noise_share = (noise_sd / problem.noise_sd) ** 2
    misfit = _misfit(problem, point) / _freedom(problem, effective)
    return Uncertainty(
        covariance=(
            inverse * max(misfit, 1.0) + shape_error @ shape_error.T + loosened @ loosened.T
        ),
        noise_covariance=sandwich[n_free:, n_free:] * noise_share,
        free=free,
        reduced_chi2=misfit / noise_share,
    )


def fixed_shape_chi2(problem: Problem, point: Point) -> float:
    """Return the reduced chi-squared of a fit whose line shapes are taken as known."""
    active = point.amplitudes != 0
    rows = point.whitened[active]
    taken = np.trace(np.linalg.solve(principal(point.gram, active), rows @ rows.T))
    effective = float(taken) + float(problem.shares.sum())
    return _misfit(problem, point) / _freedom(problem, effective)


def _freedom(problem: Problem, effective: float) -> float:
    """Return the trusted points less the dimensions that were fitted to them."""
    return float(problem.model.weight @ problem.model.weight) - effective


def shape_errors(problem: Problem, point: Fitted) -> RealArray:
    """Return what the macromolecules' shape may be wrong by, (n_fit, n_modes) rotated.

    A Gaussian process in proportion to their fitted curve, as cosines over the
    fitted range whose weights are those of a squared-exponential covariance.
    """
    model = problem.model
    members = [n for n, kind in enumerate(model.kinds) if kind is Kind.MACROMOLECULE]
    curve = model.curve(point.amplitudes[members] @ point.spectra[members])
    position = (model.ppm - model.ppm[0]) / model.spline.width_ppm
    length = _SHAPE_LENGTH_PPM / model.spline.width_ppm
    order = np.arange(int(_LAST_COSINE / length))
    weight = np.where(order == 0, 0.5, 1.0) * np.exp(-((np.pi * order * length) ** 2) / 2)
    # The mean square of a cosine is a half, of the constant 1.
    scale = _SHAPE_SD * np.sqrt(2 * weight / (weight.sum() + weight[0]))
    cosines = np.cos(np.pi * np.outer(position, order)) * scale
    return model.rotated(curve * cosines.T).T


def residual_of(problem: Problem, point: Point) -> RealArray:
    """Return data minus components and baseline over the noise, as a curve, (n_fit,)."""
    remainder = point.remainder
    return problem.model.curve(remainder - problem.baseline(remainder))


def _misfit(problem: Problem, point: Point) -> float:
    """Return the weighted sum of squares of data minus components and baseline."""
    remainder = point.remainder
    residual = remainder - problem.baseline(remainder)
    return float(residual @ residual)


def inverse_of(hessian: RealArray) -> RealArray:
    """Return the inverse of a Hessian whose parameters have very different scales."""
    scale = 1 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    scaled = hessian * scale[:, np.newaxis] * scale
    diagonal(scaled)[:] += _RIDGE
    inverse: RealArray = np.linalg.inv(scaled) * scale[:, np.newaxis] * scale
    return inverse
