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

    def slopes(self, time_s: RealArray) -> tuple[ComplexArray, ComplexArray]:
        """Return derivatives of the decay over the decay, (4, n_times) and (4, 4, n_times).

        First and second ones, by the logarithm of `fwhm_hz`, `log_ratio`, `split` and
        `log_odds`.
        """
        exponents = self._exponents(time_s)
        shares = self._shares()
        second_is, both = _SECOND - shares[1], float(np.prod(shares))
        fading = exponents.real - np.log(shares)
        whole = 2j * np.pi * self.fwhm_hz * time_s
        each = np.empty((4, *exponents.shape), dtype=np.complex128)
        each[0] = 2 * fading + 1j * exponents.imag
        each[1] = _SIGNS * fading
        each[2] = second_is * whole
        # A larger share of the second moves both, so that the mean stays.
        each[3] = second_is - (both * self.split) * whole
        parts = np.exp(exponents)
        parts /= parts.sum(axis=0)
        weighted = each * parts
        first = weighted.sum(axis=1)
        second = np.einsum("ajt,bjt->abt", weighted, each)
        second[0, 0] += first[0] + 2 * (fading * parts).sum(axis=0)
        second[1, 1] += (fading * parts).sum(axis=0)
        second[3, 3] -= both * (1 + ((shares[0] - shares[1]) * self.split) * whole)
        mixed = {
            (0, 1): 2 * first[1],
            (0, 2): first[2],
            (0, 3): (-both * self.split) * whole,
            (2, 3): -both * whole,
        }
        for (row, column), slope in mixed.items():
            second[row, column] += slope
            second[column, row] += slope
        return first, second

    def full_width_hz(self) -> float:
        """Return the full width at half height of the whole distribution, in Hz."""
        widths = self.fwhm_hz * np.exp(0.5 * self.log_ratio * _SIGNS)
        shares = self._shares()
        centres = (_SECOND - shares[1]) * self.split * self.fwhm_hz
        shift_hz = _GRID * float((np.abs(centres) + widths).max())
        lines = shares * np.exp(-4 * np.log(2) * ((shift_hz - centres) / widths) ** 2) / widths
        return half_width(shift_hz, lines.sum(axis=0))

    def _exponents(self, time_s: RealArray) -> ComplexArray:
        """Return the logarithms of both decays, (2, n_times)."""
        rate = gaussian_rate(self.fwhm_hz) * np.exp(self.log_ratio * _SIGNS)
        shares = self._shares()
        turning_per_s = 2 * np.pi * (_SECOND - shares[1]) * self.split * self.fwhm_hz
        exponents: ComplexArray = np.log(shares) - rate * time_s**2 + 1j * turning_per_s * time_s
        return exponents

    def _shares(self) -> RealArray:
        """Return the shares of both in the signal, (2, 1)."""
        shares: RealArray = 1 / (1 + np.exp(-self.log_odds * _SIGNS))
        return shares
