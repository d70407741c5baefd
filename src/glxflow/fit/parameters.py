"""The non-linear parameters: their names, start values, bounds and priors."""

from collections.abc import Mapping
from dataclasses import dataclass

import lmfit
import numpy as np

from glxflow.fit.lineshape import (
    LARGEST_SHIFT_HZ,
    WIDEST_GAUSSIAN_HZ,
    WIDEST_LORENTZIAN_HZ,
    gaussian_rate,
    voigt_fwhm,
)
from glxflow.fit.model import FitModel
from glxflow.spectrum import BoolArray, Kind, RealArray

SHARED = ("phase_rad", "delay_us", "shift_hz", "log_lorentzian", "log_gaussian")
"""Parameters of the whole spectrum; each group adds `shift_<group>` and `width_<group>`."""

_DELAY_SD_US = 30.0
_LORENTZIAN_HZ, _LORENTZIAN_LOG_SD = 4.0, 0.7
_GAUSSIAN_HZ, _GAUSSIAN_LOG_SD = 3.0, 1.0
# Macromolecules and lipids are broad: their position is known less well in ppm and matters less.
_BROAD_SHIFT_SD_PPM = {Kind.MACROMOLECULE: 0.015, Kind.LIPID: 0.03}
_BROAD_WIDTH_LOG_SD = {Kind.MACROMOLECULE: 0.4, Kind.LIPID: 0.6}


@dataclass(frozen=True, slots=True)
class Prior:
    """Gaussian prior on each non-linear parameter, in the order of the vector.

    Attributes
    ----------
    names : tuple of str
        Parameter names.
    mean, sd : (n_parameters,) ndarray
        An infinite SD is no prior.
    low, high : (n_parameters,) ndarray
        Bounds, beyond which the line-shape family does not reach.
    """

    names: tuple[str, ...]
    mean: RealArray
    sd: RealArray
    low: RealArray
    high: RealArray


def prior_of(model: FitModel) -> Prior:
    """Return names, priors and bounds of the parameters of a model."""
    options = model.options
    f0_mhz = model.axis.spectrometer_frequency_mhz
    widest = 0.9 * WIDEST_LORENTZIAN_HZ
    rows: list[tuple[str, float, float, float, float]] = [
        ("phase_rad", 0.0, np.inf, -np.inf, np.inf),
        ("delay_us", 0.0, _DELAY_SD_US, -np.inf, np.inf),
        ("shift_hz", 0.0, np.inf, -LARGEST_SHIFT_HZ / 2, LARGEST_SHIFT_HZ / 2),
        (
            "log_lorentzian",
            np.log(_LORENTZIAN_HZ),
            _LORENTZIAN_LOG_SD,
            np.log(0.2),
            np.log(widest / 2),
        ),
        (
            "log_gaussian",
            np.log(_GAUSSIAN_HZ),
            _GAUSSIAN_LOG_SD,
            np.log(0.2),
            np.log(0.9 * WIDEST_GAUSSIAN_HZ),
        ),
    ]
    for group in model.groups:
        shift_sd = _BROAD_SHIFT_SD_PPM.get(group.kind, options.shift_sd_ppm) * f0_mhz
        width_sd = _BROAD_WIDTH_LOG_SD.get(group.kind, options.width_log_sd)
        bound = LARGEST_SHIFT_HZ / 2
        rows.append((f"shift_{group.name}", 0.0, shift_sd, -bound, bound))
        rows.append((f"width_{group.name}", 0.0, width_sd, -3.0, 1.2))
    names, *columns = zip(*rows, strict=True)
    mean, sd, low, high = (np.array(column) for column in columns)
    return Prior(tuple(names), mean, sd, low, high)


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
    fwhm_hz : (n_components,) ndarray
        Full width at half height of the two together.
    """

    gamma_per_s: RealArray
    shift_hz: RealArray
    g_per_s2: float
    fwhm_hz: RealArray


def shapes_of(model: FitModel, theta: RealArray) -> Shapes:
    """Return the line shapes a parameter vector stands for."""
    shift_hz = np.empty(len(model.response))
    gamma_per_s = np.empty(len(model.response))
    n_shared = len(SHARED)
    for index, group in enumerate(model.groups):
        shift, width = theta[n_shared + 2 * index : n_shared + 2 * index + 2]
        members = list(group.members)
        shift_hz[members] = theta[2] + shift
        # Macromolecules and lipids do not follow the shim: their width stands alone.
        common = theta[3] if group.kind is Kind.METABOLITE else np.log(_LORENTZIAN_HZ)
        gamma_per_s[members] = np.pi * np.exp(common + width)
    gaussian_hz = float(np.exp(theta[4]))
    fwhm_hz = voigt_fwhm(gamma_per_s / np.pi, gaussian_hz)
    return Shapes(gamma_per_s, shift_hz, gaussian_rate(gaussian_hz), fwhm_hz)
