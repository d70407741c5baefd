"""Several spectra fitted as one: shared line shapes, amplitudes shared or each its own.

A block holds spectra whose linear parameters are the same; blocks share only the
non-linear ones. Each block's linear parameters are projected out, as for one spectrum
(`glxflow.fit.problem`), and the projected rows of all blocks lie below each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from glxflow.fit.nnls import nnls_gram
from glxflow.fit.point import Fitted
from glxflow.fit.prior import Prior
from glxflow.fit.problem import Problem
from glxflow.fit.square import diagonal, principal
from glxflow.fit.uncertainty import inverse_of
from glxflow.spectrum import BoolArray, RealArray, SingleArray

_RIDGE = 1e-10


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
    target : float
        Mean of the last soft constraint; that of all others is 0.
    """

    channels: tuple[Channel, ...]
    soft_rows: RealArray
    is_signed: BoolArray
    target: float = 0.0

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

    def held(self, row: RealArray, target: float = 0.0) -> "Block":
        """Return the block with a further soft constraint, (n_linear,), to a target."""
        soft = np.concatenate([self.soft_rows, row[np.newaxis]])
        return replace(self, soft_rows=soft, target=target)

    @property
    def rows(self) -> tuple[slice, ...]:
        """Where the data of each channel stand among the rows of the residual."""
        ends = np.cumsum([len(channel.problem.model.ppm) for channel in self.channels])
        return tuple(slice(a, b) for a, b in pairwise([0, *ends.tolist()]))


@dataclass(frozen=True, slots=True)
class BlockPoint:
    """A block at one parameter vector.

    Attributes
    ----------
    linear : (n_linear,) ndarray
        Linear parameters at their optimum.
    points : tuple of Fitted
        The channels with the amplitudes that these give.
    design : (n_rows, n_linear) ndarray
        Derivative of the residual by the linear parameters, its sign changed.
    residual : (n_rows,) ndarray
        Whitened data rows of every channel, then soft constraints.
    """

    linear: RealArray
    points: tuple[Fitted, ...]
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
            _evaluated(block, theta, guess)
            for block, guess in zip(self.blocks, guesses, strict=True)
        )
        scaled = (theta - self.prior.mean) / self.prior.sd
        rows = [scaled, *(point.residual for point in points)]
        return JointPoint(theta, points, float(sum(row @ row for row in rows)))

    def normal_equations(self, point: JointPoint, vary: BoolArray) -> tuple[RealArray, RealArray]:
        """Return J'J and J'r of Kaufman's Jacobian J, as `Problem.quadratic` does."""
        precision = self.prior.sd**-2.0
        matrix = np.diag(precision)
        gradient = (point.theta - self.prior.mean) * precision
        for block, one in zip(self.blocks, point.blocks, strict=True):
            active = one.linear != 0
            cross = np.zeros((point.theta.size, int(active.sum())))
            for channel, rows, slopes in _of_channels(block, one):
                places = channel.theta
                matrix[np.ix_(places, places)] += slopes.T @ slopes
                cross[places] += slopes.T @ one.design[rows][:, active].astype(np.float32)
                gradient[places] += slopes.T @ one.residual[rows]
            # The residual is orthogonal to the active columns: only J'J is projected.
            matrix -= cross @ np.linalg.solve(_gram(one.design[:, active]), cross.T)
        return principal(matrix, vary), gradient[vary]


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
    for channel, rows, slopes in _of_channels(block, point):
        jacobian[rows, channel.theta] = slopes
    return jacobian


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
    places = np.arange(int(free.sum()))
    hessian[places, places] += joint.prior.sd[free] ** -2.0
    return slopes, inverse_of(hessian)


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
    problem, rows = block.channels[index].problem, block.rows[index]
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


def _evaluated(block: Block, theta: RealArray, guess: RealArray | None) -> BlockPoint:
    """Return a block with its linear parameters at their optimum."""
    curves = [channel.problem.curves(theta[channel.theta]) for channel in block.channels]
    designs, observed = [], []
    for channel, one in zip(block.channels, curves, strict=True):
        columns = channel.problem.whiten(one.spectra).T
        observed.append(channel.problem.whiten(one.data[0]))
        designs.append(columns @ channel.mapping + channel.fixed)
    design = np.concatenate([*designs, -block.soft_rows])
    soft = np.zeros(len(block.soft_rows))
    soft[-1:] = -block.target
    rows = np.concatenate([*observed, soft])
    passive = np.ones(design.shape[1], dtype=np.bool_) if guess is None else guess != 0
    linear = nnls_gram(_gram(design), design.T @ rows, passive, block.is_signed)
    fitted = tuple(
        Fitted(
            theta=one.theta,
            shapes=one.shapes,
            decays=one.decays,
            spectra=one.spectra,
            data=one.data,
            amplitudes=channel.mapping @ linear,
        )
        for channel, one in zip(block.channels, curves, strict=True)
    )
    return BlockPoint(linear, fitted, design, rows - design @ linear)


def _of_channels(block: Block, point: BlockPoint) -> Iterator[tuple[Channel, slice, SingleArray]]:
    """Yield every channel, where its data stand among the rows, and their slopes."""
    for channel, rows, one in zip(block.channels, block.rows, point.points, strict=True):
        yield channel, rows, channel.problem.data_jacobian(one)
