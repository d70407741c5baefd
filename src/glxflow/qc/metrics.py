"""Figures of merit of a spectrum: each one number, with what it means and which way is better.

A figure that cannot be computed is NaN, and its `Metric` says why that happens;
it is never a number that merely looks bad.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from glxflow.spectrum import FitResult


@dataclass(frozen=True, slots=True)
class Metric:
    """What a figure of merit is, for the rules and for the reader of a page.

    Attributes
    ----------
    key : str
        Column of `qc.tsv`.
    label, unit : str
        As a page prints them; the unit is empty for a ratio.
    better : {"higher", "lower"}
        Which way is better.
    description : str
        What it measures, in one plain sentence.
    remedy : str
        What to do when it is out of its limit.
    when_missing : str
        Why it may not be computable.
    reference : str
        DOI of the definition or of the reason for a limit; empty for our own.
    same_doubt : str
        Code of the flag by which the fit raises the same doubt; empty where it
        raises none.
    """

    key: str
    label: str
    unit: str
    better: Literal["higher", "lower"]
    description: str
    remedy: str
    when_missing: str
    reference: str = ""
    same_doubt: str = ""


METRICS = (
    Metric(
        "snr",
        "Signal to noise",
        "",
        "higher",
        "Height of the NAA peak over the SD of the noise in the real spectrum.",
        "Average more transients (wider time bins), or leave the spectrum out.",
        "there is no NAA peak, or no region without signal to take the noise from",
        "10.1002/nbm.4347",
        same_doubt="LOW_SNR",
    ),
    Metric(
        "fwhm_ppm",
        "Line width",
        "ppm",
        "lower",
        "Full width at half height of the fitted NAA (else Cr) singlet, over the field.",
        "Look at the shim, and at motion between transients.",
        "neither NAA nor Cr was found in the spectrum",
        "10.1002/mrm.27742",
    ),
    Metric(
        "transients_used",
        "Transients used",
        "%",
        "higher",
        "Share of the acquired transients that entered the average.",
        "Look at which transients were rejected and why (motion, or a stopped scan).",
        "it is of one transient or of the scanner's average, of which no share can be counted",
        "10.1002/nbm.4257",
    ),
    Metric(
        "drift_hz",
        "Frequency drift",
        "Hz",
        "lower",
        "Range that holds 90 % of the transients' frequency offsets before alignment.",
        "Alignment took it off the spectrum, but the voxel and the water suppression moved "
        "with it: compare with the position of the voxel after the scan.",
        "the scanner stored one average, so that no drift can be seen",
        "10.1002/nbm.4257",
    ),
    Metric(
        "water_residual",
        "Residual water",
        "",
        "lower",
        "Largest magnitude within 0.15 ppm of the water line over the height of the NAA peak.",
        "Look at the water removal; a tail of water bends the baseline under Glu and Gln.",
        "the spectrum does not reach the water line, or there is no NAA peak",
        "10.1002/nbm.4257",
    ),
    Metric(
        "reduced_chi2",
        "Reduced chi-squared",
        "",
        "lower",
        "Residual sum of squares of the fitted signal (its first 0.25 s) over what noise alone "
        "would leave; 1 for a perfect model.",
        "Look at the residual for lines the basis lacks, lipid, or a distorted line shape. "
        "The printed SDs are already widened by it.",
        "nothing was fitted, or there is no region without signal to take the noise from",
        same_doubt="RESIDUAL",
    ),
    Metric(
        "glx_tnaa_sd",
        "SD of Glx/tNAA",
        "",
        "lower",
        "Absolute standard deviation of the outcome; it does not depend on how much Glx there is.",
        "Where reduced chi-squared passes, average more transients (wider time bins). Where it "
        "does not, that helps little: find what the model lacks, or leave the spectrum out.",
        "tNAA was not found, so that the ratio has no value",
        "10.1002/mrm.25568",
    ),
    Metric(
        "glx_relative_sd",
        "Relative SD of Glx",
        "%",
        "lower",
        "Standard deviation over the estimate. It never excludes by itself: a relative limit "
        "removes low concentrations rather than bad spectra.",
        "Judge by the absolute SD.",
        "nothing was fitted, or Glx is zero: its upper limit is in the table of estimates",
        "10.1002/mrm.25568",
    ),
    Metric(
        "glx_baseline_sensitivity",
        "Change of Glx with the baseline",
        "%",
        "lower",
        "Largest change of Glx/tNAA when the baseline may bend half or twice as much.",
        "Do not read differences smaller than this; look for macromolecules or lipid "
        "that the model lacks.",
        "Glx or tNAA is zero in a fit, or there is none with another baseline",
    ),
)
"""Every figure of merit that rules can judge, in the order of a page."""


def relative_sd_percent(estimate: float, sd: float) -> float:
    """Return an SD as a percentage of its estimate.

    Parameters
    ----------
    estimate, sd : float
        In the same unit.

    Returns
    -------
    float
        In percent; NaN for an estimate at zero, which has an upper limit instead.
    """
    return 100.0 * sd / estimate if estimate > 0 else math.nan


def share_percent(n_used: int, n_acquired: int) -> float:
    """Return the share of transients that were used.

    Parameters
    ----------
    n_used, n_acquired : int
        Numbers of transients.

    Returns
    -------
    float
        In percent; NaN for a single one, which may be an average that carries no count.
    """
    return 100.0 * n_used / n_acquired if n_acquired > 1 else math.nan


def baseline_sensitivity_percent(estimate: float, alternatives: Sequence[float]) -> float:
    """Return the largest change of an estimate over other baselines.

    Parameters
    ----------
    estimate : float
        With the baseline that was chosen.
    alternatives : sequence of float
        With stiffer and softer baselines, in the same unit.

    Returns
    -------
    float
        In percent of the estimate; NaN where it is zero, nothing was tried or one of
        the alternatives is NaN.
    """
    if not estimate > 0 or not alternatives or any(map(math.isnan, alternatives)):
        return math.nan
    return 100.0 * max(abs(other - estimate) for other in alternatives) / estimate


def fit_metrics(fit: FitResult, *, spectrometer_frequency_mhz: float) -> dict[str, float]:
    """Return the figures that a fit alone decides, by the keys of `METRICS`.

    `fwhm_hz` comes beside `fwhm_ppm`: the limit must not depend on the field,
    while a reader at the scanner thinks in Hz.

    Parameters
    ----------
    fit : FitResult
        The fit.
    spectrometer_frequency_mhz : float
        Of the scan, in MHz.
    """
    return {
        "snr": fit.snr,
        "fwhm_hz": fit.fwhm_hz,
        "fwhm_ppm": fit.fwhm_hz / spectrometer_frequency_mhz,
        "reduced_chi2": fit.reduced_chi2,
    }
