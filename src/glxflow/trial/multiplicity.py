"""Adjust p values of a family of tests."""

import numpy as np

from glxflow.spectrum import RealArray


def holm(p: RealArray) -> RealArray:
    """Return Holm's adjusted p values."""
    order = np.argsort(p)
    scaled = np.minimum(p[order] * np.arange(p.size, 0, -1), 1.0)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted


def benjamini_hochberg(p: RealArray) -> RealArray:
    """Return p values adjusted for the rate of false discoveries, for exploratory families.

    References
    ----------
    Benjamini Y, Hochberg Y. J R Stat Soc B 57:289-300 (1995).
    """
    order = np.argsort(p)[::-1]
    scaled = p[order] * p.size / np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(np.minimum(scaled, 1.0))
    return adjusted
