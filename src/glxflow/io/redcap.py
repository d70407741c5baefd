"""Turn a flat REDCap export into phenotype tables, with scores computed from their items."""

import csv
import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from glxflow.errors import TableError, join_problems
from glxflow.io.instruments import INSTRUMENTS, impossible_totals
from glxflow.io.scan_names import LABEL
from glxflow.io.tables import read_json, write_json, write_tsv

EVENT_COLUMN = "redcap_event_name"


def convert_redcap(export: Path, plan_path: Path, out: Path) -> tuple[str, ...]:
    """Write a phenotype table and its description for each instrument of a plan.

    Parameters
    ----------
    export : Path
        Flat CSV export with raw values, one row a record and event.
    plan_path : Path
        JSON object with `participant` (column of the identifier), `events` (from
        unique event name to `session` and `day`; events left out are skipped) and
        `instruments` (from name to `items`, the columns of its items, or `total`).
    out : Path
        Folder `phenotype`.

    Returns
    -------
    tuple of str
        Notes: totals that are missing because items are, and skipped events.

    Raises
    ------
    TableError
        If columns are missing or renamed, no row is of a planned event, values lie
        outside of the range of an item, or a participant has two rows for one event;
        all are listed. Nothing is written then.
    """
    table, plan = _read_export(export), read_json(plan_path)
    _check_plan(plan_path, plan)
    _check_columns(export, table, plan)
    _check_events(export, table, plan)
    rows, skipped = _planned_rows(table, plan)
    notes = [f"{export}: event {name!r} is not in the plan, skipped" for name in skipped]
    found = {
        name: _scores(export, rows, name, columns) for name, columns in plan["instruments"].items()
    }
    for name, (scores, missing) in found.items():
        notes += [f"{export}: {text}" for text in missing]
        write_tsv(out / f"{name}.tsv", scores)
        write_json(out / f"{name}.json", _description(name, list(scores.columns)))
    return tuple(notes)


def _read_export(path: Path) -> pd.DataFrame:
    """Return the export as text; REDCap writes UTF-8 with or without a mark at its start."""
    try:
        return pd.read_csv(path, dtype=str, encoding="utf-8-sig", quoting=csv.QUOTE_MINIMAL)
    except FileNotFoundError:
        raise TableError(f"{path}: no such file. Check the path.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(
            f"{path}: not a comma-separated table ({error}). Export again as CSV, raw data."
        ) from error


def _check_plan(path: Path, plan: Mapping[str, Any]) -> None:
    """List what the plan lacks."""
    problems = [
        f"no {key!r}" for key in ("participant", "events", "instruments") if key not in plan
    ]
    for name, columns in plan.get("instruments", {}).items():
        known = INSTRUMENTS.get(name)
        if ("items" in columns) == ("total" in columns):
            problems.append(f"instrument {name!r}: expected either 'items' or 'total'")
        elif "items" in columns and known is None:
            problems.append(f"instrument {name!r}: its key is not known, give 'total'")
        elif "items" in columns and known and len(columns["items"]) != known.n_items:
            problems.append(
                f"instrument {name!r}: {len(columns['items'])} items, expected {known.n_items}"
            )
    problems += [
        f"event {name!r}: expected a 'session' of letters, digits and + and a 'day'"
        for name, event in plan.get("events", {}).items()
        if not re.fullmatch(LABEL, str(event.get("session", "")).removeprefix("ses-"))
        or not isinstance(event.get("day"), int | float)
    ]
    if problems:
        raise TableError(join_problems(str(path), problems) + "\n  Correct the plan.")


def _check_columns(export: Path, table: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    """List every column of the plan that the export lacks, with the nearest there is."""
    wanted = [plan["participant"], EVENT_COLUMN]
    for columns in plan["instruments"].values():
        wanted += columns.get("items", [columns.get("total")])
    problems = []
    for name in wanted:
        if name not in table.columns:
            near = difflib.get_close_matches(name, table.columns, n=1)
            problems.append(f"no column {name!r}" + (f" (nearest: {near[0]!r})" if near else ""))
    if problems:
        raise TableError(
            join_problems(str(export), problems)
            + "\n  The project was changed since the plan was written: correct the plan."
        )


def _check_events(export: Path, table: pd.DataFrame, plan: Mapping[str, Any]) -> None:
    """Refuse an export without any row of a planned event: its tables would be empty."""
    if table[EVENT_COLUMN].isin(plan["events"]).any():
        return
    found = ", ".join(map(repr, sorted(set(table[EVENT_COLUMN].dropna())))) or "nothing"
    raise TableError(
        f"{export}: no row belongs to an event of the plan ({', '.join(plan['events'])}); column "
        f"{EVENT_COLUMN!r} holds {found}. Export as CSV with raw data, not labels, and without a "
        "comma at the end of the rows, or correct the plan."
    )


def _planned_rows(table: pd.DataFrame, plan: Mapping[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of planned events with BIDS labels, and the events left out."""
    events = plan["events"]
    skipped = sorted(set(table[EVENT_COLUMN].dropna()) - set(events))
    rows = table[table[EVENT_COLUMN].isin(events)].copy()
    labels = rows[plan["participant"]].fillna("").str.strip().str.removeprefix("sub-")
    bad = sorted({label for label in labels if not re.fullmatch(LABEL, label)})
    if bad:
        raise TableError(
            f"column {plan['participant']!r} holds {', '.join(map(repr, bad))}, expected letters, "
            "digits and + only, as in sub-01. Correct the identifiers."
        )
    width = int(plan.get("digits", 1))
    rows["participant_id"] = "sub-" + labels.str.zfill(width)
    rows["session_id"] = [
        "ses-" + str(events[name]["session"]).removeprefix("ses-") for name in rows[EVENT_COLUMN]
    ]
    rows["day"] = [float(events[name]["day"]) for name in rows[EVENT_COLUMN]]
    return rows, skipped


def _scores(
    export: Path, rows: pd.DataFrame, name: str, columns: Mapping[str, Any]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table of one instrument, and which totals are missing for want of items."""
    fields = columns.get("items", [columns.get("total")])
    # Repeating instruments have rows of their own; rows where all is empty are not of this one.
    filled = rows[rows[fields].notna().any(axis=1)].sort_values(["participant_id", "day"])
    keys = filled[["participant_id", "session_id", "day"]].reset_index(drop=True)
    values = filled[fields].apply(pd.to_numeric, errors="coerce").reset_index(drop=True)
    texts = filled[fields].reset_index(drop=True)
    problems = _value_problems(keys, values, texts, name)
    repeated = keys[keys.duplicated()].drop_duplicates()
    problems += [
        f"{row.participant_id} {row.session_id} day {row.day:g} has several rows"
        for row in repeated.itertuples()
    ]
    if problems:
        raise TableError(
            join_problems(f"{export}: {name}", problems) + "\n  Correct them in REDCap."
        )
    # A sum over missing items would be a lower score that looks like an improvement.
    total = values.sum(axis=1, skipna=False)
    empty = values.isna().sum(axis=1)
    missing = [
        f"{name} of {key.participant_id} {key.session_id} day {key.day:g} has no total: "
        f"{count} of {len(fields)} items are missing"
        for key, count in zip(keys.itertuples(), empty, strict=True)
        if count
    ]
    items = values.set_axis([f"item_{number}" for number in range(1, len(fields) + 1)], axis=1)
    parts = [keys, total.rename("total"), *([items] if "items" in columns else [])]
    return pd.concat(parts, axis=1), missing


def _value_problems(
    keys: pd.DataFrame, values: pd.DataFrame, texts: pd.DataFrame, name: str
) -> list[str]:
    """List values that are no numbers, or outside of what an item or a total can be."""
    wrong = values.isna() & texts.notna()
    known = INSTRUMENTS.get(name)
    if known is not None and values.shape[1] == known.n_items:
        outside = (values < known.lowest) | (values > known.highest) | (values % 1 != 0)
        wrong |= outside & values.notna()
        expected = f"a whole number from {known.lowest} to {known.highest}"
    else:
        impossible, expected = impossible_totals(name, values.iloc[:, 0])
        wrong |= impossible.to_frame(values.columns[0])
    return [
        f"{keys['participant_id'][row]} {keys['session_id'][row]} day {keys['day'][row]:g}: "
        f"{texts.columns[column]} is {texts.iloc[row, column]!r}, expected {expected}"
        for row, column in zip(*wrong.to_numpy().nonzero(), strict=True)
    ]


def _description(name: str, columns: list[str]) -> dict[str, Any]:
    """Return the JSON companion of a table."""
    known = INSTRUMENTS.get(name)
    about = known.name if known else name
    reference = f" doi:{known.reference}" if known else ""
    texts = {
        "participant_id": "Participant",
        "session_id": "Session that the rating belongs to",
        "day": "Day of the rating relative to the infusion of the session",
        "total": f"Sum of all items; {known.missing}" if known else "Total score",
    }
    items = {column: f"Item {column.removeprefix('item_')}" for column in columns}
    return {
        "MeasurementToolMetadata": {"Description": about + reference},
        **{column: {"Description": texts.get(column, items[column])} for column in columns},
    }
