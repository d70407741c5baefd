"""The records that stages hand to each other: frozen, checked once, units in the names.

Inside the package a line at `ppm` is ``exp(+2j pi (ppm - reference_ppm) f0 t)``:
higher ppm is positive frequency. NIfTI-MRS and LCModel store the conjugate;
`glxflow.io` converts once, at the door. The last axis of an array is time.
"""

from glxflow.spectrum.arrays import BoolArray, ComplexArray, RealArray, SingleArray
from glxflow.spectrum.axis import SIGNAL_PPM, Axis, spectrum_of
from glxflow.spectrum.basis_set import SUMS, BasisSet, Kind, reported
from glxflow.spectrum.fit_result import FitResult, FitStatus
from glxflow.spectrum.notes import (
    NOT_DONE,
    OF_SERIES,
    OF_WATER,
    SCALE_UNKNOWN,
    UNREADABLE,
    Flag,
    Step,
    percent,
)
from glxflow.spectrum.onsets import starts_within
from glxflow.spectrum.signal import Fid, Series

__all__ = [
    "NOT_DONE",
    "OF_SERIES",
    "OF_WATER",
    "SCALE_UNKNOWN",
    "SIGNAL_PPM",
    "SUMS",
    "UNREADABLE",
    "Axis",
    "BasisSet",
    "BoolArray",
    "ComplexArray",
    "Fid",
    "FitResult",
    "FitStatus",
    "Flag",
    "Kind",
    "RealArray",
    "Series",
    "SingleArray",
    "Step",
    "percent",
    "reported",
    "spectrum_of",
    "starts_within",
]
