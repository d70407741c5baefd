"""Item 4 of the reporting checklist: quality of the spectra, what was left out, uncertainty."""

from collections.abc import Iterable

import pandas as pd

from glxflow.report.change import is_true
from glxflow.report.checklist import ChecklistRow, counted, over, spread
from glxflow.report.checklist_analysis import Analysed
from glxflow.report.study_quality import judged

_SHOWN = ("Glx", "Glu", "Gln", "tNAA", "tCr", "GABA+")
"""Estimates whose uncertainty is listed, where a study has them."""


def quality_items(study: Analysed) -> list[ChecklistRow]:
    """Return figures of merit, limits and uncertainties, each as median and range.

    Parameters
    ----------
    study : Analysed
        What there is, one fitted scan at least.
    """
    qc = study.qc
    groups = judged(qc, study.sessions).groupby("condition", observed=True)
    rows = [
        ChecklistRow(
            "4a",
            f"SNR and line width, {name}",
            f"SNR {spread(group['snr'])}; line width {spread(group['fwhm_hz'])} Hz, "
            f"{spread(group['fwhm_ppm'])} ppm; {over(len(group))}",
            "qc.tsv",
        )
        for name, group in groups
    ]
    what = f"SNR: {study.snr} Line width: {study.fwhm}"
    chi2 = f"{spread(qc['reduced_chi2'])}, {over(len(qc))}"
    pages = "with fit, baseline and residual on the page of every scan"
    return [
        *rows,
        ChecklistRow("4a", "What SNR and line width are, with the reference peak", what, "fit"),
        ChecklistRow(
            "4b",
            "Exclusion of spectra",
            f"limits: {counted(study.limits)}. {_excluded(study)}",
            "config.yaml: qc; plan: analysis_set; qc.tsv",
        ),
        ChecklistRow(
            "4b", "Exclusion of sessions", _accounted(study.sessions), "sessions.tsv, with reasons"
        ),
        *_uncertainty(study.concentrations),
        ChecklistRow("4c", "Reduced chi-squared of the fit", chi2, "qc.tsv"),
        ChecklistRow("4d", "Sample spectrum", pages, "sub-*/ses-*/mrs/*_report.html"),
    ]


def _excluded(study: Analysed) -> str:
    """Return how many spectra fail, and what becomes of them."""
    failed = int((~is_true(study.qc["qc_pass"])).sum())
    taken = (
        "those are left out of the primary analysis (qc_pass)"
        if study.analysis_set == "qc_pass"
        else "the primary analysis takes those, too (all)"
    )
    return f"{failed} of {len(study.qc)} spectra fail; {taken}"


def _accounted(sessions: pd.DataFrame) -> str:
    """Return what became of the planned sessions; a participant without any is none."""
    sessions = sessions[sessions["session"].notna()]
    counts = sessions["status"].value_counts()
    told = ", ".join(f"{n} {status}" for status, n in counts.items())
    return f"of {len(sessions)} planned or scanned session{'s' * (len(sessions) > 1)}: {told}"


def _uncertainty(table: pd.DataFrame) -> Iterable[ChecklistRow]:
    """Yield the uncertainty of each estimate that is shown, relative to its value."""
    for name in _SHOWN:
        rows = table[table["metabolite"] == name]
        known = rows[rows["amplitude"] > 0]
        if rows.empty:
            continue
        crlb, sd = (spread(100 * known[key] / known["amplitude"]) for key in ("crlb", "sd"))
        zero = len(rows) - len(known)
        without = f"; {zero} without an estimate above zero have no percentage" if zero else ""
        yield ChecklistRow(
            "4c",
            f"CRLB and SD of {name}",
            f"CRLB {crlb} %; SD {sd} %; {over(len(known))}{without}",
            "concentrations.tsv",
        )
