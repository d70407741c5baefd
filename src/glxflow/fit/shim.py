"""The decay that an uneven field gives every signal of a voxel.

The field's distribution is two Gaussians, apart, of different widths and shares, whose
common mean is zero. Of line shapes simulated from gradients and second-order fields over
voxels this leaves 0.1 to 0.7 % in the median, where one Gaussian with a skew leaves 1.3
to 2.5; it cannot turn negative, and at every width it is the same shape.
"""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.lineshape import gaussian_rate
from glxflow.fit.merit import half_width
from glxflow.spectrum import ComplexArray, RealArray

_SIGNS = np.array([[-1.0], [1.0]])
_SECOND = np.array([[0.0], [1.0]])
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

    def decay(self, time_s: RealArray) -> ComplexArray:
        """Return what signals are multiplied by at times in s, (n_times,)."""
        decay: ComplexArray = np.exp(self._exponents(time_s)).sum(axis=0)
        return decay

    def slopes(self, time_s: RealArray) -> ComplexArray:
        """Return the derivatives of the decay over the decay, (4, n_times).

        By the logarithm of `fwhm_hz`, `log_ratio`, `split` and `log_odds`.
        """
        each, parts = self._slopes_of_each(time_s)
        slopes: ComplexArray = (each * parts).sum(axis=1)
        return slopes

    def curvature(self, time_s: RealArray) -> ComplexArray:
        """Return the second derivatives of the decay over the decay, (4, 4, n_times)."""
        each, parts = self._slopes_of_each(time_s)
        weighted = each * parts
        first, fading = weighted.sum(axis=1), (_SIGNS * weighted[1]).sum(axis=0)
        of_first, of_second = self._shares()[:, 0]
        both = of_first * of_second
        whole = self._turning_per_split(time_s)
        second: ComplexArray = np.einsum("ajt,bjt->abt", weighted, each)
        second[0, 0] += first[0] + 2 * fading
        second[1, 1] += fading
        second[3, 3] -= both * (1 + ((of_first - of_second) * self.split) * whole)
        mixed = {
            (0, 1): 2 * first[1],
            (0, 2): first[2],
            (0, 3): (-both * self.split) * whole,
            (2, 3): -both * whole,
        }
        for (row, column), slope in mixed.items():
            second[row, column] += slope
            second[column, row] += slope
        return second

    def full_width_hz(self) -> float:
        """Return the full width at half height of the whole distribution, in Hz."""
        widths = self.fwhm_hz * np.exp(0.5 * self.log_ratio * _SIGNS)
        shares = self._shares()
        centres = self._centres(shares) * self.split * self.fwhm_hz
        shift_hz = _GRID * float((np.abs(centres) + widths).max())
        lines = shares * np.exp(-4 * np.log(2) * ((shift_hz - centres) / widths) ** 2) / widths
        return half_width(shift_hz, lines.sum(axis=0))

    def _slopes_of_each(self, time_s: RealArray) -> tuple[ComplexArray, ComplexArray]:
        """Return derivatives of both logarithms, (4, 2, n_times), and both over their sum."""
        exponents, shares = self._exponents(time_s), self._shares()
        fading = exponents.real - np.log(shares)
        whole, centres = self._turning_per_split(time_s), self._centres(shares)
        each = np.empty((4, *exponents.shape), dtype=np.complex128)
        each[0] = 2 * fading + 1j * exponents.imag
        each[1] = _SIGNS * fading
        each[2] = centres * whole
        # A larger share of the second moves both, so that the mean stays.
        each[3] = centres - (float(np.prod(shares)) * self.split) * whole
        parts = np.exp(exponents)
        return each, parts / parts.sum(axis=0)

    def _exponents(self, time_s: RealArray) -> ComplexArray:
        """Return the logarithms of both decays, (2, n_times)."""
        rate = gaussian_rate(self.fwhm_hz) * np.exp(self.log_ratio * _SIGNS)
        shares = self._shares()
        turning = self._centres(shares) * self.split * self._turning_per_split(time_s)
        return np.asarray(np.log(shares) - rate * time_s**2 + turning, dtype=np.complex128)

    def _turning_per_split(self, time_s: RealArray) -> ComplexArray:
        """Return how much one turns against the other, by `split`, (n_times,)."""
        return np.asarray(2j * np.pi * self.fwhm_hz * time_s, dtype=np.complex128)

    def _shares(self) -> RealArray:
        """Return the shares of both in the signal, (2, 1)."""
        shares: RealArray = 1 / (1 + np.exp(-self.log_odds * _SIGNS))
        return shares

    @staticmethod
    def _centres(shares: RealArray) -> RealArray:
        """Return where both lie about their common mean, in units of their distance, (2, 1)."""
        centres: RealArray = _SECOND - shares[1]
        return centres
