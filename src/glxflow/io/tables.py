"""Tables as BIDS wants them (TSV, `n/a` for missing) and their JSON companions."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from glxflow.errors import ConfigError, TableError
from glxflow.io.files import atomic_path
from glxflow.io.readable import why_not_read

_NO_NUMBER = ("NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "None", "NULL", "null")
"""How other programs write a missing number; in text they are labels like any other."""


def read_tsv(path: Path, text: tuple[str, ...] = (), separator: str = "\t") -> pd.DataFrame:
    """Return a table; `n/a` and nothing are missing, and so is NA among numbers.

    Parameters
    ----------
    path : Path
        The table.
    text : tuple of str
        Columns that stay text even where they look like numbers.
    separator : str
        Between columns: a tab or a comma.

    Raises
    ------
    TableError
        If the file is absent, empty, no such table, or cannot be read.
    """
    try:
        table = pd.read_csv(
            path, sep=separator, keep_default_na=False, na_values=["n/a", ""],
            dtype=dict.fromkeys(text, "str"),
        )  # fmt: skip
    except (FileNotFoundError, PermissionError) as error:
        raise TableError(f"{path}: {why_not_read(path, error)}") from None
    except pd.errors.EmptyDataError:
        raise TableError(f"{path}: the file is empty. Restore or write it again.") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        kind, ending = ("comma", "CSV") if separator == "," else ("tab", "TSV")
        raise TableError(
            f"{path}: not a {kind}-separated table ({error}). Save it again as {ending} in UTF-8."
        ) from error
    if not isinstance(table.index, pd.RangeIndex):
        # Pandas takes the first column for names of rows, and every value moves by one.
        raise TableError(
            f"{path}: rows have more values than the heading has columns, as with a separator at "
            "the end of each row. Save it again with as many values as columns."
        )
    for name in table:
        if name not in text and not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = _numbers(table[name])
    return table


def _numbers(column: pd.Series) -> pd.Series:
    """Return a column as numbers where each entry is one or stands for a missing one."""
    known = column.mask(column.isin(_NO_NUMBER))
    numbers = pd.to_numeric(known, errors="coerce")
    return numbers if numbers.notna().equals(known.notna()) else column


def write_tsv(path: Path, table: pd.DataFrame) -> None:
    """Write a table with tabs and `n/a` for missing values."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", na_rep="n/a", index=False)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises
    ------
    TableError
        If the file is absent, cannot be read, or holds no JSON object.
    """
    try:
        # Editors on Windows put a byte-order mark before the text.
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, PermissionError) as error:
        raise TableError(f"{path}: {why_not_read(path, error)}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not JSON ({error}). Mend or make the file again.") from error
    if not isinstance(content, dict):
        raise TableError(f"{path}: holds a {type(content).__name__}, expected an object.")
    return content


def object_of(option: str, text: str) -> dict[str, Any]:
    """Return the object that an option of the command line gives as JSON.

    Raises
    ------
    ConfigError
        If it is no JSON, or no object.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{option} {text!r} is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{option} is {text!r}, expected an object such as {{}}.")
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object as JSON; NaN and infinity, which JSON lacks, become null."""
    text = json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    """Replace what JSON cannot say by null, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
