"""Half sum and difference of an edited session as one problem."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.block import Block, Channel
from glxflow.fit.edited_model import EditedModel
from glxflow.fit.joint import Joint
from glxflow.fit.lineshape import lineshape
from glxflow.fit.model import FitModel
from glxflow.fit.point import Point
from glxflow.fit.prior import Prior
from glxflow.fit.problem import Problem
from glxflow.fit.shapes import shapes_of
from glxflow.spectrum import Fid, Kind, RealArray

N_MISMATCH = 4
"""Linear parameters of the conditions' mismatch: shift (Hz), phase (rad), size, width (Hz)."""

MISMATCH_ROWS = np.array([[0.0, 0.0, 1 / 0.03, 0.0], [0.0, 0.0, 0.0, 1 / 0.2]])
"""Soft constraints on them: the same coil sees both in turn, to 3 % in size and 0.2 Hz (SD)."""


@dataclass(frozen=True, slots=True)
class EditedProblem:
    """Both spectra of an edited session, to be explained by common concentrations.

    Linear parameters: the columns of the half sum, macromolecules of the difference, then
    shift (Hz), phase (rad), size (a share) and width (Hz) of ON against OFF.

    Attributes
    ----------
    total, difference : Problem
        Each spectrum with its model.
    mismatch : tuple of (4, n_fit) ndarray
        What ON's shift by 1 Hz, its phase of 1 rad, twice its size and a width of 1 Hz more
        add to half sum and difference, to first order and in signal units.
    """

    total: Problem
    difference: Problem
    mismatch: tuple[RealArray, RealArray]

    def mismatch_rows(self, index: int) -> RealArray:
        """Return the mismatch of one spectrum in the coordinates of its problem, (4, n_fit)."""
        problem = (self.total, self.difference)[index]
        return problem.model.rotated(self.mismatch[index])

    def joint(self) -> Joint:
        """Return the problem with both spectra in one block."""
        total, edited = self.total, self.difference
        n_total, kinds = len(total.model.response), edited.model.kinds
        own = [index for index, kind in enumerate(kinds) if kind is not Kind.METABOLITE]
        n_linear = n_total + len(own) + N_MISMATCH
        of_edited = np.zeros((len(edited.model.response), n_linear))
        for index, name in enumerate(edited.model.names):
            column = n_total + own.index(index) if index in own else total.model.names.index(name)
            of_edited[index, column] = 1.0
        prior = _joint_prior(total.prior, edited.prior)
        places = [prior.names.index(name) for name in edited.prior.names]
        fixed = []
        for index, problem in enumerate((total, edited)):
            fixed.append(np.zeros((len(problem.model.ppm), n_linear)))
            rows = self.mismatch_rows(index) / problem.noise_sd
            fixed[-1][:, -N_MISMATCH:] = problem.whiten(rows).T
        channels = (
            Channel(total, np.arange(len(total.prior.names)), np.eye(n_total, n_linear), fixed[0]),
            Channel(edited, np.array(places), of_edited, fixed[1]),
        )
        n_ratios = len(total.ratio_rows)
        soft = np.zeros((n_ratios + len(MISMATCH_ROWS), n_linear))
        soft[:n_ratios, :n_total] = total.ratio_rows
        soft[n_ratios:, -N_MISMATCH:] = MISMATCH_ROWS
        is_signed = np.ones(n_linear, dtype=np.bool_)
        is_signed[:n_total] = total.model.is_signed
        is_signed[n_total : n_total + len(own)] = False
        return Joint([Block(channels, soft, is_signed)], prior)


def mismatch_of(model: EditedModel, total: FitModel, start: Point) -> tuple[RealArray, RealArray]:
    """Return what ON's shift, phase, size and width against OFF add to sum and difference.

    Per Hz, rad, share and Hz, in signal units, (4, n_fit) each. What is common follows the
    mean of both; against it ON is off by a half one way and OFF the other way: of the half
    sum that leaves a quarter of the difference, and the reverse.

    Parameters
    ----------
    model : EditedModel
        Of the study.
    total : FitModel
        That the half sum was fitted by.
    start : Point
        Its optimum.
    """
    n, time_s = len(total.names), total.axis.time_s
    shapes = shapes_of(total, start.theta)
    decays = shapes.shim.at(time_s).values * lineshape(
        time_s, shapes.gamma_per_s[:n], shapes.shift_hz[:n], shapes.own_g_per_s2[:n]
    )
    mean, edited = np.einsum("j,kjt->kt", start.amplitudes[:n], model.responses * decays)
    one_each = np.ones(time_s.size)
    factors = np.array([2j * np.pi * time_s, 1j * one_each, one_each, -np.pi * time_s])
    one, other = (
        np.array([like.data_spectrum(Fid(row, total.axis)).real for row in factors * signal])
        for like, signal in ((total, edited / 4), (model.difference, mean))
    )
    return one, other


def _joint_prior(total: Prior, edited: Prior) -> Prior:
    """Return the prior of the half sum, and of what only the difference has."""
    own = [index for index, name in enumerate(edited.names) if name not in total.names]
    return Prior(
        names=(*total.names, *(edited.names[index] for index in own)),
        mean=np.concatenate([total.mean, edited.mean[own]]),
        sd=np.concatenate([total.sd, edited.sd[own]]),
        common=np.concatenate([total.common, edited.common[own]]),
        low=np.concatenate([total.low, edited.low[own]]),
        high=np.concatenate([total.high, edited.high[own]]),
    )
