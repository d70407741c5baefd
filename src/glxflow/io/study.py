"""Who took part, when and under which condition; and the clinical scores."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from glxflow.errors import TableError, join_problems
from glxflow.io.instruments import impossible_totals
from glxflow.io.scan_names import LABEL
from glxflow.io.tables import read_tsv

_LABELS = ("participant_id", "session_id", "sex", "sequence", "condition", "infusion")

_SEXES = {
    written: word[0].upper()
    for word in ("male", "female", "other")
    for written in (word, word.upper(), word.title(), word[0])
}
"""The words of BIDS, and what tables of results call them."""

_NUMBER = "a number"
_EXPECTED = {
    "not_nullable": "a value",
    "field_uniqueness": "a value of its own: another line has it, too",
    "multiple_fields_uniqueness": "a line of its own: another has the same participant, session "
    "and day",
}


def _unlike_the_others(values: pd.Series) -> pd.Series:
    """Tell which values no other line has; those that are missing are no values."""
    return ~(values.duplicated(keep=False) & values.notna())


PARTICIPANTS = pa.DataFrameSchema(
    {
        "participant_id": pa.Column(
            str,
            pa.Check.str_matches(f"^sub-{LABEL}$", error="a label such as sub-01"),
            unique=True,
        ),
        "sex": pa.Column(
            str,
            pa.Check.isin(["F", "M", "O"], error="male, female, other or n/a"),
            nullable=True,
            required=False,
        ),
        "age": pa.Column(
            float,
            pa.Check.in_range(0, 120, error="an age in years, up to 120"),
            nullable=True,
            coerce=True,
            required=False,
        ),
        "sequence": pa.Column(str, nullable=True, required=False),
    },
)
"""participants.tsv; further columns pass through, and what a design needs it asks for itself."""

SESSIONS = pa.DataFrameSchema(
    {
        "session_id": pa.Column(
            str, pa.Check.str_matches(f"^ses-{LABEL}$", error="a label such as ses-1"), unique=True
        ),
        "period": pa.Column(
            "Int64",
            [
                pa.Check.isin([1, 2, 3, 4], error="a whole number from 1 to 4"),
                pa.Check(_unlike_the_others, error=_EXPECTED["field_uniqueness"]),
            ],
            nullable=True,
            coerce=True,
            required=False,
        ),
        "condition": pa.Column(str, nullable=True),
    },
)
"""sub-*_sessions.tsv of one participant; further columns pass through."""

SCORES = pa.DataFrameSchema(
    {
        "participant_id": pa.Column(str),
        "session_id": pa.Column(str),
        "day": pa.Column(float, coerce=True),
        "total": pa.Column(float, nullable=True, coerce=True),
    },
    unique=["participant_id", "session_id", "day"],
)
"""phenotype/<instrument>.tsv; items and further columns pass through."""


def read_participants(bids_dir: Path) -> pd.DataFrame:
    """Return participants.tsv with subject, sex, age and sequence; what it lacks is missing.

    Raises
    ------
    TableError
        If the table is absent or breaks `PARTICIPANTS`.
    """
    table = _read(bids_dir / "participants.tsv", PARTICIPANTS)
    return table.rename(columns={"participant_id": "subject"})


def read_sessions(bids_dir: Path, subjects: Sequence[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the planned sessions of all participants, and whose table is unusable, with why.

    Returns
    -------
    sessions : DataFrame
        Columns subject, session, period, condition and, where any table has it, infusion;
        a row a planned session.
    problems : dict
        From subject to what is wrong with its table and what to do.
    """
    tables = []
    problems = {}
    for subject in subjects:
        try:
            table = _read(bids_dir / subject / f"{subject}_sessions.tsv", SESSIONS)
        except TableError as error:
            problems[subject] = str(error)
        else:
            tables.append(table.assign(subject=subject))
    columns = ["subject", "session", "period", "condition"]
    if not tables:
        return pd.DataFrame(columns=columns), problems
    sessions = pd.concat(tables, ignore_index=True).rename(columns={"session_id": "session"})
    return sessions[[*columns, *(["infusion"] if "infusion" in sessions else [])]], problems


def scores_of(bids_dir: Path, instrument: str) -> Path:
    """Return where the scores of an instrument are, or would be."""
    return bids_dir / "phenotype" / f"{instrument}.tsv"


def read_scores(bids_dir: Path, instrument: str) -> pd.DataFrame:
    """Return the total scores of one instrument: subject, session, day and the score.

    Raises
    ------
    TableError
        If the table is absent or breaks `SCORES`, or totals are none that the instrument has.
    """
    path = scores_of(bids_dir, instrument)
    table = _read(path, SCORES)
    impossible, expected = impossible_totals(instrument, table["total"])
    lines = np.flatnonzero(impossible) + 2
    problems = [
        f"column 'total' in line {line} holds {value:g}, expected {expected}"
        for line, value in zip(lines, table.loc[impossible, "total"], strict=True)
    ]
    _stop_at(path, problems)
    names = {"participant_id": "subject", "session_id": "session", "total": instrument}
    return table.rename(columns=names)[["subject", "session", "day", instrument]]


def _read(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return a table that keeps its schema, or list every way in which it does not."""
    if not path.exists() and not path.is_symlink():
        needed = ", ".join(name for name, column in schema.columns.items() if column.required)
        raise TableError(f"{path}: no such file. Write this table, with the columns {needed}.")
    table = read_tsv(path, text=_LABELS)
    if "sex" in table:
        table["sex"] = table["sex"].replace(_SEXES)
    try:
        checked = schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        _stop_at(path, _problems(errors.failure_cases.to_dict("records")))
        raise
    # What may be absent is missing everywhere.
    return checked.reindex(columns=list(dict.fromkeys((*checked, *schema.columns))))


def _stop_at(path: Path, problems: Sequence[str]) -> None:
    """Refuse a table with which anything is wrong."""
    if problems:
        raise TableError(join_problems(str(path), problems) + "\n  Correct the table.")


def _problems(cases: Iterable[Mapping[Hashable, Any]]) -> list[str]:
    """Put what is wrong with a table into words, the first that is wrong with each value."""
    words: dict[tuple[object, object], str] = {}
    for case in cases:
        check, found, row = str(case["check"]), case["failure_case"], case["index"]
        if check == "column_in_dataframe":
            words.setdefault((found, None), f"column {found!r} is missing")
        elif not pd.isna(row):
            if check.startswith(("dtype", "coerce_dtype")):
                check = _NUMBER
            # Line 1 of the file is the header, so that row 0 stands in line 2.
            words.setdefault(
                (case["column"], row),
                f"column {case['column']!r} in line {int(row) + 2} holds {found!r}, expected "
                f"{_EXPECTED.get(check, check)}",
            )
    return list(words.values())
