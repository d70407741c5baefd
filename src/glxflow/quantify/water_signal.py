"""The size of the water signal at the echo top, whatever its line shape."""

from dataclasses import dataclass

import numpy as np

from glxflow.errors import DataError
from glxflow.spectrum import Fid, RealArray, percent

_SHARE = 0.6
_LEAST_SHARE = 0.3
_DEAD_POINTS = 1
_FEWEST_POINTS = 8


@dataclass(frozen=True, slots=True)
class WaterAmplitude:
    """The water signal at the echo top, in signal units.

    Attributes
    ----------
    value, sd : float
        Magnitude at t = 0 and its SD.
    """

    value: float
    sd: float


def water_amplitude(water: Fid) -> WaterAmplitude:
    """Return the magnitude of a water signal at t = 0, from a fit in the time domain.

    The logarithm of the magnitude of a Voigt line is a parabola in time; it is
    fitted where the signal is above 60 % of its largest, weighted by the signal,
    so that phase, frequency offset and eddy currents do not matter. Later two parts
    of a shim beat, which no parabola follows: down to 30 % a shoulder 12 Hz away
    made water 16 % too strong. Of a line so broad that this leaves few points the
    signal down to 30 % is used.

    Raises
    ------
    DataError
        If the signal is zero or too short-lived to be fitted.
    """
    magnitude = np.abs(water.samples)
    top = float(magnitude.max())
    fewest = _DEAD_POINTS + _FEWEST_POINTS
    longest = _stays_above(_LEAST_SHARE * top, magnitude)
    if not top > 0 or longest < fewest:
        raise DataError(
            f"the water reference stays above {percent(_LEAST_SHARE)} of its maximum for "
            f"{longest} points, expected at least {fewest}. "
            "Is it a water-unsuppressed scan with all its points?"
        )
    kept = slice(_DEAD_POINTS, max(_stays_above(_SHARE * top, magnitude), fewest))
    time_s = water.axis.time_s[kept]
    design = np.stack([np.ones_like(time_s), -time_s, -(time_s**2)], axis=1)
    weights = magnitude[kept] / top
    rows = design * weights[:, np.newaxis]
    observed = np.log(magnitude[kept]) * weights
    coefficients, *_ = np.linalg.lstsq(rows, observed)
    residual = observed - rows @ coefficients
    variance = float(residual @ residual) / (len(observed) - 3)
    log_sd = float(np.sqrt(variance * np.linalg.inv(rows.T @ rows)[0, 0]))
    value = float(np.exp(coefficients[0]))
    return WaterAmplitude(value, value * log_sd)


def _stays_above(level: float, magnitude: RealArray) -> int:
    """Return for how many points a signal stays above a level, whatever its first ones do."""
    low = np.flatnonzero(magnitude < level)
    low = low[low > _DEAD_POINTS]
    return int(low[0]) if low.size else magnitude.size
