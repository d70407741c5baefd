"""The decay that an uneven field gives every signal of a voxel.

The field's distribution is two Gaussians, apart, of different widths and shares, whose
common mean is zero. Of line shapes simulated from gradients and second-order fields over
voxels this leaves 0.1 to 0.7 % in the median, where one Gaussian with a skew leaves 1.3
to 2.5; it cannot turn negative, and at every width it is the same shape.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glxflow.fit.lineshape import gaussian_rate
from glxflow.fit.merit import half_width
from glxflow.spectrum import ComplexArray, RealArray

_SIGNS = np.array([[-1.0], [1.0]])
_GRID = np.linspace(-1.0, 1.0, 801)


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

    def full_width_hz(self) -> float:
        """Return the full width at half height of the whole distribution, in Hz."""
        widths = self.fwhm_hz * np.exp(0.5 * self.log_ratio * _SIGNS)
        shares = self.shares
        centres = self.centres * self.split * self.fwhm_hz
        shift_hz = _GRID * float((np.abs(centres) + widths).max())
        lines = shares * np.exp(-4 * np.log(2) * ((shift_hz - centres) / widths) ** 2) / widths
        return half_width(shift_hz, lines.sum(axis=0))

    @property
    def shares(self) -> RealArray:
        """Shares of both in the signal, (2, 1)."""
        second = 1 / (1 + float(np.exp(-self.log_odds)))
        return np.array([[1 - second], [second]])

    @property
    def centres(self) -> RealArray:
        """Where both lie about their common mean, in units of their distance, (2, 1)."""
        centres: RealArray = np.array([[0.0], [1.0]]) - self.shares[1]
        return centres


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
        self._shim = shim
        shares, centres = shim.shares, shim.centres
        rates = gaussian_rate(shim.fwhm_hz) * np.exp(shim.log_ratio * _SIGNS)
        # How much one turns against the other, by `split`.
        self._whole = 2j * np.pi * shim.fwhm_hz * time_s
        self._fading = -rates * time_s**2
        self._turning = (shim.split * centres) * self._whole
        terms = shares * np.exp(self._fading + self._turning)
        self.values: ComplexArray = terms[0] + terms[1]
        self._parts = terms / self.values

    @cached_property
    def _of_each(self) -> ComplexArray:
        """Derivatives of the logarithms of both, (4, 2, n_times)."""
        shares, centres = self._shim.shares, self._shim.centres
        each = np.empty((4, *self._parts.shape), dtype=np.complex128)
        each[0] = 2 * self._fading + self._turning
        each[1] = _SIGNS * self._fading
        each[2] = centres * self._whole
        # A larger share of the second moves both, so that the mean stays.
        each[3] = centres - (float(np.prod(shares)) * self._shim.split) * self._whole
        return each

    @cached_property
    def _weighted(self) -> ComplexArray:
        """The same, each times its part of the decay."""
        weighted: ComplexArray = self._of_each * self._parts
        return weighted

    @cached_property
    def slopes(self) -> ComplexArray:
        """Derivatives of the decay over the decay, (4, n_times).

        By the logarithm of `fwhm_hz`, `log_ratio`, `split` and `log_odds`.
        """
        slopes: ComplexArray = self._weighted[:, 0] + self._weighted[:, 1]
        return slopes

    def curvature(self) -> ComplexArray:
        """Return the second derivatives of the decay over the decay, (4, 4, n_times)."""
        first, split = self.slopes, self._shim.split
        fading = self._weighted[1, 1] - self._weighted[1, 0]
        of_first, of_second = self._shim.shares[:, 0].tolist()
        both = of_first * of_second
        second: ComplexArray = np.einsum("ajt,bjt->abt", self._weighted, self._of_each)
        second[0, 0] += first[0] + 2 * fading
        second[1, 1] += fading
        second[3, 3] -= both * (1 + ((of_first - of_second) * split) * self._whole)
        mixed = {
            (0, 1): 2 * first[1],
            (0, 2): first[2],
            (0, 3): (-both * split) * self._whole,
            (2, 3): -both * self._whole,
        }
        for (row, column), slope in mixed.items():
            second[row, column] += slope
            second[column, row] += slope
        return second
