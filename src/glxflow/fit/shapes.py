"""From parameter vectors to the line shapes of every component."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.lineshape import gaussian_rate, voigt_fwhm
from glxflow.fit.model import FitModel
from glxflow.fit.prior import SHARED
from glxflow.spectrum import ComplexArray, RealArray

SHIFT, WIDTH, GAUSSIAN, SKEW, LORENTZIAN = range(5)
"""Rows of `slopes_of`."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Line-shape parameters of every component.

    Attributes
    ----------
    gamma_per_s, shift_hz : (n_components,) ndarray
        Exponential decay rate and shift.
    own_gamma_per_s : (n_components,) ndarray
        Part of the decay rate that is a metabolite's own; the rest is common to all.
    g_per_s2 : (n_components,) ndarray
        Gaussian decay rate: of the shim, and of macromolecules and lipids their own too.
    shim_g_per_s2 : float
        That of the shim, common to all.
    skew : float
        Asymmetry, common to all.
    fwhm_hz : (n_components,) ndarray
        Full width at half height of a symmetric line of these widths.
    """

    gamma_per_s: RealArray
    own_gamma_per_s: RealArray
    shift_hz: RealArray
    g_per_s2: RealArray
    shim_g_per_s2: float
    skew: float
    fwhm_hz: RealArray


def shapes_of(model: FitModel, theta: RealArray) -> Shapes:
    """Return the line shapes a parameter vector stands for."""
    shifts, widths = theta[len(SHARED) :: 2], theta[len(SHARED) + 1 :: 2]
    shift_hz = theta[2] + shifts @ model.membership
    factor = np.exp(widths @ model.membership)
    # Macromolecules and lipids have their own decay in the basis: of the shim they feel g alone.
    own_hz = model.lorentzian_hz * factor
    lorentzian_hz = own_hz + np.where(model.is_broad, 0.0, theta[3])
    shim_hz = float(np.exp(theta[4]))
    gaussian_hz = np.hypot(shim_hz, model.broadening_hz * factor)
    return Shapes(
        gamma_per_s=np.pi * lorentzian_hz,
        own_gamma_per_s=np.pi * own_hz,
        shift_hz=shift_hz,
        g_per_s2=gaussian_rate(gaussian_hz),
        shim_g_per_s2=gaussian_rate(shim_hz),
        skew=float(theta[5]),
        fwhm_hz=voigt_fwhm(lorentzian_hz, gaussian_hz),
    )


def slopes_of(model: FitModel, shapes: Shapes) -> ComplexArray:
    """Return what each decay is multiplied by for its derivatives, (n_columns, 5, n_nodes).

    Derivatives are by a shift in Hz, the logarithm of the column's own width, that of
    the shim's Gaussian, the skew, and the Lorentzian that all metabolites share, in Hz.
    """
    by_gamma, by_shift, by_g, by_skew = model.slopes
    own_g = 2 * (shapes.g_per_s2 - shapes.shim_g_per_s2)
    slopes = np.empty((len(own_g), 5, by_g.size), dtype=np.complex128)
    slopes[:, SHIFT] = by_shift
    slopes[:, WIDTH] = np.multiply.outer(shapes.own_gamma_per_s, by_gamma)
    slopes[:, WIDTH] += np.multiply.outer(own_g, by_g)
    slopes[:, GAUSSIAN] = 2 * shapes.shim_g_per_s2 * by_g
    slopes[:, SKEW] = by_skew
    slopes[:, LORENTZIAN] = np.multiply.outer(np.pi * ~model.is_broad, by_gamma)
    return slopes
