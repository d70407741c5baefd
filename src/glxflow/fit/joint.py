"""Several spectra fitted as one: shared line shapes, amplitudes shared or each its own.

A block holds spectra whose linear parameters are the same; blocks share only the
non-linear ones. Each block's linear parameters are projected out, as for one spectrum
(`glxflow.fit.problem`), and the projected rows of all blocks lie below each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.fit.block import (
    Block,
    BlockPoint,
    block_jacobian,
    evaluated,
    gram_of,
    slopes_of_channels,
)
from glxflow.fit.prior import Prior
from glxflow.fit.problem import Problem
from glxflow.fit.square import principal
from glxflow.fit.uncertainty import inverse_of
from glxflow.spectrum import BoolArray, RealArray


@dataclass(frozen=True, slots=True)
class JointPoint:
    """All blocks at one parameter vector.

    Attributes
    ----------
    theta : (n_theta,) ndarray
        Non-linear parameters.
    blocks : tuple of BlockPoint
        The blocks.
    cost : float
        Sum of squares: chi-squared of all spectra, soft constraints and priors.
    """

    theta: RealArray
    blocks: tuple[BlockPoint, ...]
    cost: float


class Joint:
    """Blocks that share their non-linear parameters.

    Parameters
    ----------
    blocks : sequence of Block
        The blocks.
    prior : Prior
        Of the non-linear parameters of all; it counts once.
    """

    def __init__(self, blocks: Sequence[Block], prior: Prior) -> None:
        self.blocks = tuple(blocks)
        self.prior = prior

    @classmethod
    def of(cls, problem: Problem) -> "Joint":
        """Return the problem of one spectrum."""
        return cls([Block.of(problem)], problem.prior)

    @property
    def n_data(self) -> int:
        """Number of data rows."""
        return sum(len(c.problem.model.ppm) for block in self.blocks for c in block.channels)

    def evaluate(self, theta: RealArray, near: JointPoint | None = None) -> JointPoint:
        """Return linear parameters and residual of every block at a parameter vector.

        Parameters
        ----------
        theta : (n_theta,) ndarray
            Non-linear parameters.
        near : JointPoint, optional
            Where linear parameters are zero that may be so here: it saves time and
            decides nothing.
        """
        guesses = [None] * len(self.blocks) if near is None else [p.linear for p in near.blocks]
        points = tuple(
            evaluated(block, theta, guess)
            for block, guess in zip(self.blocks, guesses, strict=True)
        )
        scaled = self.prior.root @ (theta - self.prior.mean)
        rows = [scaled, *(point.residual for point in points)]
        return JointPoint(theta, points, float(sum(row @ row for row in rows)))

    def normal_equations(self, point: JointPoint, vary: BoolArray) -> tuple[RealArray, RealArray]:
        """Return J'J and J'r of Kaufman's Jacobian J, as `Problem.quadratic` does."""
        matrix = self.prior.precision.copy()
        gradient = matrix @ (point.theta - self.prior.mean)
        for block, one in zip(self.blocks, point.blocks, strict=True):
            active = one.linear != 0
            cross = np.zeros((point.theta.size, int(active.sum())))
            for channel, rows, slopes in slopes_of_channels(block, one):
                places = channel.theta
                matrix[np.ix_(places, places)] += slopes.T @ slopes
                cross[places] += slopes.T @ one.design[rows][:, active].astype(np.float32)
                gradient[places] += slopes.T @ one.residual[rows]
            # The residual is orthogonal to the active columns: only J'J is projected.
            matrix -= cross @ np.linalg.solve(gram_of(one.design[:, active]), cross.T)
        return principal(matrix, vary), gradient[vary]


def information(
    joint: Joint, point: JointPoint, free: BoolArray, chosen: BoolArray | None = None
) -> tuple[RealArray, RealArray]:
    """Return slopes and inverse Hessian of the only block, line shapes first.

    Parameters
    ----------
    joint : Joint
        Of one block.
    point : JointPoint
        Where.
    free : (n_theta,) bool ndarray
        Non-linear parameters that may vary.
    chosen : (n_linear,) bool ndarray, optional
        Linear ones that may; all if absent.

    Returns
    -------
    slopes : (n_rows, n_parameters) ndarray
        Derivative of the block's residual.
    inverse : (n_parameters, n_parameters) ndarray
        Inverse Hessian, priors included.
    """
    block, one = joint.blocks[0], point.blocks[0]
    design = one.design if chosen is None else one.design[:, chosen]
    slopes = np.hstack([block_jacobian(block, one, point.theta.size)[:, free], -design])
    hessian = slopes.T @ slopes
    n_free = int(free.sum())
    hessian[:n_free, :n_free] += principal(joint.prior.precision, free)
    return slopes, inverse_of(hessian)
