"""The noise of a spectrum, from where no signal is."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from glxflow.errors import DataError
from glxflow.spectrum import SIGNAL_PPM, Axis, ComplexArray, Fid, Flag, RealArray, spectrum_of

_TAIL_ORDER = 8
_LEAST_NOISE = 1e-7
_FEWEST_AT_AN_END = 24
_MOST_APART = 3.0
"""How far two sides may differ to be alike, in SDs of the difference of their logarithms."""
_POWER_S = 0.02
"""Lines beat faster, and decay more slowly."""

LARGEST_FADING = 2.0
"""Noise at the start of a signal over that at its end."""

_TELLING_FADING = 100.0
"""The same, beyond which its value says nothing more."""


def noise_sd(fid: Fid) -> float:
    """Return the SD of the noise in the real spectrum, from where no signal is.

    An eighth of the spectrum on either side of what brains have is taken, next to it
    since receivers damp the ends of their band, the tails of lines removed from each as
    a polynomial, and the quieter side used: an artefact may lie in one. Where both are alike,
    the smaller of two is lower than either by what chance makes it, which is taken off.

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
    quietest, other = sorted(map(_detrended_sd, sides))
    if not quietest > _LEAST_NOISE * np.abs(spectrum).max():
        raise DataError(
            "the spectrum holds no noise where no signal is, so no uncertainty can be given. "
            "Was the signal zero-filled, filtered or simulated without noise? Use the raw data."
        )
    n_free = 2 * (n_side - _TAIL_ORDER - 1)
    is_alike = other < quietest * (1 + _MOST_APART / np.sqrt(n_free))
    return quietest / _smaller_of_two(n_free) if is_alike else quietest


def _smaller_of_two(n_free: int) -> float:
    """Return the root of the mean of the smaller of two variances, over their true one.

    Of two normal numbers the smaller is lower than their mean by an SD over the root of pi.
    """
    relative_sd = np.sqrt(2 / n_free)
    return float(np.sqrt(1 - relative_sd / np.sqrt(np.pi)))


def expected_signal(fid: Fid, noise_variance: float, share: float) -> ComplexArray:
    """Return the samples that noisy ones let expect: less, the more of their power is noise.

    As a regressor the noisy samples themselves would explain too little.

    Parameters
    ----------
    fid : Fid
        The data.
    noise_variance : float
        Of the real part of a sample.
    share : float
        Of the band that is used, and that the signal lies in.

    Returns
    -------
    (n_points,) complex ndarray
        Every sample by Wiener's filter, from the power about it; signals decay, so that none
        is expected after it is lost in the noise.
    """
    counts = np.ones(max(round(_POWER_S / fid.axis.dwell_time_s), 1))
    power = np.convolve(np.abs(fid.samples) ** 2, counts, mode="same")
    power /= np.convolve(np.ones(fid.samples.size), counts, mode="same")
    noise = 2 * noise_variance
    signal = np.maximum(power - noise, 0.0)
    expected: ComplexArray = fid.samples * np.minimum.accumulate(signal / (signal + share * noise))
    return expected


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

    None where the band is too narrow to have ends without signal.

    Parameters
    ----------
    fid : Fid
        The data.
    """
    axis = replace(fid.axis, n_points=fid.axis.n_points // 4)
    ends = _ends(axis)
    if not ends:
        return
    quarters = np.split(fid.samples[: 4 * axis.n_points], 4)
    # Without steps at the ends, or strong lines would reach to where no signal is.
    spectra = (spectrum_of(quarters[index] * np.hanning(axis.n_points)) for index in (0, 3))
    first, last = (min(_detrended_sd(one[end]) for end in ends) for one in spectra)
    if first > LARGEST_FADING * last:
        # Where a filter left nothing, the ratio tells how numbers were rounded.
        is_plain = first < _TELLING_FADING * last
        times = f"{first / last:.1f}" if is_plain else f"more than {_TELLING_FADING:g}"
        yield Flag(
            "APODISED",
            f"the noise of the first quarter of the signal is {times} times that of the last, "
            f"expected at most {LARGEST_FADING:g}: the signal was apodised, and SNR and SDs read "
            "better than they are. Fit the data as acquired.",
        )


def _ends(axis: Axis) -> list[slice]:
    """Return the ends of a spectrum, up to an eighth each, as far as no signal is in them."""
    n_side = axis.n_points // 8
    low, high = np.searchsorted(axis.ppm, SIGNAL_PPM)
    ends = (
        slice(0, min(int(low), n_side)),
        slice(max(int(high), axis.n_points - n_side), axis.n_points),
    )
    return [end for end in ends if end.stop - end.start >= _FEWEST_AT_AN_END]
