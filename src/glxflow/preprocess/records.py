"""What preprocessing is told and what it hands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from glxflow.preprocess.bins import Bin
from glxflow.spectrum import Fid, Flag, RealArray, Series, Step

WATER_NOT_USED = (
    "water_voxel_differs",
    "water_saturated",
    "water_is_suppressed",
    "water_coils_differ",
)
"""Codes of flags that say why a water reference serves nothing."""


@dataclass(frozen=True, slots=True)
class PreprocessOptions:
    """Choices of preprocessing that a study makes once.

    Attributes
    ----------
    eddy_current : {"check", "always", "never"}
        "check" judges by whether lines come nearer to pure singlets, see
        `glxflow.preprocess.eddy.is_helpful`.
    outlier_sd : float
        Robust standard deviations of its residual beyond which a transient is
        rejected.
    """

    eddy_current: Literal["check", "always", "never"] = "check"
    outlier_sd: float = 4.0


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """The clean signals of a session and what was done to them.

    Attributes
    ----------
    transients : Series
        Combined and aligned transients, kept apart; rejected ones are included.
    rejected : tuple of int
        Which transients entered no average, counted from 0.
    offset_hz : (n_transients,) ndarray
        Frequency of each transient before alignment, relative to the typical one,
        in Hz; its course is the drift. NaN for a single transient.
    phase_rad : (n_transients,) ndarray
        Its phase before alignment, relative to their circular mean, in radians.
    bins : Series
        One averaged transient a time bin; `onset_s` is the start of the bin.
    bin_table : tuple of Bin
        A row a bin of `bins`, in the same order.
    average : Fid
        Mean of all used transients.
    water : Series or None
        Combined and averaged water reference, one transient of one coil, with the eddy
        currents it was acquired with.
    eddy_corrected : bool
        Whether its phase was taken off the transients.
    metrics : mapping
        Numbers that describe the session; NaN where one cannot be known.
    steps : tuple of Step
        What was done, in order, with numbers.
    flags : tuple of Flag
        Doubts, each with what to do.
    """

    transients: Series
    rejected: tuple[int, ...]
    offset_hz: RealArray
    phase_rad: RealArray
    bins: Series
    bin_table: tuple[Bin, ...]
    average: Fid
    water: Series | None
    eddy_corrected: bool
    metrics: Mapping[str, float]
    steps: tuple[Step, ...]
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """The two conditions of an edited session, clean, matched and subtracted.

    Attributes
    ----------
    off : Preprocessed
        OFF, as a session without editing gives it; its metrics, steps, flags, bins
        and rejected transients are those of the pairs.
    on : Series
        Clean transients of ON, matched to OFF, in the order of their partners.
    on_offset_hz, on_phase_rad : (n_pairs,) ndarray
        As `offset_hz` and `phase_rad` of `off`, each relative to ON's own typical one.
    difference, total : Series
        ON less OFF, and the mean of both, for each time bin of `off`.
    labels : tuple of str
        What the scan calls OFF and ON. Where it takes one for the other, its names keep
        what they mean.
    """

    off: Preprocessed
    on: Series
    on_offset_hz: RealArray
    on_phase_rad: RealArray
    difference: Series
    total: Series
    labels: tuple[str, str]
