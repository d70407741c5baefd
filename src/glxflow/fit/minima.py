"""The two minima that a spectrum may have: lines that are wide, or of a field with a shoulder."""

from collections.abc import Iterator

import numpy as np

from glxflow.fit.prior import SHARED, Prior
from glxflow.spectrum import RealArray

GAUSSIAN_SHARE = 0.7
"""Gaussian width over that of a line, where a search begins."""

_LORENTZIAN = SHARED.index("lorentzian_hz")
_SHAPE = [_LORENTZIAN, SHARED.index("split"), SHARED.index("log_odds")]
"""Parameters that tell the minima apart."""

_EXCHANGED = np.array([1.0, -1.0, -1.0])
"""Signs of their difference where the shim's Gaussians change places."""

_WIDE_SD = 0.6
_SHOULDER = {"log_ratio": 1.0, "split": 0.8, "log_odds": -1.0}


def may_hide_shoulder(prior: Prior, theta: RealArray) -> bool:
    """Tell whether lines are wider than expected, as a shoulder may make them seem."""
    limit_hz = prior.mean[_LORENTZIAN] + _WIDE_SD * prior.sd[_LORENTZIAN]
    return bool(theta[_LORENTZIAN] > limit_hz)


def are_apart(prior: Prior, one: RealArray, other: RealArray) -> bool:
    """Tell whether parameters are of two minima: their shapes differ by more than a prior's SD.

    Which of the shim's Gaussians is the first makes no difference.
    """
    ways = (one[_SHAPE] - sign * other[_SHAPE] for sign in (1.0, _EXCHANGED))
    return all(bool((np.abs(way) > prior.sd[_SHAPE]).any()) for way in ways)


def shoulders(prior: Prior, theta: RealArray, linewidth_hz: float) -> Iterator[RealArray]:
    """Yield where to look for a field with a shoulder, on either side.

    Parameters
    ----------
    prior : Prior
        Of the parameters.
    theta : (n_theta,) ndarray
        Parameters, of which those of the whole spectrum but its line shape are kept.
    linewidth_hz : float
        Of the lines. The shim's Gaussians have it, of which their distance is a share.
    """
    for side in (-1, 1):
        shape = _SHOULDER | {"split": side * _SHOULDER["split"]}
        yield _with_shape(prior, theta, prior.mean[_LORENTZIAN], linewidth_hz, shape)


def wide_lines(prior: Prior, theta: RealArray, linewidth_hz: float) -> RealArray:
    """Return where to look for wide lines in a field without a shoulder; arguments as above."""
    lorentzian_hz = prior.mean[_LORENTZIAN] + 2 * prior.sd[_LORENTZIAN]
    return _with_shape(
        prior, theta, lorentzian_hz, linewidth_hz / 2, {"split": 0.0, "log_odds": 0.0}
    )


def _with_shape(
    prior: Prior,
    theta: RealArray,
    lorentzian_hz: float,
    width_hz: float,
    shape: dict[str, float],
) -> RealArray:
    """Return parameters with another line shape, and those of metabolites at their means."""
    other = prior.mean.copy()
    other[: len(SHARED)] = theta[: len(SHARED)]
    values = {
        "lorentzian_hz": lorentzian_hz,
        "log_gaussian": float(np.log(GAUSSIAN_SHARE * width_hz)),
        **shape,
    }
    other[[SHARED.index(name) for name in values]] = list(values.values())
    return other
