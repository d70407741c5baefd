"""A fit at its optimum, to first order: what small changes of its data do to its amplitudes.

One spectrum and several that share their amplitudes look the same here: spectra, each with
its slopes by the parameters of all, and the inverse Hessian of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.fit.block import residual_curve
from glxflow.fit.joint import Joint, JointPoint, information
from glxflow.fit.point import Fitted
from glxflow.fit.problem import Problem
from glxflow.fit.start import Alignment
from glxflow.spectrum import BoolArray, Fid, RealArray


@dataclass(frozen=True, slots=True)
class View:
    """How a signal became the data of a fit.

    Attributes
    ----------
    alignment : Alignment
        What was taken off it.
    noise_sd : float
        Of the noise in the fitted spectrum, in signal units.
    """

    alignment: Alignment
    noise_sd: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One spectrum of a fit.

    Attributes
    ----------
    problem : Problem
        The spectrum with its model.
    point : Fitted
        Its state at the optimum.
    slopes : (n_fit, n_parameters) ndarray
        Derivative of its whitened residual by the parameters that are free.
    residual : (n_fit,) ndarray
        Data less components and baseline over the noise, as a curve.
    view : View
        How its data were made.
    """

    problem: Problem
    point: Fitted
    slopes: RealArray
    residual: RealArray
    view: View

    def rotated(self, fids: Sequence[Fid]) -> RealArray:
        """Return signals as rows of this problem, in signal units, (n_fids, n_fit)."""
        model = self.problem.model
        spectra = [model.data_spectrum(self.view.alignment.aligned(fid)) for fid in fids]
        return model.rotated(model.phased(np.array(spectra), self.point.theta).real)


@dataclass(frozen=True, slots=True)
class Optimum:
    """A fit at its optimum.

    Attributes
    ----------
    spectra : tuple of Seen
        What was fitted.
    inverse : (n_parameters, n_parameters) ndarray
        Inverse Hessian of all that is free, priors and baselines included.
    amplitudes : (n_components,) ndarray
        Of the components that are reported.
    reported : (n_components, n_parameters) ndarray
        Their derivative by the parameters.
    """

    spectra: tuple[Seen, ...]
    inverse: RealArray
    amplitudes: RealArray
    reported: RealArray

    def follow(self, average: Sequence[Fid], others: Sequence[Sequence[Fid]]) -> RealArray:
        """Return the amplitudes of data near those that were fitted, (n_others, n_components).

        Parameters
        ----------
        average : sequence of Fid
            What was fitted, one a spectrum.
        others : sequence of sequence of Fid
            The same of every other set of data.
        """
        followed = np.tile(self.amplitudes, (len(others), 1))
        response = self.reported @ self.inverse
        for place, seen in enumerate(self.spectra):
            base = average[place]
            changes = [Fid(one[place].samples - base.samples, base.axis) for one in others]
            of_data = seen.problem.whiten(seen.slopes.T) / seen.problem.noise_sd
            followed -= seen.rotated(changes) @ (response @ of_data).T
        return followed


def optimum_of(
    joint: Joint, at_optimum: JointPoint, free: BoolArray, views: Sequence[View]
) -> Optimum:
    """Return the first-order view of spectra with common amplitudes at their optimum.

    Parameters
    ----------
    joint : Joint
        What was fitted: one block, of which the components of the last spectrum are reported.
    at_optimum : JointPoint
        Its optimum.
    free : (n_theta,) bool ndarray
        Non-linear parameters that are not at a bound.
    views : sequence of View
        How the data of each spectrum were made.
    """
    block, point = joint.blocks[0], at_optimum.blocks[0]
    active = point.linear != 0
    rows, inverse = information(joint, at_optimum, free, active)
    spectra = tuple(
        Seen(channel.problem, fitted, rows[part], residual_curve(block, point, index), view)
        for index, (channel, fitted, part, view) in enumerate(
            zip(block.channels, point.points, block.rows, views, strict=True)
        )
    )
    mapping = block.reported
    reported = np.hstack([np.zeros((len(mapping), int(free.sum()))), mapping[:, active]])
    return Optimum(spectra, inverse, mapping @ point.linear, reported)
