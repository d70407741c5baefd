"""Find transients that motion or lipid spoilt, by distance and amplitude."""

import numpy as np

from glxflow.preprocess.band import ALIGNMENT, METABOLITES, band_spectra
from glxflow.spectrum import Axis, BoolArray, ComplexArray, RealArray

LEAST_EXCESS = 0.05
"""Excess residual energy, as a share of the signal's, below which nothing is rejected.

A change of all amplitudes by 22 %: no physiological response is that large, so that
none can be thrown away as motion.
"""

MOST_SCATTER = 0.12
"""SD of amplitudes beyond noise above which what was not rejected is doubted.

One transient in ten that loses 40 % scatters that much, and lowers the average by 4 %.
"""

_MAD_TO_SD = 1.4826
_FEWEST = 8
_CHANCE_SD = 3.0


def is_outlier(samples: ComplexArray, axis: Axis, limit_sd: float) -> BoolArray:
    """Tell which aligned transients differ from the typical one by more than noise.

    Parameters
    ----------
    samples : (n_transients, n_points) complex ndarray
        Aligned transients.
    axis : Axis
        Their axes.
    limit_sd : float
        Robust standard deviations of the residual energy, or SDs of the noise of the
        amplitude, beyond which a transient is rejected.

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
    spread = robust_sd(excess)
    signal = float((np.abs(centre) ** 2).sum())
    outlying: BoolArray = (excess > limit_sd * spread) & (excess > LEAST_EXCESS * signal)
    amplitude, sd = _amplitudes(spectra, centre)
    ordinary = float(np.median(amplitude))
    lost = 1 - amplitude / ordinary
    # Against the median at most half can have lost signal, and noise does not widen with them.
    outlying |= (lost > limit_sd * sd / abs(ordinary)) & (lost > LEAST_EXCESS**0.5)
    return outlying


def scatter(samples: ComplexArray, axis: Axis, rejected: BoolArray) -> float:
    """Return the SD of the amplitude of transients beyond what noise explains, as a share.

    Parameters
    ----------
    samples : (n_transients, n_points) complex ndarray
        Aligned transients.
    axis : Axis
        Their axes.
    rejected : (n_transients,) bool ndarray
        Which ones are not in use. Those that hold more signal than the ones in use count all the
        same: they may be the good ones.

    Returns
    -------
    float
        0 where it cannot be told from noise; NaN with fewer than 8 transients.
    """
    if len(samples) < _FEWEST:
        return float("nan")
    # Without lipid, which would pass for more signal.
    spectra = band_spectra(samples, axis, ALIGNMENT)
    amplitude, sd = _amplitudes(spectra, spectra[~rejected].mean(axis=0))
    counted = amplitude[~rejected | (amplitude > 1 + LEAST_EXCESS**0.5)]
    beyond = float(np.var(counted)) - sd**2
    by_chance = _CHANCE_SD * sd**2 * float(np.sqrt(2 / counted.size))
    return float(np.sqrt(beyond)) if beyond > by_chance else 0.0


def _amplitudes(spectra: ComplexArray, centre: ComplexArray) -> tuple[RealArray, float]:
    """Return how much of a typical spectrum each one holds, and the SD of its noise."""
    energy = float((np.abs(centre) ** 2).sum())
    amplitude = (spectra @ centre.conj()).real / energy
    # Changes of the signal are spread over hundreds of points of noise here.
    left = residual_energy(spectra, amplitude[:, np.newaxis] * centre)
    noise_sd = np.sqrt(np.median(left) / (2 * centre.size))
    return amplitude, float(noise_sd / energy**0.5)


def robust_sd(deviations: RealArray) -> float:
    """Return the SD of normal deviations about a centre, by their median size.

    Parameters
    ----------
    deviations : ndarray
        Of which a few may be anything.
    """
    return float(_MAD_TO_SD * np.median(np.abs(deviations)))


def typical(spectra: ComplexArray) -> ComplexArray:
    """Return the median spectrum, (n_band,), whatever the phase that all have in common.

    Parameters
    ----------
    spectra : (n_transients, n_band) complex ndarray
        Aligned, windowed spectra.
    """
    mean = spectra.mean(axis=0)
    # The median takes real and imaginary part apart, so it needs axes of its own: those
    # in which the mean is as real as it can be. A turn by 90 degrees only swaps them.
    turn = np.exp(-0.5j * np.angle((mean**2).sum()))
    turned = spectra * turn
    median = np.median(turned.real, axis=0) + 1j * np.median(turned.imag, axis=0)
    return np.asarray(median / turn)


def residual_energy(spectra: ComplexArray, centre: ComplexArray) -> RealArray:
    """Return the squared distance of each spectrum from a centre, (n_transients,).

    Parameters
    ----------
    spectra : (n_transients, n_band) complex ndarray
        Aligned, windowed spectra.
    centre : (n_band,) or (n_transients, n_band) complex ndarray
        What they are compared with, all alike or each.
    """
    return np.asarray((np.abs(spectra - centre) ** 2).sum(axis=1))
