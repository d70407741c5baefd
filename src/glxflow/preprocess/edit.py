"""Edited spectra (MEGA-PRESS): pair the two conditions and subtract them cleanly.

Mescher et al. 1998, doi:10.1002/(SICI)1099-1492(199810)11:6<266::AID-NBM530>3.0.CO;2-J.
Choline is not edited, so that whatever it leaves in the difference is an artefact: ON is
aligned to OFF by choline, and the rest is reported.
"""

from dataclasses import dataclass, replace

import numpy as np

from glxflow.errors import DataError
from glxflow.preprocess.align import register, shifted
from glxflow.preprocess.band import Band, band_mask, band_spectra
from glxflow.preprocess.metrics import NAA_PPM
from glxflow.spectrum import Axis, ComplexArray, Fid, RealArray, Series, Step, spectrum_of

CHOLINE = Band(3.12, 3.37, 1)
"""Choline alone: creatine, under which GABA appears, is outside."""

_REACH_PPM = 0.04
_LEAST_SATURATION = 0.7


@dataclass(frozen=True, slots=True)
class Edited:
    """The two conditions of an edited session, aligned, and what they give.

    Attributes
    ----------
    on, off : Fid
        Mean of each condition; editing pulse on NAA's side, and away from it.
    difference, total : Fid
        ON less OFF, and half their sum.
    offset_hz, phase_rad : float
        What was taken off ON to match OFF.
    choline_artefact : float
        Largest magnitude of the difference at choline over the height of choline in
        OFF; lower is better.
    steps : tuple of Step
        What was done.
    """

    on: Fid
    off: Fid
    difference: Fid
    total: Fid
    offset_hz: float
    phase_rad: float
    choline_artefact: float
    steps: tuple[Step, ...]


def split_alternating(series: Series) -> tuple[Series, Series]:
    """Return the even and the odd transients of a session without a DIM_EDIT tag.

    Parameters
    ----------
    series : Series
        Transients in the order of acquisition.

    Raises
    ------
    DataError
        If their number is odd, so that one has no partner.
    """
    if series.n_transients % 2:
        raise DataError(
            f"{series.n_transients} transients cannot be pairs of ON and OFF. Leave the one "
            "without partner out, or tag the conditions with DIM_EDIT."
        )
    even, odd = (
        replace(series, samples=series.samples[:, start::2], onset_s=series.onset_s[start::2])
        for start in (0, 1)
    )
    return even, odd


def edit(one: Series, other: Series) -> Edited:
    """Return the difference and sum of two edited conditions.

    Parameters
    ----------
    one, other : Series
        Combined, aligned transients of the two conditions, in any order: the one in
        which NAA is saturated is ON.

    Raises
    ------
    DataError
        If coils are not combined, numbers of transients differ, or NAA is saturated
        in neither condition.
    """
    for series in (one, other):
        if series.n_coils != 1:
            raise DataError(f"{series.n_coils} coils: combine them before the conditions.")
    if one.n_transients != other.n_transients:
        raise DataError(
            f"{one.n_transients} transients in one condition and {other.n_transients} in the "
            "other. Expected pairs: leave out those without partner."
        )
    axis = one.axis
    on, off, saturation = _order(one.samples[0].mean(axis=0), other.samples[0].mean(axis=0), axis)
    offset_hz, phase_rad = register(on[np.newaxis], off, axis, _REACH_PPM, CHOLINE)
    matched = shifted(on[np.newaxis], axis, -offset_hz, -phase_rad)[0]
    before, after = (choline_artefact(candidate, off, axis) for candidate in (on, matched))
    return Edited(
        on=Fid(matched, axis),
        off=Fid(off, axis),
        difference=Fid(matched - off, axis),
        total=Fid((matched + off) / 2, axis),
        offset_hz=float(offset_hz[0]),
        phase_rad=float(phase_rad[0]),
        choline_artefact=after,
        steps=(
            *one.steps,
            Step(
                "Addition and subtraction",
                f"{one.n_transients} pairs; NAA in ON is {saturation:.0%} of that in OFF. ON is "
                f"moved by {-offset_hz[0]:+.2f} Hz and {-np.degrees(phase_rad[0]):+.1f} degrees "
                f"to match OFF at choline: artefact there {before:.1%} -> {after:.1%} of choline.",
            ),
        ),
    )


def choline_artefact(on: ComplexArray, off: ComplexArray, axis: Axis) -> float:
    """Return what choline leaves in a difference, as a share of its height in OFF.

    Parameters
    ----------
    on, off : (n_points,) complex ndarray
        Means of the two conditions.
    axis : Axis
        Their axes.
    """
    left = np.abs(band_spectra(on - off, axis, CHOLINE)).max()
    return float(left / np.abs(band_spectra(off, axis, CHOLINE)).max())


def _order(
    one: ComplexArray, other: ComplexArray, axis: Axis
) -> tuple[ComplexArray, ComplexArray, float]:
    """Return ON, OFF and the ratio of their NAA peaks."""
    heights = [float(_naa(fid, axis).max()) for fid in (one, other)]
    saturation = min(heights) / max(heights)
    if saturation > _LEAST_SATURATION:
        raise DataError(
            f"NAA in one condition is {saturation:.0%} of that in the other, expected below "
            f"{_LEAST_SATURATION:.0%}: the editing pulse saturates it in ON. Check that these are "
            "the two conditions of a MEGA-PRESS scan, and their order."
        )
    return (one, other, saturation) if heights[0] < heights[1] else (other, one, saturation)


def _naa(fid: ComplexArray, axis: Axis) -> RealArray:
    """Return the magnitude of the spectrum where NAA stands."""
    mask = band_mask(axis, Band(*NAA_PPM, 0))
    return np.asarray(np.abs(spectrum_of(fid)[mask]))
