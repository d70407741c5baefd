"""Which transients a stretch of time holds."""

import numpy as np

from glxflow.spectrum.arrays import BoolArray, RealArray

_ROUNDING_S = 1e-6
"""Onsets are TR times a number, edges sums of decimals: both round, at about 1e-12 s."""


def starts_within(onset_s: RealArray, start_s: float, stop_s: float | RealArray) -> BoolArray:
    """Tell which transients start from `start_s` to before `stop_s`, but for rounding.

    Parameters
    ----------
    onset_s : ndarray
        Start of each transient, in s.
    start_s : float
        First moment, in s.
    stop_s : float or ndarray
        First moment that no longer belongs, in s.
    """
    return np.asarray((onset_s >= start_s - _ROUNDING_S) & (onset_s < stop_s - _ROUNDING_S))
