"""Put results of the inference into words; a claim never stands without its interval."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from glxflow.report.numbers import MISSING, interval, number, p_value, true_minus, within

Row = Mapping[Hashable, Any]

_COUNTS = (("n_participants", "participants"), ("n_sessions", "sessions"), ("n_rows", "rows"))
_UNBOUNDED = (
    "not bounded: the effect to be attenuated cannot be told from zero, so that there is no "
    "percentage"
)
_METHODS = {"kenward-roger": "Kenward-Roger", "satterthwaite": "Satterthwaite"}
_HEADINGS = {
    "model": "model",
    "term": "term",
    "outcome": "outcome",
    "estimate": "estimate",
    "se": "SE",
    "statistic": "statistic",
    "df": "df",
    "df_method": "df method",
    "p": "P",
    "p_holm": "P after Holm",
    "p_adjusted": "P in its family",
    "family": "family",
    "n": "participants / sessions / rows",
}


def sentence(row: Row, confidence: float) -> str:
    """Return an estimate with interval, statistic, df, method, P and n, as one sentence.

    Where there is no estimate, the row's note says why.

    Parameters
    ----------
    row : mapping
        The estimate, with its interval.
    confidence : float
        Of the interval.
    """
    note = row.get("note")
    if math.isnan(_number(row, "estimate")) and isinstance(note, str):
        return f"no answer: {true_minus(note)}"
    counts = ", ".join(
        f"{value:g} {noun}"
        for value, noun in ((_number(row, key), noun) for key, noun in _COUNTS)
        if not math.isnan(value)
    )
    df, low, high = (_number(row, key) for key in ("df", "ci_low", "ci_high"))
    method = row.get("df_method")
    parts = [
        f"estimate {within(_number(row, 'estimate'), low, high)}, {_level(confidence)} "
        f"{interval(low, high)}",
        f"statistic {number(_number(row, 'statistic'))} on {number(df)} df"
        + (f" ({_METHODS.get(method, method)})" if isinstance(method, str) else ""),
        p_value(_number(row, "p")),
        counts,
    ]
    return "; ".join(part for part in parts if part) + "."


def _level(confidence: float) -> str:
    """Return what an interval is called."""
    return f"{100 * confidence:.6g} % interval"


def reading(row: Row) -> str:
    """Say what the interval allows, without naming a winner."""
    low, high = _number(row, "ci_low"), _number(row, "ci_high")
    if math.isnan(low) or math.isnan(high):
        return "The interval could not be computed, so that nothing can be concluded."
    if _excludes_zero(low, high):
        return "The interval excludes zero."
    return (
        "The interval holds zero: the data are compatible with no difference, and with every "
        "difference inside the interval. This is no evidence that there is none."
    )


def other_analyses(
    row: Row, outcome: str, sensitivity: pd.DataFrame, classical: pd.DataFrame
) -> pd.DataFrame:
    """Return what else the tables say of a contrast: model, estimate, p, ci_low, ci_high.

    Parameters
    ----------
    row : mapping
        The contrast; `term` is its name.
    outcome : str
        Whose rows of `classical` are meant.
    sensitivity : DataFrame
        The contrast by other choices, a row each.
    classical : DataFrame
        A row per outcome and analysis, whose name begins with that of what it estimates;
        one without an interval has P alone. May be empty.
    """
    columns = ["model", "estimate", "p", "ci_low", "ci_high"]
    found = sensitivity.reindex(columns=columns)
    if classical.empty:
        return found
    start = f"{row['term']}, "
    is_same = (classical["outcome"] == outcome) & classical["analysis"].str.startswith(start)
    own = classical[is_same]
    names = "classical, " + own["analysis"].str.removeprefix(start)
    own = own.assign(model=names).reindex(columns=columns)
    return own if found.empty else pd.concat([found, own], ignore_index=True)


def steadiness(row: Row, others: pd.DataFrame, confidence: float) -> str:
    """Say which other analyses of a contrast come to another end; nothing if there are none.

    Parameters
    ----------
    row : mapping
        The contrast, with its interval.
    others : DataFrame
        From `other_analyses`.
    confidence : float
        Of the intervals; what has P alone excludes zero where P is below the rest.
    """
    low, high = _number(row, "ci_low"), _number(row, "ci_high")
    if others.empty or math.isnan(low) or math.isnan(high):
        return ""
    found: dict[str, list[str]] = {}
    for other in _records(others):
        if difference := _difference(other, low, high, confidence):
            found.setdefault(difference, []).append(_in_brief(other))
    count = f"{len(others)} other analyses of this contrast (below: sensitivity and classical)"
    if not found:
        return f"The {count} have estimates within this interval and come to the same end."
    said = [f"of {len(names)} of them {what}: {'; '.join(names)}" for what, names in found.items()]
    return f"There are {count}; {', and '.join(said)}."


def _difference(other: Row, low: float, high: float, confidence: float) -> str:
    """Say in what another analysis comes to another end than an interval, or nothing."""
    estimate, p, lowest, highest = (
        _number(other, key) for key in ("estimate", "p", "ci_low", "ci_high")
    )
    is_decided = _excludes_zero(low, high)
    if estimate < low or estimate > high:
        return "the estimate lies outside of this interval"
    if not math.isnan(lowest) and is_decided != _excludes_zero(lowest, highest):
        return f"the interval, unlike this one, {'holds' if is_decided else 'excludes'} zero"
    if math.isnan(lowest) and not math.isnan(p) and is_decided != (p < 1 - confidence):
        return f"P, unlike this interval, {'leaves' if is_decided else 'excludes'} zero"
    return ""


def _in_brief(other: Row) -> str:
    """Return an analysis with its estimate and interval, or P where it has no interval."""
    estimate, p, low, high = (
        _number(other, key) for key in ("estimate", "p", "ci_low", "ci_high")
    )
    name = true_minus(str(other["model"]))
    value = "" if math.isnan(estimate) else f"{number(estimate)} "
    return f"{name} ({value}{p_value(p) if math.isnan(low) else interval(low, high)})"


def _excludes_zero(low: float, high: float) -> bool:
    """Tell whether an interval excludes zero; one that is not known does not."""
    return low > 0 or high < 0


def attenuation_sentence(row: Row, confidence: float) -> str:
    """Return a percent attenuation with its interval, or say why there is none.

    The arguments are those of `sentence`.
    """
    estimate, low, high = (_number(row, key) for key in ("estimate", "ci_low", "ci_high"))
    if not all(map(math.isfinite, (estimate, low, high))):
        note = row.get("note")
        return f"{true_minus(note) if isinstance(note, str) and note else _UNBOUNDED}."
    shown = [within(value, low, high) for value in (estimate, low, high)]
    return f"{shown[0]} % ({_level(confidence)} {shown[1]} % to {shown[2]} %)."


def result_table(
    table: pd.DataFrame, confidence: float
) -> tuple[list[str], list[list[str]], list[str]]:
    """Return headings, cells and notes of a table of results, numbers as a reader needs them.

    `ci_low` and `ci_high` become one column, and so do the counts; columns without
    any value are left out. `note`, a sentence, stands below its row.

    Parameters
    ----------
    table : DataFrame
        A row an estimate.
    confidence : float
        Of the plan's intervals.
    """
    # Two one-sided tests against a margin, each at the level of a two-sided one.
    is_one_sided = "margin" in table
    level = _level(2 * confidence - 1 if is_one_sided else confidence)
    columns = [str(column) for column in table if column != "note" and table[column].notna().any()]
    columns = _joined(columns, ["ci_low", "ci_high"], "ci")
    columns = _joined(columns, [name for name, _ in _COUNTS], "n")
    if {"estimate", "ci"} <= set(columns):  # a narrow screen shows no estimate without it
        columns.remove("ci")
        columns.insert(columns.index("estimate") + 1, "ci")
    records = _records(table)
    rows = [[_cell(record, column) for column in columns] for record in records]
    named = _HEADINGS | {"ci": level} | ({"p": "P (one-sided, TOST)"} if is_one_sided else {})
    headings = [named.get(column, column.replace("_", " ")) for column in columns]
    notes = [
        true_minus(note) if isinstance(note := record.get("note"), str) else ""
        for record in records
    ]
    return headings, rows, notes


def _joined(columns: list[str], members: list[str], name: str) -> list[str]:
    """Put one column in the place of several, where all of them are there."""
    if not set(members) <= set(columns):
        return columns
    place = columns.index(members[0])
    rest = [column for column in columns if column not in members]
    return [*rest[:place], name, *rest[place:]]


def _records(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the rows of a table."""
    return table.to_dict("records")


def _cell(record: Row, column: str) -> str:
    """Return one cell as text."""
    if column == "ci":
        low, high = _number(record, "ci_low"), _number(record, "ci_high")
        if math.isnan(low) and math.isnan(high):
            return MISSING
        return interval(low, high).replace(" ", "\u00a0")  # no line break within
    if column == "estimate" and "ci_low" in record:
        return within(*(_number(record, name) for name in ("estimate", "ci_low", "ci_high")))
    if column == "n":
        return "\u00a0/\u00a0".join(f"{_number(record, name):g}" for name, _ in _COUNTS)
    value = record.get(column)
    if column in ("p", "p_holm", "p_adjusted"):
        if math.isnan(_number(record, column)):
            return MISSING
        text = p_value(_number(record, column)).removeprefix("P ").removeprefix("= ")
        return text.replace(" ", "\u00a0")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return MISSING if value is None else true_minus(_METHODS.get(str(value), str(value)))
    is_count = column.startswith("n_") and not math.isnan(value)
    return f"{value:g}" if is_count else number(float(value))


def _number(row: Row, key: str) -> float:
    """Return a number of a row; NaN where it is missing."""
    value = row.get(key)
    return float(value) if isinstance(value, int | float) else math.nan
