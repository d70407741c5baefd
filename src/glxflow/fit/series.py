"""The joint fit of a series: line shapes in common, amplitudes that follow a design.

The mean of the series is fitted as any spectrum is. Contrasts between its transients
then say what changes: each metabolite by a share of its mean, and the lines by a
common shift, widths and phase (else narrower lines would pass for more glutamate).
Their rules, which leave the result to depend on the space of the design alone:

- The mean is not negative; changes may have any sign, or no change would have a
  positive estimate. What is zero in the mean stays zero, as its amplitudes must.
- Macromolecules do not change over the minutes of a scan. Lipids may.
- Every contrast has a baseline of its own, as stiff as that of the mean.
- Weak metabolites change about their cited ratio to creatine as they vary about it.
"""

from dataclasses import dataclass, replace

import numpy as np

from glxflow.errors import DataError
from glxflow.fit.block import Block, block_jacobian
from glxflow.fit.contrasts import N_MOVING, Contrasts, Spectrum, changing_columns
from glxflow.fit.design import Design, Reduction, reduce_design
from glxflow.fit.engine import fit_prepared
from glxflow.fit.joint import Joint, JointPoint
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.model import FitModel
from glxflow.fit.optimum import View
from glxflow.fit.series_result import SeriesFit, failed_series, series_doubts
from glxflow.fit.uncertainty import Uncertainty, inverse_of
from glxflow.spectrum import Fid, FitResult, FitStatus, RealArray, Series


def fit_series(
    series: Series, model: FitModel, design: Design, weights: RealArray | None = None
) -> SeriesFit:
    """Return the joint fit of a series of aligned transients, or of averages of them.

    Parameters
    ----------
    series : Series
        Combined and aligned; transients that overlap in time must not be among them.
    model : FitModel
        Prepared for its basis set.
    design : Design
        How amplitudes may change.
    weights : (n_transients,) ndarray, optional
        Precision of each transient: 1 over its noise variance, to any unit.
        All equal if absent.

    Raises
    ------
    ConfigError
        If design or weights do not fit the series.
    DataError
        If coils are not combined, or the data are conjugated or hold no noise.
    """
    reduction = reduced(series, design, weights)
    pseudo = reduction.mixing @ series.samples[0]
    mean = fit_prepared(Fid(pseudo[0], series.axis), model)
    found = mean.found
    if found is None:
        return failed_series(mean.result, design)
    block, best = Block.of(found.problem), found.solution
    spectrum = Spectrum(
        channel=block.channels[0],
        model=model,
        view=View(found.alignment, mean.result.noise_sd),
        pseudo=pseudo,
        fixed=np.zeros((len(best.point.amplitudes), len(model.ppm))),
    )
    changing = changing_columns(found.problem.model, best.point.amplitudes)
    no_rows = np.zeros((0, changing.shape[1]))
    contrasts = Contrasts((spectrum,), changing, found.problem.prior, best.point.theta, no_rows)
    return followed(Mean(mean.result, block, found.uncertainty), contrasts, reduction, design)


@dataclass(frozen=True, slots=True)
class Mean:
    """The fit of the mean of a series.

    Attributes
    ----------
    result : FitResult
        Its result.
    block : Block
        The block it was solved as.
    known : Uncertainty
        Covariances at its optimum.
    """

    result: FitResult
    block: Block
    known: Uncertainty


def reduced(series: Series, design: Design, weights: RealArray | None) -> Reduction:
    """Return how the transients of a series become pseudo-spectra.

    Parameters
    ----------
    series : Series
        Combined.
    design : Design
        How amplitudes may change.
    weights : (n_transients,) ndarray or None
        Precision of each; all equal if None.

    Raises
    ------
    ConfigError
        If design or weights do not fit the series.
    DataError
        If coils are not combined.
    """
    if series.n_coils != 1:
        raise DataError(f"{series.n_coils} coils: combine them before the joint fit of a series.")
    return reduce_design(design, np.ones(series.n_transients) if weights is None else weights)


def followed(mean: Mean, contrasts: Contrasts, reduction: Reduction, design: Design) -> SeriesFit:
    """Return the fit of mean and contrasts together, searched from the mean's optimum.

    Parameters
    ----------
    mean : Mean
        The fit of the mean alone.
    contrasts : Contrasts
        What may change.
    reduction : Reduction
        What the pseudo-spectra are.
    design : Design
        That they were reduced by.
    """
    blocks, chi2 = contrasts.blocks()
    joint = Joint([mean.block, *blocks], contrasts.prior)
    found = solve_joint(joint, contrasts.theta, mean.known.free)
    fit = SeriesFit(
        mean=mean.result,
        responses=tuple(name for name, _ in design.responses),
        state=np.concatenate([block.linear for block in found.point.blocks]),
        covariance=_covariance(joint, found.point, mean.known),
        to_amplitudes=_to_amplitudes(reduction, mean.block.reported, contrasts.changing),
        to_lines=_to_lines(reduction, contrasts),
        contrast_chi2=chi2,
        solution=found,
        status=mean.result.status if found.is_converged else FitStatus.NOT_CONVERGED,
    )
    return replace(fit, flags=(*mean.result.flags, *series_doubts(fit, found)))


def _covariance(joint: Joint, point: JointPoint, known: Uncertainty) -> RealArray:
    """Return the covariance of the mean's amplitudes and all changes.

    A contrast has its own noise, and follows the line shape that the mean is sure of
    only so far.
    """
    n_free = int(known.free.sum())
    follows = [np.zeros((len(known.covariance) - n_free, n_free))]
    own = [np.zeros((len(known.covariance) - n_free,) * 2)]
    for block, one in zip(joint.blocks[1:], point.blocks[1:], strict=True):
        jacobian = block_jacobian(block, one, point.theta.size)[:, known.free]
        inverse = inverse_of(one.design.T @ one.design)
        follows.append(inverse @ (one.design.T @ jacobian))
        own.append(inverse)
    # Columns: line shape, then the mean's amplitudes, which contrasts do not follow.
    n_state = sum(map(len, own))
    sensitivity = np.zeros((n_state, len(known.covariance)))
    sensitivity[:, :n_free] = np.concatenate(follows)
    sensitivity[: len(own[0]), n_free:] = np.eye(len(own[0]))
    total = sensitivity @ known.covariance @ sensitivity.T
    start = len(own[0])
    for inverse in own[1:]:
        rows = slice(start, start + len(inverse))
        total[rows, rows] += inverse
        start += len(inverse)
    return total


def _to_amplitudes(reduction: Reduction, mapping: RealArray, changing: RealArray) -> RealArray:
    """Return the map from the state to amplitudes at the levels."""
    n_levels, n_pseudo = reduction.levels.shape
    mean = np.tile(mapping, (n_levels, 1, 1))
    parts = np.hstack([mapping @ changing, np.zeros((len(mapping), N_MOVING))])
    changes = [
        reduction.levels[:, one, np.newaxis, np.newaxis] * parts for one in range(1, n_pseudo)
    ]
    return np.concatenate([mean, *changes], axis=2)


def _to_lines(reduction: Reduction, contrasts: Contrasts) -> RealArray:
    """Return the map from the state to the changes of the lines against the baseline."""
    n_linear, n_changing = contrasts.changing.shape
    of_moving = contrasts.line_changes()
    parts = np.hstack([np.zeros((len(of_moving), n_changing)), of_moving])
    against = reduction.levels[1:] - reduction.levels[0]
    mean = np.zeros((len(against), len(of_moving), n_linear))
    changes = [against[:, one, np.newaxis, np.newaxis] * parts for one in range(1, len(against.T))]
    return np.concatenate([mean, *changes], axis=2)
