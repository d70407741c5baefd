"""Spectra with common linear parameters: their problem, its state, and what it explains."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from glxflow.fit.nnls import nnls_gram
from glxflow.fit.point import Fitted
from glxflow.fit.problem import Problem
from glxflow.fit.square import diagonal
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
    def reported(self) -> RealArray:
        """From the linear parameters to the components of the last spectrum, which is reported."""
        last = self.channels[-1]
        mapping: RealArray = last.mapping[: len(last.problem.model.names)]
        return mapping

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
    for channel, rows, slopes in slopes_of_channels(block, point):
        jacobian[rows, channel.theta] = slopes
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
    problem, rows = block.channels[index].problem, block.rows[index]
    residual, design = point.residual[rows], point.design[rows, point.linear != 0]
    active = point.design[:, point.linear != 0]
    taken = np.trace(np.linalg.solve(gram_of(active), design.T @ design))
    trusted = float(problem.model.weight @ problem.model.weight)
    return float(residual @ residual), trusted - float(problem.shares.sum() + taken)


def residual_curve(block: Block, point: BlockPoint, index: int) -> RealArray:
    """Return what is left of one spectrum of a block over the noise, as a curve, (n_fit,)."""
    problem = block.channels[index].problem
    # Whitened twice, a residual is without what the baseline takes of it.
    return problem.model.curve(problem.whiten(point.residual[block.rows[index]]))


def gram_of(columns: RealArray) -> RealArray:
    """Return the normal matrix of columns, (n_columns, n_columns), kept definite."""
    gram: RealArray = columns.T @ columns
    diagonal(gram)[:] *= 1 + _RIDGE
    return gram


def evaluated(block: Block, theta: RealArray, guess: RealArray | None) -> BlockPoint:
    """Return a block with its linear parameters at their optimum.

    Parameters
    ----------
    block : Block
        The block.
    theta : (n_theta,) ndarray
        Non-linear parameters of all.
    guess : (n_linear,) ndarray or None
        Where linear parameters are zero that may be so here.
    """
    curves = [channel.problem.curves(theta[channel.theta]) for channel in block.channels]
    designs, observed = [], []
    for channel, one in zip(block.channels, curves, strict=True):
        columns = channel.problem.whiten(one.spectra).T
        observed.append(channel.problem.whiten(one.data))
        designs.append(columns @ channel.mapping + channel.fixed)
    design = np.concatenate([*designs, -block.soft_rows])
    soft = np.zeros(len(block.soft_rows))
    soft[-1:] = -block.target
    rows = np.concatenate([*observed, soft])
    passive = np.ones(design.shape[1], dtype=np.bool_) if guess is None else guess != 0
    linear = nnls_gram(gram_of(design), design.T @ rows, passive, block.is_signed)
    fitted = tuple(
        Fitted(
            theta=one.theta,
            shapes=one.shapes,
            decays=one.decays,
            spectra=one.spectra,
            phased=one.phased,
            data=one.data,
            amplitudes=channel.mapping @ linear,
        )
        for channel, one in zip(block.channels, curves, strict=True)
    )
    return BlockPoint(linear, fitted, design, rows - design @ linear)


def slopes_of_channels(
    block: Block, point: BlockPoint
) -> Iterator[tuple[Channel, slice, SingleArray]]:
    """Yield every channel, where its data stand among the rows, and their slopes."""
    for channel, rows, one in zip(block.channels, block.rows, point.points, strict=True):
        yield channel, rows, channel.problem.data_jacobian(one)
