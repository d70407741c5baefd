"""The contrasts of a series as a problem: what may change, and how the lines may move."""

import numpy as np

from glxflow.fit.engine import Fit
from glxflow.fit.joint import Block, Channel, Joint, JointPoint, explained
from glxflow.fit.model import FitModel
from glxflow.fit.prior import SHARED
from glxflow.fit.problem import Point, Problem
from glxflow.fit.solver import Solution
from glxflow.fit.start import shifted
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
    mean: Fit,
    problem: Problem,
    solution: Solution,
    changing: RealArray,
    pseudo: ComplexArray,
) -> tuple[Joint, float]:
    """Return the problem of mean and contrasts, and the contrasts' misfit.

    What the contrasts leave unexplained counts as noise, together, so that no
    coordinates of the design are special.

    Parameters
    ----------
    mean : Fit
        Of the mean alone, which aligns the contrasts too.
    problem, solution : Problem, Solution
        Of that fit.
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
    offset_hz = (
        mean.result.offset_ppm * problem.model.axis.spectrometer_frequency_mhz
        - solution.point.theta[SHARED.index("shift_hz")]
    )
    phase_rad = mean.result.phase_rad - solution.point.theta[SHARED.index("phase_rad")]
    turn = np.exp(-1j * phase_rad)
    aligned, *contrasts = (
        shifted(Fid(turn * one, problem.model.axis), offset_hz) for one in pseudo
    )
    spectra = [problem.model.data_spectrum(one) for one in contrasts]
    tangents = _tangents(problem, solution.point, aligned)
    first = _mean_block(problem)
    noise = mean.result.noise_sd
    plain = Joint(
        [_contrast_block(problem, tangents, changing, one, noise) for one in spectra],
        problem.prior,
    )
    chi2 = _contrast_chi2(plain, plain.evaluate(solution.point.theta))
    noise *= float(np.sqrt(max(chi2, 1.0)))
    blocks = [_contrast_block(problem, tangents, changing, one, noise) for one in spectra]
    return Joint([first, *blocks], problem.prior), chi2


def _mean_block(problem: Problem) -> Block:
    """Return the block of the mean: the problem as it was solved alone."""
    n_columns = problem.ratio_rows.shape[1]
    channel = Channel(
        problem,
        np.arange(len(problem.prior.names)),
        np.eye(n_columns),
        np.zeros((len(problem.model.ppm), n_columns)),
    )
    return Block((channel,), problem.ratio_rows, problem.model.is_signed)


def _contrast_block(
    problem: Problem,
    tangents: RealArray,
    changing: RealArray,
    spectrum: ComplexArray,
    noise: float,
) -> Block:
    """Return the block of one contrast: changes of amplitude, and of the mean's line shape."""
    still = np.zeros((len(tangents), changing.shape[1]))
    no_change = np.zeros((len(changing), N_MOVING))
    rows = problem.with_noise(noise).ratio_rows
    own = Problem(problem.model, spectrum, noise, problem.stiffness, rows)
    channel = Channel(
        problem=own,
        theta=np.arange(len(problem.prior.names)),
        mapping=np.hstack([changing, no_change]),
        fixed=np.hstack([still, tangents / noise]),
    )
    soft = rows @ channel.mapping
    soft = soft[soft.any(axis=1)]
    return Block((channel,), soft, np.ones(soft.shape[1], dtype=np.bool_))


def _tangents(problem: Problem, point: Point, mean: Fid) -> RealArray:
    """Return what the mean changes by per Hz of shift and width and per rad, whitened, (n_fit, 3).

    A faster decay of the whole voxel widens everything in it by as many Hz: what the data
    themselves become then holds for macromolecules, lipid and whatever no model describes.
    The curves of the model leave the baseline out, and its share of the narrower lines
    passes for glutamate (0.2 of 3 % for 0.3 Hz).
    """
    model, theta = problem.model, point.theta
    time_s = mean.axis.time_s
    slopes = np.stack([2j * np.pi * time_s, -np.pi * time_s, np.full(time_s.size, 1j)])
    spectra = [model.data_spectrum(Fid(one * mean.samples, mean.axis)) for one in slopes]
    phased = np.stack(spectra) * np.exp(-1j * (theta[0] + model.turn_per_us * theta[1]))
    return problem.whiten(model.rotated(phased.real)).T


def _contrast_chi2(joint: Joint, point: JointPoint) -> float:
    """Return the contrasts' sum of squares over its expectation, all together."""
    parts = [
        explained(block, one, 0) for block, one in zip(joint.blocks, point.blocks, strict=True)
    ]
    left, expected = np.sum(parts, axis=0)
    return float(left / expected)
