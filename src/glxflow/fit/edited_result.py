"""What is known after the joint fit of an edited session: amplitudes, curves, doubts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from glxflow.fit.block import explained
from glxflow.fit.doubts import LARGEST_REDUCED_CHI2, bound_doubts, failed
from glxflow.fit.edited_problem import N_MISMATCH, EditedProblem
from glxflow.fit.found import Fit
from glxflow.fit.joint import information
from glxflow.fit.joint_solver import JointSolution
from glxflow.fit.model import FitModel
from glxflow.fit.optimum import View
from glxflow.fit.record import of_spectrum
from glxflow.fit.uncertainty import Uncertainty, shape_errors
from glxflow.spectrum import Fid, FitResult, FitStatus, Flag

LARGEST_MISMATCH_HZ = 1.0
LARGEST_MISMATCH_SIZE = 0.05
LARGEST_MISMATCH_WIDTH_HZ = 0.6


@dataclass(frozen=True, slots=True)
class EditedFound:
    """What is behind the result of an edited session.

    Attributes
    ----------
    problem : EditedProblem
        Both spectra with their models.
    solution : JointSolution
        The joint optimum.
    uncertainty : Uncertainty
        Covariances at the optimum; its amplitudes are the linear parameters.
    views : tuple of View
        How the data of half sum and difference were made.
    """

    problem: EditedProblem
    solution: JointSolution
    uncertainty: Uncertainty
    views: tuple[View, View]


@dataclass(frozen=True, slots=True)
class EditedFit:
    """The fit of an edited session.

    Attributes
    ----------
    alone : Fit
        The half sum fitted alone, where the joint fit starts.
    total, difference : FitResult
        Both spectra with their curves. Amplitudes of metabolites are common and so is
        their covariance; those of macromolecules are each spectrum's own.
    mismatch_hz, mismatch_rad, mismatch_size, mismatch_width_hz : float
        Shift, phase, size (a share of their mean) and width of ON against OFF that the
        difference shows.
    found : EditedFound or None
        What they come from; None where the half sum could not be fitted.
    flags : tuple of Flag
        Doubts about the joint fit.
    """

    alone: Fit
    total: FitResult
    difference: FitResult
    mismatch_hz: float = float("nan")
    mismatch_rad: float = float("nan")
    mismatch_size: float = float("nan")
    mismatch_width_hz: float = float("nan")
    found: EditedFound | None = None
    flags: tuple[Flag, ...] = field(default=())


def edited_fit(alone: Fit, found: EditedFound) -> EditedFit:
    """Return the record of a joint fit.

    Parameters
    ----------
    alone : Fit
        Of the half sum alone.
    found : EditedFound
        The joint optimum.
    """
    solution, known = found.solution, found.uncertainty
    block, point = solution.joint.blocks[0], solution.point.blocks[0]
    covariance, bound = known.of_amplitudes(point.linear.size), known.noise_covariance
    moved = point.linear[-N_MISMATCH:]
    status = alone.result.status if solution.is_converged else FitStatus.NOT_CONVERGED
    results = []
    for index, (channel, view) in enumerate(zip(block.channels, found.views, strict=True)):
        mapping = channel.mapping[: len(channel.problem.model.names)]
        left, expected = explained(block, point, index)
        problem, fitted = channel.problem, point.points[index]
        share = (problem.noise_sd / view.noise_sd) ** 2
        # What is neither component nor spline is shown with the baseline.
        extra = moved @ found.problem.mismatch_rows(index)
        baseline = problem.baseline(problem.noise_sd * fitted.remainder - extra) + extra
        results.append(
            replace(
                alone.result,
                **of_spectrum(problem, fitted, view.alignment, baseline),
                covariance=mapping @ covariance @ mapping.T,
                noise_covariance=mapping @ bound @ mapping.T,
                noise_sd=view.noise_sd,
                reduced_chi2=left / expected * share,
                status=status,
            )
        )
    total, difference = results
    mismatch = moved.tolist()
    shift_hz, phase_rad, size, width_hz = mismatch
    # The page shows the difference, whose range and ends are others.
    own = (
        replace(flag, message=f"of the sum {flag.message}") if flag.code == "ENDS" else flag
        for flag in alone.result.flags
    )
    flags = (*own, *_doubts(solution, difference, mismatch))
    return EditedFit(
        alone=alone,
        total=replace(total, flags=flags),
        difference=replace(difference, flags=flags),
        mismatch_hz=shift_hz,
        mismatch_rad=phase_rad,
        mismatch_size=size,
        mismatch_width_hz=width_hz,
        found=found,
        flags=flags,
    )


def joint_uncertainty(found: JointSolution, views: Sequence[View]) -> Uncertainty:
    """Return the covariances of line shapes and linear parameters at a joint optimum.

    As `glxflow.fit.uncertainty` does it for one spectrum, over the rows of all.

    Parameters
    ----------
    found : JointSolution
        The optimum of one block.
    views : sequence of View
        How the data of each spectrum were made.
    """
    joint, point, free = found.joint, found.point, found.free
    block, one = joint.blocks[0], point.blocks[0]
    slopes, inverse = information(joint, point, free)
    noise, shape = np.zeros_like(inverse), np.zeros_like(inverse)
    of_each = zip(block.channels, block.rows, one.points, views, strict=True)
    for channel, rows, fitted, view in of_each:
        problem = channel.problem
        data = problem.whiten(slopes[rows].T)
        noise += data @ data.T * (view.noise_sd / problem.noise_sd) ** 2
        error = inverse @ (data @ shape_errors(problem, fitted))
        shape += error @ error.T
    total = block.channels[0]
    loosened = inverse[:, -one.linear.size :] @ (total.problem.loosened_rows @ total.mapping).T
    parts = [explained(block, one, index) for index in range(len(block.channels))]
    left, expected = np.sum(parts, axis=0)
    n_free = int(free.sum())
    return Uncertainty(
        covariance=inverse * max(float(left / expected), 1.0) + shape + loosened @ loosened.T,
        noise_covariance=(inverse @ noise @ inverse)[n_free:, n_free:],
        free=free,
        reduced_chi2=float(left / expected),
    )


def _doubts(
    found: JointSolution, difference: FitResult, mismatch: Sequence[float]
) -> tuple[Flag, ...]:
    """Return what there is to doubt beyond the half sum's own doubts."""
    mismatch_hz, _, mismatch_size, mismatch_width_hz = mismatch
    flags = list(bound_doubts(found.at_bound))
    if not found.is_converged:
        flags.append(
            Flag(
                "EDITED_NOT_CONVERGED",
                f"a further joint step would lower chi-squared by {found.predicted_decrease:.2g}, "
                f"expected less than {found.tolerance:.2g}. Look at the fit of the sum.",
            )
        )
    if difference.reduced_chi2 > LARGEST_REDUCED_CHI2:
        flags.append(
            Flag(
                "EDITED_RESIDUAL",
                "the reduced chi-squared of the difference's residual is "
                f"{difference.reduced_chi2:.2f}, expected at most {LARGEST_REDUCED_CHI2:g}. Look "
                "for a subtraction artefact, or a basis set of other editing pulses.",
            )
        )
    if abs(mismatch_hz) > LARGEST_MISMATCH_HZ:
        flags.append(
            Flag(
                "EDITED_MISMATCH",
                f"ON is shifted by {mismatch_hz:+.2f} Hz against OFF, expected within "
                f"{LARGEST_MISMATCH_HZ:g} Hz: creatine does not cancel under GABA. Align the "
                "conditions before they are subtracted.",
            )
        )
    if abs(mismatch_size) > LARGEST_MISMATCH_SIZE:
        flags.append(
            Flag(
                "EDITED_SIZE",
                f"ON differs in size by {100 * mismatch_size:+.1f} % from OFF, expected within "
                f"{100 * LARGEST_MISMATCH_SIZE:g} %: creatine does not cancel under GABA. Look "
                "for movement, for weak transients of one condition, and for an editing pulse "
                "that reaches creatine and choline.",
            )
        )
    if abs(mismatch_width_hz) > LARGEST_MISMATCH_WIDTH_HZ:
        flags.append(
            Flag(
                "EDITED_WIDTH",
                f"lines of ON are {mismatch_width_hz:+.2f} Hz wider than of OFF, expected within "
                f"{LARGEST_MISMATCH_WIDTH_HZ:g} Hz: creatine does not cancel under GABA. Look for "
                "drift and movement between the conditions.",
            )
        )
    return tuple(flags)


def failed_edited(alone: Fit, fid: Fid, model: FitModel) -> EditedFit:
    """Return the result of a session whose half sum was not fitted: the data, and NaN.

    Parameters
    ----------
    alone : Fit
        Of the half sum, failed.
    fid : Fid
        The difference.
    model : FitModel
        Of the difference.
    """
    reason = alone.result.flags[0].message
    # ON - OFF holds twice the noise of their mean.
    difference = failed(model, fid, reason, 2 * alone.result.noise_sd)
    return EditedFit(alone, alone.result, difference, flags=alone.result.flags)
