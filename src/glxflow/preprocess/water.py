"""Residual water: damped sinusoids near the carrier, found and subtracted.

Hankel singular value decomposition (Barkhuijsen 1987, doi:10.1016/0022-2364(87)90023-0)
on a low-passed, decimated copy of the signal: the water band needs few samples,
so that the decomposition is small.
"""

import numpy as np
from scipy.signal import firwin

from glxflow.spectrum import Axis, ComplexArray, RealArray

WATER_BAND_PPM = (4.25, 5.2)
"""Lines in this range are taken for water; myo-inositol at 4.05 and lactate at 4.10 stay."""

_N_LINES = 16
_N_DECIMATED = 160
_TAPS_PER_DECIMATION = 8


def without_water(samples: ComplexArray, axis: Axis) -> ComplexArray:
    """Return the signal without the lines of residual water.

    Parameters
    ----------
    samples : (n_points,) complex ndarray
        A free induction decay.
    axis : Axis
        Its axes.

    Returns
    -------
    (n_points,) complex ndarray
        The signal less every damped sinusoid between 4.25 and 5.2 ppm.
    """
    poles, amplitudes = water_lines(samples, axis)
    if poles.size == 0:
        return samples.copy()
    model = np.exp(np.outer(np.arange(axis.n_points), np.log(poles))) @ amplitudes
    remainder: ComplexArray = samples - model
    return remainder


def water_lines(samples: ComplexArray, axis: Axis) -> tuple[ComplexArray, ComplexArray]:
    """Return poles (per sample) and amplitudes at t = 0 of the lines in the water band.

    Parameters
    ----------
    samples : (n_points,) complex ndarray
        A free induction decay.
    axis : Axis
        Its axes.

    Returns
    -------
    poles, amplitudes : (n_lines,) complex ndarray
        The water signal is ``amplitudes @ poles ** n`` at sample n.
    """
    low_hz, high_hz = (axis.hz(edge) for edge in WATER_BAND_PPM)
    centre_hz = (low_hz + high_hz) / 2
    band_hz = high_hz - low_hz
    decimation = max(int(axis.bandwidth_hz / (3 * band_hz)), 1)
    carrier = np.exp(-2j * np.pi * centre_hz * axis.time_s)
    taps = _low_pass(decimation, band_hz, axis)
    filtered = np.convolve(samples * carrier, taps, mode="valid")[::decimation][:_N_DECIMATED]
    slow_poles = _signal_poles(filtered)
    # The filter multiplies a line of pole z by sum(h[m] z^m): undone here, so that
    # amplitudes refer to the first sample although the filter swallowed some.
    fast_poles = np.exp(np.log(slow_poles) / decimation)
    gain = fast_poles[np.newaxis, :] ** np.arange(taps.size)[:, np.newaxis]
    design = np.exp(np.outer(np.arange(filtered.size), np.log(slow_poles))) * (taps[::-1] @ gain)
    amplitudes, *_ = np.linalg.lstsq(design, filtered, rcond=1e-8)
    offset_hz = np.angle(fast_poles) / (2 * np.pi * axis.dwell_time_s)
    is_water = np.abs(offset_hz) <= band_hz / 2
    shift = np.exp(2j * np.pi * centre_hz * axis.dwell_time_s)
    return fast_poles[is_water] * shift, amplitudes[is_water]


def _low_pass(decimation: int, band_hz: float, axis: Axis) -> RealArray:
    """Return a linear-phase low pass for the water band; a single tap does nothing."""
    if decimation == 1:
        return np.ones(1)
    taps: RealArray = firwin(
        _TAPS_PER_DECIMATION * decimation + 1, 0.75 * band_hz, fs=axis.bandwidth_hz
    )
    return taps


def _signal_poles(samples: ComplexArray) -> ComplexArray:
    """Return the poles of the strongest damped sinusoids, none of them growing."""
    n_columns = samples.size // 2
    hankel = np.lib.stride_tricks.sliding_window_view(samples, n_columns)
    left, _, _ = np.linalg.svd(hankel, full_matrices=False)
    subspace = left[:, : min(_N_LINES, n_columns - 1)]
    # Shift invariance: the subspace one sample later is the subspace times the poles.
    transition, *_ = np.linalg.lstsq(subspace[:-1], subspace[1:], rcond=None)
    poles = np.linalg.eigvals(transition)
    growing = np.abs(poles) >= 1
    poles[growing] /= np.abs(poles[growing]) * (1 + 1e-6)
    return np.asarray(poles, dtype=np.complex128)
