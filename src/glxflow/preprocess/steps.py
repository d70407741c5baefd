"""The steps of preprocessing, each on the signals as the one before left them.

Each records what it did, and the signal to noise and line width after it.
"""

from dataclasses import replace

import numpy as np

from glxflow.preprocess import metrics
from glxflow.preprocess.align import align
from glxflow.preprocess.coils import CoilWeights, coil_weights, combine
from glxflow.preprocess.eddy import LEAST_GAIN, gain, is_helpful, phase_deviation
from glxflow.preprocess.records import PreprocessOptions
from glxflow.preprocess.reference import (
    LEAST_MATCH,
    MOST_TURNED_DEG,
    CombFit,
    fit_comb,
    phase_of_free_heights,
)
from glxflow.preprocess.water import without_water
from glxflow.preprocess.water_reference import average_water
from glxflow.preprocess.work import Work
from glxflow.spectrum import Axis, Fid, Flag, Series, percent

LEAST_EFFICIENCY = 0.8
"""Efficiency of water's coil weights on the metabolites below which the order is doubted.

On simulated sessions of 4 to 32 coils the right order reaches 0.87 and more even with one
transient of SNR 8, a reversed order 0.73 at most.
"""

LEAST_TRANSIENT_SNR = 3.5
"""Signal to noise of one transient below which its frequency is doubted.

On simulated sessions the error is that of the Cramer-Rao bound down to 4, a fifth to a third
above it at 3, and beyond a line width at 2.
"""


def combine_coils(work: Work, series: Series, water: Series | None) -> None:
    """Combine coils by whitened weights, from water where it serves; else water is not used."""
    found = coil_weights(series.samples, None if water is None else water.samples, series.axis)
    if found.efficiency < LEAST_EFFICIENCY:
        work.flags.append(
            Flag(
                "water_coils_differ",
                f"weights from the water reference reach {percent(found.efficiency)} of the best "
                f"signal to noise of the metabolites (limit {percent(LEAST_EFFICIENCY)}): it "
                "has another coil order, sign or position. It is not used, neither for weights "
                "nor for eddy currents nor to scale by. Convert it again, or take that of this "
                "scan.",
            )
        )
        water = None
        found = coil_weights(series.samples, None, series.axis)
    work.samples = combine(series.samples, found.weights)
    work.rejected = np.zeros(series.n_transients, dtype=bool)
    work.found_axis = _axis_of_metabolites(work)
    work.metrics |= {
        "n_coils": float(series.n_coils),
        "coil_efficiency": found.efficiency,
        "snr_raw": metrics.snr(work.mean(), work.found_axis),
        "fwhm_hz_raw": metrics.fwhm_hz(work.mean(), work.found_axis),
    }
    _report_coils(work, series.n_coils, found)
    if water is not None:
        average_water(work, combine(water.samples, found.weights), water)


def _report_coils(work: Work, n_coils: int, found: CoilWeights) -> None:
    """Say how coils were combined and which were left out."""
    if n_coils == 1:
        if found.saturated:
            work.flags.append(
                Flag(
                    "saturated_coils",
                    "the one coil clips: several samples of a transient share its largest value. "
                    "Amplitudes and the baseline are distorted. Lower the receiver gain.",
                )
            )
        work.did("RF coil combination", "Not possible: one coil, combined on the scanner.")
        return
    lost = ""
    for what, coils in (("dead", found.dead), ("saturated", found.saturated)):
        if coils:
            names = ", ".join(str(coil) for coil in coils)
            lost += f" {len(coils)} {what} left out (counted from 0: {names})."
            remedy = {"dead": "Check the coil plug.", "saturated": "Lower the receiver gain."}
            work.flags.append(
                Flag(f"{what}_coils", f"{len(coils)} of {n_coils} coils {what}. {remedy[what]}")
            )
    work.did(
        "RF coil combination",
        f"{n_coils} coils by whitened weights from {found.source}, "
        f"{percent(found.efficiency, 1)} of the best signal to noise.{lost}",
    )


def align_transients(work: Work) -> None:
    """Bring transients to one frequency and phase, each condition by itself."""
    n_transients = len(work.samples)
    method = "Frequency and phase correction"
    if n_transients == work.n_conditions:
        work.offset_hz = work.phase_rad = np.full(n_transients, np.nan)
        work.metrics["drift_hz"] = float("nan")
        work.did(method, "Not possible: one transient, averaged on the scanner.")
        return
    aligned = [align(work.samples[part], work.axis) for part in work.parts()]
    work.samples = np.concatenate([one.samples for one in aligned])
    work.found_axis = _axis_of_metabolites(work)
    work.offset_hz = np.concatenate([one.offset_hz for one in aligned])
    turns = np.exp(1j * np.concatenate([one.phase_rad for one in aligned]))
    work.phase_rad = np.angle(turns * np.conj(turns.sum()))
    low, high = np.quantile(work.offset_hz, [0.05, 0.95])
    work.metrics["drift_hz"] = float(high - low)
    spread = np.degrees(np.std(work.phase_rad))
    _doubt_faint(work, n_transients // work.n_conditions)
    work.did(
        method,
        f"Spectral registration of {n_transients} transients, 1.7-4.2 ppm: 90 % of the offsets "
        f"within {high - low:.2f} Hz, phases with SD {spread:.1f} degrees.",
    )


def _doubt_faint(work: Work, n_averaged: int) -> None:
    """Leave a flag where single transients are too faint to be aligned."""
    single = metrics.snr(work.mean(), work.found_axis) / np.sqrt(n_averaged)
    work.metrics["snr_transient"] = float(single)
    if single < LEAST_TRANSIENT_SNR:
        work.flags.append(
            Flag(
                "faint_transients",
                f"one transient has a signal to noise of {single:.1f} (limit "
                f"{LEAST_TRANSIENT_SNR:g}), too little to read its frequency: alignment may have "
                "widened the lines. Compare the line width before and after it, and average "
                "neighbouring transients before.",
            )
        )


def correct_eddy_currents(work: Work, water: Series | None, options: PreprocessOptions) -> None:
    """Take the phase of water off, where that sharpens the metabolites."""
    method = "Eddy current correction"
    work.metrics["eddy_gain"] = float("nan")
    if water is None or work.water is None:
        why = (
            "the water reference is not used, as its flag says"
            if work.is_water_refused
            else "no water reference"
        )
        work.did(method, f"Not possible: {why}.")
        return
    deviation = phase_deviation(Fid(work.water, water.axis), work.axis)
    if deviation is None:
        work.did(
            method,
            f"Not possible: the water reference has dwell time {water.axis.dwell_time_s:g} s, "
            f"the spectra {work.axis.dwell_time_s:g} s.",
        )
        return
    # Off its frequency, the water band would take other lines off before than after.
    found = gain(work.mean(), deviation, _axis_of_metabolites(work))
    work.metrics["eddy_gain"] = found
    applied = options.eddy_current == "always" or (
        options.eddy_current == "check" and is_helpful(found, int(work.metrics["n_coils"]))
    )
    if applied:
        work.samples = work.samples * np.exp(-1j * deviation)
        work.eddy_corrected = True
    if np.isnan(found):
        reason = "NAA, creatine and choline are not recognised, so that the effect is unknown"
    else:
        reason = (
            f"what pure singlets leave unexplained changes by {-100 * found:+.1f} % "
            f"(within {percent(LEAST_GAIN)} it tells nothing: then data of several coils are "
            "corrected, data that the scanner combined are not)"
        )
    work.did(
        method,
        f"{'Applied' if applied else 'Not applied'} ({options.eddy_current}): {reason}; water's "
        f"phase departs from a line by up to {np.degrees(np.abs(deviation).max()):.0f} degrees.",
    )


def remove_water(work: Work) -> None:
    """Subtract what is left of water."""
    axis = work.found_axis = _axis_of_metabolites(work)
    before = metrics.water_residual(work.mean(), axis)
    work.samples = np.concatenate(
        [
            without_water(work.samples[part], axis, work.mean(condition))
            for condition, part in enumerate(work.parts())
        ]
    )
    after = metrics.water_residual(work.mean(), axis)
    work.metrics |= {"water_residual_raw": before, "water_residual": after}
    work.did(
        "Nuisance peak removal",
        f"HLSVD, lines between 4.25 and 5.2 ppm: residual water over NAA {before:.2f} -> "
        f"{after:.2f}.",
    )


def _axis_of_metabolites(work: Work) -> Axis:
    """Return the axis on which metabolites are where they belong, or the given one.

    Off its frequency by 0.3 ppm, the water band would hold the metabolites' 4.0 to 4.2 ppm.
    """
    comb = fit_comb(without_water(work.mean(), work.axis), work.axis)
    if comb.match < LEAST_MATCH:
        return work.axis
    return replace(work.axis, reference_ppm=work.axis.reference_ppm - comb.offset_ppm)


def reference_and_phase(work: Work) -> None:
    """Put the singlets at their shifts and in phase, all transients alike."""
    mean = work.mean()
    comb = fit_comb(mean, work.axis)
    work.metrics["comb_match"] = comb.match
    if comb.match < LEAST_MATCH:
        work.metrics["offset_ppm"] = float("nan")
        work.flags.append(
            Flag(
                "not_referenced",
                f"NAA, creatine and choline explain {percent(comb.match)} of the spectrum (limit "
                f"{percent(LEAST_MATCH)}), so it was neither referenced nor phased. Look at it: "
                "there may be no brain in the voxel, NAA may be low as in a tumour, or the "
                "metabolites were nulled.",
            )
        )
        work.did("Frequency and phase correction", "Not referenced: no singlets were recognised.")
    else:
        _doubt_phase(work, comb)
        work.metrics["offset_ppm"] = comb.offset_ppm
        offset_hz = comb.offset_ppm * work.axis.spectrometer_frequency_mhz
        turn = np.exp(-1j * (2 * np.pi * offset_hz * work.axis.time_s + comb.phase_rad))
        work.samples = work.samples * turn
        work.found_axis = work.axis
        work.did(
            "Frequency and phase correction",
            f"Referenced and phased by NAA, creatine and choline: {comb.offset_ppm:+.3f} ppm and "
            f"{np.degrees(comb.phase_rad):+.0f} degrees taken off, "
            f"{percent(comb.match)} explained.",
        )
    work.metrics |= {
        "snr": metrics.snr(work.mean(), work.axis),
        "fwhm_hz": metrics.fwhm_hz(work.mean(), work.axis),
    }


def _doubt_phase(work: Work, comb: CombFit) -> None:
    """Leave a flag where singlets of any height ask for another phase."""
    turned_deg = np.degrees(phase_of_free_heights(work.mean(), work.axis, comb))
    if abs(turned_deg) > MOST_TURNED_DEG:
        work.flags.append(
            Flag(
                "phase_uncertain",
                f"NAA, creatine and choline of free heights ask for a phase {turned_deg:+.0f} "
                f"degrees from the one used (limit {MOST_TURNED_DEG:g}): their heights are not "
                "those of a healthy brain, as in a tumour or an infant, or the lines are wide. "
                "Look at the phase and the shifts of the spectrum.",
            )
        )
