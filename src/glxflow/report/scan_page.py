"""Show one session: whether its spectra can be trusted, and what came out of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
from glxflow.report.scan_verdict import FittedBin, session_verdict
from glxflow.report.spectrum_figure import component_rows, data_figure, spectrum_figure
from glxflow.report.time_course import time_course_figure
from glxflow.report.transients import Transients, transients_caption, transients_figure
from glxflow.report.voxel import Voxel, voxel_view
from glxflow.spectrum import FitResult, FitStatus, Kind, Step, reported


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
    transients : Transients or None
        Each transient before alignment; None where there is no record of them.
    voxel : Voxel or None
        Where the spectra are from; None where the session failed before that.
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
    transients: Transients | None = None
    voxel: Voxel | None = None


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
        verdict=session_verdict(() if scan.failure else scan.bins),
        bins=bins,
        models=model_rows(scan.models),
        transients=_transients_view(scan.transients),
        voxel=voxel_view(scan.voxel) if scan.voxel else None,
        figures=_figures(scan),
    )


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


def _transients_view(shown: Transients | None) -> dict[str, str]:
    """Return the figure of transients in words, or why there is none."""
    if shown is None:
        return {}
    what = "transient" if shown.is_on is None else "pair"
    if shown.n_acquired == 1:
        return {
            "lacking": f"There is no figure of {what}s: one {what} could be read, as where the "
            "scanner averages them. Drift, motion and outliers within it can no longer be seen."
        }
    return {
        "caption": transients_caption(shown),
        "alt": f"Frequency and phase of {shown.n_acquired} {what}s before alignment over time, "
        f"with the time bins; {shown.n_rejected} rejected.",
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
    if scan.transients is not None and scan.transients.n_acquired > 1:
        figures["transients"] = transients_figure(scan.transients)
    return figures
