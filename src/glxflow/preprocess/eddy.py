"""Eddy-current correction by the phase of the water reference, where it helps.

Klose 1990, doi:10.1002/mrm.1910140104. Only the deviation from a straight phase is
taken off: the straight part is a frequency, which referencing handles.
"""

import numpy as np

from glxflow.preprocess.reference import LEAST_MATCH, fit_comb
from glxflow.preprocess.water import without_water
from glxflow.spectrum import Axis, ComplexArray, Fid, RealArray

LEAST_GAIN = 0.02
"""Change of the share that pure singlets leave unexplained, below which it tells nothing.

On 16 simulated sessions what is unexplained changes by -5.6 to +1.6 %, of 12 within 2 %,
although the correction is right in all of them.
"""

_RELIABLE = 0.02
_SMOOTHING_S = 0.002
_KERNEL_SDS = 4


def phase_deviation(water: Fid, axis: Axis) -> RealArray | None:
    """Return the phase of water less a straight line, in radians, for the samples of spectra.

    Parameters
    ----------
    water : Fid
        Unsuppressed water, combined and averaged; it may be longer or shorter than they are.
    axis : Axis
        Of the spectra.

    Returns
    -------
    (n_points,) ndarray or None
        Held constant where water has decayed to 2 % or ends, and before it has risen beyond:
        its phase is noise there, and would be written into the metabolites. None where
        water has another dwell time, so that its samples are of other times.
    """
    if not np.isclose(water.axis.dwell_time_s, axis.dwell_time_s, rtol=1e-6):
        return None
    own = _own_deviation(water.samples, water.axis)
    n_missing = max(axis.n_points - own.size, 0)
    return np.pad(own, (0, n_missing), mode="edge")[: axis.n_points]


def _own_deviation(water: ComplexArray, axis: Axis) -> RealArray:
    """Return the phase of water less a straight line for its own samples."""
    level = np.abs(water)
    top = int(level[: level.size // 8].argmax())
    faint = level < _RELIABLE * level[top]
    # A receiver's filter may begin with samples of next to nothing.
    start = top - int(np.argmax(np.append(faint[top::-1], True))) + 1
    stop = top + int(np.argmax(np.append(faint[top:], True)))
    if stop - start < 3:
        return np.zeros(level.size)
    time_s = axis.time_s[start:stop]
    phase = np.unwrap(np.angle(water[start:stop]))
    line = np.polyfit(time_s, phase, 1, w=level[start:stop])
    smooth = _smoothed(phase - np.polyval(line, time_s), _SMOOTHING_S / axis.dwell_time_s)
    return np.pad(smooth, (start, level.size - stop), mode="edge")


def _smoothed(values: RealArray, width: float) -> RealArray:
    """Return values smoothed by a Gaussian whose SD is `width` samples, the ends held."""
    radius = round(_KERNEL_SDS * width)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / width) ** 2)
    padded = np.pad(values, radius, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def gain(fid: ComplexArray, deviation_rad: RealArray, axis: Axis) -> float:
    """Return how much less of the spectrum pure singlets leave unexplained, as a share.

    Positive where the correction makes lines more symmetric, which is what every
    model of them assumes. A narrower line alone would not tell: an eddy current can
    also sharpen one side of a line. NaN where the singlets are not recognised.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        A free induction decay.
    deviation_rad : (n_points,) ndarray
        As `phase_deviation` gives it, in radians.
    axis : Axis
        Its axes.
    """
    before = fit_comb(without_water(fid, axis), axis).match
    if not LEAST_MATCH <= before < 1:
        return float("nan")
    corrected = without_water(fid * np.exp(-1j * deviation_rad), axis)
    after = fit_comb(corrected, axis).match
    return (after - before) / (1 - before)


def is_helpful(gain_share: float, n_coils: int) -> bool:
    """Tell whether a correction should stay, given its `gain`.

    Data of several coils come from before the scanner's own correction, so that they
    carry the eddy currents of their water: it stays unless it does harm. What the
    scanner combined may have been corrected already: it stays only where it shows
    that it helps. An unknown gain helps nobody.

    Parameters
    ----------
    gain_share : float
        What `gain` gives.
    n_coils : int
        Coils of the scan as read; 1 where the scanner combined them.
    """
    return gain_share >= (-LEAST_GAIN if n_coils > 1 else LEAST_GAIN)
