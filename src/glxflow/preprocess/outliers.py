"""Find transients that motion or lipid spoilt, by how far they are from the typical one."""

import numpy as np

from glxflow.preprocess.band import METABOLITES, band_spectra
from glxflow.spectrum import Axis, BoolArray, ComplexArray, RealArray

LEAST_EXCESS = 0.05
"""Excess residual energy, as a share of the signal's, below which nothing is rejected.

A change of all amplitudes by 22 %: no physiological response is that large, so that
none can be thrown away as motion.
"""

_MAD_TO_SD = 1.4826
_FEWEST = 8


def is_outlier(samples: ComplexArray, axis: Axis, limit_sd: float) -> BoolArray:
    """Tell which aligned transients differ from the typical one by more than noise.

    Parameters
    ----------
    samples : (n_transients, n_points) complex ndarray
        Aligned transients.
    axis : Axis
        Their axes.
    limit_sd : float
        Robust standard deviations of the residual energy beyond which a
        transient is rejected.

    Returns
    -------
    (n_transients,) bool ndarray
        True for outliers; never, with fewer than 8 transients, since a spread
        cannot be judged from so few.
    """
    if len(samples) < _FEWEST:
        return np.zeros(len(samples), dtype=bool)
    spectra = band_spectra(samples, axis, METABOLITES)
    centre = typical(spectra)
    residual = residual_energy(spectra, centre)
    excess = residual - np.median(residual)
    spread = _MAD_TO_SD * np.median(np.abs(excess))
    signal = float((np.abs(centre) ** 2).sum())
    outlying: BoolArray = (excess > limit_sd * spread) & (excess > LEAST_EXCESS * signal)
    return outlying


def typical(spectra: ComplexArray) -> ComplexArray:
    """Return the median spectrum, real and imaginary part apart, (n_band,)."""
    return np.asarray(np.median(spectra.real, axis=0) + 1j * np.median(spectra.imag, axis=0))


def residual_energy(spectra: ComplexArray, centre: ComplexArray) -> RealArray:
    """Return the squared distance of each spectrum from a centre, (n_transients,)."""
    return np.asarray((np.abs(spectra - centre) ** 2).sum(axis=1))
