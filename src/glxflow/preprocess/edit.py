"""The two conditions of an edited scan (MEGA-PRESS): which is which, and how they match.

Mescher et al. 1998, doi:10.1002/(SICI)1099-1492(199810)11:6<266::AID-NBM530>3.0.CO;2-J.
Choline is not edited, so that whatever it leaves in the difference is an artefact: ON is
aligned to OFF by choline, and the rest is reported.
"""

import numpy as np

from glxflow.errors import DataError
from glxflow.preprocess.align import register
from glxflow.preprocess.band import SINGLETS, Band, band_mask, band_spectra
from glxflow.preprocess.metrics import NAA_PPM, noise_sd
from glxflow.preprocess.outliers import robust_sd
from glxflow.preprocess.quiet import quieted
from glxflow.preprocess.work import Work
from glxflow.spectrum import Axis, BoolArray, ComplexArray, Flag, RealArray, percent

CHOLINE = Band(3.15, 3.4, 1)
"""Choline alone: creatine, under which GABA appears, is outside.

An edge at 3.12 ppm lets the tail of GABA turn the match by 1.3 degrees, which leaves as
much of creatine in the difference as a sixth of GABA; here it is 0.1 degrees.
"""

LARGEST_ARTEFACT = 0.2
"""Share of choline's height in the difference above which it is doubted: GABA stands as high."""

_NOT_SUBTRACTED = 0.6
"""Share that is left only where the conditions do not hold the same choline."""

_REACH_PPM = 0.04
_LEAST_SATURATION = 0.7
_CERTAIN_SD = 6.0

_UNEDITED_PPM = (2.9, 3.3)
"""Creatine and choline, which motion or another gain lowers as much as NAA, and editing not."""

_LEAST_UNEDITED = 0.7
_FEWEST = 8
_LEAST_PART = 0.25
_LEAST_GAP_SD = 4.0
_LEAST_SHARE = 0.5
_LARGEST_JUMP_PPM = 0.45


def find_off(means: ComplexArray, axis: Axis) -> tuple[int, float]:
    """Return which of two conditions is OFF, and NAA in ON as a share of that in OFF.

    Parameters
    ----------
    means : (2, n_points) complex ndarray
        Averages of the conditions, without residual water.
    axis : Axis
        Their axes.

    Raises
    ------
    DataError
        If NAA is saturated in neither condition.
    """
    heights = _heights(band_spectra(means, axis, SINGLETS), axis, NAA_PPM)
    saturation = float(heights.min() / heights.max()) if heights.max() > 0 else 1.0
    if saturation > _LEAST_SATURATION:
        raise DataError(
            f"NAA in one condition is {percent(saturation)} of that in the other, expected below "
            f"{percent(_LEAST_SATURATION)}: editing at 1.9 ppm saturates it in ON. Check that "
            "these are the two conditions of a MEGA-PRESS scan for GABA or Glx, and their order "
            "(EditCondition). Editing elsewhere, as for glutathione, is not understood."
        )
    return int(heights.argmax()), saturation


def refuse_unnamed(work: Work) -> None:
    """Stop where part of the transients lack NAA: conditions that nothing names.

    Averaged as if they were one, they would give a spectrum that looks right.

    Parameters
    ----------
    work : Work
        Aligned transients of a scan that is read as one without editing.

    Raises
    ------
    DataError
        If NAA is lower in every other transient, or in those on one side of a gap,
        by more than noise, while creatine and choline are not.

    Notes
    -----
    The gap is looked for with 8 transients and more. On simulated scans without editing
    (SNR 2 to 20, drift of 20 Hz, doubled gain, lines that widen, motion, lipid) NAA below
    a gap of 4 SD kept 0.7 and more; conditions give gaps of 5 SD even at SNR 4.
    """
    n_transients = len(work.samples)
    largest_hz = _LARGEST_JUMP_PPM * work.axis.spectrometer_frequency_mhz
    # Beyond it residual water is in the window: what stands in NAA's place may be anything.
    if n_transients < 2 or np.ptp(work.offset_hz) > largest_hz:
        return
    spectra = band_spectra(work.samples, work.axis, SINGLETS)
    single_sd = noise_sd(work.mean(), work.axis) * np.sqrt(n_transients)
    naa, sd = _amounts(spectra, work.axis, NAA_PPM, single_sd)
    unedited, _ = _amounts(spectra, work.axis, _UNEDITED_PPM, single_sd)
    lower = np.arange(n_transients) % 2 == 0
    if np.median(naa[lower]) > np.median(naa[~lower]):
        lower = ~lower
    # Motion scatters more than noise; the median of many 1.25 times as much as their mean.
    typical = np.where(lower, np.median(naa[lower]), np.median(naa[~lower]))
    spread = max(sd, robust_sd(naa - typical))
    certain = _CERTAIN_SD * 1.25 * np.sqrt(2 / n_transients) * spread
    share = _share_of_naa(naa, unedited, lower)
    if share < _LEAST_SHARE and np.ptp(typical) > certain:
        raise _unnamed("every other transient", share)
    if n_transients < _FEWEST:
        return
    lower, gap = _below_gap(naa)
    share = _share_of_naa(naa, unedited, lower)
    if share < _LEAST_SHARE and gap > _LEAST_GAP_SD * sd:
        raise _unnamed(f"{lower.sum()} of {n_transients} transients", share)


def _unnamed(which: str, share: float) -> DataError:
    """Return the error that conditions without names are."""
    return DataError(
        f"NAA in {which} is {percent(share)} of that in the rest, beside equal creatine and "
        "choline, as in the conditions of an edited scan (MEGA-PRESS), which must not be "
        'averaged. Name their order in the sidecar: "EditCondition": ["OFF", "ON"], or a name for '
        "each transient."
    )


def _amounts(
    spectra: ComplexArray, axis: Axis, range_ppm: tuple[float, float], single_sd: float
) -> tuple[RealArray, float]:
    """Return how much of their mean line transients hold in a range, and the noise of that."""
    part = spectra[:, _within(axis, range_ppm)]
    line = part.mean(axis=0)
    strength = float(np.linalg.norm(line)) or 1.0
    return np.real(part @ line.conj()) / strength**2, single_sd / strength


def _share_of_naa(naa: RealArray, unedited: RealArray, lower: BoolArray) -> float:
    """Return NAA of some transients over that of the rest, each relative to what is not edited.

    It is 1 where that falls as well, as with a signal that was lost.
    """
    share, other = (
        float(np.median(amount[lower]) / np.median(amount[~lower])) for amount in (naa, unedited)
    )
    return max(share, 0.0) / other if other > _LEAST_UNEDITED else 1.0


def _below_gap(amount: RealArray) -> tuple[BoolArray, float]:
    """Return what lies below the largest gap that leaves enough on either side, and the gap."""
    order = np.argsort(amount)
    least = int(np.ceil(_LEAST_PART * amount.size))
    gaps = np.diff(amount[order])[least - 1 : amount.size - least]
    lower = np.zeros(amount.size, dtype=bool)
    lower[order[: least + int(gaps.argmax())]] = True
    return lower, float(gaps.max())


def match_conditions(work: Work) -> None:
    """Move ON to the frequency and phase of OFF, by choline.

    Parameters
    ----------
    work : Work
        Clean transients of OFF and of ON.

    Raises
    ------
    DataError
        If choline is not the same in both, as where one is a difference or sum.
    """
    on, off = work.mean(1), work.mean(0)
    # The late noise of OFF would widen the scatter of the match by half.
    reference = quieted(off, work.axis)
    offset_hz, phase_rad = register(on[np.newaxis], reference, work.axis, _REACH_PPM, CHOLINE)
    before = choline_artefact(on, off, work.axis)
    first, second = (work.samples[part] for part in work.parts())
    turn = np.exp(-1j * (2 * np.pi * offset_hz * work.axis.time_s + phase_rad))
    work.samples = np.concatenate([first, second * turn])
    after = choline_artefact(work.mean(1), off, work.axis)
    noise = artefact_of_noise(work.mean(1), off, work.axis)
    work.metrics |= {
        "on_offset_hz": float(offset_hz[0]),
        "on_phase_deg": float(np.degrees(phase_rad[0])),
        "choline_artefact_raw": before,
        "choline_artefact": after,
        "choline_artefact_noise": noise,
    }
    if after > max(_NOT_SUBTRACTED, 2 * noise):
        raise DataError(
            f"choline leaves {percent(after)} of its height in the difference, expected below "
            f"{percent(_NOT_SUBTRACTED)} (noise alone {percent(noise)}): ON and OFF should hold "
            "the same choline. Check that no condition is itself a difference or sum "
            "(EditCondition), and that both have one receiver gain; after a large movement "
            "leave the session out."
        )
    if after > max(LARGEST_ARTEFACT, 2 * noise):
        work.flags.append(
            Flag(
                "choline_artefact",
                f"choline leaves {percent(after)} of its height in the difference (limit "
                f"{percent(LARGEST_ARTEFACT)}, noise alone {percent(noise)}): as much as GABA is "
                "tall. Look at the difference: the participant may have moved between the "
                "conditions.",
            )
        )
    work.did(
        "Alignment of subspectra",
        f"ON is moved by {-offset_hz[0]:+.2f} Hz and {-np.degrees(phase_rad[0]):+.1f} degrees to "
        f"match OFF at choline, which leaves {percent(before, 1)} -> {percent(after, 1)} of its "
        f"height in the difference (noise alone {percent(noise, 1)}).",
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


def artefact_of_noise(on: ComplexArray, off: ComplexArray, axis: Axis) -> float:
    """Return the artefact at choline that noise alone would show.

    Parameters
    ----------
    on, off : (n_points,) complex ndarray
        Means of the two conditions.
    axis : Axis
        Their axes.

    Returns
    -------
    float
        The expected largest magnitude of so many independent points, over the height
        of choline; NaN where the spectrum has no room without signal.
    """
    choline = band_spectra(off, axis, CHOLINE)
    largest = noise_sd(on - off, axis) * np.sqrt(2 * np.log(choline.size))
    return float(largest / np.abs(choline).max())


def _heights(spectra: ComplexArray, axis: Axis, range_ppm: tuple[float, float]) -> RealArray:
    """Return the largest magnitude in a range of spectra on `SINGLETS`, (n_spectra,)."""
    return np.asarray(np.abs(spectra[:, _within(axis, range_ppm)]).max(axis=1))


def _within(axis: Axis, range_ppm: tuple[float, float]) -> BoolArray:
    """Tell which points of `SINGLETS` lie in a range."""
    ppm = axis.ppm[band_mask(axis, SINGLETS)]
    return np.asarray((ppm >= range_ppm[0]) & (ppm <= range_ppm[1]))
