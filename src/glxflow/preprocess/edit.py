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
from glxflow.preprocess.outliers import typical
from glxflow.preprocess.quiet import quieted
from glxflow.preprocess.work import Work
from glxflow.spectrum import Axis, ComplexArray, Flag, RealArray

CHOLINE = Band(3.15, 3.4, 1)
"""Choline alone: creatine, under which GABA appears, is outside.

An edge at 3.12 ppm lets the tail of GABA turn the match by 1.3 degrees, which leaves as
much of creatine in the difference as a sixth of GABA; here it is 0.1 degrees.
"""

LARGEST_ARTEFACT = 0.2
"""Share of choline's height in the difference above which it is doubted: GABA stands as high."""

_REACH_PPM = 0.04
_LEAST_SATURATION = 0.7
_CERTAIN_SD = 6.0


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
    heights = _naa_heights(band_spectra(means, axis, SINGLETS), axis)
    saturation = float(heights.min() / heights.max()) if heights.max() > 0 else 1.0
    if saturation > _LEAST_SATURATION:
        raise DataError(
            f"NAA in one condition is {saturation:.0%} of that in the other, expected below "
            f"{_LEAST_SATURATION:.0%}: editing at 1.9 ppm saturates it in ON. Check that these "
            "are the two conditions of a MEGA-PRESS scan for GABA or Glx, and their order "
            "(EditCondition). Editing elsewhere, as for glutathione, is not understood."
        )
    return int(heights.argmax()), saturation


def refuse_alternating(work: Work) -> None:
    """Stop where every other transient lacks NAA: conditions that nothing names.

    Averaged as if they were one, they would give a spectrum that looks right.

    Parameters
    ----------
    work : Work
        Aligned transients of a scan that is read as one without editing.

    Raises
    ------
    DataError
        If NAA alternates by more than noise.
    """
    if len(work.samples) < 2:
        return
    spectra = band_spectra(work.samples, work.axis, SINGLETS)
    heights = _naa_heights(np.stack([typical(spectra[start::2]) for start in (0, 1)]), work.axis)
    # The median of many scatters by 1.25 times as much as their mean.
    noise = noise_sd(work.mean(), work.axis) * np.sqrt(2) * 1.25
    share = float(heights.min() / heights.max()) if heights.max() > 0 else 1.0
    if share < _LEAST_SATURATION and np.ptp(heights) > _CERTAIN_SD * noise:
        raise DataError(
            f"NAA in every other transient is {share:.0%} of that in the rest, as in the "
            "conditions of an edited scan (MEGA-PRESS), which must not be averaged. Name their "
            'order in the sidecar: "EditCondition": ["OFF", "ON"].'
        )


def match_conditions(work: Work) -> None:
    """Move ON to the frequency and phase of OFF, by choline.

    Parameters
    ----------
    work : Work
        Clean transients of OFF and of ON.
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
    if after > max(LARGEST_ARTEFACT, 2 * noise):
        work.flags.append(
            Flag(
                "choline_artefact",
                f"choline leaves {after:.0%} of its height in the difference (limit "
                f"{LARGEST_ARTEFACT:.0%}, noise alone {noise:.0%}): as much as GABA is tall. "
                "Look at the difference: the participant may have moved between the conditions.",
            )
        )
    work.did(
        "Alignment of subspectra",
        f"ON is moved by {-offset_hz[0]:+.2f} Hz and {-np.degrees(phase_rad[0]):+.1f} degrees to "
        f"match OFF at choline, which leaves {before:.1%} -> {after:.1%} of its height in the "
        f"difference (noise alone {noise:.1%}).",
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


def _naa_heights(spectra: ComplexArray, axis: Axis) -> RealArray:
    """Return the height of NAA in spectra on `SINGLETS`, (n_spectra,)."""
    ppm = axis.ppm[band_mask(axis, SINGLETS)]
    naa = (ppm >= NAA_PPM[0]) & (ppm <= NAA_PPM[1])
    return np.asarray(np.abs(spectra[:, naa]).max(axis=1))
