"""What the randomisation could have been: allocations exchanged within blocks and strata."""

from collections.abc import Iterator
from itertools import chain, combinations
from math import comb, prod

import numpy as np
import numpy.typing as npt
import pandas as pd

from glxflow.errors import TableError
from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.plan import Plan

MOST_ASSIGNMENTS = 2_000_000
"""All assignments are listed up to here; beyond, they are drawn."""

_ROUNDING = 1e-9
_ROWS_AT_ONCE = 20_000

Labels = npt.NDArray[np.str_]


def blocks_of(table: pd.DataFrame, plan: Plan) -> "pd.Series[str]":
    """Return the block and strata of each participant as one label, by subject.

    Raises
    ------
    TableError
        If a column of `allocation` is absent, missing for a participant, or changes
        within one.
    """
    missing = [name for name in plan.allocation if name not in table]
    if missing:
        raise TableError(
            f"columns {', '.join(missing)}, which `allocation` names, are not in the table. Add "
            "them, or correct the plan."
        )
    people = table[["subject", *plan.allocation]].drop_duplicates()
    for name in plan.allocation:
        if people[name].isna().any():
            who = people.loc[people[name].isna(), "subject"].iloc[0]
            raise TableError(f"{who} has no {name}, by which the plan says it was allocated.")
    twice = people.loc[people["subject"].duplicated(), "subject"]
    if len(twice):
        raise TableError(
            f"{twice.iloc[0]} has more than one value of {', '.join(plan.allocation)}; each "
            "participant was allocated once."
        )
    people = people.set_index("subject")
    label = pd.Series("", index=people.index)
    for name in plan.allocation:
        label = label + people[name].astype(str) + " "
    return label


def assignments(
    is_first: BoolArray,
    block: Labels,
    n_draws: int,
    rng: np.random.Generator,
    most: int = MOST_ASSIGNMENTS,
) -> tuple[Iterator[BoolArray], int, bool]:
    """Return what the allocation could have been, with the same numbers in each block.

    Parameters
    ----------
    is_first : (n_participants,) bool ndarray
        The actual allocation.
    block : (n_participants,) ndarray of str
        Allocations are exchanged within blocks only.
    n_draws : int
        Draws where not all can be listed.
    rng : Generator
        Source of randomness.
    most : int
        Up to how many are listed.

    Returns
    -------
    batches : iterator of (n_rows, n_participants) bool ndarray
        Assignments as rows, some thousands at a time.
    n_all : int
        How many there are in all batches.
    is_exact : bool
        Whether these are all possible ones.
    """
    members = [np.flatnonzero(block == label) for label in np.unique(block)]
    counts = [int(is_first[group].sum()) for group in members]
    n_all = prod(comb(group.size, count) for group, count in zip(members, counts, strict=True))
    if n_all <= most:
        return _listed(members, counts, n_all), n_all, True
    return _drawn(members, counts, n_draws, rng), n_draws, False


def _listed(
    members: list[npt.NDArray[np.intp]], counts: list[int], n_all: int
) -> Iterator[BoolArray]:
    """Yield every combination of every block's assignments."""
    n = sum(group.size for group in members)
    every = [_choices(group.size, count) for group, count in zip(members, counts, strict=True)]
    shape = [len(choices) for choices in every]
    for start in range(0, n_all, _ROWS_AT_ONCE):
        numbers = np.arange(start, min(start + _ROWS_AT_ONCE, n_all))
        batch = np.zeros((numbers.size, n), dtype=np.bool_)
        for group, choices, which in zip(
            members, every, np.unravel_index(numbers, shape), strict=True
        ):
            np.put_along_axis(batch, group[choices[which]], True, axis=1)
        yield batch


def _choices(size: int, count: int) -> npt.NDArray[np.intp]:
    """Return all ways to choose `count` of `size`, (n_ways, count)."""
    places = chain.from_iterable(combinations(range(size), count))
    return np.fromiter(places, dtype=np.intp).reshape(comb(size, count), count)


def _drawn(
    members: list[npt.NDArray[np.intp]], counts: list[int], n_draws: int, rng: np.random.Generator
) -> Iterator[BoolArray]:
    """Yield drawn assignments."""
    n = sum(group.size for group in members)
    for start in range(0, n_draws, _ROWS_AT_ONCE):
        batch = np.zeros((min(_ROWS_AT_ONCE, n_draws - start), n), dtype=np.bool_)
        for group, count in zip(members, counts, strict=True):
            order = np.argsort(rng.random((len(batch), group.size)), axis=1)
            batch[:, group] = order < count
        yield batch


def least_extreme(observed: npt.ArrayLike) -> RealArray:
    """Return from where on statistics are as extreme as the observed ones, but for rounding.

    They have the size of t: beside one of zero, too, others are zero but for rounding.
    """
    size = np.abs(np.asarray(observed, dtype=np.float64))
    least: RealArray = size - _ROUNDING * np.maximum(size, 1.0)
    return least


def share_as_extreme(
    statistic: Iterator[RealArray], observed: float, n_all: int, *, is_exact: bool
) -> float:
    """Return P: the share of assignments whose statistic is as far from zero as the actual."""
    least = least_extreme(observed)
    extreme = sum(int((np.abs(batch) >= least).sum()) for batch in statistic)
    return extreme / n_all if is_exact else (extreme + 1) / (n_all + 1)
