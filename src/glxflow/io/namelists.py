"""Fortran namelists with numbers between them, as LCModel's files have them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from glxflow.errors import BasisError
from glxflow.spectrum import RealArray

_GROUP = re.compile(
    r"[$&](?P<name>(?!end\b)\w+)(?P<body>.*?)(?:[$&]end\b|^\s*/\s*$)", re.I | re.S | re.M
)
_FIELD = re.compile(r"(\w+)\s*(?:\([\d\s,:]*\))?\s*=\s*('[^'\n]*'|\"[^\"\n]*\"|[^,\s]+)")
_LAYOUT = re.compile(r"(\d*)[EFDG](\d+)(?:\.\d+)?", re.I)


@dataclass(frozen=True, slots=True)
class Namelist:
    """One header group and the text that follows it.

    Attributes
    ----------
    name : str
        Without `$`, in lower case.
    path : Path
        The file, for messages.
    line : int
        Where the group begins, counted from 1.
    fields : mapping
        Values as written, without quotes; names in lower case.
    lines : int
        Number of lines that the group itself takes, less one.
    data : str
        The text up to the next group.
    """

    name: str
    path: Path
    line: int
    fields: Mapping[str, str]
    lines: int
    data: str

    def text(self, field: str, default: str | None = None) -> str:
        """Return a field as text."""
        value = self.fields.get(field, default)
        if value is None:
            raise BasisError(
                f"{self.path}, line {self.line}: ${self.name.upper()} has no "
                f"{field.upper()}. Add the line to the file, or export it again."
            )
        return value

    def number(self, field: str, default: float | None = None) -> float:
        """Return a field as a number."""
        text = self.text(field, None if default is None else str(default))
        try:
            return float(text.upper().replace("D", "E"))
        except ValueError:
            raise BasisError(
                f"{self.path}, line {self.line}: {field.upper()} of ${self.name.upper()} is "
                f"{text!r}, expected a number. Correct it, or export the file again."
            ) from None


def read_namelists(path: Path) -> list[Namelist]:
    """Return the groups of a file in their order.

    Raises
    ------
    BasisError
        If the file is absent or no text.
    """
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise BasisError(f"{path}: cannot be read ({error.strerror}). Check the path.") from None
    matches = list(_GROUP.finditer(text))
    starts = [match.start() for match in matches]
    # Counted from group to group: from the start of the file each time it takes as long as a fit.
    breaks = accumulate(text.count("\n", *part) for part in pairwise([0, *starts]))
    return [
        Namelist(
            name=match["name"].lower(),
            path=path,
            line=before + 1,
            fields={
                name.lower(): value.strip("'\" ") for name, value in _FIELD.findall(match["body"])
            },
            lines=match[0].count("\n"),
            data=text[match.end() : following],
        )
        for match, following, before in zip(
            matches, [*starts[1:], len(text)], breaks, strict=False
        )
    ]


def fortran_numbers(group: Namelist, layout: str) -> RealArray:
    """Return the numbers after a group, (n,); columns that touch are split by `layout`.

    Parameters
    ----------
    group : Namelist
        Its `data` are lines of numbers.
    layout : str
        Fortran format such as ``(8E13.5)``; used only where spaces do not
        separate the numbers, as in "-1.0E+00-2.0E+00".

    Raises
    ------
    BasisError
        If a piece is no number; the message names its line.
    """
    text = group.data.upper().replace("D", "E")
    try:
        return np.array(text.split(), dtype=np.float64)
    except ValueError:
        first = group.line + group.lines
        rows = [
            _row(group.path, first + n, line, layout) for n, line in enumerate(text.split("\n"))
        ]
    return np.concatenate(rows)


def _row(path: Path, number: int, line: str, layout: str) -> RealArray:
    """Return the numbers of one line."""
    for pieces in (line.split(), _fixed_columns(line, layout)):
        try:
            return np.array(pieces, dtype=np.float64)
        except ValueError:
            continue
    raise BasisError(
        f"{path}, line {number}: {line.strip()[:40]!r} are no numbers (format "
        f"{layout or 'not given'}). The file is damaged or was edited: export it again."
    )


def _fixed_columns(line: str, layout: str) -> list[str]:
    """Return the columns of a Fortran format; blank ones at the line's end are dropped."""
    match = _LAYOUT.search(layout)
    if match is None:
        return line.split()
    width = int(match[2])
    columns = (line[start : start + width].strip() for start in range(0, len(line), width))
    return [column for column in columns if column]
