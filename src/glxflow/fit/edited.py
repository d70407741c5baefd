"""The joint fit of an edited session (MEGA-PRESS): the difference and the sum of ON and OFF.

Both hold the same substances in the same lines, so that concentrations, shifts, widths,
phase and delay are common. Difference and half sum are fitted rather than difference
and OFF because their noise is independent: as much is known, and nothing counts twice.

- Each spectrum has a baseline of its own.
- The difference is fitted from 2.45 ppm up: below stand NAA and macromolecules that
  editing pulses saturate by a profile nobody knows. It holds GABA, Glx at 3.75 ppm and the
  co-edited macromolecules, whose amplitude is its own.
- ON and OFF that do not match leave creatine and choline in the difference: shift, phase,
  size and width of ON against OFF are linear parameters of it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from glxflow.errors import DataError
from glxflow.fit.alike import fit_alike
from glxflow.fit.block import explained
from glxflow.fit.edited_model import EditedModel
from glxflow.fit.edited_problem import EditedProblem, mismatch_of
from glxflow.fit.edited_result import (
    EditedFit,
    EditedFound,
    edited_fit,
    failed_edited,
    joint_uncertainty,
)
from glxflow.fit.engine import PREFIT_ED_PER_PPM, fit_prepared
from glxflow.fit.found import Fit, Found
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.noise import noise_sd
from glxflow.fit.optimum import View
from glxflow.fit.problem import Problem
from glxflow.spectrum import Fid


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
    return _with_difference(fit_prepared(total, model.total), total, difference, model)


def fit_edited_alike(
    pairs: Sequence[tuple[Fid, Fid]], model: EditedModel
) -> tuple[tuple[EditedFit, ...], EditedModel]:
    """Return the fits of sessions' bins that will be compared, and the model they have in common.

    As `fit_alike` does it for one spectrum: an end of the half sum's range that one of them
    does not trust is trusted in none.

    Parameters
    ----------
    pairs : sequence of (Fid, Fid)
        Half sum and difference of every bin.
    model : EditedModel
        Prepared for their basis sets.
    """
    alone, shared = fit_alike([total for total, _ in pairs], model.total)
    model = replace(model, total=shared)
    fits = [_with_difference(fit, *pair, model) for fit, pair in zip(alone, pairs, strict=True)]
    return tuple(fits), model


def _with_difference(alone: Fit, total: Fid, difference: Fid, model: EditedModel) -> EditedFit:
    """Return the joint fit, from that of the half sum alone."""
    if total.axis != difference.axis:
        raise DataError(f"the sum is on {total.axis}, the difference on {difference.axis}.")
    if alone.found is None:
        return failed_edited(alone, difference, model.difference)
    best = alone.found.solution
    noise = noise_sd(difference) * float(np.sqrt(model.difference.share_kept))
    edited = _difference_problem(difference, alone.found, model, noise)
    mismatch = mismatch_of(model, alone.found.problem.model, best.point)
    problem = EditedProblem(alone.found.problem, edited, mismatch)
    joint = problem.joint()
    # What the difference leaves unexplained counts as its noise.
    extra = joint.prior.mean[best.free.size :]
    start = np.concatenate([best.point.theta, extra])
    free = np.concatenate([best.free, np.ones(extra.size, dtype=np.bool_)])
    left, expected = explained(joint.blocks[0], joint.evaluate(start).blocks[0], 1)
    inflated = noise * float(np.sqrt(max(left / expected, 1.0)))
    problem = replace(problem, difference=edited.with_noise(inflated))
    solution = solve_joint(problem.joint(), start, free)
    views = (
        View(alone.found.alignment, alone.result.noise_sd),
        View(alone.found.alignment, noise),
    )
    known = joint_uncertainty(solution, views)
    return edited_fit(alone, EditedFound(problem, solution, known, views))


def _difference_problem(
    difference: Fid, alone: Found, model: EditedModel, noise: float
) -> Problem:
    """Return the difference as a problem, aligned as the half sum was."""
    spectrum = model.difference.data_spectrum(alone.alignment.aligned(difference))
    chosen = model.difference.options.baseline_ed_per_ppm or PREFIT_ED_PER_PPM
    ed = model.difference.spline.within(chosen)
    # Creatine has no signal here; its amplitude in this problem alone, which is not used,
    # is defined by these rows.
    rows = np.eye(len(model.difference.response))
    return Problem(model.difference, spectrum, noise, model.difference.spline.stiffness(ed), rows)
