"""Preprocess an edited session: the steps on both conditions, then their difference."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from glxflow.errors import DataError
from glxflow.preprocess.bins import BinPlan, average, divide
from glxflow.preprocess.checks import (
    leave_out_silent,
    quick_mean,
    refuse_conjugated,
    refuse_reversed,
    usable_water,
)
from glxflow.preprocess.edit import find_off, match_conditions
from glxflow.preprocess.pipeline import binned, clean_transients, duration_s
from glxflow.preprocess.records import Edited, PreprocessOptions
from glxflow.preprocess.work import Work
from glxflow.spectrum import ComplexArray, Flag, Series, percent

CONDITIONS = ("OFF", "ON")
"""Labels of the conditions, in the order in which they are written."""

_MOST_TRANSIENTS = 64


def preprocess_edited(
    conditions: Mapping[str, Series],
    water: Series | None,
    plan: BinPlan,
    options: PreprocessOptions,
) -> Edited:
    """Return clean pairs of an edited session, with difference and sum of every time bin.

    Weights of coils, eddy currents, reference and phase are those of OFF and the same
    for both conditions; frequency, outliers and residual water are found in each. A
    transient that is left out takes its partner with it.

    Parameters
    ----------
    conditions : mapping
        Transients of the two conditions by their labels, partners in the same order.
        The condition in which NAA is saturated is ON, whatever the labels say.
    water : Series or None
        Unsuppressed water reference of the same session.
    plan : BinPlan
        How to divide the session in time. Pairs belong by the onset of the first.
    options : PreprocessOptions
        Choices of the study.

    Raises
    ------
    DataError
        If there are not two conditions of equal shape, NAA is saturated in neither, one is
        a difference or sum, or `glxflow.preprocess.pipeline.preprocess` would stop.
    """
    _check(conditions)
    first = next(iter(conditions.values()))
    work = Work(first.axis, first.flags, n_conditions=2)
    water = usable_water(work, water)
    for series in conditions.values():
        refuse_reversed(series)
        refuse_conjugated(series, water)
    labels, saturation = _order(conditions, water)
    off, on = (conditions[label] for label in labels)
    swapped = _report_order(work, labels, saturation)
    joined = leave_out_silent(work, _joined(off, on))
    first_s, second_s = np.split(joined.onset_s, 2)
    pair_s = np.minimum(first_s, second_s)
    edges = divide(pair_s, plan, duration_s(pair_s, 2 * off.repetition_time_s, off.axis))
    clean_transients(work, joined, water, options)
    match_conditions(work)
    one, other = work.parts()
    pairs = replace(joined, samples=joined.samples[:, one], onset_s=pair_s)
    cleaned = binned(work, pairs, water, plan, edges)
    edited = _edited_bins(work, pairs, plan, edges)
    plain = cleaned.bins.samples[0]
    return Edited(
        off=replace(cleaned, transients=replace(cleaned.transients, onset_s=first_s)),
        on=replace(cleaned.transients, samples=work.samples[np.newaxis, other], onset_s=second_s),
        on_offset_hz=work.offset_hz[other],
        on_phase_rad=work.phase_rad[other],
        difference=_like(cleaned.bins, edited - plain),
        total=_like(cleaned.bins, (edited + plain) / 2),
        labels=(labels[1], labels[0]) if swapped else labels,
    )


def _edited_bins(
    work: Work, pairs: Series, plan: BinPlan, edges: Sequence[tuple[float, float]]
) -> ComplexArray:
    """Return the average of ON in every time bin, (n_bins, n_points)."""
    _, other = work.parts()
    time_s = pairs.onset_s - (plan.infusion_onset_s or 0.0)
    return average(work.samples[other], time_s, edges, work.rejected[other])[0]


def _like(bins: Series, samples: ComplexArray) -> Series:
    """Return other samples with the same time bins."""
    return replace(bins, samples=samples[np.newaxis])


def _joined(off: Series, on: Series) -> Series:
    """Return the transients of OFF, then those of ON."""
    return replace(
        off,
        samples=np.concatenate([off.samples, on.samples], axis=1),
        onset_s=np.concatenate([off.onset_s, on.onset_s]),
    )


def _check(conditions: Mapping[str, Series]) -> None:
    """Stop where the conditions are not two of a kind."""
    if len(conditions) != 2:
        raise DataError(
            f"{len(conditions)} conditions ({', '.join(conditions)}), expected two, ON and OFF. "
            "Split a scan of four conditions (HERMES) into pairs that are edited alike."
        )
    one, other = conditions.values()
    if one.samples.shape != other.samples.shape:
        raise DataError(
            f"the conditions have {one.n_coils} and {other.n_coils} coils, {one.n_transients} and "
            f"{other.n_transients} transients of {one.axis.n_points} and {other.axis.n_points} "
            "points. Expected pairs: leave out transients without a partner."
        )


def _order(
    conditions: Mapping[str, Series], water: Series | None
) -> tuple[tuple[str, str], float]:
    """Return the labels of OFF and ON, and what is left of NAA in ON."""
    reference = None if water is None else water.samples
    means = np.stack(
        [
            quick_mean(
                series.samples[:, :: -(-series.n_transients // _MOST_TRANSIENTS)],
                reference,
                series.axis,
            )
            for series in conditions.values()
        ]
    )
    one, other = conditions
    off, saturation = find_off(means, conditions[one].axis)
    return ((other, one) if off else (one, other)), saturation


def _report_order(work: Work, labels: tuple[str, str], saturation: float) -> bool:
    """Keep what is left of NAA, doubt labels that say the opposite, and tell whether they do."""
    work.metrics["naa_in_on"] = saturation
    off, on = (label.upper() for label in labels)
    swapped = off.endswith("ON") and on.endswith("OFF")
    if swapped:
        work.flags.append(
            Flag(
                "edit_labels_swapped",
                f"the condition that is labelled {labels[1]} has {percent(saturation)} of the NAA "
                "of the other, so that it is the edited one and is taken for ON. Correct "
                "EditCondition in the sidecar, and check how the scan was converted.",
            )
        )
    return swapped
