"""The joint fit of a series: line shapes in common, amplitudes that follow a design.

The mean of the series is fitted as any spectrum is. Contrasts between its transients
then say what changes: each metabolite by a share of its mean, and the lines by a
common shift, width and phase (else narrower lines would pass for more glutamate).
Their rules, which leave the result to depend on the space of the design alone:

- The mean is not negative; changes may have any sign, or no change would have a
  positive estimate. What is zero in the mean stays zero, as its amplitudes must.
- Macromolecules do not change over the minutes of a scan. Lipids may.
- Every contrast has a baseline of its own, as stiff as that of the mean.
- Weak metabolites change about their cited ratio to creatine as they vary about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from glxflow.errors import DataError
from glxflow.fit.contrasts import N_MOVING, changing_columns, joint_problem
from glxflow.fit.design import Design, Reduction, reduce_design
from glxflow.fit.engine import fit_prepared
from glxflow.fit.found import Fit
from glxflow.fit.joint import Joint, JointPoint, block_jacobian
from glxflow.fit.joint_solver import JointSolution, solve_joint
from glxflow.fit.model import FitModel
from glxflow.fit.uncertainty import Uncertainty, inverse_of
from glxflow.spectrum import Fid, FitStatus, Flag, RealArray, Series

LARGEST_CONTRAST_CHI2 = 1.5


@dataclass(frozen=True, slots=True)
class SeriesFit:
    """Amplitudes at the baseline and at every response, with their joint uncertainty.

    Attributes
    ----------
    mean : Fit
        The fit of the weighted mean of all transients.
    responses : tuple of str
        What is compared with the baseline.
    names : tuple of str
        Components.
    state : (n_state,) ndarray
        Amplitudes of the mean, then changes of every contrast.
    covariance : (n_state, n_state) ndarray
        Posterior covariance of the state.
    to_amplitudes : (1 + n_responses, n_components, n_state) ndarray
        From the state to the amplitudes at the baseline and at every response.
    to_lines : (n_responses, 3, n_state) ndarray
        From the state to the change of shift (Hz), Lorentzian width (Hz) and
        phase (rad) against the baseline.
    contrast_chi2 : float
        Residual of the contrasts over its expectation.
    solution : JointSolution or None
        The optimum; None where the mean could not be fitted.
    status : FitStatus
        How the fit ended.
    flags : tuple of Flag
        Doubts.
    """

    mean: Fit
    responses: tuple[str, ...]
    names: tuple[str, ...]
    state: RealArray
    covariance: RealArray
    to_amplitudes: RealArray
    to_lines: RealArray
    contrast_chi2: float
    solution: JointSolution | None
    status: FitStatus
    flags: tuple[Flag, ...] = field(default=())

    @property
    def amplitudes(self) -> RealArray:
        """Amplitudes at the baseline, then at every response, (1 + n_responses, n_components)."""
        levels: RealArray = self.to_amplitudes @ self.state
        return levels

    @property
    def lines(self) -> tuple[RealArray, RealArray]:
        """Changes of shift (Hz), width (Hz) and phase (rad) at every response, and their SD."""
        variance = np.einsum("rls,st,rlt->rl", self.to_lines, self.covariance, self.to_lines)
        return self.to_lines @ self.state, np.sqrt(variance)


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
    if series.n_coils != 1:
        raise DataError(f"{series.n_coils} coils: combine them before the joint fit of a series.")
    precision = np.ones(series.n_transients) if weights is None else weights
    reduction = reduce_design(design, precision)
    pseudo = reduction.mixing @ series.samples[0]
    mean = fit_prepared(Fid(pseudo[0], series.axis), model)
    responses = tuple(name for name, _ in design.responses)
    if mean.found is None:
        return _failed(mean, responses)
    best = mean.found.solution
    changing = changing_columns(mean.found.problem.model, best.point.amplitudes)
    joint, chi2 = joint_problem(mean.found, mean.result.noise_sd, model, changing, pseudo)
    found = solve_joint(joint, best.point.theta, best.free)
    fit = SeriesFit(
        mean=mean,
        responses=responses,
        names=mean.result.names,
        state=np.concatenate([block.linear for block in found.point.blocks]),
        covariance=_covariance(joint, found.point, mean.found.uncertainty),
        to_amplitudes=_to_amplitudes(reduction, changing, len(mean.result.names)),
        to_lines=_to_lines(reduction, changing),
        contrast_chi2=chi2,
        solution=found,
        status=_status(mean, found),
    )
    return replace(fit, flags=(*mean.result.flags, *_doubts(fit, found)))


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


def _to_amplitudes(reduction: Reduction, changing: RealArray, n_components: int) -> RealArray:
    """Return the map from the state to amplitudes at the levels."""
    n_levels, n_pseudo = reduction.levels.shape
    n_columns = len(changing)
    mean = np.tile(np.eye(n_columns)[:n_components], (n_levels, 1, 1))
    parts = np.hstack([changing, np.zeros((n_columns, N_MOVING))])[:n_components]
    changes = [
        reduction.levels[:, one, np.newaxis, np.newaxis] * parts for one in range(1, n_pseudo)
    ]
    return np.concatenate([mean, *changes], axis=2)


def _to_lines(reduction: Reduction, changing: RealArray) -> RealArray:
    """Return the map from the state to the changes of the lines against the baseline."""
    n_columns, n_changing = changing.shape
    parts = np.hstack([np.zeros((N_MOVING, n_changing)), np.eye(N_MOVING)])
    against = reduction.levels[1:] - reduction.levels[0]
    mean = np.zeros((len(against), N_MOVING, n_columns))
    changes = [against[:, one, np.newaxis, np.newaxis] * parts for one in range(1, len(against.T))]
    return np.concatenate([mean, *changes], axis=2)


def _status(mean: Fit, found: JointSolution) -> FitStatus:
    """Return how both searches ended."""
    return mean.result.status if found.is_converged else FitStatus.NOT_CONVERGED


def _doubts(fit: SeriesFit, found: JointSolution) -> Sequence[Flag]:
    """Return what there is to doubt beyond the mean's own doubts."""
    flags = []
    if not found.is_converged:
        flags.append(
            Flag(
                "SERIES_NOT_CONVERGED",
                f"a further joint step would lower chi-squared by {found.predicted_decrease:.2g}, "
                f"expected less than {found.tolerance:.2g}. Look at the fit of the mean.",
            )
        )
    if fit.contrast_chi2 > LARGEST_CONTRAST_CHI2:
        flags.append(
            Flag(
                "SERIES_RESIDUAL",
                f"differences between transients are {fit.contrast_chi2:.2f} times the noise, "
                f"expected at most {LARGEST_CONTRAST_CHI2:g}: something else than amplitudes, "
                "width, shift and phase has changed. Look for movement and lipid.",
            )
        )
    model = found.joint.blocks[1].channels[0].problem.model
    trusted = model.trusted_ppm
    if trusted.size < model.ppm.size:
        flags.append(
            Flag(
                "SERIES_ENDS",
                f"of changes only {trusted[0]:.2f} to {trusted[-1]:.2f} ppm were trusted: what "
                "changes beyond is not in the model. Look for movement, lipid and drifting water.",
            )
        )
    below = np.array(fit.names)[(fit.amplitudes < 0).any(axis=0)]
    if below.size:
        flags.append(
            Flag(
                "BELOW_ZERO",
                f"{', '.join(below)} would be negative at some time: too weak to follow, read "
                "its changes with their SD.",
            )
        )
    return flags


def _failed(mean: Fit, responses: tuple[str, ...]) -> SeriesFit:
    """Return the result of a series whose mean could not be fitted: NaN throughout."""
    n = len(mean.result.names)
    nan = float("nan")
    return SeriesFit(
        mean=mean,
        responses=responses,
        names=mean.result.names,
        state=np.full(n, nan),
        covariance=np.full((n, n), nan),
        to_amplitudes=np.tile(np.eye(n), (1 + len(responses), 1, 1)),
        to_lines=np.zeros((len(responses), N_MOVING, n)),
        contrast_chi2=nan,
        solution=None,
        status=FitStatus.FAILED,
        flags=mean.result.flags,
    )
