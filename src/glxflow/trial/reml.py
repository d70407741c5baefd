"""The likelihood of a Gaussian mixed model.

The covariance is linear in the variance components, V = sum_i phi_i M_i. Its
parameters are lme4's relative factors theta (Bates 2015, doi:10.18637/jss.v067.i01),
in which the boundary is an ordinary point; sigma is profiled out.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from glxflow.spectrum import BoolArray, RealArray


@dataclass(frozen=True, slots=True)
class RandomBlock:
    """The design of one random term.

    Attributes
    ----------
    label : str
        Group, as `subject:session`.
    effects : tuple of str
        Names of its effects.
    designs : tuple of (n_rows, n_groups) ndarray
        Design of each effect.
    """

    label: str
    effects: tuple[str, ...]
    designs: tuple[RealArray, ...]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Lower triangle of the effects' covariance, column by column as in lme4."""
        n_effects = len(self.effects)
        return [(row, column) for column in range(n_effects) for row in range(column, n_effects)]


@dataclass(frozen=True)
class Likelihood:
    """Data and structure of a model; its rows are already divided by the known error.

    Attributes
    ----------
    y : (n_rows,) ndarray
        Outcome.
    x : (n_rows, n_coefficients) ndarray
        Fixed design, of full rank.
    blocks : tuple of RandomBlock
        Random terms.
    reml : bool
        Restricted likelihood, else the full one.
    """

    y: RealArray
    x: RealArray
    blocks: tuple[RandomBlock, ...]
    reml: bool
    z: RealArray = field(init=False)
    products: tuple[RealArray, ...] = field(init=False)
    components: tuple[RealArray, ...] = field(init=False)

    def __post_init__(self) -> None:
        designs = [design for block in self.blocks for design in block.designs]
        z = np.concatenate([np.zeros((self.y.size, 0)), *designs], axis=1)
        xy = np.column_stack([self.x, self.y])
        object.__setattr__(self, "z", z)
        object.__setattr__(self, "products", (z.T @ z, z.T @ xy, xy.T @ xy))
        components = []
        for block in self.blocks:
            for row, column in block.pairs:
                cross = block.designs[row] @ block.designs[column].T
                components.append(cross if row == column else cross + cross.T)
        components.append(np.eye(self.y.size))
        object.__setattr__(self, "components", tuple(components))

    @property
    def fixed_covariance(self) -> RealArray | float:
        """What no variance component scales: nothing here."""
        return 0.0

    @property
    def is_diagonal(self) -> BoolArray:
        """Which of theta are diagonal, and so cannot be negative."""
        return np.array(
            [row == column for block in self.blocks for row, column in block.pairs], dtype=bool
        )

    def factors(self, theta: RealArray) -> list[RealArray]:
        """Return the relative Cholesky factor of each block's covariance."""
        factors, start = [], 0
        for block in self.blocks:
            factor = np.zeros((len(block.effects), len(block.effects)))
            for (row, column), value in zip(block.pairs, theta[start:], strict=False):
                factor[row, column] = value
            start += len(block.pairs)
            factors.append(factor)
        return factors

    def profiled_deviance(self, theta: RealArray) -> float:
        """Return the deviance at the best sigma and coefficients, by penalised least squares."""
        log_determinant, reduced = self._reduced(theta)
        n_rows, n_coefficients = self.x.shape
        gram = reduced[:-1, :-1]
        beta = np.linalg.solve(gram, reduced[:-1, -1])
        rss = float(reduced[-1, -1] - reduced[:-1, -1] @ beta)
        degrees = n_rows - n_coefficients if self.reml else n_rows
        deviance = log_determinant + degrees * (1 + np.log(2 * np.pi * rss / degrees))
        if self.reml:
            deviance += float(np.linalg.slogdet(gram)[1])
        return float(deviance)

    def sigma2(self, theta: RealArray) -> float:
        """Return the residual variance that maximises the likelihood at theta."""
        _, reduced = self._reduced(theta)
        beta = np.linalg.solve(reduced[:-1, :-1], reduced[:-1, -1])
        rss = float(reduced[-1, -1] - reduced[:-1, -1] @ beta)
        return rss / (self.y.size - (self.x.shape[1] if self.reml else 0))

    def _reduced(self, theta: RealArray) -> tuple[float, RealArray]:
        """Return log|V| and [X y]' V^-1 [X y], both over sigma, in the small space of Z."""
        zz, zxy, xyxy = self.products
        factors = self.factors(theta)
        inner = self._scaled(factors, self._scaled(factors, zz).T)
        inner[np.diag_indices_from(inner)] += 1
        lower = cholesky(inner, lower=True, overwrite_a=True, check_finite=False)
        scaled = self._scaled(factors, zxy)
        half = solve_triangular(lower, scaled, lower=True, overwrite_b=True, check_finite=False)
        return 2 * float(np.log(np.diag(lower)).sum()), xyxy - half.T @ half

    def _scaled(self, factors: list[RealArray], rows: RealArray) -> RealArray:
        """Return Lambda' rows; Lambda makes random effects of independent unit effects."""
        scaled, start = np.empty_like(rows), 0
        for block, factor in zip(self.blocks, factors, strict=True):
            n_effects = len(block.effects)
            stop = start + n_effects * block.designs[0].shape[1]
            own = rows[start:stop].reshape(n_effects, -1)
            scaled[start:stop] = (factor.T @ own).reshape(stop - start, -1)
            start = stop
        return scaled

    def variances(self, theta: RealArray, sigma: float) -> RealArray:
        """Return the variance components phi of V = sum phi_i M_i; the residual comes last."""
        phi = [
            sigma**2 * float(factor[row] @ factor[column])
            for block, factor in zip(self.blocks, self.factors(theta), strict=True)
            for row, column in block.pairs
        ]
        return np.array([*phi, sigma**2])
