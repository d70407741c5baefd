"""From parameter vectors to the line shapes of every component."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.lineshape import gaussian_rate, voigt_fwhm
from glxflow.fit.model import FitModel
from glxflow.fit.prior import SHARED
from glxflow.spectrum import RealArray


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
