"""The joint fit of an edited session (MEGA-PRESS): the difference and the sum of ON and OFF.

Both hold the same substances in the same lines, so that concentrations, shifts, widths,
phase and delay are common. Difference and half sum are fitted rather than difference
and OFF because their noise is independent: as much is known, and nothing counts twice.

- Each spectrum has a baseline of its own.
- The difference is fitted from 2.45 ppm up: below stand NAA and macromolecules that
  editing pulses saturate by a profile nobody knows. It holds GABA, Glx at 3.75 ppm and the
  co-edited macromolecules, whose amplitude is its own.
- ON and OFF that do not match leave creatine and choline in the difference: a shift and
  a phase of ON against OFF are linear parameters of it.
"""

from dataclasses import dataclass, replace

import numpy as np

from glxflow.errors import BasisError, DataError
from glxflow.fit.edited_result import N_MISMATCH, EditedFit, edited_fit, failed_edited
from glxflow.fit.engine import PREFIT_ED_PER_PPM, Fit, fit_prepared
from glxflow.fit.joint import Block, Channel, Joint, explained, solve_joint
from glxflow.fit.lineshape import lineshape
from glxflow.fit.model import FitModel
from glxflow.fit.options import FitOptions
from glxflow.fit.preparation import prepare
from glxflow.fit.prior import Prior
from glxflow.fit.problem import Point, Problem
from glxflow.fit.shapes import shapes_of
from glxflow.fit.start import noise_sd, shifted, template
from glxflow.fit.widths import narrowed
from glxflow.spectrum import BasisSet, ComplexArray, Fid, Kind, RealArray

LOWEST_EDITED_PPM = 2.45
_LEAST_DIMENSION = 2.2


@dataclass(frozen=True, slots=True)
class EditedModel:
    """What every spectrum of an edited study shares.

    Attributes
    ----------
    total, difference : FitModel
        Of the half sum and of the difference.
    responses : (2, n_components, n_points) complex ndarray
        Of the half sum's components in it and in the difference, as upright and narrowed as
        it is.
    turn : complex
        What the difference is multiplied by to stand to its model as the half sum does
        to its own.
    """

    total: FitModel
    difference: FitModel
    responses: ComplexArray
    turn: complex


def prepare_edited(total: BasisSet, difference: BasisSet, options: FitOptions) -> EditedModel:
    """Return the model of two basis sets that are on the data's axis.

    Parameters
    ----------
    total : BasisSet
        Half the sum of ON and OFF, with macromolecules.
    difference : BasisSet
        ON less OFF, with the co-edited macromolecules.
    options : FitOptions
        Choices of the fit.

    Raises
    ------
    BasisError
        If their metabolites differ, or one of them cannot be prepared.
    """
    names = _metabolites(total)
    if names != _metabolites(difference) or total.axis != difference.axis:
        raise BasisError(
            f"{total.source} holds {', '.join(names)}, {difference.source} holds "
            f"{', '.join(_metabolites(difference))}: expected the same metabolites, in one "
            "order and on one axis. Simulate ON and OFF with the same options."
        )
    low, high = options.ppm_range
    edited = replace(options, ppm_range=(max(low, LOWEST_EDITED_PPM), high))
    upright, other = (
        complex(np.conj(start) / abs(start))
        for start in (template(total)[0], template(difference)[0])
    )
    in_difference = np.zeros_like(total.fids)
    for name in names:
        in_difference[total.names.index(name)] = difference.fid(name)
    return EditedModel(
        total=prepare(total, options),
        difference=prepare(difference, edited),
        responses=upright * np.array([narrowed(total), in_difference]),
        turn=other / upright,
    )


def _metabolites(basis: BasisSet) -> tuple[str, ...]:
    """Return the names of what is not macromolecule or lipid."""
    pairs = zip(basis.names, basis.kinds, strict=True)
    return tuple(name for name, kind in pairs if kind is Kind.METABOLITE)


def fit_edited(total: Fid, difference: Fid, model: EditedModel) -> EditedFit:
    """Return the joint fit of the half sum and the difference of two aligned conditions.

    Parameters
    ----------
    total, difference : Fid
        (ON + OFF) / 2 and ON - OFF, the same phase and frequency in both.
    model : EditedModel
        Prepared for their basis sets.

    Raises
    ------
    DataError
        If the data are conjugated, hold no noise, or are on different axes.
    """
    if total.axis != difference.axis:
        raise DataError(f"the sum is on {total.axis}, the difference on {difference.axis}.")
    alone = fit_prepared(total, model.total)
    if alone.problem is None or alone.solution is None:
        return failed_edited(alone, model.difference)
    noise = noise_sd(difference) * float(np.sqrt(model.difference.share_kept))
    mismatch = _mismatch_rows(model, alone.problem.model, alone.solution.point)
    edited = _difference_problem(difference, alone, model, noise)
    joint = _joint_problem(alone.problem, edited, mismatch)
    # What the difference leaves unexplained counts as its noise.
    extra = joint.prior.mean[alone.solution.free.size :]
    start = np.concatenate([alone.solution.point.theta, extra])
    free = np.concatenate([alone.solution.free, np.ones(extra.size, dtype=np.bool_)])
    left, expected = explained(joint.blocks[0], joint.evaluate(start).blocks[0], 1)
    inflated = noise * float(np.sqrt(max(left / expected, 1.0)))
    edited = _difference_problem(difference, alone, model, inflated)
    joint = _joint_problem(alone.problem, edited, mismatch)
    found = solve_joint(joint, start, free)
    return edited_fit(alone, found, free, mismatch, noise)


def _difference_problem(difference: Fid, alone: Fit, model: EditedModel, noise: float) -> Problem:
    """Return the difference as a problem, aligned as the half sum was."""
    result, solution = alone.result, alone.solution
    theta = np.zeros(3) if solution is None else solution.point.theta
    offset_hz = result.offset_ppm * difference.axis.spectrometer_frequency_mhz - theta[2]
    spectrum = model.difference.data_spectrum(shifted(difference, offset_hz))
    spectrum = spectrum * np.exp(-1j * (result.phase_rad - theta[0])) * model.turn
    chosen = model.difference.options.baseline_ed_per_ppm or PREFIT_ED_PER_PPM
    ed = max(chosen, _LEAST_DIMENSION / model.difference.spline.width_ppm)
    # Creatine has no signal here; its amplitude in this problem alone, which is not used,
    # is defined by these rows.
    rows = np.eye(len(model.difference.response))
    return Problem(model.difference, spectrum, noise, model.difference.spline.stiffness(ed), rows)


def _mismatch_rows(
    model: EditedModel, total: FitModel, start: Point
) -> tuple[RealArray, RealArray]:
    """Return what ON's shift by 1 Hz and phase of 1 rad against OFF add to sum and difference.

    Rotated as their models are, in signal units, (2, n_fit) each. The common shift and
    phase follow the mean of both; against it ON is off by a half one way and OFF the
    other way: of the half sum that leaves a quarter of the difference, and the reverse.
    """
    n, time_s = len(total.names), total.axis.time_s
    shapes = shapes_of(total, start.theta)
    decays = shapes.shim.at(time_s).values * lineshape(
        time_s, shapes.gamma_per_s[:n], shapes.shift_hz[:n], shapes.own_g_per_s2[:n]
    )
    mean, edited = np.einsum("j,kjt->kt", start.amplitudes[:n], model.responses * decays)
    factors = np.array([2j * np.pi * time_s, np.full(time_s.size, 1j)])
    # Turned as the data are: the model of the difference may stand upside down.
    one, other = (
        like.rotated(
            np.array([like.data_spectrum(Fid(row, total.axis)).real for row in factors * signal])
        )
        for like, signal in ((total, edited / 4), (model.difference, model.turn * mean))
    )
    return one, other


def _joint_problem(
    total: Problem, edited: Problem, mismatch: tuple[RealArray, RealArray]
) -> Joint:
    """Return the problem of both spectra.

    Linear parameters: the columns of the half sum, macromolecules of the difference, then
    shift (Hz) and phase (rad) of ON.
    """
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
    for problem, rows in zip((total, edited), mismatch, strict=True):
        fixed.append(np.zeros((len(problem.model.ppm), n_linear)))
        fixed[-1][:, -N_MISMATCH:] = problem.whiten(rows / problem.noise_sd).T
    channels = (
        Channel(total, np.arange(len(total.prior.names)), np.eye(n_total, n_linear), fixed[0]),
        Channel(edited, np.array(places), of_edited, fixed[1]),
    )
    soft = np.zeros((len(total.ratio_rows), n_linear))
    soft[:, :n_total] = total.ratio_rows
    is_signed = np.ones(n_linear, dtype=np.bool_)
    is_signed[:n_total], is_signed[n_total : n_total + len(own)] = total.model.is_signed, False
    return Joint([Block(channels, soft, is_signed)], prior)


def _joint_prior(total: Prior, edited: Prior) -> Prior:
    """Return the prior of the half sum, and of what only the difference has."""
    own = [index for index, name in enumerate(edited.names) if name not in total.names]
    return Prior(
        names=(*total.names, *(edited.names[index] for index in own)),
        mean=np.concatenate([total.mean, edited.mean[own]]),
        sd=np.concatenate([total.sd, edited.sd[own]]),
        low=np.concatenate([total.low, edited.low[own]]),
        high=np.concatenate([total.high, edited.high[own]]),
    )
