"""Bring transients to one frequency and phase: spectral registration, all at once.

For noise that is white, the offset between a transient and a reference is best
estimated where their inner product is largest (Near et al. 2015,
doi:10.1002/mrm.25094). A table of the reference at every offset turns this into one
matrix product. What residual water leaves under the metabolites is projected out of
both, the idea of robust registration (Wilson 2019, doi:10.1002/mrm.27605).
"""

from dataclasses import dataclass

import numpy as np

from glxflow.preprocess.band import (
    ALIGNMENT,
    Band,
    band_mask,
    band_spectra,
    without_baseline,
)
from glxflow.preprocess.outliers import residual_energy, robust_sd, typical
from glxflow.preprocess.quiet import quieted
from glxflow.spectrum import Axis, ComplexArray, RealArray, spectrum_of

_WIDE_PPM = 0.25
_JUMP_PPM = 1.0
_CLEARLY_BETTER = 1.4
_NARROW_PPM = 0.04
_STEPS_PER_WINDOW = 61
_TRUSTED_SD = 3.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """What was taken off each transient.

    Attributes
    ----------
    samples : (n_transients, n_points) complex ndarray
        The aligned transients.
    offset_hz : (n_transients,) ndarray
        Frequency of each transient relative to the typical one, in Hz.
    phase_rad : (n_transients,) ndarray
        Its phase relative to the reference, in radians.
    """

    samples: ComplexArray
    offset_hz: RealArray
    phase_rad: RealArray


def align(samples: ComplexArray, axis: Axis) -> Alignment:
    """Return the transients at one frequency and phase.

    Parameters
    ----------
    samples : (n_transients, n_points) complex ndarray
        Combined transients.
    axis : Axis
        Their axes. Offsets up to 0.25 ppm from the typical transient are found, and
        up to 1 ppm where nothing nearer fits as well; a single transient is its own
        typical one.
    """
    if len(samples) == 1:
        return Alignment(samples, np.zeros(1), np.zeros(1))
    seed = quieted(samples[_ordinary(samples, axis)], axis)
    offset_hz, phase_rad = _first_offsets(samples, seed, axis)
    for _ in range(2):
        moved = shifted(samples, axis, -offset_hz, -phase_rad)
        more_hz, more_rad = register(moved, _reference(moved, axis), axis, _NARROW_PPM)
        offset_hz, phase_rad = offset_hz + more_hz, phase_rad + more_rad
    # The typical frequency stays where it was; referencing moves it, and says so.
    offset_hz = offset_hz - np.median(offset_hz)
    return Alignment(
        samples=shifted(samples, axis, -offset_hz, -phase_rad),
        offset_hz=offset_hz,
        phase_rad=phase_rad,
    )


def register(
    samples: ComplexArray,
    reference: ComplexArray,
    axis: Axis,
    reach_ppm: float,
    band: Band = ALIGNMENT,
) -> tuple[RealArray, RealArray]:
    """Return frequency and phase of transients relative to a reference.

    Parameters
    ----------
    samples : (n_transients, n_points) complex ndarray
        Transients.
    reference : (n_points,) complex ndarray
        What they are compared with.
    axis : Axis
        Axes of both.
    reach_ppm : float
        Largest offset that is tried, in ppm.
    band : Band, optional
        Part of the spectrum that is compared.

    Returns
    -------
    offset_hz : (n_transients,) ndarray
        Frequency relative to the reference, in Hz.
    phase_rad : (n_transients,) ndarray
        Phase, in radians: the transient is the reference times
        ``exp(1j (2 pi offset t + phase))``.
    """
    reach_hz = reach_ppm * axis.spectrometer_frequency_mhz
    trial_hz = np.linspace(-reach_hz, reach_hz, _STEPS_PER_WINDOW)
    return _peaks(_overlap(samples, reference, axis, trial_hz, band), trial_hz)


def _peaks(overlap: ComplexArray, trial_hz: RealArray) -> tuple[RealArray, RealArray]:
    """Return frequency and phase of the best agreement, from that at trial offsets."""
    best = np.clip(np.abs(overlap).argmax(axis=1), 1, trial_hz.size - 2)
    row = np.arange(len(overlap))
    left, top, right = (np.abs(overlap[row, best + step]) ** 2 for step in (-1, 0, 1))
    curvature = left - 2 * top + right
    # One Newton step from the best grid point; a flat top (no signal) stays there.
    flat = curvature >= 0
    step = np.where(flat, 0.0, (left - right) / (2 * np.where(flat, -1.0, curvature)))
    step = np.clip(step, -1, 1)
    turn = overlap[row, best] + step * (overlap[row, best + 1] - overlap[row, best - 1]) / 2
    return trial_hz[best] + step * (trial_hz[1] - trial_hz[0]), np.angle(turn)


def shifted(
    samples: ComplexArray, axis: Axis, offset_hz: RealArray, phase_rad: RealArray
) -> ComplexArray:
    """Return each transient moved by its own frequency and phase, (n_transients, n_points).

    Parameters
    ----------
    samples : (n_transients, n_points) complex ndarray
        Transients.
    axis : Axis
        Their axes.
    offset_hz, phase_rad : (n_transients,) ndarray
        What each is moved by, in Hz and radians.
    """
    turn = np.exp(1j * (2 * np.pi * np.outer(offset_hz, axis.time_s) + phase_rad[:, np.newaxis]))
    moved: ComplexArray = samples * turn
    return moved


def _first_offsets(
    samples: ComplexArray, seed: ComplexArray, axis: Axis
) -> tuple[RealArray, RealArray]:
    """Return frequency and phase relative to one of the transients, after jumps as well.

    Far away noise or another line may fit by chance: what is near goes first.
    """
    step_hz = 2 * _WIDE_PPM * axis.spectrometer_frequency_mhz / (_STEPS_PER_WINDOW - 1)
    n_side = round(_JUMP_PPM * axis.spectrometer_frequency_mhz / step_hz)
    trial_hz = step_hz * np.arange(-n_side, n_side + 1, dtype=np.float64)
    overlap = _overlap(samples, seed, axis, trial_hz, ALIGNMENT)
    fit = np.abs(overlap)
    middle = _STEPS_PER_WINDOW // 2
    near = slice(n_side - middle, n_side + middle + 1)
    offset_hz, phase_rad = _peaks(overlap[:, near], trial_hz[near])
    best = fit.argmax(axis=1)
    jumped = fit.max(axis=1) > _CLEARLY_BETTER * fit[:, near].max(axis=1)
    turn = overlap[np.arange(len(samples)), best]
    return (
        np.where(jumped, trial_hz[best], offset_hz),
        np.where(jumped, np.angle(turn), phase_rad),
    )


def _overlap(
    samples: ComplexArray, reference: ComplexArray, axis: Axis, trial_hz: RealArray, band: Band
) -> ComplexArray:
    """Return how transients agree with a reference at trial offsets, (n_transients, n_trials)."""
    table = _table(reference, axis, trial_hz, band)
    return np.asarray(band_spectra(samples, axis, band) @ table.conj().T)


def _table(reference: ComplexArray, axis: Axis, trial_hz: RealArray, band: Band) -> ComplexArray:
    """Return the reference at every trial offset, each of unit norm, (n_trials, n_band)."""
    copies = np.broadcast_to(reference, (trial_hz.size, reference.size))
    moved = spectrum_of(shifted(copies, axis, trial_hz, np.zeros(trial_hz.size)))
    table = without_baseline(moved[:, band_mask(axis, band)], band.order)
    norm = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.where(norm > 0, norm, 1.0))


def _ordinary(samples: ComplexArray, axis: Axis) -> int:
    """Return the transient of median energy: neither lost nor contaminated."""
    energy = (np.abs(band_spectra(samples, axis, ALIGNMENT)) ** 2).sum(axis=1)
    return int(np.argsort(energy)[energy.size // 2])


def _reference(samples: ComplexArray, axis: Axis) -> ComplexArray:
    """Return the quieted mean of the transients that are near to the typical one."""
    spectra = band_spectra(samples, axis, ALIGNMENT)
    distance = residual_energy(spectra, typical(spectra))
    excess = distance - np.median(distance)
    trusted = excess <= _TRUSTED_SD * robust_sd(excess)
    return quieted(samples[trusted].mean(axis=0), axis)
