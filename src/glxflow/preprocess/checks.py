"""What stops a session, or leaves transients out, before anything is computed from it."""

from dataclasses import replace

import numpy as np

from glxflow.errors import DataError
from glxflow.preprocess.align import align
from glxflow.preprocess.coils import CLIPPED_SAMPLES, coil_weights, combine, saturated
from glxflow.preprocess.reference import is_conjugated
from glxflow.preprocess.water import without_water
from glxflow.preprocess.water_reference import LEAST_WATER, broad_hz, tallest_line
from glxflow.preprocess.work import Work
from glxflow.spectrum import UNREADABLE, Axis, ComplexArray, Flag, Series, Step, percent

_LARGEST_FREQUENCY_DIFFERENCE = 1e-3
_CHECKED_TRANSIENTS = 8
_LARGEST_GROWTH = 2.0
"""Energy of the last quarter of a signal over that of the first; of real scans 0.3 at most."""
_START = 8


def leave_out_silent(work: Work, series: Series) -> Series:
    """Return the series without transients that hold nothing, as after a scan that stopped.

    Parameters
    ----------
    work : Work
        Where a flag is left.
    series : Series
        Transients, condition by condition where edited: partners go together.

    Raises
    ------
    DataError
        If nothing is left.
    """
    empty = (series.samples[:, :, :_START] == 0).all(axis=(0, 2))
    # The start tells almost all apart; a long delay of a filter may be zero, too.
    empty[empty] = ~series.samples[:, empty].any(axis=(0, 2))
    silent = work.with_partners(empty)
    if not silent.any():
        return series
    if silent.all():
        raise DataError(
            f"every one of {silent.size} transients is zero. The scan or its conversion failed: "
            "convert the raw data again."
        )
    text = f"{silent.sum()} of {silent.size} transients hold only zeros and are left out"
    if work.n_conditions > 1:
        text += " with their partners"
    work.flags.append(
        Flag("silent_transients", f"{text}: the scan may have stopped. Compare with its log.")
    )
    step = Step(UNREADABLE, f"{text}.")
    return replace(
        series,
        samples=series.samples[:, ~silent],
        onset_s=series.onset_s[~silent],
        steps=(*series.steps, step),
    )


def _refuse_empty_water(water: Series) -> None:
    """Stop where the water reference holds nothing to weight or scale by."""
    if not water.samples.any():
        raise DataError(
            "every sample of its water reference is zero. Convert the reference again, or run "
            "without one."
        )


def _refuse_water_of_another_field(axis: Axis, water: Series) -> None:
    """Stop where the water reference comes from another scanner or nucleus."""
    own, other = (one.spectrometer_frequency_mhz for one in (axis, water.axis))
    if abs(other / own - 1) > _LARGEST_FREQUENCY_DIFFERENCE:
        raise DataError(
            f"its water reference was acquired at {other:.3f} MHz, the spectra at {own:.3f} MHz, "
            f"expected within {percent(_LARGEST_FREQUENCY_DIFFERENCE, 1)}. Take the reference of "
            "this scan."
        )


def usable_water(work: Work, water: Series | None) -> Series | None:
    """Return the water reference, or None where a flag says that it serves nothing.

    Parameters
    ----------
    work : Work
        Where its flags are left.
    water : Series or None
        As it was read.

    Raises
    ------
    DataError
        If it is zero throughout, or of another field than the spectra.
    """
    if water is None:
        return None
    _refuse_empty_water(water)
    _refuse_water_of_another_field(work.axis, water)
    work.flags += water.flags
    if saturated(water.samples).all():
        coils = "every coil clips" if water.n_coils > 1 else "it clips"
        work.flags.append(
            Flag(
                "water_saturated",
                f"the water reference is saturated: {coils}, with {CLIPPED_SAMPLES} or more "
                "samples of one average at its largest value. By how much it is too weak is not "
                "known: it is not used, neither for weights nor for eddy currents nor to scale "
                "by. Lower the receiver gain.",
            )
        )
    if work.is_water_refused:
        return None
    _judge_line(work, water)
    return None if work.is_water_refused else water


def _judge_line(work: Work, water: Series) -> None:
    """Flag a line that is no unsuppressed water, or a broad one."""
    line, limit_hz = tallest_line(water.samples, water.axis), broad_hz(water.axis)
    if line.over_rest < LEAST_WATER:
        work.flags.append(
            Flag(
                "water_is_suppressed",
                f"the tallest line of the water reference is {line.over_rest:.1f} times as tall "
                f"as all else in it, expected {LEAST_WATER:g} times or more: water was "
                "suppressed, or the file is a metabolite scan, perhaps exchanged for the "
                "reference. It is not used, neither for weights nor for eddy currents nor to "
                "scale by. Take the unsuppressed scan.",
            )
        )
    elif line.width_hz > limit_hz:
        work.flags.append(
            Flag(
                "water_is_broad",
                f"the line of the water reference is {line.width_hz:.0f} Hz wide in its first "
                f"0.2 s, expected at most {limit_hz:.0f} Hz: the voxel was badly shimmed, or "
                "moved. It is used. Look whether the lines of the spectra are as broad.",
            )
        )


def refuse_reversed(series: Series) -> None:
    """Stop where the signal grows with time: its samples run backwards.

    Parameters
    ----------
    series : Series
        Transients as acquired.

    Raises
    ------
    DataError
        If the last quarter holds more than twice the energy of the first.
    """
    n_quarter = series.axis.n_points // 4
    parts = (series.samples[:, :, :n_quarter], series.samples[:, :, -n_quarter:])
    first, last = (float(np.linalg.norm(part)) ** 2 for part in parts)
    if last > _LARGEST_GROWTH * first:
        raise DataError(
            f"the last quarter of the signal holds {last / max(first, 1e-300):.3g} times the "
            f"energy of the first (limit {_LARGEST_GROWTH:g}): its samples run backwards in "
            "time. Convert the raw data again with a current spec2nii."
        )


def refuse_conjugated(series: Series, water: Series | None) -> None:
    """Stop where the spectrum is mirrored.

    Looked at as if it were mirrored: weights and alignment then find the metabolites
    of conjugated data, and only noise in right ones.
    """
    every = -(-series.n_transients // _CHECKED_TRANSIENTS)
    mirrored = quick_mean(
        np.conj(series.samples[:, ::every]),
        None if water is None else np.conj(water.samples),
        series.axis,
    )
    if is_conjugated(np.conj(mirrored), series.axis):
        raise DataError(
            "NAA, creatine and choline stand mirrored at the centre: the samples are the complex "
            "conjugate of what their format asks for. Conjugate them, or convert the raw data "
            "again with a current spec2nii."
        )


def quick_mean(samples: ComplexArray, water: ComplexArray | None, axis: Axis) -> ComplexArray:
    """Return the aligned average without water, (n_points,), to look at and not to keep.

    Parameters
    ----------
    samples : (n_coils, n_transients, n_points) complex ndarray
        Transients of every coil.
    water : (n_coils, n_references, n_water_points) complex ndarray or None
        Water of the same coils.
    axis : Axis
        Axes of the samples.
    """
    weights = coil_weights(samples, water, axis).weights
    mean = align(combine(samples, weights), axis).samples.mean(axis=0)
    return without_water(mean, axis)
