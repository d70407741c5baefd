"""How well amplitudes are known: posterior covariance and Cramer-Rao bounds."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.problem import Point, Problem
from glxflow.spectrum import BoolArray, RealArray

_RIDGE = 1e-10


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
        Residual sum of squares of the data over its expectation.
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


def uncertainty(
    problem: Problem, point: Point, free: BoolArray, noise_share: float = 1.0
) -> Uncertainty:
    """Return the covariances of parameters and amplitudes at an optimum.

    Parameters
    ----------
    problem : Problem
        The fit.
    point : Point
        Its optimum.
    free : (n_theta,) bool ndarray
        Non-linear parameters that are neither fixed nor at a bound.
    noise_share : float
        Variance of the noise over the variance the problem weighs its data by.

    Notes
    -----
    Amplitudes at zero stay in: what they might be is part of what the others
    might be. The bounds follow the noise through the penalised estimator, the
    sandwich H^-1 J' W J H^-1 (Cavassila 2001, doi:10.1002/nbm.701).
    """
    rows = np.concatenate(
        [problem.fixed_jacobian(point)[:, free], problem.linear_jacobian(point)], axis=1
    )
    inverse = _inverse(rows.T @ rows)
    n_data = len(problem.model.ppm)
    n_free = int(free.sum())
    data_rows = rows[:n_data]
    effective = float(np.sum((data_rows.T @ data_rows) * inverse)) + float(problem.shares.sum())
    noise_rows = problem.whiten(data_rows)
    sandwich = inverse @ (noise_rows.T @ noise_rows) @ inverse
    reduced_chi2 = _misfit(problem, point) / (n_data - effective)
    return Uncertainty(
        covariance=inverse * max(reduced_chi2, 1.0),
        noise_covariance=sandwich[n_free:, n_free:] * noise_share,
        free=free,
        reduced_chi2=reduced_chi2,
    )


def _misfit(problem: Problem, point: Point) -> float:
    """Return the sum of squares of data minus components and baseline, over the noise."""
    remainder = point.remainder
    residual = remainder - problem.baseline(remainder)
    return float(residual @ residual)


def _inverse(hessian: RealArray) -> RealArray:
    """Return the inverse of a Hessian whose parameters have very different scales."""
    scale = 1 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
    scaled = hessian * scale[:, np.newaxis] * scale
    scaled[np.diag_indices_from(scaled)] += _RIDGE
    inverse: RealArray = np.linalg.inv(scaled) * scale[:, np.newaxis] * scale
    return inverse
