"""The metabolite window of a spectrum, without the slow baseline that water leaves in it."""

import numpy as np

from glxflow.errors import DataError
from glxflow.spectrum import Axis, BoolArray, ComplexArray, RealArray, spectrum_of

SINGLETS_PPM = (1.8, 4.2)
"""From NAA to the second creatine line: neither lipid nor water."""

METABOLITES_PPM = (0.6, 4.2)
"""The same with lactate and lipid, to see transients that lipid contaminates."""

_BASELINE_ORDER = 4
_FEWEST_POINTS = 32


def band_mask(axis: Axis, band_ppm: tuple[float, float]) -> BoolArray:
    """Tell which points of the spectrum lie in a band, (n_points,).

    Raises
    ------
    DataError
        If the spectrum has too few points there, as with a short or off-centre
        acquisition.
    """
    low, high = band_ppm
    mask: BoolArray = (axis.ppm >= low) & (axis.ppm <= high)
    if mask.sum() < _FEWEST_POINTS:
        raise DataError(
            f"only {mask.sum()} points of the spectrum lie between {low:g} and {high:g} ppm "
            f"(it covers {axis.ppm[0]:.2f} to {axis.ppm[-1]:.2f} ppm in {axis.n_points} points), "
            f"expected at least {_FEWEST_POINTS}. Check SpectrometerFrequency, SpectralWidth and "
            "SpecFreqChemShift of the file."
        )
    return mask


def without_baseline(spectra: ComplexArray) -> ComplexArray:
    """Return windowed spectra less their best polynomial of order 4.

    Parameters
    ----------
    spectra : (..., n_band) complex ndarray
        Spectra inside a window that water does not reach with its line, only
        with its tail.
    """
    basis = _polynomials(spectra.shape[-1])
    flat: ComplexArray = spectra - (spectra @ basis) @ basis.T
    return flat


def _polynomials(n_band: int) -> RealArray:
    """Return orthonormal polynomials on the window, (n_band, order + 1)."""
    position = np.linspace(-1, 1, n_band)
    basis, _ = np.linalg.qr(np.polynomial.legendre.legvander(position, _BASELINE_ORDER))
    return np.asarray(basis)


def band_spectra(samples: ComplexArray, axis: Axis, band_ppm: tuple[float, float]) -> ComplexArray:
    """Return the baseline-free spectra in a band, (..., n_band).

    Parameters
    ----------
    samples : (..., n_points) complex ndarray
        Free induction decays.
    axis : Axis
        Their axes.
    band_ppm : tuple of float
        Lower and upper edge, in ppm.
    """
    return without_baseline(spectrum_of(samples)[..., band_mask(axis, band_ppm)])
