"""Windows of a spectrum, without the slow baseline that water leaves in them."""

from dataclasses import dataclass

import numpy as np

from glxflow.errors import DataError
from glxflow.spectrum import Axis, BoolArray, ComplexArray, RealArray, spectrum_of

_FEWEST_POINTS = 16


@dataclass(frozen=True, slots=True)
class Band:
    """A range of chemical shifts, and how curved a baseline in it is allowed to be.

    Attributes
    ----------
    low_ppm, high_ppm : float
        Edges, in ppm.
    order : int
        Order of the polynomial that is projected out.
    """

    low_ppm: float
    high_ppm: float
    order: int


SINGLETS = Band(1.8, 4.2, 4)
"""From NAA to the second creatine line: neither lipid nor water, macromolecules flattened."""

ALIGNMENT = Band(1.7, 4.2, 2)
"""The same for comparing transients, which share their macromolecules.

Each order of the polynomial costs precision: the Cramer-Rao bound of the frequency
rises from 0.172 Hz with order 2 to 0.18 Hz with order 5 (SNR 8, lines of 5 Hz).
"""

METABOLITES = Band(0.6, 4.2, 4)
"""The same with lactate and lipid, to see transients that lipid contaminates."""


def band_mask(axis: Axis, band: Band) -> BoolArray:
    """Tell which points of the spectrum lie in a band, (n_points,).

    Parameters
    ----------
    axis : Axis
        Axes of the spectrum.
    band : Band
        Which part.

    Raises
    ------
    DataError
        If the spectrum has too few points there, as with a short or off-centre
        acquisition.
    """
    mask: BoolArray = (axis.ppm >= band.low_ppm) & (axis.ppm <= band.high_ppm)
    if mask.sum() < _FEWEST_POINTS:
        raise DataError(
            f"only {mask.sum()} points of the spectrum lie between {band.low_ppm:g} and "
            f"{band.high_ppm:g} ppm (it covers {axis.ppm[0]:.2f} to {axis.ppm[-1]:.2f} ppm in "
            f"{axis.n_points} points), expected at least {_FEWEST_POINTS}. Check "
            "SpectrometerFrequency, SpectralWidth and SpecFreqChemShift of the file."
        )
    return mask


def without_baseline(spectra: ComplexArray, order: int) -> ComplexArray:
    """Return windowed spectra less their best polynomial.

    Parameters
    ----------
    spectra : (..., n_band) complex ndarray
        Spectra inside a window that water does not reach with its line, only
        with its tail.
    order : int
        Order of the polynomial.
    """
    basis = _polynomials(spectra.shape[-1], order)
    flat: ComplexArray = spectra - (spectra @ basis) @ basis.T
    return flat


def _polynomials(n_band: int, order: int) -> RealArray:
    """Return orthonormal polynomials on the window, (n_band, order + 1)."""
    position = np.linspace(-1, 1, n_band)
    basis, _ = np.linalg.qr(np.polynomial.legendre.legvander(position, order))
    return np.asarray(basis)


def band_spectra(samples: ComplexArray, axis: Axis, band: Band) -> ComplexArray:
    """Return the baseline-free spectra in a band, (..., n_band).

    Parameters
    ----------
    samples : (..., n_points) complex ndarray
        Free induction decays.
    axis : Axis
        Their axes.
    band : Band
        Which part.
    """
    return without_baseline(spectrum_of(samples)[..., band_mask(axis, band)], band.order)


def band_signal(fid: ComplexArray, axis: Axis, band: Band) -> ComplexArray:
    """Return what a band holds, without baseline, as a signal in time, (n_points,).

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        A free induction decay.
    axis : Axis
        Its axes.
    band : Band
        Which part.
    """
    spectrum = np.zeros(axis.n_points, dtype=np.complex128)
    spectrum[band_mask(axis, band)] = band_spectra(fid, axis, band)
    return np.asarray(np.fft.ifft(np.fft.ifftshift(spectrum)))
