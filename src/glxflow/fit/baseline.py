"""The smooth baseline: a penalised cubic B-spline, eliminated exactly.

In the basis of Demmler and Reinsch the penalty is diagonal, so that changing the
stiffness costs nothing. A Gaussian prior on the spline (which the penalty is)
leaves the weight W = I - U diag(h) U' on everything else; its square root turns
penalised least squares into plain least squares (Eilers & Marx 1996,
doi:10.1214/ss/1038425655; Wilson 2021, doi:10.1002/mrm.28385).
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import BSpline
from scipy.optimize import brentq

from glxflow.errors import ConfigError
from glxflow.spectrum import RealArray

KNOTS_PER_PPM = 15
_DEGREE = 3


@dataclass(frozen=True, slots=True)
class SplineSpace:
    """An orthonormal basis of the splines in which roughness is diagonal.

    Attributes
    ----------
    modes : (n_fit, n_modes) ndarray
        Orthonormal columns, from smooth to rough.
    roughness : (n_modes,) ndarray
        Squared second differences of each mode's coefficients.
    width_ppm : float
        Length of the fitted range, in ppm.
    known_stiffness : dict
        Penalty weights of the effective dimensions that were asked for before.
    """

    modes: RealArray
    roughness: RealArray
    width_ppm: float
    known_stiffness: dict[float, float] = field(default_factory=dict, compare=False, repr=False)

    def stiffness(self, ed_per_ppm: float) -> float:
        """Return the penalty weight at which the baseline has this effective dimension.

        Raises
        ------
        ConfigError
            If no weight does: a straight line has 2, the unpenalised spline all.
        """
        target = ed_per_ppm * self.width_ppm
        most = self.roughness.size
        if not 2.0 < target < most:
            raise ConfigError(
                f"the baseline's effective dimension is {ed_per_ppm:g} per ppm, expected between "
                f"{2 / self.width_ppm:.2f} and {most / self.width_ppm:.2f} on a range of "
                f"{self.width_ppm:.2f} ppm. Values from 1 to 2 suit short echo times."
            )

        def excess(log_weight: float) -> float:
            return float(self.shares(10.0**log_weight).sum()) - target

        if ed_per_ppm not in self.known_stiffness:
            self.known_stiffness[ed_per_ppm] = float(10.0 ** brentq(excess, -12, 18))
        return self.known_stiffness[ed_per_ppm]

    def shares(self, stiffness: float) -> RealArray:
        """Return the share of each mode that the baseline takes up, 0 to 1; sums to the ED."""
        return 1 / (1 + stiffness * self.roughness)


def spline_space(ppm: RealArray, weight: RealArray) -> SplineSpace:
    """Return the space of baselines on a grid of chemical shifts.

    Parameters
    ----------
    ppm : (n_fit,) ndarray
        Chemical shifts of the fitted points, ascending, in ppm.
    weight : (n_fit,) ndarray
        Weight of each point; the modes are those of the weighted baseline.
    """
    width_ppm = float(ppm[-1] - ppm[0])
    n_inner = max(round(KNOTS_PER_PPM * width_ppm), 4)
    step = width_ppm / n_inner
    knots = ppm[0] + step * np.arange(-_DEGREE, n_inner + _DEGREE + 1)
    design = BSpline.design_matrix(
        np.clip(ppm, ppm[0], knots[n_inner + _DEGREE] - 1e-12), knots, _DEGREE
    ).toarray()
    orthonormal, triangle = np.linalg.qr(weight[:, np.newaxis] * design)
    differences = np.diff(np.eye(design.shape[1]), n=2, axis=0)
    rough = np.linalg.solve(triangle.T, differences.T)
    roughness, rotation = np.linalg.eigh(rough @ rough.T)
    # Constant and linear baselines have no second difference: rounding must not say otherwise.
    roughness[:2] = 0.0
    return SplineSpace(orthonormal @ rotation, roughness, width_ppm)
