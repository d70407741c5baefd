"""The non-linear parameters: their names, bounds, and what is known before a fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from glxflow.fit.groups import Group
from glxflow.fit.lineshape import (
    LARGEST_LOG_ODDS,
    LARGEST_LOG_RATIO,
    LARGEST_SHIFT_PPM,
    LARGEST_SPLIT,
    WIDEST_GAUSSIAN_HZ,
    WIDEST_LORENTZIAN_HZ,
)
from glxflow.fit.options import FitOptions
from glxflow.spectrum import BoolArray, Kind, RealArray

SHARED = (
    "phase_rad",
    "delay_us",
    "lorentzian_hz",
    "log_gaussian",
    "log_ratio",
    "split",
    "log_odds",
    "shift_hz",
)
"""Parameters of the whole spectrum; each group adds `shift_<group>` and `width_<group>`."""

COMMON_SHIFT = SHARED.index("shift_hz")

_DELAY_SD_US = 30.0
# What the shim adds to every metabolite's own width; a little may be missing from that of a T2.
_LORENTZIAN_HZ, _LORENTZIAN_SD_HZ, _LEAST_LORENTZIAN_HZ = 0.7, 0.5, -1.0
_GAUSSIAN_HZ, _GAUSSIAN_LOG_SD = 3.0, 1.0
# Of fields simulated over voxels; which of the two Gaussians is the wider decides nothing.
_LOG_RATIO, _LOG_RATIO_SD = 0.5, 0.4
_SPLIT_SD = 0.5
_LOG_ODDS_SD = 0.3
_COMMON_SHARE = 0.5
# Macromolecules and lipids are broad: their position is known less well in ppm and matters less.
_BROAD_SHIFT_SD_PPM = {Kind.MACROMOLECULE: 0.008, Kind.LIPID: 0.012}
_BROAD_WIDTH_LOG_SD = {Kind.MACROMOLECULE: 0.3, Kind.LIPID: 0.3}
_LEAST_LOG_WIDTH, _LARGEST_LOG_WIDTH = -3.0, 1.0


@dataclass(frozen=True, slots=True)
class Prior:
    """Gaussian prior on the non-linear parameters, in the order of the vector.

    Attributes
    ----------
    names : tuple of str
        Parameter names.
    mean, sd : (n_parameters,) ndarray
        Of each by itself; an infinite SD is no prior.
    common : (n_parameters,) ndarray
        What one further unknown, of SD 1, adds to each; zeros where it adds nothing.
    low, high : (n_parameters,) ndarray
        Bounds, beyond which the line-shape family does not reach.
    root : (n_limited, n_parameters) ndarray
        Rows whose products with what parameters are off their means are normal with SD 1.
    precision : (n_parameters, n_parameters) ndarray
        Inverse covariance, 0 where there is no prior.
    """

    names: tuple[str, ...]
    mean: RealArray
    sd: RealArray
    common: RealArray
    low: RealArray
    high: RealArray
    root: RealArray = field(init=False, repr=False)
    precision: RealArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # The covariance is S (I + u u') S, with S of the SDs alone: the inverse of its root is
        # (I - u u' / (r (r + 1))) / S, with r^2 = 1 + u'u (Sherman & Morrison 1950).
        scale = 1 / self.sd
        direction = self.common * scale
        length = float(np.sqrt(1 + direction @ direction))
        shared = np.outer(direction, direction * scale) / (length * (length + 1))
        root = (np.diag(scale) - shared)[np.isfinite(self.sd)]
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "precision", root.T @ root)

    def stuck(self, theta: RealArray) -> BoolArray:
        """Tell which parameters are at a bound, to a thousandth of its distance to the other."""
        margin = 1e-3 * self.span
        return (theta <= self.low + margin) | (theta >= self.high - margin)

    @property
    def span(self) -> RealArray:
        """Distance of the bounds, 0 where there are none, (n_parameters,)."""
        distance = self.high - self.low
        return np.where(np.isfinite(distance), distance, 0.0)


def prior_of(
    groups: Sequence[Group], f0_mhz: float, options: FitOptions, by_t2: Sequence[float]
) -> Prior:
    """Return names, priors and bounds of the parameters of a model.

    Parameters
    ----------
    groups : sequence of Group
        Who shares shift and width.
    f0_mhz : float
        Spectrometer frequency.
    options : FitOptions
        SDs of the metabolites' shifts and widths.
    by_t2 : sequence of float
        By how much the logarithm of the width of each group's own lines is uncertain together
        with those of the others.
    """
    widest = 0.9 * WIDEST_LORENTZIAN_HZ
    common_hz = _COMMON_SHARE * LARGEST_SHIFT_PPM * f0_mhz
    own_hz = LARGEST_SHIFT_PPM * f0_mhz - common_hz
    rows: list[tuple[str, float, float, float, float]] = [
        ("phase_rad", 0.0, np.inf, -np.inf, np.inf),
        ("delay_us", 0.0, _DELAY_SD_US, -np.inf, np.inf),
        ("lorentzian_hz", _LORENTZIAN_HZ, _LORENTZIAN_SD_HZ, _LEAST_LORENTZIAN_HZ, widest / 2),
        (
            "log_gaussian",
            np.log(_GAUSSIAN_HZ),
            _GAUSSIAN_LOG_SD,
            np.log(0.2),
            np.log(0.9 * WIDEST_GAUSSIAN_HZ),
        ),
        ("log_ratio", _LOG_RATIO, _LOG_RATIO_SD, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO),
        ("split", 0.0, _SPLIT_SD, -LARGEST_SPLIT, LARGEST_SPLIT),
        ("log_odds", 0.0, _LOG_ODDS_SD, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS),
        ("shift_hz", 0.0, np.inf, -common_hz, common_hz),
    ]
    for group in groups:
        shift_sd = _BROAD_SHIFT_SD_PPM.get(group.kind, options.shift_sd_ppm) * f0_mhz
        width_sd = _BROAD_WIDTH_LOG_SD.get(group.kind, options.width_log_sd)
        rows.append((f"shift_{group.name}", 0.0, shift_sd, -own_hz, own_hz))
        rows.append((f"width_{group.name}", 0.0, width_sd, _LEAST_LOG_WIDTH, _LARGEST_LOG_WIDTH))
    names, *columns = zip(*rows, strict=True)
    mean, sd, low, high = (np.array(column) for column in columns)
    common = np.zeros(len(names))
    common[len(SHARED) + 1 :: 2] = by_t2
    return Prior(tuple(names), mean, sd, common, low, high)


def leaves(prior: Prior, theta: RealArray, vary: BoolArray, gradient: RealArray) -> BoolArray:
    """Tell which varying parameters are at a bound that descent would cross."""
    at_low, at_high = theta[vary] <= prior.low[vary], theta[vary] >= prior.high[vary]
    crossing: BoolArray = (at_low & (gradient > 0)) | (at_high & (gradient < 0))
    return crossing
