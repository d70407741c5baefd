"""Amplitudes of a spectrum."""

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from glxflow.spectrum.arrays import RealArray
from glxflow.spectrum.basis_set import Kind
from glxflow.spectrum.notes import Flag


class FitStatus(Enum):
    """How a fit ended; the value is the sentence that pages print."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not converged: no minimum within the iteration limit, values are not averaged"
    FAILED = "failed: the data could not be modelled, no values"

    @property
    def word(self) -> str:
        """The name in the column `status` of tables."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class FitResult:
    """Amplitudes of one spectrum, their uncertainty, and the curves to judge them by.

    Attributes
    ----------
    names, kinds : tuple
        Basis functions, in the order of the arrays.
    amplitudes : (n_components,) ndarray
        Non-negative least-squares amplitudes, in signal units per proton.
    covariance : (n_components, n_components) ndarray
        Posterior covariance: inverse Hessian with all nuisance parameters,
        priors and the baseline, scaled by the noise (and by the residual where
        that is larger).
    noise_covariance : (n_components, n_components) ndarray
        Covariance that noise alone causes in this penalised fit, as a sandwich.
    shift_ppm, linewidth_hz : (n_components,) ndarray
        Fitted offset from the expected chemical shift, and full width at half
        height added to the basis function.
    phase_rad, delay_s, offset_ppm : float
        Zero-order phase, first-order phase as a delay, and common frequency
        offset that were taken off the data.
    ppm : (n_fit,) ndarray
        Chemical shifts of the curves, ascending.
    trusted_ppm : tuple of float
        Lowest and highest of those that the fit rests on; the ends beyond hardly count.
    data, baseline : (n_fit,) ndarray
        Phased real spectrum and fitted baseline, in signal units. Of a failed fit the
        spectrum has the phase and frequency that the data came with.
    components : (n_components, n_fit) ndarray
        Fitted curve of each basis function; data = baseline + sum + residual.
    noise_sd : float
        SD of the noise in `data`, in signal units; NaN of data that are all zero.
    snr : float
        Height of the NAA peak over the SD of the noise in the real spectrum of
        the whole, unapodised signal (a fit may use only its beginning).
    fwhm_hz : float
        Full width at half height of the fitted NAA or NAAG (else Cr) singlet, in Hz.
    reduced_chi2 : float
        Residual sum of squares of what is fitted over its expectation; 1 for a perfect model.
    baseline_ed : float
        Effective dimension of the baseline per ppm.
    status : FitStatus
        How the fit ended.
    flags : tuple of Flag
        Doubts, each with its value and limit.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    amplitudes: RealArray
    covariance: RealArray
    noise_covariance: RealArray
    shift_ppm: RealArray
    linewidth_hz: RealArray
    phase_rad: float
    delay_s: float
    offset_ppm: float
    ppm: RealArray
    trusted_ppm: tuple[float, float]
    data: RealArray
    baseline: RealArray
    components: RealArray
    noise_sd: float
    snr: float
    fwhm_hz: float
    reduced_chi2: float
    baseline_ed: float
    status: FitStatus
    flags: tuple[Flag, ...] = field(default=())

    @property
    def crlb(self) -> RealArray:
        """Cramer-Rao bounds as SDs, (n_components,), in signal units."""
        bounds: RealArray = np.sqrt(np.diag(self.noise_covariance))
        return bounds

    @property
    def fit(self) -> RealArray:
        """Baseline plus all components, (n_fit,), in signal units."""
        total: RealArray = self.baseline + self.components.sum(axis=0)
        return total

    @property
    def residual(self) -> RealArray:
        """Data minus fit, (n_fit,), in signal units."""
        difference: RealArray = self.data - self.fit
        return difference
