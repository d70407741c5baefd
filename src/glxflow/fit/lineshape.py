"""The family of line shapes, spanned by its values at few times.

A component's response is multiplied by exp(-gamma t - g t^2 + i eps t), or by a sum of
two such decays where the shim is uneven (`fit/shim.py`). Over the range of widths and
shifts a spectrum can have, these span a space of about 20 dimensions: each is a
fixed combination of its own values at as many times (discrete empirical
interpolation, Chaturantabut & Sorensen 2010, doi:10.1137/090766498). A spectrum
and its derivatives are then small matrix products, and no Fourier transform is
left in the loop.
"""

import math
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np

from glxflow.spectrum import ComplexArray, RealArray

WIDEST_LORENTZIAN_HZ = 20.0
WIDEST_GAUSSIAN_HZ = 15.0
WIDEST_BROAD_PPM = 0.28
LARGEST_SHIFT_PPM = 0.05
LARGEST_LOG_RATIO = 1.5
LARGEST_SPLIT = 1.2
LARGEST_LOG_ODDS = 1.5
"""Ranges the family covers; the fit's parameters are bounded within them."""

_Widths = TypeVar("_Widths", float, RealArray)

_TOLERANCE = 2e-4
_ENOUGH_POINTS = 750
_RATE_OF_1_HZ = math.pi**2 / (4 * math.log(2))
_USUAL_SHARE = 0.7
"""The larger share of the shim's two Gaussians is hardly ever more: three SD of its prior."""


@dataclass(frozen=True, slots=True)
class LineshapeFamily:
    """Times at which a line shape is evaluated, and how it is rebuilt from there.

    Attributes
    ----------
    node_s : (n_nodes,) ndarray
        Times, in s.
    interpolant : (n_points, n_nodes) ndarray
        Weights: shape(t) = interpolant @ shape(node_s).
    """

    node_s: RealArray
    interpolant: RealArray


def lineshape_family(time_s: RealArray, f0_mhz: float) -> LineshapeFamily:
    """Return nodes and weights that rebuild every line shape to 4e-4 of its start.

    Parameters
    ----------
    time_s : (n_points,) ndarray
        Sample times, in s.
    f0_mhz : float
        Spectrometer frequency, in MHz.
    """
    modes = _modes(_training_set(time_s, f0_mhz))
    nodes = _empirical_nodes(modes)
    interpolant = np.asarray(np.linalg.solve(modes[nodes].T, modes.T).T, dtype=np.float64)
    return LineshapeFamily(node_s=time_s[nodes], interpolant=interpolant)


def lineshape(
    node_s: RealArray,
    gamma_per_s: RealArray,
    shift_hz: RealArray,
    g_per_s2: float | RealArray,
) -> ComplexArray:
    """Return Voigt decays at the nodes, (n_components, n_nodes).

    Parameters
    ----------
    node_s : (n_nodes,) ndarray
        Times, in s.
    gamma_per_s, shift_hz : (n_components,) ndarray
        Exponential decay rate (pi times the Lorentzian FWHM in Hz) and shift in Hz.
    g_per_s2 : float or (n_components,) ndarray
        Gaussian decay rate.
    """
    exponent = np.multiply.outer(-gamma_per_s + 2j * np.pi * shift_hz, node_s)
    exponent -= np.multiply.outer(g_per_s2, node_s**2)
    decays: ComplexArray = np.exp(exponent)
    return decays


def lineshape_slopes(node_s: RealArray) -> ComplexArray:
    """Return what a decay is multiplied by for its derivatives, (3, n_nodes).

    Derivatives are by gamma, shift in Hz and g.
    """
    return np.stack([-node_s, 2j * np.pi * node_s, -(node_s**2)])


def gaussian_rate(fwhm_hz: _Widths) -> _Widths:
    """Return g of a Gaussian line: exp(-g t^2) has this full width at half height."""
    return fwhm_hz * fwhm_hz * _RATE_OF_1_HZ


def voigt_fwhm(lorentzian_hz: RealArray, gaussian_hz: float | RealArray) -> RealArray:
    """Return the widths of Voigt lines to 0.02 % (Olivero & Longbothum 1977).

    References
    ----------
    doi:10.1016/0022-4073(77)90161-3
    """
    root = np.sqrt(0.2166 * lorentzian_hz**2 + gaussian_hz**2)
    width: RealArray = 0.5346 * lorentzian_hz + root
    return width


def voigt_gaussian(fwhm_hz: float, lorentzian_hz: float) -> float:
    """Return the Gaussian width with which `voigt_fwhm` is a given one, in Hz."""
    rest_hz = fwhm_hz - 0.5346 * lorentzian_hz
    return math.sqrt(max(rest_hz**2 - 0.2166 * lorentzian_hz**2, 0.0))


def voigt_slopes(lorentzian_hz: float, gaussian_hz: float) -> tuple[float, float]:
    """Return what `voigt_fwhm` gains per Hz of Lorentzian and Hz^2 of squared Gaussian width."""
    root = math.sqrt(0.2166 * lorentzian_hz**2 + gaussian_hz**2)
    return 0.5346 + 0.2166 * lorentzian_hz / root, 0.5 / root


def _training_set(time_s: RealArray, f0_mhz: float) -> RealArray:
    """Return decays over the range of parameters as columns, real and imaginary apart."""
    widths = (0.0, 0.2, 1.0, 2.0, 4.0, 7.0, 12.0, WIDEST_LORENTZIAN_HZ)
    shifts = np.linspace(0.0, LARGEST_SHIFT_PPM * f0_mhz, 5)
    broad = WIDEST_BROAD_PPM * f0_mhz
    # What is broad by itself has no Lorentzian width.
    narrow = product([0.0], widths, shifts)
    own, lorentzian, shift = np.array([*narrow, *product([0.6 * broad, broad], [0.0], shifts)]).T
    decays = np.concatenate(
        [
            lineshape(
                time_s,
                np.pi * lorentzian,
                shift + _USUAL_SHARE * side * LARGEST_SPLIT * shim,
                gaussian_rate(np.hypot(shim * np.exp(0.5 * ratio), own)),
            )
            for shim, ratio, side in product(
                (0.5, 3.0, 7.0, WIDEST_GAUSSIAN_HZ),
                (-LARGEST_LOG_RATIO, 0.0, LARGEST_LOG_RATIO),
                (-1, 0, 1),
            )
        ]
    )
    return np.concatenate([decays.real, decays.imag]).T


def _modes(samples: RealArray) -> RealArray:
    """Return orthonormal columns that span all columns to the tolerance, (n_points, rank).

    Lines are far narrower than the bandwidth: some 750 of the points tell which sums of
    columns matter, and of 3,000 (12 kHz) the decomposition takes 5 s.
    """
    coarse = samples[:: max(len(samples) // _ENOUGH_POINTS, 1)]
    # The Gram matrix is the small way to the singular vectors; it keeps 8 digits of them.
    power, vectors = np.linalg.eigh(coarse @ coarse.T)
    rank = int((power > _TOLERANCE**2 * power[-1]).sum())
    kept = vectors[:, ::-1][:, :rank]
    if len(coarse) == len(samples):
        return kept
    return np.asarray(np.linalg.qr(samples @ (coarse.T @ kept))[0])


def _empirical_nodes(modes: RealArray) -> list[int]:
    """Choose as many rows as there are modes, each where the interpolation is worst so far."""
    nodes = [int(np.abs(modes[:, 0]).argmax())]
    for column in range(1, modes.shape[1]):
        coefficients = np.linalg.solve(modes[nodes, :column], modes[nodes, column])
        remainder = modes[:, column] - modes[:, :column] @ coefficients
        nodes.append(int(np.abs(remainder).argmax()))
    return nodes
