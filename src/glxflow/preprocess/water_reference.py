"""The average of an unsuppressed water reference, at one frequency and in one phase."""

import math
from dataclasses import dataclass

import numpy as np

from glxflow.preprocess.work import Work
from glxflow.spectrum import OF_WATER, Axis, BoolArray, ComplexArray, Flag, RealArray, Series

# Energy of a reference over the typical one, or the reverse, beyond which it is left out.
_LARGEST_RATIO = 2.0
# Of the first one over the median of the others: before the steady state of TR 2 s it is 1.5.
_LARGEST_FIRST = 1.1
# What a pause before TR 0.9 s leaves; a reference that is weaker than that is spoilt.
_MOST_RELAXED = 4.0
# Of grey matter at 3 T; by it a pause raises the energy no further than the repetition allows.
_WATER_T1_S = 1.5

LEAST_WATER = 60.0
"""Height of water over that of all else in a reference, below which it is no such thing.

Of nine real and simulated references the least has 220; of seven scans with suppressed
water the most has 45.
"""

_SEEN_S = 0.2
# A window that begins at nothing is too late for a line that decays sooner than one of this width.
_SEEN_WIDTH_HZ = 20.0
_SHORTER_AT_HZ = 12.5
# Of the three the widest: a line of given width in Hz takes more ppm at a low field, and a
# Lorentzian one has fallen to a hundredth three of its full widths away. NAA stays outside.
_OF_THE_LINE_PPM = 0.45
_OF_THE_LINE_HZ = 55.0
_OF_THE_LINE_WIDTHS = 3.0
_OF_THE_LINE_AT_MOST_PPM = 2.3
# Of the two the wider. Seen for 0.2 s, Gaussian lines of 23 Hz and Lorentzian ones of 42 are.
_BROAD_PPM = 0.25
_BROAD_HZ = 35.0


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
    unsaturated : float
        Energy of the first reference over the median of the others where it was left out
        for that, being acquired before the steady state; else NaN.
    """

    samples: ComplexArray
    left_out: tuple[int, ...]
    offset_hz: RealArray
    unsaturated: float


def average_water(work: Work, references: ComplexArray, water: Series) -> None:
    """Average the water reference, and say which of it was left out.

    Parameters
    ----------
    work : Work
        Where the average and its flags are left.
    references : (n_references, n_points) complex ndarray
        As in `mean_water`.
    water : Series
        Whose coils were combined.
    """
    found = mean_water(references, water.axis, water.repetition_time_s)
    work.water = found.samples
    if len(references) == 1:
        return
    _doubt_water(work, found, len(references))
    text = (
        f"{OF_WATER}{found.offset_hz.size} of {len(references)} averages, moved by up to "
        f"{np.abs(found.offset_hz).max():.2f} Hz and in phase."
    )
    if not math.isnan(found.unsaturated):
        text += (
            f" The first one has {found.unsaturated:.2f} times the energy of the others (limit "
            f"{_LARGEST_FIRST:g}): acquired before the steady state, for which water is "
            "corrected, it is left out."
        )
    work.did("Signal averaging", text)


def _doubt_water(work: Work, found: MeanWater, n_averages: int) -> None:
    """Leave a flag for averages of the water reference that were not used."""
    is_first_unsaturated = not math.isnan(found.unsaturated)
    if is_first_unsaturated and n_averages == 2:
        work.flags.append(
            Flag(
                "water_averages_differ",
                f"of two averages of the water reference the first has {found.unsaturated:.2f} "
                f"times the energy of the second (limit {_LARGEST_FIRST:g}), which alone is used: "
                "either the first was acquired before the steady state, or the second is spoilt "
                "and concentrations are too high. Acquire more of them, after a dummy scan.",
            )
        )
        return
    # The first one before its steady state is no doubt of the others.
    unlike = found.left_out[is_first_unsaturated:]
    if unlike:
        which = ", ".join(str(index) for index in unlike)
        work.flags.append(
            Flag(
                "water_averages_differ",
                f"{len(unlike)} of {n_averages} averages of the water reference (counted from "
                f"0: {which}) have not half to twice the energy of the typical one (limit: a "
                f"factor of {_LARGEST_RATIO:g}) and are left out. The scan may have stopped, or "
                "have begun with a dummy: compare with its log.",
            )
        )


@dataclass(frozen=True, slots=True)
class TallestLine:
    """The tallest line of a reference, of the coil where it stands out most.

    Attributes
    ----------
    over_rest : float
        Its height over that of all that lies away from it.
    width_hz : float
        Its full width at half height, in Hz, seen for 0.2 s.
    """

    over_rest: float
    width_hz: float


def broad_hz(axis: Axis) -> float:
    """Return how wide water may be before it is flagged, in Hz, as `TallestLine` has it."""
    return max(_BROAD_PPM * axis.spectrometer_frequency_mhz, _BROAD_HZ)


def tallest_line(samples: ComplexArray, axis: Axis) -> TallestLine:
    """Return the tallest line, wherever on the axis it may stand.

    What lies 0.45 ppm, 55 Hz and three of its widths away is compared, or 2.3 ppm.

    Parameters
    ----------
    samples : (n_coils, n_transients, n_points) complex ndarray
        As acquired.
    axis : Axis
        Their axes.
    """
    line = _tallest_seen(samples, axis, _SEEN_S)
    if line.width_hz <= _SEEN_WIDTH_HZ:
        return line
    shorter = _tallest_seen(samples, axis, _SEEN_S * _SHORTER_AT_HZ / line.width_hz)
    return TallestLine(shorter.over_rest, line.width_hz)


def _tallest_seen(samples: ComplexArray, axis: Axis, seen_s: float) -> TallestLine:
    """Return the tallest line of the coil where it stands out most, by the first of a signal."""
    n_seen = min(round(seen_s / axis.dwell_time_s), axis.n_points)
    # It begins and ends at nothing, so that the line has no tails.
    spectra = np.fft.fft(samples[..., :n_seen] * np.hanning(n_seen), n=2 * n_seen)
    height = np.sqrt((np.abs(spectra) ** 2).mean(axis=1))
    lines = (_tallest(coil, axis) for coil in height[height.any(axis=1)])
    return max(lines, key=lambda line: line.over_rest)


def _tallest(height: RealArray, axis: Axis) -> TallestLine:
    """Return the tallest line of a magnitude spectrum, (n_points,)."""
    step_hz, f0_mhz = axis.bandwidth_hz / height.size, axis.spectrometer_frequency_mhz
    centred = np.roll(height, height.size // 2 - int(height.argmax()))
    is_below = centred < centred.max() / 2
    after = int(is_below[height.size // 2 :].argmax())
    before = int(is_below[height.size // 2 :: -1].argmax())
    width_hz = (after + before - 1) * step_hz
    line_hz = max(_OF_THE_LINE_PPM * f0_mhz, _OF_THE_LINE_HZ, _OF_THE_LINE_WIDTHS * width_hz)
    n_line = round(min(line_hz, _OF_THE_LINE_AT_MOST_PPM * f0_mhz) / step_hz)
    rest = np.roll(height, n_line - int(height.argmax()))[2 * n_line + 1 :]
    over_rest = float(height.max() / max(rest.max(initial=0.0), np.finfo(float).tiny))
    return TallestLine(over_rest, width_hz)


def mean_water(
    references: ComplexArray, axis: Axis, repetition_time_s: float = math.nan
) -> MeanWater:
    """Return the average of the references that resemble the typical one.

    Parameters
    ----------
    references : (n_references, n_points) complex ndarray
        Combined water; at least one holds a signal.
    axis : Axis
        Its axes.
    repetition_time_s : float
        Between references, in s; NaN where unknown.
    """
    energy = np.asarray((np.abs(references) ** 2).sum(axis=1))
    unsaturated = _unsaturated(energy, repetition_time_s)
    usable = np.zeros(energy.size, dtype=bool)
    first = 0 if math.isnan(unsaturated) else 1
    usable[first:] = _resemble(energy[first:])
    used = references[usable]
    # What they have in common, eddy currents among it, cancels in the product.
    beat = used * used[0].conj()
    offset_hz = np.angle((beat[:, 1:] * beat[:, :-1].conj()).sum(axis=1))
    offset_hz = offset_hz / (2 * np.pi * axis.dwell_time_s)
    beat = beat * np.exp(-2j * np.pi * np.outer(offset_hz, axis.time_s))
    phase_rad = np.angle(beat.sum(axis=1, keepdims=True))
    turn = np.exp(-1j * (2 * np.pi * np.outer(offset_hz, axis.time_s) + phase_rad))
    left_out = tuple(int(index) for index in np.flatnonzero(~usable))
    return MeanWater((used * turn).mean(axis=0), left_out, offset_hz, unsaturated)


def _unsaturated(energy: RealArray, repetition_time_s: float) -> float:
    """Return the energy of a first reference before the steady state over the others', or NaN."""
    others = energy[1:][_MOST_RELAXED * energy[1:] >= energy.max()]
    ratio = float(energy[0] / np.median(others)) if others.size else math.nan
    steady = 1 - math.exp(-repetition_time_s / _WATER_T1_S)
    most = _MOST_RELAXED if math.isnan(steady) else _LARGEST_FIRST / steady**2
    return ratio if _LARGEST_FIRST < ratio <= most else math.nan


def _resemble(energy: RealArray) -> BoolArray:
    """Tell which references have an energy like the typical one's."""
    # Of two the stronger is the typical one: it is the other that a stopped scan spoilt.
    typical = np.sort(energy)[energy.size // 2] or energy.max()
    usable: BoolArray = (energy * _LARGEST_RATIO >= typical) & (energy <= _LARGEST_RATIO * typical)
    return usable
