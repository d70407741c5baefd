"""The decay that an uneven field gives every signal of a voxel.

The field's distribution is two Gaussians, apart, of different widths and shares, whose
common mean is zero. Of line shapes simulated from gradients and second-order fields over
voxels this leaves 0.1 to 0.7 % in the median, where one Gaussian with a skew leaves 1.3
to 2.5; it cannot turn negative, and at every width it is the same shape.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glxflow.fit.lineshape import gaussian_rate
from glxflow.fit.merit import half_width
from glxflow.spectrum import ComplexArray, RealArray

_N_SAMPLES, _REACHES = 4096, 20
"""Samples of a decay whose line is measured, and its band over how far the line reaches."""


@dataclass(frozen=True, slots=True)
class Shim:
    """Distribution of the field over a voxel.

    Attributes
    ----------
    fwhm_hz : float
        Geometric mean of the full widths at half height of its two Gaussians.
    log_ratio : float
        Logarithm of the width of the second over that of the first.
    split : float
        Distance of the second above the first in units of `fwhm_hz`.
    log_odds : float
        Logarithm of the second's share of the signal over that of the first.
    """

    fwhm_hz: float
    log_ratio: float
    split: float
    log_odds: float

    def at(self, time_s: RealArray) -> "ShimDecay":
        """Return what signals are multiplied by at times in s."""
        return ShimDecay(self, time_s)

    def full_width_hz(self, lorentzian_hz: float = 0.0) -> float:
        """Return the full width at half height of a line that also has a Lorentzian one, in Hz."""
        exponents = np.array([gaussian.exponent() for gaussian in self.gaussians()])
        _, rates, centres_hz = exponents.T
        reach_hz = float((np.abs(centres_hz) + np.sqrt(rates / gaussian_rate(1.0))).max())
        band_hz = _REACHES * (reach_hz + lorentzian_hz)
        time_s = np.arange(_N_SAMPLES) / band_hz
        decay = np.exp(exponents @ _powers(time_s) - np.pi * lorentzian_hz * time_s).sum(axis=0)
        decay[0] /= 2  # else the line stands on an offset
        frequency_hz = np.fft.fftfreq(_N_SAMPLES, 1 / band_hz)
        line = np.fft.fft(decay).real
        return half_width(np.fft.fftshift(frequency_hz), np.fft.fftshift(line))

    def gaussians(self) -> tuple["Gaussian", "Gaussian"]:
        """Return its two Gaussians."""
        second = 1 / (1 + math.exp(-self.log_odds))
        rate, ratio = gaussian_rate(self.fwhm_hz), math.exp(self.log_ratio)
        return (
            Gaussian(self, 1 - second, -second, rate / ratio, -1),
            Gaussian(self, second, 1 - second, rate * ratio, 1),
        )


@dataclass(frozen=True, slots=True)
class Gaussian:
    """One of the Gaussians of a shim: exp(log share - rate t^2 + 2 pi i centre t).

    Attributes
    ----------
    shim : Shim
        What it is part of.
    share : float
        Of the signal.
    centre : float
        Where it lies about the common mean, in units of the distance of both.
    rate : float
        Of its decay, in 1/s^2.
    sign : int
        With which the logarithm of the ratio of widths is in that of its rate.
    """

    shim: Shim
    share: float
    centre: float
    rate: float
    sign: int

    def exponent(self) -> list[float]:
        """Return log share, rate in 1/s^2 and centre in Hz."""
        return [math.log(self.share), self.rate, self._distance_hz * self.centre]

    def slopes(self) -> list[list[float]]:
        """Return the derivatives of `exponent`, (4, 3).

        By the logarithm of `fwhm_hz`, `log_ratio`, `split` and `log_odds`.
        """
        return [
            [0.0, 2 * self.rate, self._distance_hz * self.centre],
            [0.0, self.sign * self.rate, 0.0],
            [0.0, 0.0, self.shim.fwhm_hz * self.centre],
            # A larger share of the second moves both, so that the mean stays.
            [self.centre, 0.0, -self._distance_hz * self._mixed],
        ]

    def curvature(self) -> list[list[list[float]]]:
        """Return the second derivatives of `exponent`, (4, 4, 3), by the same parameters."""
        (_, _, centre_hz), (_, ratio, _), by_split, (_, _, moved_hz) = self.slopes()
        width_width, ratio_ratio = [0.0, 4 * self.rate, centre_hz], [0.0, self.rate, 0.0]
        width_ratio, width_odds = [0.0, 2 * ratio, 0.0], [0.0, 0.0, moved_hz]
        split_odds = [0.0, 0.0, -self.shim.fwhm_hz * self._mixed]
        odds_odds = [-self._mixed, 0.0, moved_hz * self.sign * (1 - 2 * self.share)]
        none = [0.0, 0.0, 0.0]
        return [
            [width_width, width_ratio, by_split, width_odds],
            [width_ratio, ratio_ratio, none, none],
            [by_split, none, none, split_odds],
            [width_odds, none, split_odds, odds_odds],
        ]

    @property
    def _distance_hz(self) -> float:
        """How far the second lies above the first, in Hz."""
        return self.shim.split * self.shim.fwhm_hz

    @property
    def _mixed(self) -> float:
        """The derivative of the second's share by the log odds."""
        return self.share * (1 - self.share)


class ShimDecay:
    """The decay of a shim at given times, and its derivatives.

    Parameters
    ----------
    shim : Shim
        Distribution of the field.
    time_s : (n_times,) ndarray
        Times, in s.

    Attributes
    ----------
    values : (n_times,) complex ndarray
        The decay.
    """

    def __init__(self, shim: Shim, time_s: RealArray) -> None:
        self._gaussians = shim.gaussians()
        self._powers = _powers(time_s)
        exponents = np.array([gaussian.exponent() for gaussian in self._gaussians])
        terms = np.exp(exponents @ self._powers)
        self.values: ComplexArray = terms[0] + terms[1]
        self._parts = terms / self.values

    @cached_property
    def _of_each(self) -> ComplexArray:
        """Derivatives of both exponents, (2, 4, n_times)."""
        slopes = np.array([gaussian.slopes() for gaussian in self._gaussians])
        each: ComplexArray = slopes @ self._powers
        return each

    @cached_property
    def slopes(self) -> ComplexArray:
        """Derivatives of the decay over the decay, (4, n_times).

        By the logarithm of `fwhm_hz`, `log_ratio`, `split` and `log_odds`.
        """
        first, second = self._of_each * self._parts[:, np.newaxis]
        slopes: ComplexArray = first + second
        return slopes

    def curvature(self) -> ComplexArray:
        """Return the second derivatives of the decay over the decay, (4, 4, n_times)."""
        each = self._of_each
        second = np.array([gaussian.curvature() for gaussian in self._gaussians]) @ self._powers
        second += each[:, :, np.newaxis] * each[:, np.newaxis]
        second *= self._parts[:, np.newaxis, np.newaxis]
        curvature: ComplexArray = second[0] + second[1]
        return curvature


def _powers(time_s: RealArray) -> ComplexArray:
    """Return what the three parts of an exponent stand before, (3, n_times)."""
    return np.array([np.ones_like(time_s), -time_s * time_s, 2j * np.pi * time_s])
