"""Preprocess a session: the steps in their order.

The order and the figures follow the experts' consensus (Near et al. 2021,
doi:10.1002/nbm.4257).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from glxflow.preprocess.bins import BinPlan, average, divide, far_from_middle
from glxflow.preprocess.checks import (
    leave_out_silent,
    refuse_conjugated,
    refuse_reversed,
    usable_water,
)
from glxflow.preprocess.edit import refuse_unnamed
from glxflow.preprocess.records import Preprocessed, PreprocessOptions
from glxflow.preprocess.rejection import reject_outliers
from glxflow.preprocess.steps import (
    align_transients,
    combine_coils,
    correct_eddy_currents,
    reference_and_phase,
    remove_water,
)
from glxflow.preprocess.work import Work
from glxflow.spectrum import Axis, Fid, Flag, RealArray, Series


def preprocess(
    series: Series, water: Series | None, plan: BinPlan, options: PreprocessOptions
) -> Preprocessed:
    """Return clean transients, time bins and the average of a session.

    Parameters
    ----------
    series : Series
        Transients as acquired, of one coil or many.
    water : Series or None
        Unsuppressed water reference of the same session.
    plan : BinPlan
        How to divide the session in time.
    options : PreprocessOptions
        Choices of the study.

    Raises
    ------
    DataError
        If the data are zero, reversed, conjugated or edited, coils differ between scan and
        reference, no coil is usable, or the infusion lies outside the scan.
    """
    work = Work(series.axis, series.flags)
    series = leave_out_silent(work, series)
    last_s = duration_s(series.onset_s, series.repetition_time_s, series.axis)
    edges = divide(series.onset_s, plan, last_s)
    water = usable_water(work, water)
    refuse_reversed(series)
    refuse_conjugated(series, water)
    clean_transients(work, series, water, options)
    return binned(work, series, water, plan, edges)


def clean_transients(
    work: Work, series: Series, water: Series | None, options: PreprocessOptions
) -> None:
    """Run the steps on transients, from the coils to the phase.

    Parameters
    ----------
    work : Work
        Where signals and their record are kept.
    series, water, options
        As in `preprocess`; transients stand condition by condition where edited.
    """
    combine_coils(work, series, water)
    align_transients(work)
    if work.n_conditions == 1:
        refuse_unnamed(work)
    reject_outliers(work, options)
    correct_eddy_currents(work, water, options)
    remove_water(work)
    reference_and_phase(work)


def binned(
    work: Work,
    series: Series,
    water: Series | None,
    plan: BinPlan,
    edges: list[tuple[float, float]],
) -> Preprocessed:
    """Return the clean transients of the first condition with their time bins.

    Parameters
    ----------
    work : Work
        Clean transients.
    series : Series
        Raw transients of that condition, for their onsets and timing.
    water, plan
        As in `preprocess`.
    edges : list of (float, float)
        Of the bins, as `glxflow.preprocess.bins.divide` returns them.
    """
    part = work.parts()[0]
    rejected = work.rejected[part]
    origin_s = plan.infusion_onset_s or 0.0
    time_s = series.onset_s - origin_s
    means, table = average(work.samples[part], time_s, edges, rejected)
    _report_bins(work, plan, len(edges) - len(table), len(table))
    _doubt_middles(work, far_from_middle(table, time_s, rejected))
    steps = (*series.steps, *work.steps)
    transients = replace(series, samples=work.samples[np.newaxis, part], steps=steps)
    return Preprocessed(
        transients=transients,
        rejected=tuple(int(index) for index in np.flatnonzero(rejected)),
        offset_hz=work.offset_hz[part],
        phase_rad=work.phase_rad[part],
        bins=replace(
            transients,
            samples=means[np.newaxis],
            onset_s=np.array([row.start_s for row in table]) + origin_s,
        ),
        bin_table=table,
        average=Fid(work.mean(), series.axis),
        water=_reference(work, water),
        eddy_corrected=work.eddy_corrected,
        metrics=work.metrics,
        steps=steps,
        flags=tuple(work.flags),
    )


def _reference(work: Work, water: Series | None) -> Series | None:
    """Return the combined water reference."""
    if water is None or work.water is None:
        return None
    samples = work.water[np.newaxis, np.newaxis]
    return replace(water, samples=samples, onset_s=np.zeros(1), steps=())


def duration_s(onset_s: RealArray, repetition_time_s: float, axis: Axis) -> float:
    """Return how long a transient, or a pair of them, lasts.

    Parameters
    ----------
    onset_s : (n_transients,) ndarray
        Start of each, in s. A stored average of several lasts for their distance.
    repetition_time_s : float
        TR, of a pair twice that, in s; NaN where unknown.
    axis : Axis
        Of the samples, which count where neither is known.
    """
    spacing_s = float(np.median(np.diff(onset_s))) if onset_s.size > 1 else np.nan
    longest_s = float(np.fmax(repetition_time_s, spacing_s))
    return axis.n_points * axis.dwell_time_s if np.isnan(longest_s) else longest_s


def _report_bins(work: Work, plan: BinPlan, n_empty: int, n_bins: int) -> None:
    """Say how transients were averaged."""
    what = "pairs" if work.n_conditions > 1 else "transients"
    if plan.infusion_onset_s is None:
        work.did("Signal averaging", f"One bin with all {what}: no infusion event.")
        return
    if n_empty:
        work.flags.append(
            Flag(
                "empty_bins",
                f"{n_empty} of {n_bins + n_empty} time bins hold no usable transient and have no "
                "spectrum. Look at why transients are missing or rejected there.",
            )
        )
    work.did(
        "Signal averaging",
        f"{n_bins} bins: the baseline before the infusion at {plan.infusion_onset_s:g} s, then "
        + (f"{plan.count} {what} each." if plan.count else f"{plan.width_s:g} s each."),
    )


def _doubt_middles(work: Work, off_s: Mapping[int, float]) -> None:
    """Doubt the time that tables and figures give for bins."""
    if off_s:
        which = ", ".join(f"{index} ({seconds:+.0f} s)" for index, seconds in off_s.items())
        work.flags.append(
            Flag(
                "bins_off_middle",
                f"the transients in use lie more than a quarter of the width off the middle of "
                f"time bin {which}, which tables and figures give as its time. Look for a pause, "
                "an end or rejected transients there; narrower bins follow them.",
            )
        )
