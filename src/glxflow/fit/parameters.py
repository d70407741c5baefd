"""From parameter vectors to line shapes, and to lmfit's parameters and back."""

from collections.abc import Mapping
from dataclasses import dataclass

import lmfit
import numpy as np

from glxflow.fit.lineshape import gaussian_rate, voigt_fwhm
from glxflow.fit.model import FitModel
from glxflow.fit.prior import LORENTZIAN_HZ, SHARED, Prior
from glxflow.spectrum import BoolArray, RealArray


def lmfit_parameters(prior: Prior, values: RealArray) -> lmfit.Parameters:
    """Return lmfit parameters with the bounds of the prior; infinite bounds are none."""
    parameters = lmfit.Parameters()
    for name, value, low, high in zip(prior.names, values, prior.low, prior.high, strict=True):
        parameters.add(_valid(name), value=float(value), min=low, max=high)
    return parameters


def fitted_parameters(
    prior: Prior,
    components: tuple[str, ...],
    theta: RealArray,
    amplitudes: RealArray,
    free: BoolArray,
    covariance: RealArray,
) -> lmfit.Parameters:
    """Return lmfit parameters of a finished fit, with standard errors and correlations.

    Parameters
    ----------
    prior : Prior
        Names and bounds of the non-linear parameters.
    components : tuple of str
        Components; their amplitudes are parameters `amplitude_<name>`.
    theta : (n_theta,) ndarray
        Non-linear parameters.
    amplitudes : (n_components,) ndarray
        In the order of `components`.
    free : (n_theta,) bool ndarray
        Non-linear parameters with an uncertainty; the others ended at a bound.
    covariance : (n_free + n_components, n_free + n_components) ndarray
        Of the free parameters, then the amplitudes.
    """
    parameters = lmfit_parameters(prior, theta)
    for name, value in zip(components, amplitudes, strict=True):
        parameters.add(_valid(f"amplitude_{name}"), value=float(value), min=0.0)
    names = list(parameters)
    known = [name for name, is_free in zip(names, free, strict=False) if is_free]
    known += names[len(free) :]
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    for row, name in enumerate(known):
        parameters[name].stderr = float(sd[row])
        parameters[name].correl = {
            other: float(correlation[row, column])
            for column, other in enumerate(known)
            if column != row
        }
    return parameters


def _valid(name: str) -> str:
    """Return the name as a Python identifier, as lmfit demands."""
    return "".join(letter if letter.isidentifier() or letter.isdigit() else "_" for letter in name)


def values_of(parameters: Mapping[str, lmfit.Parameter]) -> RealArray:
    """Return the vector of values of lmfit parameters, in their order."""
    return np.array([parameter.value for parameter in parameters.values()])


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
    # Macromolecules and lipids do not follow the shim: their width stands alone.
    common = np.where(model.follows_shim, theta[3], np.log(LORENTZIAN_HZ))
    shift_hz = theta[2] + shifts @ model.membership
    gamma_per_s = np.pi * np.exp((common + widths) @ model.membership)
    gaussian_hz = float(np.exp(theta[4]))
    fwhm_hz = voigt_fwhm(gamma_per_s / np.pi, gaussian_hz)
    return Shapes(gamma_per_s, shift_hz, gaussian_rate(gaussian_hz), float(theta[5]), fwhm_hz)
