"""From parameter vectors to the line shapes of every component."""

import math
from dataclasses import dataclass

import numpy as np

from glxflow.fit.lineshape import gaussian_rate, voigt_fwhm, voigt_gaussian
from glxflow.fit.model import FitModel
from glxflow.fit.prior import SHARED
from glxflow.fit.shim import Shim, ShimDecay
from glxflow.spectrum import ComplexArray, RealArray

LORENTZIAN, GAUSSIAN, RATIO, SPLIT, ODDS, SHIFT, WIDTH = range(7)
"""Rows of `slopes_of`."""

OF_ALL = slice(LORENTZIAN, WIDTH)
"""Those that shared parameters move every line along, in the order of SHARED."""

OF_SHIM = slice(GAUSSIAN, SHIFT)
"""Those of the shim."""

OF_OWN = slice(SHIFT, None)
"""Those of a column by itself, in the order of a group's parameters."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Line-shape parameters of every component.

    Attributes
    ----------
    gamma_per_s, shift_hz : (n_components,) ndarray
        Exponential decay rate and shift.
    own_gamma_per_s : (n_components,) ndarray
        Part of the decay rate that is a metabolite's own; the rest is common to all.
    own_g_per_s2 : (n_components,) ndarray
        Gaussian decay rate that macromolecules and lipids have beside the shim's.
    shim : Shim
        What is common to all.
    at_nodes : ShimDecay
        Its decay at the nodes of the model.
    """

    gamma_per_s: RealArray
    own_gamma_per_s: RealArray
    shift_hz: RealArray
    own_g_per_s2: RealArray
    shim: Shim
    at_nodes: ShimDecay

    def fwhm_hz(self) -> RealArray:
        """Return full widths at half height, (n_components,).

        Of metabolites within 2 % of `line_hz`, which looks at each line: the shim is taken for
        the Gaussian that makes the line of a usual one as wide as it is. Beside a broad
        line's own Gaussian it is one of its full width.
        """
        is_broad = self.own_g_per_s2 > 0
        lorentzian_hz = self.gamma_per_s / math.pi
        usual_hz = float(np.median(lorentzian_hz[~is_broad]))
        beside_hz = voigt_gaussian(self.shim.full_width_hz(usual_hz), usual_hz)
        broad_hz = np.sqrt(self.own_g_per_s2 / gaussian_rate(1.0) + self.shim.full_width_hz() ** 2)
        return voigt_fwhm(lorentzian_hz, np.where(is_broad, broad_hz, beside_hz))

    def line_hz(self, index: int) -> float:
        """Return the full width at half height of one metabolite, by the shim as it is."""
        return self.shim.full_width_hz(float(self.gamma_per_s[index]) / math.pi)


def shapes_of(model: FitModel, theta: RealArray) -> Shapes:
    """Return the line shapes a parameter vector stands for."""
    _, _, common_hz, log_gaussian, *of_shim, shift_hz = theta[: len(SHARED)].tolist()
    own_shift_hz, log_widths = theta[len(SHARED) :].reshape(-1, 2).T @ model.membership
    factor = np.exp(log_widths)
    # Macromolecules and lipids have their own decay in the basis: of all that is common they
    # feel the shim alone.
    own_hz = model.lorentzian_hz * factor
    lorentzian_hz = own_hz + common_hz * ~model.is_broad
    shim = Shim(math.exp(log_gaussian), *of_shim)
    return Shapes(
        gamma_per_s=np.pi * lorentzian_hz,
        own_gamma_per_s=np.pi * own_hz,
        shift_hz=shift_hz + own_shift_hz,
        own_g_per_s2=gaussian_rate(model.broadening_hz * factor),
        shim=shim,
        at_nodes=shim.at(model.node_s),
    )


def slopes_of(model: FitModel, shapes: Shapes) -> ComplexArray:
    """Return what each decay is multiplied by for its derivatives, (n_columns, 7, n_nodes).

    Derivatives are by the Lorentzian that all metabolites share, in Hz, the parameters of
    the shim, a shift in Hz, and the logarithm of the column's own width.
    """
    by_gamma, by_shift, by_g = model.slopes
    slopes = np.empty((len(model.response), 7, by_g.size), dtype=np.complex128)
    slopes[:, LORENTZIAN] = np.multiply.outer(np.pi * ~model.is_broad, by_gamma)
    slopes[:, OF_SHIM] = shapes.at_nodes.slopes
    slopes[:, SHIFT] = by_shift
    own = np.array([shapes.own_gamma_per_s, 2 * shapes.own_g_per_s2])
    slopes[:, WIDTH] = own.T @ np.array([by_gamma, by_g])
    return slopes
