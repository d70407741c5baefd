"""Average transients into bins on the time axis that the infusion sets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.errors import ConfigError, DataError
from glxflow.spectrum import BoolArray, ComplexArray, RealArray, starts_within

_ROUNDING = 1e-6
_FAR = 0.25
"""Share of a bin's width that its transients may lie off its middle."""


@dataclass(frozen=True, slots=True)
class BinPlan:
    """How to divide a session in time.

    All before the infusion is one bin, the baseline. Without an infusion the whole
    session is one bin, whatever the rest says.

    Attributes
    ----------
    infusion_onset_s : float or None
        Start of the infusion on the session's clock, in s; None without an event.
    width_s : float or None
        Width of a bin after the onset, in s; None where bins go by count.
    step_s : float or None
        Distance of the starts of bins, in s: less than the width makes them
        slide. None puts them end to end.
    count : int or None
        Transients a bin instead of a width.

    Raises
    ------
    ConfigError
        If there is an infusion and not exactly one of `width_s` and `count`, a number
        is not positive, or the step leaves transients between bins.
    """

    infusion_onset_s: float | None
    width_s: float | None = None
    step_s: float | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        for name in ("width_s", "step_s", "count"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"bin plan: {name} is {value!r}, expected a positive number.")
        if self.infusion_onset_s is not None and (self.width_s is None) == (self.count is None):
            raise ConfigError(
                f"bin plan: width_s is {self.width_s!r} and count {self.count!r}, expected "
                "exactly one of them. Give the width of a bin in s, or its number of transients."
            )
        if self.step_s is not None and not self.step_s <= (self.width_s or 0.0):
            raise ConfigError(
                f"bin plan: step_s is {self.step_s!r} with width_s {self.width_s!r}, expected at "
                "most the width: transients between bins would be lost. Leave it out, or give a "
                "smaller one to make bins slide."
            )


@dataclass(frozen=True, slots=True)
class Bin:
    """One time bin and how many transients are in it.

    Attributes
    ----------
    index : int
        0 for the baseline (or the whole session), then 1, 2, ...
    start_s, stop_s : float
        Edges relative to the onset of the infusion (without one: to the session's
        clock), in s; transients belong by their onset, from start to before stop.
    n_used, n_rejected : int
        Transients averaged, and transients left out as outliers.
    weight : float
        Precision of the average: 1 over its noise variance, with that of one
        transient as the unit. For equal transients their number.
    """

    index: int
    start_s: float
    stop_s: float
    n_used: int
    n_rejected: int
    weight: float


def divide(onset_s: RealArray, plan: BinPlan, last_s: float) -> list[tuple[float, float]]:
    """Return the edges of the bins, relative to the infusion, baseline first.

    Parameters
    ----------
    onset_s : (n_transients,) ndarray
        Start of each transient on the session's clock, in s, ascending.
    plan : BinPlan
        What is wanted.
    last_s : float
        How long the last transient, or stored average, lasts, in s.

    Raises
    ------
    DataError
        If the infusion lies before or after the whole scan, or onsets are unknown.
    """
    if not np.isfinite(onset_s).all():
        raise DataError(
            f"the onsets of {onset_s.size} transients are unknown: the file gives neither "
            "RepetitionTime nor VolumeTiming. Add one of them to its sidecar, in s."
        )
    if plan.infusion_onset_s is None:
        return [(float(onset_s[0]), float(onset_s[-1]) + last_s)]
    time_s = onset_s - plan.infusion_onset_s
    is_after = starts_within(time_s, 0.0, math.inf)
    if is_after[0] or not is_after[-1]:
        raise DataError(
            f"the infusion starts at {plan.infusion_onset_s:g} s but the transients run from "
            f"{onset_s[0]:g} to {onset_s[-1]:g} s, so that there is no baseline or no response. "
            "Expected an onset in between: correct events.tsv or VolumeTiming; both are in "
            "seconds from the start of the scan."
        )
    after = np.maximum(time_s[is_after], 0.0)
    edges: list[tuple[float, float]] = []
    if plan.count is not None:
        edges = _by_count(after, plan.count, last_s)
    elif plan.width_s is not None:
        edges = _by_width(float(after[-1]), last_s, plan.width_s, plan.step_s or plan.width_s)
    return [(float(time_s[0]), 0.0), *edges]


def _by_count(after_s: RealArray, count: int, last_s: float) -> list[tuple[float, float]]:
    """Return edges of bins with so many transients each; the last may have fewer."""
    starts = after_s[::count].tolist()
    return list(zip(starts, [*starts[1:], float(after_s[-1]) + last_s], strict=True))


def _by_width(
    onset_s: float, last_s: float, width_s: float, step_s: float
) -> list[tuple[float, float]]:
    """Return edges of bins of one width; at most the last reaches beyond the end.

    None starts after the onset of the last transient: it would be empty.
    """
    n_bins = max(math.ceil((onset_s + last_s - width_s) / step_s - _ROUNDING) + 1, 1)
    # End to end, a bin stops exactly where the next starts: no rounding puts a transient in both.
    share = width_s / step_s
    return [
        (index * step_s, (index + share) * step_s)
        for index in range(n_bins)
        if index * step_s <= onset_s
    ]


def average(
    samples: ComplexArray,
    time_s: RealArray,
    edges: Sequence[tuple[float, float]],
    rejected: BoolArray,
) -> tuple[ComplexArray, tuple[Bin, ...]]:
    """Return the mean of each bin's transients; bins without any are left out.

    Parameters
    ----------
    samples : (n_transients, n_points) complex ndarray
        Aligned transients.
    time_s : (n_transients,) ndarray
        Their onsets on the axis of the edges, in s.
    edges : sequence of (float, float)
        Start and stop of each bin, in s.
    rejected : (n_transients,) bool ndarray
        Transients to leave out.

    Returns
    -------
    means : (n_bins, n_points) complex ndarray
        Averages.
    table : tuple of Bin
        A row a bin; indices keep their place where a bin was left out.
    """
    means, table = [], []
    for index, (start_s, stop_s) in enumerate(edges):
        inside = starts_within(time_s, start_s, stop_s)
        used = inside & ~rejected
        n_used = int(used.sum())
        if n_used:
            means.append(samples[used].mean(axis=0))
            n_rejected = int((inside & rejected).sum())
            table.append(Bin(index, start_s, stop_s, n_used, n_rejected, float(n_used)))
    return np.array(means), tuple(table)


def far_from_middle(
    table: Sequence[Bin], time_s: RealArray, rejected: BoolArray
) -> dict[int, float]:
    """Return where the transients of a bin lie, relative to its middle, where that is far off.

    Parameters
    ----------
    table : sequence of Bin
        As `average` returns it.
    time_s : (n_transients,) ndarray
        Onsets on the axis of the edges, in s; each transient, or stored average, lasts for
        their typical distance.
    rejected : (n_transients,) bool ndarray
        Transients that were left out.

    Returns
    -------
    dict of int to float
        By the index of the bin, how many s the mean of its used transients lies after its
        middle, where that is more than a quarter of its width.
    """
    if time_s.size < 2:
        return {}
    half_s = float(np.median(np.diff(time_s))) / 2
    off_s = {}
    for row in table:
        used = starts_within(time_s, row.start_s, row.stop_s) & ~rejected
        off_s[row.index] = float(time_s[used].mean()) + half_s - (row.start_s + row.stop_s) / 2
    return {
        row.index: off_s[row.index]
        for row in table
        if abs(off_s[row.index]) > (row.stop_s - row.start_s) * _FAR + _ROUNDING
    }
