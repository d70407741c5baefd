"""The average of an unsuppressed water reference, at one frequency and in one phase."""

from dataclasses import dataclass

import numpy as np

from glxflow.spectrum import Axis, ComplexArray, RealArray

LARGEST_RATIO = 2.0
"""Energy of a reference over the typical one, or the reverse, beyond which it is left out.

The first one, before water has reached its steady state, is stronger by 1.5 at TR 2 s.
"""


@dataclass(frozen=True, slots=True)
class MeanWater:
    """The average of a water reference, and what went into it.

    Attributes
    ----------
    samples : (n_points,) complex ndarray
        Mean of the references that were used, at the frequency and phase of the first.
    left_out : tuple of int
        References that were not used, counted from 0.
    offset_hz : (n_used,) ndarray
        Frequency of each one that was, relative to the first, in Hz.
    """

    samples: ComplexArray
    left_out: tuple[int, ...]
    offset_hz: RealArray


def mean_water(references: ComplexArray, axis: Axis) -> MeanWater:
    """Return the average of the references that resemble the typical one.

    Parameters
    ----------
    references : (n_references, n_points) complex ndarray
        Combined water; at least one holds a signal.
    axis : Axis
        Its axes.
    """
    energy = np.asarray((np.abs(references) ** 2).sum(axis=1))
    # Of two the stronger is the typical one: it is the other that a stopped scan spoilt.
    typical = np.sort(energy)[energy.size // 2] or energy.max()
    usable = (energy * LARGEST_RATIO >= typical) & (energy <= LARGEST_RATIO * typical)
    used = references[usable]
    # What they have in common, eddy currents among it, cancels in the product.
    beat = used * used[0].conj()
    offset_hz = np.angle((beat[:, 1:] * beat[:, :-1].conj()).sum(axis=1))
    offset_hz = offset_hz / (2 * np.pi * axis.dwell_time_s)
    beat = beat * np.exp(-2j * np.pi * np.outer(offset_hz, axis.time_s))
    phase_rad = np.angle(beat.sum(axis=1, keepdims=True))
    turn = np.exp(-1j * (2 * np.pi * np.outer(offset_hz, axis.time_s) + phase_rad))
    left_out = tuple(int(index) for index in np.flatnonzero(~usable))
    return MeanWater((used * turn).mean(axis=0), left_out, offset_hz)
