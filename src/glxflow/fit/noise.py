"""The noise of a spectrum, from where no signal is."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from glxflow.errors import DataError
from glxflow.spectrum import SIGNAL_PPM, ComplexArray, Fid, Flag, RealArray, spectrum_of

_TAIL_ORDER = 8
_LEAST_NOISE = 1e-7
_FEWEST_POINTS = 768

LARGEST_FADING = 2.0
"""Noise at the start of a signal over that at its end."""


def noise_sd(fid: Fid) -> float:
    """Return the SD of the noise in the real spectrum, from where no signal is.

    An eighth of the spectrum on either side of what brains have is taken, next to it
    since receivers damp the ends of their band, the tails of lines removed from each as
    a polynomial, and the quieter side used.

    Raises
    ------
    DataError
        If the data hold no noise, as simulated data may.
    """
    spectrum = fid.spectrum
    n_side = spectrum.size // 8
    low, high = np.searchsorted(fid.axis.ppm, SIGNAL_PPM)
    first, last = max(low, n_side), min(high, spectrum.size - n_side)
    sides = (spectrum[first - n_side : first], spectrum[last : last + n_side])
    quietest = min(_detrended_sd(side) for side in sides)
    if not quietest > _LEAST_NOISE * np.abs(spectrum).max():
        raise DataError(
            "the spectrum holds no noise where no signal is, so no uncertainty can be given. "
            "Was the signal zero-filled, filtered or simulated without noise? Use the raw data."
        )
    return quietest


def _detrended_sd(values: ComplexArray) -> float:
    """Return the SD per channel about a polynomial."""
    modes = _polynomials(values.size)
    residual = values - modes @ (modes.T @ values)
    return float(np.sqrt(np.sum(np.abs(residual) ** 2) / (2 * (values.size - modes.shape[1]))))


@cache
def _polynomials(n_points: int) -> RealArray:
    """Return orthonormal polynomials up to the order of the tails, (n_points, n_modes)."""
    position = np.linspace(-1.0, 1.0, n_points)
    modes, _ = np.linalg.qr(np.polynomial.legendre.legvander(position, _TAIL_ORDER))
    return modes


def noise_doubts(fid: Fid) -> Iterator[Flag]:
    """Yield a doubt where the noise fades along the signal, as apodisation makes it.

    Parameters
    ----------
    fid : Fid
        The data.
    """
    n_points = fid.axis.n_points
    if n_points < _FEWEST_POINTS:
        return
    quarters = np.split(fid.samples[: n_points // 4 * 4], 4)
    # Without steps at the ends, or strong lines would reach to where no signal is.
    first, last = (_ends_sd(quarters[index] * np.hanning(n_points // 4)) for index in (0, 3))
    if first > LARGEST_FADING * last:
        yield Flag(
            "APODISED",
            f"the noise of the first quarter of the signal is {first / max(last, 1e-300):.1f} "
            f"times that of the last, expected at most {LARGEST_FADING:g}: the signal was "
            "apodised, and SNR and SDs read better than they are. Fit the data as acquired.",
        )


def _ends_sd(samples: ComplexArray) -> float:
    """Return the SD of the noise at the ends of a spectrum."""
    spectrum = spectrum_of(samples)
    n_side = spectrum.size // 8
    return min(_detrended_sd(side) for side in (spectrum[:n_side], spectrum[-n_side:]))
