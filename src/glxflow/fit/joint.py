"""Several spectra fitted as one: shared line shapes, amplitudes shared or each its own.

A block holds spectra whose linear parameters are the same; blocks share only the
non-linear ones. Each block's linear parameters are projected out, as for one spectrum
(`glxflow.fit.problem`), and the projected rows of all blocks lie below each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glxflow.fit.curvature import decrease
from glxflow.fit.nnls import nnls_gram
from glxflow.fit.point import Point
from glxflow.fit.prior import Prior, leaves
from glxflow.fit.problem import Problem
from glxflow.fit.solver import LARGEST_PREDICTED_DECREASE, SMALLEST_DECREASE
from glxflow.fit.square import diagonal, principal
from glxflow.spectrum import BoolArray, RealArray

_RIDGE = 1e-10
_MOST_STEPS = 80
_LARGEST_DAMPING = 1e10


@dataclass(frozen=True, slots=True)
class Channel:
    """One spectrum of a block.

    Attributes
    ----------
    problem : Problem
        The spectrum with its model; its own amplitudes are not used.
    theta : (n_own_theta,) int ndarray
        Where its non-linear parameters stand among those of all.
    mapping : (n_columns, n_linear) ndarray
        From the linear parameters of the block to its amplitudes.
    fixed : (n_fit, n_linear) ndarray
        Whitened curves over the noise, a column a linear parameter, that no
        non-linear parameter changes.
    """

    problem: Problem
    theta: np.typing.NDArray[np.intp]
    mapping: RealArray
    fixed: RealArray


@dataclass(frozen=True, slots=True)
class Block:
    """Spectra with common linear parameters.

    Attributes
    ----------
    channels : tuple of Channel
        The spectra.
    soft_rows : (n_soft, n_linear) ndarray
        Soft constraints: their product with the parameters is normal with SD 1.
    is_signed : (n_linear,) bool ndarray
        Which linear parameters may be negative.
    """

    channels: tuple[Channel, ...]
    soft_rows: RealArray
    is_signed: BoolArray

    @classmethod
    def of(cls, problem: Problem) -> "Block":
        """Return the block of one spectrum as it is fitted alone."""
        n_columns = problem.ratio_rows.shape[1]
        channel = Channel(
            problem,
            np.arange(len(problem.prior.names)),
            np.eye(n_columns),
            np.zeros((len(problem.model.ppm), n_columns)),
        )
        return cls((channel,), problem.ratio_rows, problem.model.is_signed)


@dataclass(frozen=True, slots=True)
class BlockPoint:
    """A block at one parameter vector.

    Attributes
    ----------
    linear : (n_linear,) ndarray
        Linear parameters at their optimum.
    points : tuple of Point
        The channels with the amplitudes that these give.
    design : (n_rows, n_linear) ndarray
        Derivative of the residual by the linear parameters, its sign changed.
    residual : (n_rows,) ndarray
        Whitened data rows of every channel, then soft constraints.
    """

    linear: RealArray
    points: tuple[Point, ...]
    design: RealArray
    residual: RealArray


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


@dataclass(frozen=True, slots=True)
class JointSolution:
    """The end of a joint search.

    Attributes
    ----------
    joint : Joint
        What was fitted.
    point : JointPoint
        The best parameters found.
    predicted_decrease, tolerance : float
        By how much a further Gauss-Newton step would lower chi-squared, and how
        much is allowed for a converged fit.
    """

    joint: "Joint"
    point: JointPoint
    predicted_decrease: float
    tolerance: float

    @property
    def is_converged(self) -> bool:
        """Whether the Karush-Kuhn-Tucker conditions hold well enough."""
        return self.predicted_decrease < self.tolerance


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

    @property
    def n_data(self) -> int:
        """Number of data rows."""
        return sum(len(c.problem.model.ppm) for block in self.blocks for c in block.channels)

    def evaluate(self, theta: RealArray) -> JointPoint:
        """Return linear parameters and residual of every block at a parameter vector."""
        points = tuple(_evaluated(block, theta) for block in self.blocks)
        scaled = (theta - self.prior.mean) / self.prior.sd
        rows = [scaled, *(point.residual for point in points)]
        return JointPoint(theta, points, float(sum(row @ row for row in rows)))

    def normal_equations(self, point: JointPoint, vary: BoolArray) -> tuple[RealArray, RealArray]:
        """Return J'J and J'r of Kaufman's Jacobian J, as `Problem.quadratic` does."""
        precision = self.prior.sd[vary] ** -2.0
        matrix = np.diag(precision)
        gradient = (point.theta - self.prior.mean)[vary] * precision
        for block, one in zip(self.blocks, point.blocks, strict=True):
            rows = _projected(block_jacobian(block, one, point.theta.size)[:, vary], one)
            matrix += rows.T @ rows
            gradient += rows.T @ one.residual
        return matrix, gradient


def solve_joint(joint: Joint, start: RealArray, free: BoolArray) -> JointSolution:
    """Minimise from near the optimum; parameters that are not free stay.

    Parameters
    ----------
    joint : Joint
        What to fit.
    start : (n_theta,) ndarray
        The optimum of one of its spectra.
    free : (n_theta,) bool ndarray
        Which parameters are searched.
    """
    point, damping, growth = joint.evaluate(start), 1e-6, 2.0
    for _ in range(_MOST_STEPS):
        normal, gradient = joint.normal_equations(point, free)
        inside = ~leaves(joint.prior, point.theta, free, gradient)
        normal, gradient = principal(normal, inside), gradient[inside]
        predicted = decrease(normal, gradient)
        tolerance = LARGEST_PREDICTED_DECREASE * max(1.0, point.cost / joint.n_data)
        if predicted < SMALLEST_DECREASE or damping > _LARGEST_DAMPING:
            break
        trial = point.theta.copy()
        curvature = damping * np.diag(normal)
        step = np.linalg.solve(normal + np.diag(curvature), gradient)
        trial[np.flatnonzero(free)[inside]] -= step
        candidate = joint.evaluate(np.clip(trial, joint.prior.low, joint.prior.high))
        gain = (point.cost - candidate.cost) / float(step @ (gradient + curvature * step))
        if gain > 0:
            point, growth = candidate, 2.0
            damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
        else:
            damping, growth = damping * growth, 2 * growth
    return JointSolution(joint, point, predicted, tolerance)


def block_jacobian(block: Block, point: BlockPoint, theta_size: int) -> RealArray:
    """Return the Jacobian of a block's residual at fixed linear parameters.

    Parameters
    ----------
    block : Block
        The block.
    point : BlockPoint
        Where.
    theta_size : int
        Number of non-linear parameters of all.

    Returns
    -------
    (n_rows, theta_size) ndarray
        Zero for soft constraints, and for parameters the block does not know.
    """
    jacobian = np.zeros((point.residual.size, theta_size))
    start = 0
    for channel, one in zip(block.channels, point.points, strict=True):
        n_fit = len(channel.problem.model.ppm)
        own = channel.problem.fixed_jacobian(one)[:n_fit]
        jacobian[start : start + n_fit, channel.theta] = own
        start += n_fit
    return jacobian


def explained(block: Block, point: BlockPoint, index: int) -> tuple[float, float]:
    """Return chi-squared of one spectrum of a block, and its expectation.

    Parameters
    ----------
    block : Block
        The block.
    point : BlockPoint
        Where.
    index : int
        Of the channel.
    """
    problem = block.channels[index].problem
    sizes = [len(channel.problem.model.ppm) for channel in block.channels]
    rows = slice(sum(sizes[:index]), sum(sizes[: index + 1]))
    residual, design = point.residual[rows], point.design[rows, point.linear != 0]
    active = point.design[:, point.linear != 0]
    taken = np.trace(np.linalg.solve(_gram(active), design.T @ design))
    trusted = float(problem.model.weight @ problem.model.weight)
    return float(residual @ residual), trusted - float(problem.shares.sum() + taken)


def _gram(columns: RealArray) -> RealArray:
    """Return the normal matrix of columns, kept definite."""
    gram: RealArray = columns.T @ columns
    diagonal(gram)[:] *= 1 + _RIDGE
    return gram


def _evaluated(block: Block, theta: RealArray) -> BlockPoint:
    """Return a block with its linear parameters at their optimum."""
    points = [channel.problem.evaluate(theta[channel.theta]) for channel in block.channels]
    designs, observed = [], []
    for channel, point in zip(block.channels, points, strict=True):
        n_fit = len(channel.problem.model.ppm)
        columns = -channel.problem.linear_jacobian(point)[:n_fit]
        observed.append(point.residual[:n_fit] + columns @ point.amplitudes)
        designs.append(columns @ channel.mapping + channel.fixed)
    design = np.concatenate([*designs, -block.soft_rows])
    rows = np.concatenate([*observed, np.zeros(len(block.soft_rows))])
    gram = _gram(design)
    everything = np.ones(len(gram), dtype=np.bool_)
    linear = nnls_gram(gram, design.T @ rows, everything, block.is_signed)
    fitted = tuple(
        replace(point, amplitudes=channel.mapping @ linear)
        for channel, point in zip(block.channels, points, strict=True)
    )
    return BlockPoint(linear, fitted, design, rows - design @ linear)


def _projected(rows: RealArray, point: BlockPoint) -> RealArray:
    """Return rows without what the active linear parameters take up."""
    active = point.design[:, point.linear != 0]
    return np.asarray(rows - active @ np.linalg.solve(_gram(active), active.T @ rows))
