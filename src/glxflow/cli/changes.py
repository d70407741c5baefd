"""What changed over the time bins of a session, fitted jointly."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from glxflow.cli.scan_results import when
from glxflow.fit import EditedModel, FitModel, fit_edited_series, fit_series
from glxflow.fit.changes import Changes, percent_changes
from glxflow.fit.design import Design, bin_design
from glxflow.fit.series_result import SeriesFit
from glxflow.quantify.estimates import edited_sums
from glxflow.spectrum import SUMS, RealArray, Series, reported

DENOMINATORS = ("tNAA", "tCr")


def changes_table(
    bins: Series, table: Sequence[Mapping[str, Any]], fitted: Sequence[bool], model: FitModel
) -> pd.DataFrame | None:
    """Return the change of every metabolite in every later bin, in percent of the first.

    One average a bin, with its weight, holds all that its transients say of a level of
    its own, so that the joint fit of the averages is that of the transients.

    Parameters
    ----------
    bins : Series
        One average a time bin; the first is the baseline.
    table : sequence of mapping
        Its bin table: index, start_s, stop_s, weight.
    fitted : sequence of bool
        Which bins could be fitted: one of nothing but noise would spoil what all have in
        common.
    model : FitModel
        That the bins are fitted by.

    Returns
    -------
    DataFrame or None
        A row a fitted bin, metabolite and denominator; None where there is no baseline with a
        later bin to compare with it, or bins slide, so that their noise is shared.
    """
    kept = [part for part, is_fitted in zip(table, fitted, strict=True) if is_fitted]
    if not _is_comparable(kept):
        return None
    return _bin_rows(fit_series(_only(bins, fitted), model, *_levels(kept)), kept)


def edited_changes_table(
    total: Series,
    difference: Series,
    table: Sequence[Mapping[str, Any]],
    fitted: Sequence[bool],
    model: EditedModel,
) -> pd.DataFrame | None:
    """Return the same of an edited session, from half sum and difference together.

    Parameters
    ----------
    total, difference : Series
        Half sum and difference of every time bin; the first is the baseline.
    table : sequence of mapping
        Their bin table: index, start_s, stop_s, weight.
    fitted : sequence of bool
        Which bins could be fitted.
    model : EditedModel
        That the bins are fitted by.
    """
    kept = [part for part, is_fitted in zip(table, fitted, strict=True) if is_fitted]
    if not _is_comparable(kept):
        return None
    one, other = (_only(series, fitted) for series in (total, difference))
    return _bin_rows(fit_edited_series(one, other, model, *_levels(kept)), kept)


def _only(series: Series, chosen: Sequence[bool]) -> Series:
    """Return some bins of a series."""
    mask = np.array(chosen, dtype=np.bool_)
    return replace(series, samples=series.samples[:, mask], onset_s=series.onset_s[mask])


def _is_comparable(table: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether there is a baseline with later bins, of noise of their own."""
    slides = any(later["start_s"] < part["stop_s"] for part, later in pairwise(table))
    return len(table) > 1 and table[0]["index"] == 0 and not slides


def _levels(table: Sequence[Mapping[str, Any]]) -> tuple[Design, RealArray]:
    """Return the design in which every bin has a level of its own, and their weights."""
    weights = np.array([part["weight"] for part in table], dtype=np.float64)
    return bin_design([str(part["index"]) for part in table]), weights


def _bin_rows(fit: SeriesFit, table: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the changes of bins as a table."""
    return change_rows(fit, {str(part["index"]): when(part) for part in table})


def change_rows(fit: SeriesFit, first: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the changes of a joint fit as a table.

    Parameters
    ----------
    fit : SeriesFit
        The joint fit.
    first : mapping
        What stands in the first columns of the rows of each response.
    """
    lines = _lines(fit)
    changes = percent_changes(fit, SUMS | edited_sums(fit.names), DENOMINATORS)
    common = _common(changes).tolist()
    rows = [
        {
            **first[row.response],
            "metabolite": reported(row.metabolite),
            "over": row.over or "none",
            "change_percent": row.percent,
            "change_percent_sd": row.sd,
            "change_percent_common_sd": shared,
            "low95": row.low95,
            "high95": row.high95,
            **lines[row.response],
            "status": fit.status.word,
            "flags": " ".join(flag.code for flag in fit.flags),
            "doubts": "; ".join(flag.message for flag in fit.flags),
        }
        for row, shared in zip(changes.rows, common, strict=True)
    ]
    return pd.DataFrame(rows)


def _common(changes: Changes) -> RealArray:
    """Return of each change the SD that those of all responses have in common, (n_rows,).

    Mostly the error of the baseline: its own SD times the root of their mean correlation.
    NaN of one response.
    """
    places = defaultdict(list)
    for place, row in enumerate(changes.rows):
        places[row.metabolite, row.over].append(place)
    sd = np.array([row.sd for row in changes.rows])
    common = np.full(sd.size, np.nan)
    for own in places.values():
        pairs = len(own) * (len(own) - 1)
        if pairs:
            correlation = changes.covariance[np.ix_(own, own)] / np.outer(sd[own], sd[own])
            shared = float(correlation.sum() - len(own)) / pairs
            common[own] = sd[own] * np.sqrt(max(shared, 0.0))
    return common


def _lines(fit: SeriesFit) -> dict[str, dict[str, float]]:
    """Return how much wider the lines of each later bin are."""
    values, sds = fit.lines
    return {
        name: {"width_change_hz": float(value[1]), "width_change_hz_sd": float(sd[1])}
        for name, value, sd in zip(fit.responses, values, sds, strict=True)
    }
