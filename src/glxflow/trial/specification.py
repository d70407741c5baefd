"""The models that ask the question of one universe, and their tests under any allocation."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.allocation import AllocationTest, IndexArray, Unit, prepare
from glxflow.trial.universe import Cells

FEWEST = 3
"""Participants that each sequence must have."""

T_TEST = "t test of periods"
SEX_T_TEST = "t test of periods, sexes of equal weight"
RANKS = "ranks of periods"
FIRST_PERIOD = "t test of period 1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one specification says.

    Attributes
    ----------
    estimate : float
        Active minus reference, unit of the outcome; NaN for ranks.
    statistic, df, p : float
        t, its degrees of freedom, and two-sided P.
    n_participants : int
        Who entered.
    """

    estimate: float
    statistic: float
    df: float
    p: float
    n_participants: int


@dataclass(frozen=True, slots=True)
class Differences:
    """One number a participant, and what explains it without and with the allocation.

    Attributes
    ----------
    who : (n_units,) ndarray of int
        Places of the participants among all.
    outcome : (n_units,) ndarray
        Period 1 minus period 2, or period 1 alone.
    fixed : (n_units, n_fixed) ndarray
        Intercept, and covariates.
    moved : (n_units, n_moved) ndarray
        What the side multiplies; the first coefficient is the effect.
    """

    who: IndexArray
    outcome: RealArray
    fixed: RealArray
    moved: RealArray


def session_means(cells: Cells) -> tuple[IndexArray, RealArray, RealArray]:
    """Return sessions with data, and their mean change and baseline, (n_sessions,) each."""
    sessions, place = np.unique(cells.session, return_inverse=True)
    count = np.bincount(place)
    return (
        sessions,
        np.bincount(place, cells.delta) / count,
        np.bincount(place, cells.base) / count,
    )


def period_differences(cells: Cells, with_baseline: bool) -> Differences:
    """Return period 1 minus period 2 of participants with both sessions."""
    sessions, change, base = session_means(cells)
    first = np.flatnonzero((sessions[:-1] % 2 == 0) & (np.diff(sessions) == 1))
    who = sessions[first] // 2
    fixed = [np.ones(who.size)] + ([base[first] - base[first + 1]] if with_baseline else [])
    difference = change[first] - change[first + 1]
    return Differences(who, difference, np.column_stack(fixed), np.ones((who.size, 1)))


def by_sex(cells: Cells, with_baseline: bool) -> Differences:
    """Return the periods' differences with an effect for each sex, whose mean is tested."""
    plain = period_differences(cells, with_baseline)
    sex_of = dict(zip(cells.who.tolist(), cells.sex.tolist(), strict=True))
    sex = np.array([sex_of[who] for who in plain.who.tolist()])
    if not np.isfinite(sex).all() or np.unique(sex).size < 2:
        raise TableError("the sex of some participants is unknown, or all have the same")
    moved = np.column_stack([plain.moved, sex])
    return Differences(plain.who, plain.outcome, np.column_stack([plain.fixed, sex]), moved)


def ranked(cells: Cells, with_baseline: bool) -> Differences:
    """Return the ranks of the periods' differences."""
    plain = period_differences(cells, with_baseline)
    return Differences(plain.who, stats.rankdata(plain.outcome), plain.fixed, plain.moved)


def first_period(cells: Cells, with_baseline: bool) -> Differences:
    """Return the changes of period 1, which nothing can carry over to."""
    sessions, change, base = session_means(cells)
    first = sessions % 2 == 0
    fixed = [np.ones(int(first.sum()))] + ([base[first]] if with_baseline else [])
    return Differences(
        sessions[first] // 2,
        change[first],
        np.column_stack(fixed),
        # Sides +1 and -1 are two apart, the conditions' means one effect.
        np.full((int(first.sum()), 1), 0.5),
    )


SIMPLE: dict[str, Callable[[Cells, bool], Differences]] = {
    T_TEST: period_differences,
    SEX_T_TEST: by_sex,
    RANKS: ranked,
    FIRST_PERIOD: first_period,
}
"""Models of one number a participant, by name."""


def simple_test(name: str, cells: Cells, with_baseline: bool, side: RealArray) -> AllocationTest:
    """Return the regression test of one number a participant.

    Raises
    ------
    TableError
        If the data cannot carry it; says why.
    """
    found = SIMPLE[name](cells, with_baseline)
    require_both_sequences(found.who, side)
    df = found.who.size - found.fixed.shape[1] - found.moved.shape[1]
    if df < 1:
        raise TableError(f"{found.who.size} participants leave no degree of freedom")
    units = [
        Unit(outcome[np.newaxis], fixed[np.newaxis], moved[np.newaxis])
        for outcome, fixed, moved in zip(found.outcome, found.fixed, found.moved, strict=True)
    ]
    return prepare(found.who, units, float(df), fixed_variance=False)


def simple_answer(name: str, test: AllocationTest, side: RealArray) -> Answer:
    """Return what a test says of the actual allocation."""
    effect, t = (float(part[0]) for part in test.statistic(side[:, np.newaxis]))
    p = 2 * float(stats.t.sf(abs(t), test.df))
    return Answer(np.nan if name == RANKS else effect, t, test.df, p, test.who.size)


def require_both_sequences(who: IndexArray, side: RealArray) -> None:
    """Refuse data with too few participants in a sequence."""
    counts = [int((side[np.unique(who)] == sign).sum()) for sign in (1, -1)]
    if min(counts) < FEWEST:
        raise TableError(
            f"{counts[0]} and {counts[1]} participants in the two sequences, {FEWEST} are needed"
        )
