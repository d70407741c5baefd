"""The contrasts of a series as a problem: what may change, and how the lines may move."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.fit.found import Found
from glxflow.fit.joint import Block, Channel, Joint, explained
from glxflow.fit.merit import trust
from glxflow.fit.model import FitModel
from glxflow.fit.prior import Prior
from glxflow.fit.problem import Problem
from glxflow.spectrum import ComplexArray, Fid, Kind, RealArray

N_MOVING = 3
"""Shift, width and phase of all lines may change with the amplitudes."""


def changing_columns(model: FitModel, amplitudes: RealArray) -> RealArray:
    """Return what a change by 1 of every free part adds to the amplitudes.

    Substances of one group change together, by shares of their mean; lipids, of any
    phase, each alone; macromolecules not at all.

    Parameters
    ----------
    model : FitModel
        Tells what the components are.
    amplitudes : (n_columns,) ndarray
        Of the mean.

    Returns
    -------
    (n_columns, n_changing) ndarray
        A column for every part whose mean is not zero.
    """
    parts = []
    for group in model.groups:
        members = np.zeros(len(amplitudes))
        members[list(group.members)] = amplitudes[list(group.members)]
        if group.kind is Kind.METABOLITE:
            parts.append(members)
        elif group.kind is Kind.LIPID:
            parts.extend(np.diag(np.abs(members)))
    columns = np.array(parts).reshape(len(parts), len(amplitudes))
    return columns[columns.any(axis=1)].T


def joint_problem(
    mean: Found,
    noise: float,
    model: FitModel,
    changing: RealArray,
    pseudo: ComplexArray,
) -> tuple[Joint, float]:
    """Return the problem of mean and contrasts, and the contrasts' misfit.

    What the contrasts leave unexplained counts as noise, together, so that no
    coordinates of the design are special. They, too, decide which ends they trust: lipid
    and water that misfit in the mean but do not change are not in them.

    Parameters
    ----------
    mean : Found
        Of the mean alone, which aligns the contrasts too.
    noise : float
        SD of the noise in the spectrum of the mean.
    model : FitModel
        It was fitted by, which trusts the whole range.
    changing : (n_columns, n_changing) ndarray
        As `changing_columns` returns it.
    pseudo : (1 + n_contrasts, n_points) complex ndarray
        The mean, then contrasts with its noise.

    Returns
    -------
    joint : Joint
        The mean's block, then one for every contrast.
    chi2 : float
        Residual of the contrasts, at the mean's line shapes, over its expectation.
    """
    problem, theta = mean.problem, mean.solution.point.theta
    aligned = [mean.alignment.aligned(Fid(one, model.axis)) for one in pseudo]
    contrasts = _Contrasts(problem, changing, theta, aligned)
    blocks = contrasts.blocks(model, noise)
    chi2, residual = _left(blocks, problem.prior, theta)
    weight = trust(model.ppm, residual)
    if weight.min() < 1:
        model = model.reweighted(weight)
        blocks = contrasts.blocks(model, noise)
        chi2, _ = _left(blocks, problem.prior, theta)
    if chi2 > 1:
        blocks = contrasts.blocks(model, noise * float(np.sqrt(chi2)))
    return Joint([Block.of(problem), *blocks], problem.prior), chi2


@dataclass(frozen=True, slots=True)
class _Contrasts:
    """What the contrasts of a series are made of.

    Attributes
    ----------
    problem : Problem
        Of the mean: its soft constraints, and how stiff its baseline is.
    changing : (n_columns, n_changing) ndarray
        As `changing_columns` returns it.
    theta : (n_theta,) ndarray
        Non-linear parameters of the mean.
    aligned : sequence of Fid
        The mean, then the contrasts.
    """

    problem: Problem
    changing: RealArray
    theta: RealArray
    aligned: Sequence[Fid]

    def blocks(self, model: FitModel, noise: float) -> Sequence[Block]:
        """Return a block for every contrast: its amplitudes and the mean's lines may change."""
        ed_per_ppm = float(self.problem.shares.sum()) / model.spline.width_ppm
        stiffness = model.spline.stiffness(round(ed_per_ppm, 6))
        rows = self.problem.with_noise(noise).ratio_rows
        soft = np.hstack([rows @ self.changing, np.zeros((len(rows), N_MOVING))])
        soft = soft[soft.any(axis=1)]
        no_change = np.zeros((len(self.changing), N_MOVING))
        blocks = []
        for contrast in self.aligned[1:]:
            own = Problem(model, model.data_spectrum(contrast), noise, stiffness, rows)
            still = np.zeros((len(model.ppm), self.changing.shape[1]))
            channel = Channel(
                problem=own,
                theta=np.arange(self.theta.size),
                mapping=np.hstack([self.changing, no_change]),
                fixed=np.hstack([still, self._tangents(own)]),
            )
            blocks.append(Block((channel,), soft, np.ones(soft.shape[1], dtype=np.bool_)))
        return blocks

    def _tangents(self, own: Problem) -> RealArray:
        """Return what the mean changes by per Hz of shift and width and per rad, (n_fit, 3).

        Whitened, over the noise. A faster decay of the whole voxel widens everything in it
        by as many Hz: what the data themselves become then holds for macromolecules, lipid
        and whatever no model describes. The curves of the model leave the baseline out, and
        its share of narrower lines passes for glutamate (0.2 of 3 % for 0.3 Hz).
        """
        model, mean = own.model, self.aligned[0]
        time_s = mean.axis.time_s
        slopes = np.stack([2j * np.pi * time_s, -np.pi * time_s, np.full(time_s.size, 1j)])
        spectra = [model.data_spectrum(Fid(one * mean.samples, mean.axis)) for one in slopes]
        turn = np.exp(-1j * (self.theta[0] + model.turn_per_us * self.theta[1]))
        return own.whiten(model.rotated((np.stack(spectra) * turn).real)).T / own.noise_sd


def _left(blocks: Sequence[Block], prior: Prior, theta: RealArray) -> tuple[float, RealArray]:
    """Return what the contrasts leave at the mean's line shapes, all together.

    Their sum of squares over its expectation, and the root of their mean square over the
    noise, (n_fit,).
    """
    points = Joint(blocks, prior).evaluate(theta).blocks
    parts = [explained(block, one, 0) for block, one in zip(blocks, points, strict=True)]
    left, expected = np.sum(parts, axis=0)
    curves = []
    for block, one in zip(blocks, points, strict=True):
        own = block.channels[0].problem
        # Whitened twice, a residual is without what the baseline takes of it.
        curves.append(own.model.curve(own.whiten(one.residual[: len(own.model.ppm)])))
    return float(left / expected), np.sqrt(np.mean(np.square(curves), axis=0))
