"""Fit a mixed model in R, where it is installed: a second opinion by lme4, lmerTest, pbkrtest.

R runs as a program of its own; tables go out and come back as files.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path

import pandas as pd

from glxflow.errors import ConfigError

_NO_PACKAGES = 3


def find_r() -> str:
    """Return the program that runs R.

    Raises
    ------
    ConfigError
        If there is none.
    """
    program = shutil.which("Rscript")
    if program is None:
        raise ConfigError(
            "engine r: no program Rscript was found. Install R with the packages lme4, lmerTest "
            "and pbkrtest, or leave the engine out."
        )
    return program


def fit_in_r(
    formula: str,
    table: pd.DataFrame,
    levels: Mapping[str, Sequence[object]],
    contrasts: pd.DataFrame,
) -> pd.DataFrame:
    """Return tests of contrasts of a mixed model fitted by REML in R.

    Parameters
    ----------
    formula : str
        In lme4's notation.
    table : DataFrame
        The rows; columns that are no factors must be numbers.
    levels : mapping
        From each factor of the formula to its levels in order. Contrasts sum to zero.
    contrasts : DataFrame
        A row a contrast, a column a coefficient by R's name.

    Returns
    -------
    DataFrame
        df_method, estimate, se, df, statistic, p; all contrasts by Kenward-Roger, then
        all by Satterthwaite.

    Raises
    ------
    ConfigError
        If R or one of the packages is not installed, or R stops.
    """
    program = find_r()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, formula, table, levels, contrasts)
        with as_file(files("glxflow.io").joinpath("r_engine.R")) as script:
            ran = subprocess.run(
                [program, "--vanilla", str(script), str(folder)],
                capture_output=True,
                text=True,
                check=False,
            )
        if ran.returncode == _NO_PACKAGES:
            raise ConfigError(
                f"engine r: {ran.stderr.strip()}. Install them in R, or leave the engine out."
            )
        if ran.returncode:
            last = ran.stderr.strip().splitlines()[-1:]
            raise ConfigError(f"engine r: R stopped at {formula!r}: {' '.join(last)}")
        return pd.read_csv(folder / "tests.csv")


def _write(
    folder: Path,
    formula: str,
    table: pd.DataFrame,
    levels: Mapping[str, Sequence[object]],
    contrasts: pd.DataFrame,
) -> None:
    """Write what R reads, numbers with all their digits."""
    (folder / "formula.txt").write_text(formula, encoding="utf-8")
    table.to_csv(folder / "table.csv", index=False)
    pairs = [(name, level) for name, own in levels.items() for level in own]
    pd.DataFrame(pairs, columns=["name", "level"]).to_csv(folder / "levels.csv", index=False)
    contrasts.to_csv(folder / "contrasts.csv", index=False)
