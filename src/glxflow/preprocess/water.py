"""Residual water: damped sinusoids near the carrier, found and subtracted.

Hankel singular value decomposition (Barkhuijsen 1987, doi:10.1016/0022-2364(87)90023-0)
on a low-passed, decimated copy of the signal: the water band needs few samples,
so that the decomposition is small.
"""

import numpy as np

from glxflow.spectrum import Axis, BoolArray, ComplexArray, RealArray

WATER_BAND_PPM = (4.25, 5.2)
"""Lines in this range are taken for water; myo-inositol at 4.05 and lactate at 4.10 stay."""

_N_LINES = 16
_N_DECIMATED = 160
_TAPS_PER_DECIMATION = 8
_RIDGE = 1e-10

_LEAST_GAIN = 70.0
"""Misfit over the noise that a pole of water saves; of noise alone the best one saves 30."""


def without_water(
    samples: ComplexArray, axis: Axis, example: ComplexArray | None = None
) -> ComplexArray:
    """Return signals without the lines of residual water.

    Parameters
    ----------
    samples : (..., n_points) complex ndarray
        One free induction decay, or aligned transients.
    axis : Axis
        Their axes.
    example : (n_points,) complex ndarray, optional
        A decay with the same lines and less noise, in which they are found; the
        mean of `samples` when left out. Each signal has amplitudes of its own.

    Returns
    -------
    (..., n_points) complex ndarray
        The signals less every damped sinusoid between 4.25 and 5.2 ppm.
    """
    flat = samples.reshape(-1, axis.n_points)
    poles = water_poles(flat.mean(axis=0) if example is None else example, axis)
    amplitudes, is_water = _amplitudes(flat, poles, axis)
    decays = np.exp(np.outer(np.log(poles[is_water]), np.arange(axis.n_points)))
    remainder: ComplexArray = flat - amplitudes[:, is_water] @ decays
    return remainder.reshape(samples.shape)


def water_poles(samples: ComplexArray, axis: Axis) -> ComplexArray:
    """Return the poles of a decay near water, (n_lines,), as factors from sample to sample.

    Parameters
    ----------
    samples : (n_points,) complex ndarray
        A free induction decay.
    axis : Axis
        Its axes.
    """
    band = _Band(axis)
    filtered = band.decimated(samples[np.newaxis])[0]
    slow_poles = _signal_poles(filtered)
    # The decimated signal stands around 0 Hz: back to the full rate and the band's place.
    fast_poles = np.exp(np.log(slow_poles) / band.decimation) * band.turn
    return _significant(np.asarray(fast_poles, dtype=np.complex128), filtered, band)


def _significant(poles: ComplexArray, filtered: ComplexArray, band: "_Band") -> ComplexArray:
    """Return the poles without those of water that the data would do as well without.

    What noise makes of a pole that has decayed when the filter starts to give samples is
    carried back to the first one: without water, glutamate read up to a fifth wrong.
    """
    design, is_water = band.design(poles, filtered.size)
    kept = np.arange(poles.size)
    gram, moment = design.conj().T @ design, design.conj().T @ filtered
    diagonal = np.einsum("ii->i", gram)
    diagonal *= 1 + _RIDGE
    noise = np.inf
    while is_water[kept].any():
        inverse = np.linalg.inv(gram[np.ix_(kept, kept)])
        amplitudes = inverse @ moment[kept]
        misfit = float(np.linalg.norm(filtered - design[:, kept] @ amplitudes)) ** 2
        noise = min(noise, misfit / (filtered.size - kept.size))
        # By how much the misfit grows where a pole is left out.
        gain = np.abs(amplitudes) ** 2 / np.diag(inverse).real
        gain[~is_water[kept]] = np.inf
        weakest = int(gain.argmin())
        if gain[weakest] > _LEAST_GAIN * noise:
            break
        kept = np.delete(kept, weakest)
    return poles[kept]


def _amplitudes(
    samples: ComplexArray, poles: ComplexArray, axis: Axis
) -> tuple[ComplexArray, BoolArray]:
    """Return the amplitude of each pole in each signal, and which poles are water."""
    band = _Band(axis)
    filtered = band.decimated(samples)
    design, is_water = band.design(poles, filtered.shape[1])
    amplitudes, *_ = np.linalg.lstsq(design, filtered.T, rcond=1e-8)
    return np.asarray(amplitudes.T), is_water


class _Band:
    """The water band moved to 0 Hz and sampled as coarsely as it allows."""

    def __init__(self, axis: Axis) -> None:
        low_hz, high_hz = (axis.hz(edge) for edge in WATER_BAND_PPM)
        self.axis = axis
        self.width_hz = high_hz - low_hz
        self.centre_hz = (low_hz + high_hz) / 2
        self.decimation = max(int(axis.bandwidth_hz / (3 * self.width_hz)), 1)
        self.taps = _low_pass(self.decimation, self.width_hz, axis)
        self.turn = np.exp(2j * np.pi * self.centre_hz * axis.dwell_time_s)

    def decimated(self, samples: ComplexArray) -> ComplexArray:
        """Return the filtered signals at the low rate, (n, n_slow), without the filter's start."""
        moved = samples * np.exp(-2j * np.pi * self.centre_hz * self.axis.time_s)
        windows = np.lib.stride_tricks.sliding_window_view(moved, self.taps.size, axis=-1)
        slow = windows[:, :: self.decimation][:, :_N_DECIMATED] @ self.taps
        return np.asarray(slow, dtype=np.complex128)

    def design(self, poles: ComplexArray, n_slow: int) -> tuple[ComplexArray, BoolArray]:
        """Return the decays of poles as the filter leaves them, and which of them are water.

        The filter multiplies a line of pole z by sum(h[m] z^m): undone here, so that
        amplitudes refer to the first sample although the filter swallowed some.
        """
        around_zero = poles / self.turn
        gain = around_zero ** np.arange(self.taps.size)[:, np.newaxis]
        slow = around_zero**self.decimation
        decays = slow ** np.arange(n_slow)[:, np.newaxis] * (self.taps @ gain)
        offset_hz = np.angle(around_zero) / (2 * np.pi * self.axis.dwell_time_s)
        return decays, np.asarray(np.abs(offset_hz) <= self.width_hz / 2)


def _low_pass(decimation: int, band_hz: float, axis: Axis) -> RealArray:
    """Return a linear-phase low pass for the water band; a single tap does nothing."""
    if decimation == 1:
        return np.ones(1)
    # A Hamming-windowed sinc; scipy.signal has it too, but takes half a second to import.
    n_taps = _TAPS_PER_DECIMATION * decimation + 1
    cutoff = 2 * 0.75 * band_hz / axis.bandwidth_hz
    taps = np.sinc(cutoff * (np.arange(n_taps) - (n_taps - 1) / 2)) * np.hamming(n_taps)
    return np.asarray(taps / taps.sum(), dtype=np.float64)


def _signal_poles(samples: ComplexArray) -> ComplexArray:
    """Return the poles of the strongest damped sinusoids, none of them growing.

    A signal of zeros, or of one sample, has none.
    """
    n_columns = samples.size // 2
    hankel = np.lib.stride_tricks.sliding_window_view(samples, n_columns)
    left, _, _ = np.linalg.svd(hankel, full_matrices=False)
    subspace = left[:, : min(_N_LINES, n_columns - 1)]
    # Shift invariance: the subspace one sample later is the subspace times the poles.
    transition, *_ = np.linalg.lstsq(subspace[:-1], subspace[1:], rcond=None)
    poles = np.linalg.eigvals(transition)
    poles = poles[poles != 0]
    growing = np.abs(poles) >= 1
    poles[growing] /= np.abs(poles[growing]) * (1 + 1e-6)
    return np.asarray(poles, dtype=np.complex128)
