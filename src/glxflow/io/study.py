"""Who took part, when and under which condition; and the clinical scores."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from glxflow.errors import TableError, join_problems
from glxflow.io.tables import read_tsv

_LABELS = ("participant_id", "session_id", "sex", "sequence", "condition")

PARTICIPANTS = pa.DataFrameSchema(
    {
        "participant_id": pa.Column(str, pa.Check.str_matches(r"^sub-[0-9A-Za-z]+$"), unique=True),
        "sex": pa.Column(str, pa.Check.isin(["F", "M", "O"]), nullable=True),
        "age": pa.Column(float, pa.Check.in_range(0, 120), nullable=True, coerce=True),
        "sequence": pa.Column(str, nullable=True),
    }
)
"""participants.tsv; further columns pass through."""

SESSIONS = pa.DataFrameSchema(
    {
        "session_id": pa.Column(str, pa.Check.str_matches(r"^ses-[0-9A-Za-z]+$"), unique=True),
        "period": pa.Column(int, pa.Check.isin([1, 2, 3, 4]), unique=True, coerce=True),
        "condition": pa.Column(str, nullable=True),
    }
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
    """Return participants.tsv with subject, sex, age and sequence.

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


def read_scores(bids_dir: Path, instrument: str) -> pd.DataFrame:
    """Return the total scores of one instrument: subject, session, day and the score.

    Raises
    ------
    TableError
        If the table is absent or breaks `SCORES`.
    """
    table = _read(bids_dir / "phenotype" / f"{instrument}.tsv", SCORES)
    names = {"participant_id": "subject", "session_id": "session", "total": instrument}
    return table.rename(columns=names)[["subject", "session", "day", instrument]]


def _read(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return a table that keeps its schema, or list every way in which it does not."""
    table = read_tsv(path, text=_LABELS)
    try:
        return schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        problems = [_problem(case) for case in errors.failure_cases.to_dict("records")]
        raise TableError(join_problems(str(path), problems) + "\n  Correct the table.") from errors


def _problem(case: dict[str, object]) -> str:
    """Put one failure of a table into words."""
    if case["check"] == "column_in_dataframe":
        return f"column {case['failure_case']!r} is missing"
    row = case["index"]
    # Line 1 of the file is the header, so that row 0 stands in line 2.
    line = f" in line {int(row) + 2}" if isinstance(row, int | float) and row == row else ""
    return f"column {case['column']!r}{line} holds {case['failure_case']!r}, not {case['check']}"
