"""The smooth baseline: a penalised cubic B-spline, eliminated exactly.

In the basis of Demmler and Reinsch the penalty is diagonal, so that changing the
stiffness costs nothing. A Gaussian prior on the spline (which the penalty is)
leaves the weight W = I - U diag(h) U' on everything else; its square root turns
penalised least squares into plain least squares (Eilers & Marx 1996,
doi:10.1214/ss/1038425655; Wilson 2021, doi:10.1002/mrm.28385).
"""

from dataclasses import dataclass, field

import numpy as np

from glxflow.errors import ConfigError
from glxflow.spectrum import RealArray

KNOTS_PER_PPM = 15
_LOG_STIFFNESS = (-12.0, 18.0)
_BISECTIONS = 60
_BENT_LINE = 2.2
_LARGEST_SHARE = 0.9


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

        if ed_per_ppm not in self.known_stiffness:
            self.known_stiffness[ed_per_ppm] = self._stiffness_of(target)
        return self.known_stiffness[ed_per_ppm]

    def within(self, ed_per_ppm: float) -> float:
        """Return an effective dimension per ppm, or the nearest that a baseline has.

        From a slightly bent line to nearly the unpenalised spline.
        """
        most = _LARGEST_SHARE * self.roughness.size
        return float(np.clip(ed_per_ppm * self.width_ppm, _BENT_LINE, most)) / self.width_ppm

    def alternatives(self, ed_per_ppm: float) -> tuple[float, float]:
        """Return half and double an effective dimension per ppm, within what a baseline has."""
        return self.within(ed_per_ppm / 2), self.within(2 * ed_per_ppm)

    def _stiffness_of(self, target: float) -> float:
        """Return the penalty weight of an effective dimension by bisection: it falls with it."""
        low, high = _LOG_STIFFNESS
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            if self.shares(10.0**middle).sum() > target:
                low = middle
            else:
                high = middle
        return float(10.0 ** ((low + high) / 2))

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
    design = uniform_splines((ppm - ppm[0]) * (n_inner / width_ppm), n_inner)
    orthonormal, triangle = np.linalg.qr(weight[:, np.newaxis] * design)
    differences = np.diff(np.eye(design.shape[1]), n=2, axis=0)
    rough = np.linalg.solve(triangle.T, differences.T)
    roughness, rotation = np.linalg.eigh(rough @ rough.T)
    # Constant and linear baselines have no second difference: rounding must not say otherwise.
    roughness[:2] = 0.0
    return SplineSpace(orthonormal @ rotation, roughness, width_ppm)


def uniform_splines(position: RealArray, n_intervals: int) -> RealArray:
    """Return cubic B-splines on knots at the whole numbers, (n_points, n_intervals + 3).

    Written out, since loading the splines of scipy takes longer than ten fits.

    Parameters
    ----------
    position : (n_points,) ndarray
        From 0 to `n_intervals`.
    n_intervals : int
        Intervals between knots.
    """
    interval = np.clip(position.astype(np.int64), 0, n_intervals - 1)
    u = position - interval
    pieces = np.stack([(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, 1 + 3 * (u + u**2 - u**3), u**3])
    design = np.zeros((position.size, n_intervals + 3))
    rows = np.arange(position.size)
    for offset, piece in enumerate(pieces):
        design[rows, interval + offset] = piece / 6
    return design
