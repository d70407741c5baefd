"""From parameter vectors to the line shapes of every component."""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.lineshape import gaussian_rate, voigt_fwhm
from glxflow.fit.model import FitModel
from glxflow.fit.prior import BROAD_LORENTZIAN_HZ, SHARED
from glxflow.spectrum import RealArray


@dataclass(frozen=True, slots=True)
class Shapes:
    """Line-shape parameters of every component.

    Attributes
    ----------
    gamma_per_s, shift_hz : (n_components,) ndarray
        Exponential decay rate and shift.
    g_per_s2 : float
        Gaussian decay rate, common to all.
    skew : float
        Asymmetry, common to all.
    fwhm_hz : (n_components,) ndarray
        Full width at half height of a symmetric line of these widths.
    """

    gamma_per_s: RealArray
    shift_hz: RealArray
    g_per_s2: float
    skew: float
    fwhm_hz: RealArray


def shapes_of(model: FitModel, theta: RealArray) -> Shapes:
    """Return the line shapes a parameter vector stands for."""
    shifts, widths = theta[len(SHARED) :: 2], theta[len(SHARED) + 1 :: 2]
    # Macromolecules and lipids have their own decay in the basis: of the shim they feel g alone.
    common = np.where(model.follows_shim, theta[3], np.log(BROAD_LORENTZIAN_HZ))
    shift_hz = theta[2] + shifts @ model.membership
    gamma_per_s = np.pi * np.exp((common + widths) @ model.membership)
    gaussian_hz = float(np.exp(theta[4]))
    fwhm_hz = voigt_fwhm(gamma_per_s / np.pi, gaussian_hz)
    return Shapes(gamma_per_s, shift_hz, gaussian_rate(gaussian_hz), float(theta[5]), fwhm_hz)
