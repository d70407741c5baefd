"""The defensible ways to make the changes of a trial, as its columns allow them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.allocation import IndexArray
from glxflow.trial.changes import BASELINE_BIN
from glxflow.trial.fit_errors import COMMON, OWN, joint_changes_of
from glxflow.trial.plan import Plan

CONTROLS = ("tnaa_tcr", "fwhm_hz")
"""Columns in which no effect is expected; they are shown and stay out of the curve."""

ALL_BINS = "all bins"
JOINTLY = "bins fitted jointly"
"""Changes as a joint fit gives them; others are differences from the baseline."""

_BASELINE, _MEAN_BASELINE, _LAST_BASELINE = (
    f"{what} subtracted" for what in ("baseline", "mean of baseline bins", "last baseline bin")
)

WORST_SHARE = 0.05
"""Share of rows that strict quality control takes away by each figure of merit."""

_Joint = dict[str, pd.Series]
_OUTCOME = re.compile(r"^(glx|glu|gln)_(tnaa|tcr|tcho|water)$")
_NONE, _MODERATE, _STRICT = "none", "moderate", "strict"
_WORSE_IF = {"fwhm_hz": 1.0, "snr": -1.0}


@dataclass(frozen=True, slots=True)
class Cells:
    """Changes from the baseline in one universe, a row a session and bin.

    Attributes
    ----------
    who : (n_rows,) ndarray of int
        Places of participants among all.
    is_late : (n_rows,) bool ndarray
        Whether the row is of period 2.
    bin : (n_rows,) ndarray of int
        Number of the bin among those present.
    delta, base : (n_rows,) ndarray
        Change, and the session's baseline.
    own_variance, common_variance : (n_rows,) ndarray
        Squared errors of `delta` by the fits, of a row alone and of what all bins of a
        session have in common; NaN where there are none, and of differences where there are
        joint changes: what separate fits have in common is no error of their difference.
    sex : (n_rows,) ndarray
        +1 and -1; NaN where unknown, or where there is one sex only.
    """

    who: IndexArray
    is_late: BoolArray
    bin: IndexArray
    delta: RealArray
    base: RealArray
    own_variance: RealArray
    common_variance: RealArray
    sex: RealArray

    @property
    def session(self) -> IndexArray:
        """Number of the session of each row."""
        return 2 * self.who + self.is_late

    @property
    def has_error(self) -> BoolArray:
        """Which rows have a change of known error."""
        return np.isfinite(self.own_variance + self.common_variance)

    def take(self, kept: BoolArray) -> "Cells":
        """Return some of the rows."""
        return Cells(*(getattr(self, name)[kept] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Universe:
    """One way to make changes.

    Attributes
    ----------
    labels : dict
        outcome, baseline, window and qc.
    cells : Cells
        Its data.
    """

    labels: dict[str, str]
    cells: Cells


def universes(trial: pd.DataFrame, plan: Plan) -> Iterator[Universe]:
    """Yield every way to make changes that the columns allow and that differs from the others.

    Parameters
    ----------
    trial : DataFrame
        The long table, its design checked.
    plan : Plan
        Names the planned outcome, which may be any column.
    """
    columns = [str(name) for name in trial]
    # Errors and joint changes, too, are columns that begin with an outcome's name.
    outcomes = list(dict.fromkeys([plan.outcome, *filter(_OUTCOME.match, columns)]))
    outcomes += [name for name in CONTROLS if name in trial and name not in outcomes]
    baselines = trial.loc[trial["bin"] <= BASELINE_BIN, "bin"].unique()
    starts = [_MEAN_BASELINE, _LAST_BASELINE] if len(baselines) > 1 else [_BASELINE]
    for outcome in outcomes:
        values = pd.to_numeric(trial[outcome], errors="coerce").to_numpy(dtype=np.float64)
        joint = joint_changes_of(trial, outcome)
        for start, has in _ways(trial, values, starts, joint):
            sets = _quality_sets(trial, outcome, has)
            for (qc, kept), window in product(sets.items(), _windows(trial).items()):
                name, bins = window
                labels = {"outcome": outcome, "baseline": start, "window": name, "qc": qc}
                yield Universe(labels, _cells(trial, outcome, values, joint, kept, start, bins))


def _ways(
    trial: pd.DataFrame, values: RealArray, starts: list[str], joint: _Joint | None
) -> Iterator[tuple[str, BoolArray]]:
    """Yield how changes can be measured, and which rows have what that needs."""
    has = np.isfinite(values)
    for start in starts:
        yield start, has
    if joint is not None:
        is_baseline = trial["bin"].to_numpy() <= BASELINE_BIN
        yield JOINTLY, np.where(is_baseline, has, joint["delta"].notna().to_numpy())


def _windows(trial: pd.DataFrame) -> dict[str, npt.NDArray[np.int64]]:
    """Return the bins of each window: all, and the early and the late half."""
    bins = np.sort(trial.loc[trial["bin"] > BASELINE_BIN, "bin"].unique())
    half = bins.size // 2
    windows = {ALL_BINS: bins}
    return windows if half == 0 else windows | {"early": bins[:half], "late": bins[half:]}


def _quality_sets(trial: pd.DataFrame, outcome: str, has: BoolArray) -> dict[str, BoolArray]:
    """Return the rows of each strictness of quality control, where they differ."""
    sets = {_NONE: has}
    if "qc_pass" not in trial:
        return sets
    passed = has & (trial["qc_pass"].to_numpy(dtype=np.float64) == 1)
    strict = passed.copy()
    for name, sign in (_WORSE_IF | {f"{outcome}_sd": 1.0}).items():
        if name in trial and name != outcome:
            badness = sign * trial[name].to_numpy(dtype=np.float64)
            # Over the whole table: a limit must not depend on the allocation.
            strict &= ~(badness > np.nanquantile(badness, 1 - WORST_SHARE))
    stricter = ((_MODERATE, passed, has), (_STRICT, strict, passed))
    return sets | {name: rows for name, rows, laxer in stricter if not np.array_equal(rows, laxer)}


def _cells(
    trial: pd.DataFrame,
    outcome: str,
    values: RealArray,
    joint: _Joint | None,
    kept: BoolArray,
    start: str,
    bins: npt.NDArray[np.int64],
) -> Cells:
    """Return the changes of the kept rows from their session's baseline."""
    number = trial["bin"].to_numpy()
    who = pd.factorize(trial["subject"])[0]
    is_late = (trial["period"] == 2).to_numpy()
    session = 2 * who + is_late
    squared = _squared_errors(trial, outcome)
    first = kept & (number <= BASELINE_BIN)
    if start == _LAST_BASELINE:
        first &= number == BASELINE_BIN
    count = np.bincount(session[first], minlength=2 * len(trial))
    with np.errstate(divide="ignore", invalid="ignore"):
        base = np.bincount(session[first], values[first], 2 * len(trial)) / count
        error = np.bincount(session[first], squared[first], 2 * len(trial)) / count**2
    if joint is None:
        found = {"delta": values - base[session], OWN: squared, COMMON: error[session]}
    elif start == JOINTLY:
        found = {name: column.to_numpy(dtype=np.float64) for name, column in joint.items()}
    else:
        unknown = np.full(len(trial), np.nan)
        found = {"delta": values - base[session], OWN: unknown, COMMON: unknown}
    rows = kept & np.isin(number, bins) & np.isfinite(base[session] + found["delta"])
    return Cells(
        who=who[rows],
        is_late=is_late[rows],
        bin=np.unique(number[rows], return_inverse=True)[1],
        delta=found["delta"][rows],
        base=base[session[rows]],
        own_variance=found[OWN][rows],
        common_variance=found[COMMON][rows],
        sex=_sex_codes(trial)[rows],
    )


def _squared_errors(trial: pd.DataFrame, outcome: str) -> RealArray:
    """Return the squared errors of an outcome, NaN where there are none."""
    column = f"{outcome}_sd"
    if column not in trial:
        return np.full(len(trial), np.nan)
    squared: RealArray = trial[column].to_numpy(dtype=np.float64) ** 2
    return squared


def _sex_codes(trial: pd.DataFrame) -> RealArray:
    """Return +1 and -1 for the two sexes, NaN where there are not two."""
    if "sex" not in trial or trial["sex"].nunique() != 2:
        return np.full(len(trial), np.nan)
    first = sorted(trial["sex"].dropna().unique())[0]
    codes = np.where(trial["sex"] == first, 1.0, -1.0)
    return np.where(trial["sex"].isna(), np.nan, codes)
