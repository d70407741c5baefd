"""The table of estimates as a reader sees it: every value with its uncertainty."""

import math
from typing import Any

import pandas as pd

from glxflow.report.numbers import MISSING, number, with_sd
from glxflow.spectrum import percent

FIRST = ("Glx", "Glu", "Gln", "GABA+", "tNAA", "tCr", "tCho", "mI")
"""What the trial is about, and what it is measured against; the rest follows by name."""

HEADLINE = {
    "Glx/tNAA ± SD": ("Glx", "ratio_tnaa"),
    "Glu/tCr ± SD": ("Glu", "ratio_tcr"),
}
"""Numbers that stand above the figure: label, then metabolite and column."""

EDITED_HEADLINE = {"GABA+/tCr ± SD": ("GABA+", "ratio_tcr")}
"""Likewise, what an edited scan is made for."""

_OF_AMPLITUDE = ("amplitude", "sd", "crlb", "sd_model", "limit95")

_MODEL_COLUMNS = {
    "glu_tcr": "Glu/tCr",
    "gln_tcr": "Gln/tCr",
    "glx_tcr": "Glx/tCr",
    "glx_tnaa": "Glx/tNAA",
    "gabaplus_tcr": "GABA+/tCr",
}


def estimate_rows(estimates: pd.DataFrame) -> dict[str, Any]:
    """Return columns and rows of the table of one spectrum.

    Parameters
    ----------
    estimates : DataFrame
        As in `ScanPage`, rows of one bin. Columns without any value are left out.

    Returns
    -------
    dict
        `columns`: list of headings; `rows`: list of name, whether it is among
        `FIRST`, cells, and what there is to doubt.
    """
    shown = [column for column in _COLUMNS if _has_values(estimates, column[1])]
    if not shown:
        return {"columns": [], "rows": []}
    # Sentences say what the codes stand for.
    doubt = _words("doubts" if _has_values(estimates, "doubts") else "flags")
    scaled, power = _scaled(estimates)
    records = sorted(scaled.to_dict("records"), key=_place)
    return {
        "columns": [
            heading + (power if column == "amplitude" else "") for heading, column, _ in shown
        ],
        "rows": [
            {
                "name": str(record["metabolite"]),
                "first": record["metabolite"] in FIRST,
                "cells": [cell(record) for _, _, cell in shown],
                "doubt": doubt(record),
            }
            for record in records
        ],
    }


def model_rows(models: pd.DataFrame) -> dict[str, Any]:
    """Return what the table of models shows: choice, model, weight and ratios as texts.

    Parameters
    ----------
    models : DataFrame
        As in `ScanPage`.

    Returns
    -------
    dict
        `columns`: headings of the ratios it has; `rows`: list of name and cells.
    """
    shown = {name: heading for name, heading in _MODEL_COLUMNS.items() if name in models}
    rows = [
        {
            "name": f"{row['choice']}: {row['model']}" if row["model"] else row["choice"],
            "cells": [
                "" if math.isnan(row["weight"]) else percent(row["weight"]),
                *(number(float(row[column])) for column in shown),
            ],
        }
        for row in models.to_dict("records")
    ]
    return {"columns": list(shown.values()), "rows": rows}


def session_value(estimates: pd.DataFrame, metabolite: str, column: str) -> str:
    """Return one value with its SD; n/a where it was not measured."""
    if estimates.empty or column not in estimates:
        return MISSING
    rows = estimates[estimates["metabolite"] == metabolite]
    if rows.empty:
        return MISSING
    return with_sd(float(rows[column].iloc[0]), float(rows[f"{column}_sd"].iloc[0]))


def _scaled(estimates: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return amplitudes and their SDs over a power of 1000, and what their heading says of it.

    The unit of a scanner's signal is any.
    """
    largest = float(estimates["amplitude"].max())
    if not 0 < largest < math.inf:
        return estimates, ""
    exponent = 3 * math.floor(math.log10(largest) / 3)
    columns = [column for column in _OF_AMPLITUDE if column in estimates]
    scaled = estimates.assign(**{name: estimates[name] / 10.0**exponent for name in columns})
    return scaled, f", in 1e{exponent}".replace("-", "−") if exponent else ""


def _place(record: dict[Any, Any]) -> tuple[int, str]:
    """Return where a metabolite stands in the table."""
    name = str(record["metabolite"])
    return (FIRST.index(name) if name in FIRST else len(FIRST), name.lower())


def _has_values(estimates: pd.DataFrame, column: str) -> bool:
    """Return whether a column is there and not empty."""
    return column in estimates and bool(
        (estimates[column].notna() & (estimates[column] != "")).any()
    )


def _value(record: dict[Any, Any], column: str) -> float:
    """Return a number of a row; NaN where it is missing."""
    value = record.get(column, math.nan)
    return math.nan if value is None else float(value)


def _with_sd(column: str, spread: str) -> Any:
    """Return the cell that prints a value with its SD, or the upper limit of one at zero."""

    def cell(record: dict[Any, Any]) -> str:
        value, sd = _value(record, column), _value(record, spread)
        limit, of_amplitude = _value(record, "limit95"), _value(record, "sd")
        if value == 0 and sd > 0 and of_amplitude > 0 and math.isfinite(limit):
            return f"0 (95 % below {number(limit * sd / of_amplitude)})"
        return with_sd(value, sd)

    return cell


def _ratio(column: str) -> Any:
    """Return the cell that prints a value of a column with its SD."""
    return _with_sd(column, f"{column}_sd")


def _spread(column: str) -> Any:
    """Return the cell that prints an SD that stands by itself."""
    return lambda record: number(_value(record, column), 2)


def _interval(column: str) -> Any:
    """Return the cell that prints the limits of an interval."""

    def cell(record: dict[Any, Any]) -> str:
        low, high = _value(record, f"{column}_low95"), _value(record, f"{column}_high95")
        if math.isnan(high):
            return ""
        return f"{number(low)} to {number(high)}" if low > 0 else f"below {number(high)}"

    return cell


def _relative(column: str) -> Any:
    """Return the cell that prints an SD as a percentage of the amplitude."""

    def cell(record: dict[Any, Any]) -> str:
        amplitude, sd = _value(record, "amplitude"), _value(record, column)
        if not amplitude > 0 or math.isnan(sd):
            return "–"
        return percent(sd / amplitude, 1) if sd <= amplitude else "> 100 %"

    return cell


def _words(column: str) -> Any:
    """Return what prints a text, or nothing."""

    def cell(record: dict[Any, Any]) -> str:
        value = record.get(column)
        return value if isinstance(value, str) else ""

    return cell


_COLUMNS: tuple[tuple[str, str, Any], ...] = (
    ("to tNAA ± SD", "ratio_tnaa", _ratio("ratio_tnaa")),
    ("± model choice", "ratio_tnaa_sd_model", _spread("ratio_tnaa_sd_model")),
    ("to tCr ± SD", "ratio_tcr", _ratio("ratio_tcr")),
    ("± model choice", "ratio_tcr_sd_model", _spread("ratio_tcr_sd_model")),
    ("to tNAA, profile 95 %", "ratio_tnaa_high95", _interval("ratio_tnaa")),
    ("to tCr, profile 95 %", "ratio_tcr_high95", _interval("ratio_tcr")),
    ("water-scaled ± SD, mmol/kg tissue water", "water_molal", _ratio("water_molal")),
    ("SD", "sd", _relative("sd")),
    ("CRLB", "crlb", _relative("crlb")),
    ("SD of model choice", "sd_model", _relative("sd_model")),
    ("amplitude ± SD", "amplitude", _with_sd("amplitude", "sd")),
)
