"""Degrees of freedom and covariance of fixed effects in small samples.

Kenward & Roger 1997 (doi:10.2307/2533558) adjusts the covariance and matches an F
distribution; Satterthwaite's method (Fai & Cornelius 1996,
doi:10.1080/00949659608811740; Kuznetsova 2017, doi:10.18637/jss.v082.i13) keeps
the covariance.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from glxflow.spectrum import RealArray
from glxflow.trial.reml import Likelihood
from glxflow.trial.search import Optimum

_POSITIVE = 1e-8
_SAME = 1e-8
_FEWEST = 1 - 1e-6
"""Degrees of freedom of an error that was measured at all; one, but for rounding."""


@dataclass(frozen=True, slots=True)
class FTest:
    """A test that linear combinations of coefficients are zero.

    Attributes
    ----------
    ndf, ddf : float
        Degrees of freedom; of a t test NaN where the data leave less than one.
    statistic : float
        F, scaled where the method says so.
    """

    ndf: int
    ddf: float
    statistic: float


class SmallSample(Protocol):
    """A method of inference: a covariance of the coefficients, and F tests."""

    @property
    def covariance(self) -> RealArray:
        """Covariance of the coefficients, (n_coefficients, n_coefficients)."""

    def f_test(self, contrast: RealArray) -> FTest:
        """Test that ``contrast @ beta`` is zero; `contrast` is (n_contrasts, n_coefficients)."""


class Estimates:
    """Coefficients, and the matrices that both methods need, at the optimum."""

    def __init__(self, model: Likelihood, optimum: Optimum) -> None:
        phi = model.variances(optimum.theta, optimum.sigma)
        covariance = np.tensordot(phi, np.array(model.components), axes=1)
        covariance = covariance + model.fixed_covariance
        self.model, self.optimum = model, optimum
        self.inverse = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
        self.weighted: RealArray = self.inverse @ model.x
        self.naive = np.asarray(np.linalg.inv(model.x.T @ self.weighted), dtype=np.float64)
        self.beta: RealArray = self.naive @ (self.weighted.T @ model.y)


class KenwardRoger(Estimates):
    """Adjusted covariance and F approximation of Kenward and Roger.

    Parameters
    ----------
    model : Likelihood
        A model fitted by REML.
    optimum : Optimum
        Where.
    """

    def __init__(self, model: Likelihood, optimum: Optimum) -> None:
        super().__init__(model, optimum)
        components = model.components
        moved = [component @ self.weighted for component in components]
        self._p = [-self.weighted.T @ block for block in moved]
        back = [self.inverse @ block for block in moved]
        size = len(components)
        q = [[moved[i].T @ back[j] for j in range(size)] for i in range(size)]
        solved = [self.inverse @ component for component in components]
        information = np.empty((size, size))
        for i in range(size):
            for j in range(size):
                trace = float(np.sum(solved[i] * solved[j].T))
                trace -= 2 * float(np.sum(self.naive * q[i][j].T))
                product = self.naive @ self._p[i] @ self.naive
                information[i, j] = trace + float(np.sum(product * self._p[j].T))
        self._w = 2 * np.linalg.inv((information + information.T) / 2)
        spread = sum(
            self._w[i, j] * (q[i][j] - self._p[i] @ self.naive @ self._p[j])
            for i in range(size)
            for j in range(size)
        )
        self._covariance: RealArray = self.naive + 2 * self.naive @ spread @ self.naive

    @property
    def covariance(self) -> RealArray:
        """Covariance of the coefficients with Kenward and Roger's adjustment."""
        return self._covariance

    def f_test(self, contrast: RealArray) -> FTest:
        """Return the scaled F statistic and its denominator degrees of freedom."""
        q = contrast.shape[0]
        a1, a2 = self._a1_a2(contrast)
        estimate = contrast @ self.beta
        middle = contrast @ self._covariance @ contrast.T
        if q == 1:
            # The general formulas reduce to this; they divide zero by zero at 2 and 4 df.
            ddf = _measured(2 / a2 if a2 > 0 else np.inf)
            return FTest(1, ddf, float(estimate[0] ** 2 / middle[0, 0]))
        b = (a1 + 6 * a2) / (2 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        base = 3 * q + 2 * (1 - g)
        c1, c2, c3 = g / base, (q - g) / base, (q + 2 - g) / base
        v0, v1, v2 = 1 + c1 * b, 1 - c2 * b, 1 - c3 * b
        rho = ((1 - a2 / q) / v1) ** 2 * v0 / v2 / q
        ddf = 4 + (q + 2) / (q * rho - 1)
        scale = 1.0 if abs(ddf - 2) < 1e-2 else ddf * (1 - a2 / q) / (ddf - 2)
        statistic = scale * float(estimate @ np.linalg.solve(middle, estimate)) / q
        return FTest(q, float(ddf), statistic)

    def _a1_a2(self, contrast: RealArray) -> tuple[float, float]:
        """Return the two moments of the variance components' uncertainty in a contrast."""
        middle = contrast @ self.naive @ contrast.T
        projector = contrast.T @ np.linalg.solve(middle, contrast)
        turned = [projector @ self.naive @ p @ self.naive for p in self._p]
        size = len(turned)
        traces = np.array([np.trace(block) for block in turned])
        a1 = float(traces @ self._w @ traces)
        a2 = sum(
            float(self._w[i, j] * np.sum(turned[i] * turned[j].T))
            for i in range(size)
            for j in range(size)
        )
        return a1, a2


class Satterthwaite(Estimates):
    """Unadjusted covariance with Satterthwaite's degrees of freedom.

    The uncertainty of the covariance parameters comes from the exact Hessian of
    the deviance in theta and sigma; directions without curvature are left out.

    Parameters
    ----------
    model : Likelihood
        A fitted model.
    optimum : Optimum
        Where.
    """

    def __init__(self, model: Likelihood, optimum: Optimum) -> None:
        super().__init__(model, optimum)
        first, second = _variance_derivatives(model, optimum)
        components = np.array(model.components)
        self._moves = np.tensordot(first, components, axes=1)
        hessian = self._hessian(self._moves, np.tensordot(second, components, axes=1))
        values, vectors = np.linalg.eigh(hessian)
        kept = values > _POSITIVE
        self._spread = 2 * (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        self._gradients = [
            self.naive @ (self.weighted.T @ move @ self.weighted) @ self.naive
            for move in self._moves
        ]

    @property
    def covariance(self) -> RealArray:
        """Covariance of the coefficients at the estimated variances."""
        return self.naive

    def f_test(self, contrast: RealArray) -> FTest:
        """Return F and the degrees of freedom that match its mean."""
        middle = contrast @ self.naive @ contrast.T
        values, vectors = np.linalg.eigh(middle)
        rotated = vectors.T @ contrast
        t_squared = (rotated @ self.beta) ** 2 / values
        degrees = np.array([self._degrees(row) for row in rotated])
        ddf = _measured(float(degrees[0])) if degrees.size == 1 else _f_degrees(degrees)
        return FTest(len(contrast), ddf, float(t_squared.mean()))

    def _degrees(self, row: RealArray) -> float:
        """Return the degrees of freedom of one linear combination."""
        variance = float(row @ self.naive @ row)
        gradient = np.array([row @ block @ row for block in self._gradients])
        uncertainty = float(gradient @ self._spread @ gradient)
        return 2 * variance**2 / uncertainty if uncertainty > 0 else np.inf

    def _hessian(self, moves: RealArray, bends: RealArray) -> RealArray:
        """Return the second derivatives of the deviance by theta and sigma."""
        projected = self.inverse - self.weighted @ self.naive @ self.weighted.T
        kernel = projected if self.model.reml else self.inverse
        residual = projected @ self.model.y
        kernels = [kernel @ move for move in moves]
        pushed = [move @ residual for move in moves]
        size = len(moves)
        hessian = np.empty((size, size))
        for i in range(size):
            for j in range(size):
                value = float(np.sum(kernel * bends[i, j])) - residual @ bends[i, j] @ residual
                value -= float(np.sum(kernels[i] * kernels[j].T))
                hessian[i, j] = value + 2 * pushed[i] @ projected @ pushed[j]
        return (hessian + hessian.T) / 2


def _measured(ddf: float) -> float:
    """Return the degrees of freedom of a t test, NaN where the data leave none for its error.

    With as many coefficients as sessions a variance cannot be estimated, and its
    information is zero but for rounding: any tiny or infinite number may come out.
    """
    return float(ddf) if _FEWEST <= ddf < np.inf else np.nan


def _f_degrees(degrees: RealArray) -> float:
    """Combine the degrees of freedom of independent t statistics into those of their F."""
    if np.ptp(degrees) < _SAME * degrees.mean() or degrees.size == 1:
        return float(degrees.mean())
    if (degrees <= 2).any():
        return 2.0
    expectation = float(np.sum(degrees / (degrees - 2)))
    return 2 * expectation / (expectation - degrees.size)


def _variance_derivatives(model: Likelihood, optimum: Optimum) -> tuple[RealArray, RealArray]:
    """Return first and second derivatives of the variance components by (theta, sigma).

    They are polynomials of degree two in theta and in sigma. Second derivatives that
    involve sigma are left at zero: since all components go with its square, they add
    multiples of the deviance's gradient to the Hessian, which vanishes at the optimum.
    Sigma is counted in units of its estimate, so that the Hessian does not depend on the
    outcome's unit.
    """
    theta, sigma = optimum.theta, optimum.sigma
    size = theta.size + 1
    first = np.zeros((size, len(model.components)))
    second = np.zeros((size, size, len(model.components)))
    factors, start = model.factors(theta), 0
    for block, factor in zip(model.blocks, factors, strict=True):
        places = {pair: start + index for index, pair in enumerate(block.pairs)}
        for (row, column), place in places.items():
            product = float(factor[row] @ factor[column])
            first[-1, place] = 2 * sigma**2 * product
            for inner in range(min(row, column) + 1):
                one, other = places[row, inner], places[column, inner]
                first[one, place] += sigma**2 * factor[column, inner]
                first[other, place] += sigma**2 * factor[row, inner]
                second[one, other, place] += sigma**2
                second[other, one, place] += sigma**2
        start += len(block.pairs)
    first[-1, -1] = 2 * sigma**2
    return first, second
