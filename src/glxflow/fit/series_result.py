"""What is known after the joint fit of a series: levels, their covariance, and doubts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from glxflow.fit.design import Design
from glxflow.fit.joint_solver import JointSolution
from glxflow.spectrum import OF_SERIES, FitResult, FitStatus, Flag, RealArray

LARGEST_CONTRAST_CHI2 = 1.5
_SPECTRA = {1: ("",), 2: (" in the half sum", " in the difference")}


@dataclass(frozen=True, slots=True)
class SeriesFit:
    """Amplitudes at the baseline and at every response, with their joint uncertainty.

    Attributes
    ----------
    mean : FitResult
        Of the weighted mean of all transients; of edited ones, of the difference.
    responses : tuple of str
        What is compared with the baseline.
    state : (n_state,) ndarray
        Amplitudes of the mean, then changes of every contrast.
    covariance : (n_state, n_state) ndarray
        Posterior covariance of the state.
    to_amplitudes : (1 + n_responses, n_components, n_state) ndarray
        From the state to the amplitudes at the baseline and at every response.
    to_lines : (n_responses, 3, n_state) ndarray
        From the state to the change of shift (Hz), full width at half height (Hz)
        and phase (rad) against the baseline.
    contrast_chi2 : float
        Residual of the contrasts over its expectation.
    solution : JointSolution or None
        The optimum; None where the mean could not be fitted.
    status : FitStatus
        How the fit ended.
    flags : tuple of Flag
        Doubts.
    """

    mean: FitResult
    responses: tuple[str, ...]
    state: RealArray
    covariance: RealArray
    to_amplitudes: RealArray
    to_lines: RealArray
    contrast_chi2: float
    solution: JointSolution | None
    status: FitStatus
    flags: tuple[Flag, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """Components."""
        return self.mean.names

    @property
    def amplitudes(self) -> RealArray:
        """Amplitudes at the baseline, then at every response, (1 + n_responses, n_components)."""
        levels: RealArray = self.to_amplitudes @ self.state
        return levels

    @property
    def lines(self) -> tuple[RealArray, RealArray]:
        """Changes of shift (Hz), full width (Hz) and phase (rad) at responses, and their SD."""
        variance = np.einsum("rls,st,rlt->rl", self.to_lines, self.covariance, self.to_lines)
        return self.to_lines @ self.state, np.sqrt(variance)


def series_doubts(fit: SeriesFit, found: JointSolution) -> Sequence[Flag]:
    """Return what there is to doubt beyond the mean's own doubts.

    Parameters
    ----------
    fit : SeriesFit
        The joint fit.
    found : JointSolution
        Its optimum.
    """
    flags = []
    if not found.is_converged:
        flags.append(
            Flag(
                f"{OF_SERIES}NOT_CONVERGED",
                f"a further joint step would lower chi-squared by {found.predicted_decrease:.2g}, "
                f"expected less than {found.tolerance:.2g}. Look at the fit of the mean.",
            )
        )
    if fit.contrast_chi2 > LARGEST_CONTRAST_CHI2:
        flags.append(
            Flag(
                f"{OF_SERIES}RESIDUAL",
                "the reduced chi-squared of differences between transients is "
                f"{fit.contrast_chi2:.2f}, expected at most {LARGEST_CONTRAST_CHI2:g}: something "
                "else than amplitudes, width, shift and phase has changed. Look for movement and "
                "lipid.",
            )
        )
    channels = found.joint.blocks[1].channels
    for name, channel in zip(_SPECTRA[len(channels)], channels, strict=True):
        model = channel.problem.model
        if not model.trusts_all:
            low, high = model.trusted_ppm
            flags.append(
                Flag(
                    f"{OF_SERIES}ENDS",
                    f"of changes{name} only {low:.2f} to {high:.2f} ppm were "
                    "trusted: what changes beyond is not in the model. Look for movement, lipid "
                    "and drifting water.",
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


def failed_series(mean: FitResult, design: Design) -> SeriesFit:
    """Return the result of a series whose mean could not be fitted: NaN throughout.

    Parameters
    ----------
    mean : FitResult
        Failed.
    design : Design
        That would have been followed.
    """
    n, n_responses = len(mean.names), len(design.responses)
    nan = float("nan")
    return SeriesFit(
        mean=mean,
        responses=tuple(name for name, _ in design.responses),
        state=np.full(n, nan),
        covariance=np.full((n, n), nan),
        to_amplitudes=np.tile(np.eye(n), (1 + n_responses, 1, 1)),
        to_lines=np.zeros((n_responses, 3, n)),
        contrast_chi2=nan,
        solution=None,
        status=FitStatus.FAILED,
        flags=mean.flags,
    )
