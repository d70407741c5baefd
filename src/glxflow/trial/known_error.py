"""The likelihood of a mixed model whose rows have a known covariance of errors.

V = sum_i phi_i M_i + K. Nothing can be profiled out, since K does not scale with
the residual variance, so that the search is dense; a trial has some hundred rows.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.reml import Likelihood

# A search may touch a residual of zero, where V is singular unless K has full rank.
_LEAST = 1e-4


@dataclass(frozen=True)
class KnownErrorLikelihood(Likelihood):
    """Data, structure and known errors of a model.

    Theta holds the factors of the random terms and, last, the residual SD, all over
    `scale`.

    Attributes
    ----------
    known : (n_rows, n_rows) ndarray
        Known covariance of the rows' errors.
    """

    known: RealArray

    @property
    def fixed_covariance(self) -> RealArray | float:
        """The known covariance."""
        return self.known

    @cached_property
    def scale(self) -> float:
        """Root mean square of what ordinary least squares leaves."""
        left = self.y - self.x @ np.linalg.lstsq(self.x, self.y, rcond=None)[0]
        return float(np.sqrt(np.mean(left**2)))

    @property
    def is_diagonal(self) -> BoolArray:
        """Which of theta cannot be negative; the residual SD is one of them."""
        return np.append(super().is_diagonal, True)

    def variances(self, theta: RealArray, sigma: float) -> RealArray:
        """Return the variance components phi; `sigma` is the residual SD."""
        phi = super().variances(theta[:-1], self.scale)
        phi[-1] = sigma**2
        return phi

    def sigma2(self, theta: RealArray) -> float:
        """Return the residual variance beside the known errors."""
        return float(theta[-1] * self.scale) ** 2

    def profiled_deviance(self, theta: RealArray) -> float:
        """Return the deviance at the best coefficients."""
        phi = self.variances(theta, max(float(theta[-1]), _LEAST) * self.scale)
        covariance = self.known.copy()
        for value, component in zip(phi, self.components, strict=True):
            covariance += value * component
        lower = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
        joined = np.column_stack([self.x, self.y])
        half = solve_triangular(lower, joined, lower=True, check_finite=False)
        inner = half.T @ half
        gram, cross = inner[:-1, :-1], inner[:-1, -1]
        rss = float(inner[-1, -1] - cross @ np.linalg.solve(gram, cross))
        n_rows, n_coefficients = self.x.shape
        degrees = n_rows - n_coefficients if self.reml else n_rows
        deviance = 2 * float(np.log(np.diag(lower)).sum()) + rss + degrees * np.log(2 * np.pi)
        if self.reml:
            deviance += float(np.linalg.slogdet(gram)[1])
        return float(deviance)
