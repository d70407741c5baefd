"""The table that says which raw file is whose scan, and where it goes in BIDS."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from glxflow.errors import TableError, join_problems
from glxflow.io.scan_names import LABEL
from glxflow.io.tables import read_tsv

COLUMNS = ("participant", "session", "file", "role", "task")

KNOWN_FIELDS = ("EchoTime", "RepetitionTime", "SpectrometerFrequency", "SpectralWidth")
"""Further columns for what a raw file does not say, in s, s, MHz and Hz."""

ROLES = {"svs": "svs", "water": "mrsref"}
"""What a raw file holds, and the BIDS suffix it gets."""


@dataclass(frozen=True, slots=True)
class RawScan:
    """One raw file and its place in the data set.

    Attributes
    ----------
    source : Path
        Vendor's file or folder.
    subject, session : str
        BIDS labels with their prefix, `sub-01` and `ses-1`.
    suffix : {"svs", "mrsref"}
        What it holds.
    task : str
        Task label, or nothing.
    known : mapping
        `KNOWN_FIELDS` that the table gives, by name.
    """

    source: Path
    subject: str
    session: str
    suffix: str
    task: str
    known: Mapping[str, float]

    @property
    def target(self) -> Path:
        """NIfTI file relative to the root of the data set."""
        task = f"_task-{self.task}" if self.task else ""
        name = f"{self.subject}_{self.session}{task}_{self.suffix}.nii.gz"
        return Path(self.subject) / self.session / "mrs" / name


def read_mapping(path: Path) -> tuple[RawScan, ...]:
    """Return the raw scans a mapping table lists, in its order.

    Parameters
    ----------
    path : Path
        Tab-separated table with the columns participant, session, file, role and
        task. Files are relative to the table; role is svs or water; an empty task
        is allowed. Columns named as in `KNOWN_FIELDS` are read too, where present.

    Raises
    ------
    TableError
        If columns, labels, roles or files are not as they must be, or two rows
        have one target; every problem is listed.
    """
    table = read_tsv(path, text=COLUMNS)
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise TableError(
            f"{path}: no column {', '.join(missing)} (found: {', '.join(table.columns)}). "
            f"Expected {', '.join(COLUMNS)}, separated by tabs."
        )
    table = table.assign(**table[list(COLUMNS)].fillna(""))
    problems = [
        # Line 1 of the file is the header, so that row 0 stands in line 2.
        f"line {line}: {problem}"
        for line, (_, row) in enumerate(table.iterrows(), start=2)
        for problem in _problems(row, path.parent)
    ]
    scans = tuple(_scan(row, path.parent) for _, row in table.iterrows()) if not problems else ()
    targets = pd.Series([str(scan.target) for scan in scans], dtype=str)
    problems += [f"several rows become {name}" for name in targets[targets.duplicated()].unique()]
    if problems:
        raise TableError(join_problems(str(path), problems) + "\n  Correct the table.")
    return scans


def _problems(row: "pd.Series[str]", folder: Path) -> list[str]:
    """List what is wrong with one row."""
    problems = [
        f"{name} is {row[name]!r}, expected letters, digits and + only"
        for name, prefix in (("participant", "sub-"), ("session", "ses-"), ("task", "task-"))
        if not re.fullmatch(LABEL, row[name].removeprefix(prefix))
        and not (name == "task" and row[name] == "")
    ]
    if row["role"] not in ROLES:
        problems.append(f"role is {row['role']!r}, expected {' or '.join(ROLES)}")
    if not row["file"] or not (folder / row["file"]).exists():
        problems.append(f"file {row['file']!r} does not exist in {folder}")
    problems += [
        f"{name} is {row[name]!r}, expected a positive number or n/a"
        for name in KNOWN_FIELDS
        if name in row and pd.notna(row[name]) and not _is_positive(row[name])
    ]
    return problems


def _is_positive(value: object) -> bool:
    """Tell whether a cell holds a positive number."""
    return isinstance(value, int | float) and value > 0


def _scan(row: "pd.Series[str]", folder: Path) -> RawScan:
    """Return the record of one checked row."""
    return RawScan(
        source=folder / row["file"],
        subject="sub-" + row["participant"].removeprefix("sub-"),
        session="ses-" + row["session"].removeprefix("ses-"),
        suffix=ROLES[row["role"]],
        task=row["task"].removeprefix("task-"),
        known={
            name: float(row[name]) for name in KNOWN_FIELDS if name in row and pd.notna(row[name])
        },
    )
