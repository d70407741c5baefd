"""Show one session: whether its spectra can be trusted, and what came out of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np
import pandas as pd

from glxflow.report.estimates import (
    EDITED_HEADLINE,
    HEADLINE,
    estimate_rows,
    model_rows,
    session_value,
)
from glxflow.report.page import Figure, Provenance, render
from glxflow.report.spectrum_figure import component_rows, data_figure, spectrum_figure
from glxflow.report.time_course import time_course_figure
from glxflow.spectrum import FitResult, FitStatus, Flag, Kind, Step, reported


class Judged(Protocol):
    """One figure of merit as judged; `glxflow.qc.rules.Finding` is one."""

    @property
    def label(self) -> str:
        """Name for a reader."""

    @property
    def unit(self) -> str:
        """Unit, empty for a ratio."""

    @property
    def description(self) -> str:
        """What it measures."""

    @property
    def value(self) -> float:
        """Its value; NaN where it could not be computed."""

    @property
    def limit(self) -> str:
        """What was expected, in words."""

    @property
    def level(self) -> str:
        """One of pass, not computable, doubtful, fail."""

    @property
    def message(self) -> str:
        """Why it is no pass, and what to do; empty for a pass."""


class Verdict(Protocol):
    """The judgement of one spectrum; `glxflow.qc.rules.QcVerdict` is one."""

    @property
    def level(self) -> Enum:
        """Pass, doubtful or fail, as an enum whose values are these words."""

    @property
    def findings(self) -> Sequence[Judged]:
        """Every figure of merit that was judged."""

    @property
    def flags(self) -> Sequence[Flag]:
        """Each reason that is not a pass, in words."""


@dataclass(frozen=True, slots=True)
class FittedBin:
    """One fitted spectrum of a session.

    Attributes
    ----------
    label : str
        For the reader: "baseline", "0 to 10 min", or "whole scan".
    centre_min : float
        Middle of the bin after the start of the infusion, in min; NaN where the
        scan is not timed.
    fit : FitResult
        The fit.
    verdict : Verdict
        Its quality control.
    """

    label: str
    centre_min: float
    fit: FitResult
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ScanPage:
    """What the page of one session shows.

    Attributes
    ----------
    title : str
        The scan, such as ``sub-01_ses-1_task-ketamine``.
    provenance : Provenance
        Version, inputs and parameters.
    bins : tuple of FittedBin
        In the order of time; empty when the session failed before the fit.
    estimates : DataFrame
        A row per bin and metabolite: bin (position in `bins`), metabolite,
        amplitude, sd, crlb, ratio_tcr, ratio_tcr_sd, ratio_tnaa, ratio_tnaa_sd,
        flags; optionally water_molal, water_molal_sd, limit95, sd_model, and
        doubts, the flags in words.
    steps : tuple of Step
        Processing, oldest first.
    failure : str
        Why there is no result, with the remedy; empty when there is one.
    acquisition : mapping
        What was measured, such as "Echo time": "30 ms".
    notes : tuple of str
        Further sentences for the reader: warnings, how water scaling was done.
    models : DataFrame
        What other models say of the session's average: choice, model, weight and
        ratios; the first row is the model that is reported. May be empty.
    is_difference : bool
        Whether the spectra are differences of an edited scan, ON less OFF.
    changes : DataFrame
        What changes over the bins by their joint fit: bin (position in `bins`), metabolite,
        over, change_percent and change_percent_sd against the first one, and status of the
        fit. Empty where they were not fitted jointly.
    """

    title: str
    provenance: Provenance
    bins: tuple[FittedBin, ...] = ()
    estimates: pd.DataFrame = field(default_factory=pd.DataFrame)
    steps: tuple[Step, ...] = ()
    failure: str = ""
    acquisition: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    models: pd.DataFrame = field(default_factory=pd.DataFrame)
    is_difference: bool = False
    changes: pd.DataFrame = field(default_factory=pd.DataFrame)


_ORDER = ("pass", "doubtful", "fail")
_SUMMARY = {
    "pass": "Every figure of merit that could be computed is within its limit.",
    "doubtful": "Usable with care: no spectrum is left out of the trial for a doubt.",
    "fail": "A spectrum that fails enters only a trial whose plan analyses all rows.",
}


def render_scan(scan: ScanPage) -> str:
    """Return the page of one session as one self-contained HTML text.

    Raises
    ------
    ValueError
        If the session has neither a fit nor a reason for having none.
    """
    if not scan.bins and not scan.failure:
        raise ValueError(f"{scan.title}: neither a fit nor a failure to show")
    bins = [_bin_view(index, scan) for index in range(len(scan.bins))]
    return render(
        "scan.html",
        scan=scan,
        verdict=_session_verdict(scan),
        bins=bins,
        models=model_rows(scan.models),
        figures=_figures(scan),
    )


def _session_verdict(scan: ScanPage) -> dict[str, Any]:
    """Return the worst verdict of the session, with every reason and where it applies."""
    if scan.failure:
        return {
            "level": "fail",
            "summary": "No result for this session.",
            "reasons": [],
            "unknown": [],
        }
    levels = [fitted.verdict.level.value for fitted in scan.bins]
    worst = max(levels, key=_ORDER.index)
    counts = ", ".join(f"{levels.count(level)} {level}" for level in _ORDER if level in levels)
    summary = _SUMMARY[worst] + (f" Spectra: {counts}." if len(levels) > 1 else "")
    summary += _why_not_in_trial(scan.bins)
    where: dict[str, list[str]] = {}
    for fitted in scan.bins:
        for flag in fitted.verdict.flags:
            where.setdefault(flag.sentence, []).append(fitted.label)
    reasons = [(_places(labels, len(scan.bins)), text) for text, labels in where.items()]
    unknown = [
        finding.label
        for fitted in scan.bins
        for finding in fitted.verdict.findings
        if finding.level == "not computable"
    ]
    return {
        "level": worst,
        "summary": summary,
        "reasons": reasons,
        "unknown": list(dict.fromkeys(unknown)),
    }


def _places(labels: Sequence[str], n_bins: int) -> str:
    """Return the spectra that a reason applies to; nothing where there is one."""
    if n_bins == 1:
        return ""
    return "All spectra" if len(labels) == n_bins else ", ".join(labels).capitalize()


def _why_not_in_trial(bins: Sequence[FittedBin]) -> str:
    """Say why a session tells no change from its baseline; nothing where it may.

    A scan of one spectrum, without an infusion, is no session of a trial.
    """
    if len(bins) == 1:
        return ""
    before = [fitted for fitted in bins if fitted.centre_min < 0]
    after = [fitted for fitted in bins if not fitted.centre_min < 0]
    for part, when in ((before, "before the infusion"), (after, "after the infusion began")):
        if not part:
            return (
                " The session does not enter the trial, which takes changes from a baseline: "
                f"no spectrum is from {when}."
            )
        if all(fitted.verdict.level.value == "fail" for fitted in part):
            return (
                " The session does not enter the trial, unless the plan analyses all rows: "
                f"without a spectrum from {when} that passes there is no change from a baseline."
            )
    return ""


def _bin_view(index: int, scan: ScanPage) -> dict[str, Any]:
    """Return what the template shows of one fitted spectrum."""
    fitted = scan.bins[index]
    fit = fitted.fit
    is_fitted = fit.status is not FitStatus.FAILED
    rows = scan.estimates
    rows = rows if rows.empty else rows[rows["bin"] == index]
    return {
        "label": fitted.label,
        "level": fitted.verdict.level.value,
        "status": fit.status.value,
        "findings": fitted.verdict.findings,
        "flags": fitted.verdict.flags,
        "estimates": estimate_rows(rows),
        "headline": _headline(rows, scan.is_difference, fit),
        "is_fitted": is_fitted,
        "components": [name for name, _ in component_rows(fit)] if is_fitted else [],
        "zeros": _zeros(fit),
        "alt": _description(fitted) if is_fitted else f"Spectrum of {fitted.label}, not fitted.",
    }


def _zeros(fit: FitResult) -> list[str]:
    """Return the metabolites that were fitted with amplitude zero."""
    return [
        reported(name)
        for name, kind, amplitude in zip(fit.names, fit.kinds, fit.amplitudes, strict=True)
        if kind is Kind.METABOLITE and amplitude == 0
    ]


def _headline(estimates: pd.DataFrame, is_edited: bool, fit: FitResult) -> list[tuple[str, str]]:
    """Return the few numbers that a reader looks for first."""
    shown = HEADLINE | (EDITED_HEADLINE if is_edited else {})
    values = [(name, session_value(estimates, *key)) for name, key in shown.items()]
    return [
        *values,
        ("SNR", "n/a" if math.isnan(fit.snr) else f"{fit.snr:.0f}"),
        ("Line width", "n/a" if math.isnan(fit.fwhm_hz) else f"{fit.fwhm_hz:.1f} Hz"),
    ]


def _description(fitted: FittedBin) -> str:
    """Return the figure in words, for those who cannot see it."""
    fit = fitted.fit
    return (
        f"Spectrum of {fitted.label} from {fit.ppm[-1]:.1f} to {fit.ppm[0]:.1f} ppm with fit, "
        f"baseline, residual and components. Signal to noise {fit.snr:.0f}, line width "
        f"{fit.fwhm_hz:.1f} Hz, reduced chi-squared {fit.reduced_chi2:.2f}. "
        f"The tables below hold the numbers."
    )


def _figures(scan: ScanPage) -> dict[str, Figure]:
    """Return the figures by their place on the page."""
    is_fitted = [fitted.fit.status is not FitStatus.FAILED for fitted in scan.bins]
    figures = {
        f"spectrum-{index}": (spectrum_figure if is_fitted[index] else data_figure)(fitted.fit)
        for index, fitted in enumerate(scan.bins)
    }
    if sum(is_fitted) > 1 and not scan.estimates.empty:
        figures["time-course"] = time_course_figure(
            [fitted.label for fitted in scan.bins],
            np.array([fitted.centre_min for fitted in scan.bins]),
            scan.estimates,
            np.array([fitted.fit.fwhm_hz for fitted in scan.bins]),
            scan.changes,
        )
    return figures
