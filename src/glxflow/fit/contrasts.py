"""The contrasts of a series as a problem: what may change, and how the lines may move."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.fit.block import Block, Channel, explained, residual_curve
from glxflow.fit.joint import Joint
from glxflow.fit.lineshape import gaussian_rate, voigt_slopes
from glxflow.fit.merit import trust
from glxflow.fit.model import FitModel
from glxflow.fit.noise import expected_signal
from glxflow.fit.optimum import View
from glxflow.fit.prior import Prior
from glxflow.fit.problem import Problem
from glxflow.fit.shapes import shapes_of
from glxflow.spectrum import ComplexArray, Fid, Kind, RealArray

N_MOVING = 4
"""Shift, Lorentzian and squared Gaussian width and phase of all lines may change, too."""


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
            parts.extend(np.diag(members))
    columns = np.array(parts).reshape(len(parts), len(amplitudes))
    return columns[columns.any(axis=1)].T


@dataclass(frozen=True, slots=True)
class Spectrum:
    """One spectrum of a series, and how its mean was fitted.

    Attributes
    ----------
    channel : Channel
        In the fit of the mean.
    model : FitModel
        It was fitted by, which trusts the whole range.
    view : View
        How its data were made.
    pseudo : (1 + n_contrasts, n_points) complex ndarray
        The mean, then contrasts with its noise.
    fixed : (n_linear, n_fit) ndarray
        Curves that no non-linear parameter changes, in signal units.
    """

    channel: Channel
    model: FitModel
    view: View
    pseudo: ComplexArray
    fixed: RealArray


@dataclass(frozen=True, slots=True)
class Contrasts:
    """What the contrasts of a series are made of.

    Attributes
    ----------
    spectra : tuple of Spectrum
        One, or half sum and difference of an edited scan.
    changing : (n_linear, n_changing) ndarray
        What a change by 1 of every free part adds to the mean's linear parameters.
    prior : Prior
        Of the non-linear parameters.
    theta : (n_theta,) ndarray
        Where the mean has its optimum.
    soft_rows : (n_soft, n_changing) ndarray
        Soft constraints on the changes, beyond those of amplitudes.
    """

    spectra: tuple[Spectrum, ...]
    changing: RealArray
    prior: Prior
    theta: RealArray
    soft_rows: RealArray

    def blocks(self) -> tuple[Sequence[Block], float]:
        """Return a block for every contrast, and the largest misfit of a spectrum's contrasts.

        What the contrasts leave unexplained counts as noise, together, so that no
        coordinates of the design are special. They, too, decide which ends they trust: lipid
        and water that misfit in the mean but do not change are not in them. The misfit is
        their residual, at the mean's line shapes, over its expectation.
        """
        models = [one.model for one in self.spectra]
        noise = np.array([one.view.noise_sd for one in self.spectra])
        blocks = self._blocks(models, noise)
        chi2, residuals = self._left(blocks)
        # One after the other: what bends one spectrum makes the other misfit, too.
        for index, model in enumerate(models):
            weight = trust(model.ppm, residuals[index])
            if weight.min() < 1:
                models[index] = model.reweighted(weight)
                blocks = self._blocks(models, noise)
                chi2, residuals = self._left(blocks)
        if chi2.max() > 1:
            blocks = self._blocks(models, noise * np.sqrt(np.maximum(chi2, 1.0)))
        return blocks, float(chi2.max())

    def line_changes(self) -> RealArray:
        """Return what shift (Hz), full width (Hz) and phase (rad) gain, (3, N_MOVING).

        Of a line of a usual metabolite, per unit of every column of `_tangents`.
        """
        first = self.spectra[0]
        shapes = shapes_of(first.model, self.theta[first.channel.theta])
        lorentzian_hz = float(np.median(shapes.gamma_per_s[~first.model.is_broad])) / np.pi
        by_lorentzian, by_square = voigt_slopes(lorentzian_hz, shapes.shim.full_width_hz())
        return np.array([[1, 0, 0, 0], [0, by_lorentzian, by_square, 0], [0, 0, 0, 1.0]])

    def _blocks(self, models: Sequence[FitModel], noise: RealArray) -> Sequence[Block]:
        """Return a block for every contrast: amplitudes and the mean's lines may change."""
        first = self.spectra[0].channel
        rows = first.problem.with_noise(float(noise[0])).ratio_rows
        changes = np.vstack([rows @ first.mapping @ self.changing, self.soft_rows])
        soft = np.hstack([changes, np.zeros((len(changes), N_MOVING))])
        soft = soft[soft.any(axis=1)]
        signed = np.ones(soft.shape[1], dtype=np.bool_)
        each = zip(self.spectra, models, noise.tolist(), strict=True)
        channels = [self._channels(*one) for one in each]
        return [Block(one, soft, signed) for one in zip(*channels, strict=True)]

    def _channels(self, one: Spectrum, model: FitModel, noise: float) -> Sequence[Channel]:
        """Return one spectrum of every contrast."""
        mean = one.channel.problem
        ed_per_ppm = float(mean.shares.sum()) / model.spline.width_ppm
        stiffness = model.spline.stiffness(round(ed_per_ppm, 6))
        rows = mean.with_noise(noise).ratio_rows
        aligned = [one.view.alignment.aligned(Fid(part, model.axis)) for part in one.pseudo]
        spectra = [model.data_spectrum(part) for part in aligned]
        problems = [Problem(model, part, noise, stiffness, rows) for part in spectra[1:]]
        fixed = model.rotated(self.changing.T @ one.fixed)
        moving = self._tangents(model, aligned[0], one.view.noise_sd)
        mapping = one.channel.mapping @ self.changing
        no_change = np.zeros((len(mapping), N_MOVING))
        return [
            Channel(
                problem=own,
                theta=one.channel.theta,
                mapping=np.hstack([mapping, no_change]),
                fixed=own.whiten(np.vstack([fixed, moving])).T / noise,
            )
            for own in problems
        ]

    def _tangents(self, model: FitModel, mean: Fid, noise_sd: float) -> RealArray:
        """Return what the mean changes by as its lines do, (N_MOVING, n_fit).

        Per Hz of shift, Hz of Lorentzian width, Hz^2 of squared Gaussian width and rad;
        rotated, in signal units. What happens to the whole voxel happens to everything in it:
        what the data themselves become then holds for macromolecules, lipid and whatever no
        model describes. The curves of the model leave the baseline out, and its share of
        narrower lines passes for glutamate (0.2 of 3 % for 0.3 Hz). A spread of the field is
        Gaussian to second order, whatever its shape. Slopes weigh the end of the signal, and
        its noise would be a slope that nothing follows: a change of 0.5 Hz would read too
        small, and the rest of it pass for 0.9 % of creatine (SNR 60).
        """
        time_s = mean.axis.time_s
        by_square = -gaussian_rate(1.0) * time_s * time_s
        phase = np.full(time_s.size, 1j)
        slopes = np.stack([2j * np.pi * time_s, -np.pi * time_s, by_square, phase])
        share = len(model.ppm) / (2 * model.n_kept)
        signal = expected_signal(mean, noise_sd**2 / model.n_kept, share)
        spectra = [model.data_spectrum(Fid(part * signal, mean.axis)) for part in slopes]
        return model.rotated(model.phased(np.stack(spectra), self.theta).real)

    def _left(self, blocks: Sequence[Block]) -> tuple[RealArray, Sequence[RealArray]]:
        """Return what the contrasts leave at the mean's line shapes, all together.

        Of every spectrum their sum of squares over its expectation, (n_spectra,), and the
        root of their mean square over the noise, (n_fit,).
        """
        points = Joint(blocks, self.prior).evaluate(self.theta).blocks
        pairs = list(zip(blocks, points, strict=True))
        chi2, residuals = [], []
        for index in range(len(self.spectra)):
            left, expected = np.sum([explained(*pair, index) for pair in pairs], axis=0)
            chi2.append(float(left / expected))
            curves = [residual_curve(*pair, index) for pair in pairs]
            residuals.append(np.sqrt(np.mean(np.square(curves), axis=0)))
        return np.array(chi2), residuals
