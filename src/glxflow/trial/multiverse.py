"""Ask the question in every defensible way, and test the whole curve at once.

Single specifications say nothing on their own: sequences are exchanged between
participants for all of them together, so that their dependence is kept.

References
----------
Simonsohn U, Simmons JP, Nelson LD. Nat Hum Behav 4:1208-1214 (2020).
doi:10.1038/s41562-020-0912-z
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.allocation import AllocationTest
from glxflow.trial.mixed_specification import (
    COMPLETE,
    KNOWN,
    MEANS,
    MIXED,
    MixedTask,
    fit_mixed,
    mixed_test,
)
from glxflow.trial.parts import Result, Run, one_by_one
from glxflow.trial.plan import Plan
from glxflow.trial.randomise import Labels, assignments, blocks_of, least_extreme
from glxflow.trial.specification import SIMPLE, T_TEST, simple_answer, simple_test
from glxflow.trial.universe import ALL_BINS, CONTROLS, JOINTLY, Cells, Universe, universes

CURVE, CONTROL, FAILED, JOINT = "curve", "negative control", "not possible", "joint"
"""Kinds of rows."""

_CHUNK = 2500


@dataclass(frozen=True, slots=True)
class Specification:
    """One specification: how it is called, what it says, and its test.

    Attributes
    ----------
    labels : dict
        outcome, baseline, window, qc and method.
    answer : dict
        Columns of its results, or a reason in `note`.
    test : AllocationTest or None
        None where it is not possible.
    """

    labels: dict[str, str]
    answer: Result
    test: AllocationTest | None

    @property
    def kind(self) -> str:
        """What its row is."""
        if self.test is None:
            return FAILED
        return CONTROL if self.labels["outcome"] in CONTROLS else CURVE


@dataclass(frozen=True, slots=True)
class _Allocations:
    """Allocations to compare the actual one with.

    Attributes
    ----------
    chunks : list of (n_all, n_allocations) ndarray
        Sides.
    n_all : int
        Allocations in all chunks.
    are_all : bool
        Whether these are all there are, the actual one among them; else they are drawn.
    """

    chunks: list[RealArray]
    n_all: int
    are_all: bool

    def p_value(self, n_extreme: RealArray) -> RealArray:
        """Return P from the number of allocations at least as extreme as the actual one."""
        added = 0 if self.are_all else 1
        p: RealArray = (n_extreme + added) / (self.n_all + added)
        return p


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some allocations, under which the curve is drawn again.

    Attributes
    ----------
    tests : list of AllocationTest
        The curve's.
    observed : (n_tests,) ndarray
        Their t at the actual allocation.
    sides : (n_all, n_allocations) ndarray
        The allocations.
    """

    tests: list[AllocationTest]
    observed: RealArray
    sides: RealArray


def multiverse(trial: pd.DataFrame, plan: Plan, run: Run = one_by_one) -> pd.DataFrame:
    """Return a row a specification, and the joint tests of the curve.

    Parameters
    ----------
    trial : DataFrame
        The long table, its design checked, with a column for each outcome.
    plan : Plan
        Conditions, draws and seed; its outcome is one of many here.
    run : Run
        Does the fits and the allocations.

    Returns
    -------
    DataFrame
        role, kind (curve, negative control, not possible, joint), outcome, baseline,
        window, qc, method, estimate (active minus reference), statistic, df, p,
        p_permutation (of the specification alone), n_participants, note. Empty where
        no specification is possible.
    """
    people = trial.drop_duplicates("subject")
    side = np.where(people["sequence"] == plan.sequences[1], 1.0, -1.0)
    found = specifications(trial, side, plan, run)
    curve = [one for one in found if one.kind == CURVE]
    if not curve:
        return pd.DataFrame()
    block = people["subject"].map(blocks_of(trial, plan)).to_numpy(dtype=str)
    drawn = _allocations(side, block, plan)
    joint, alone = _joint(curve, side, drawn, run)
    order = {CURVE: 0, CONTROL: 1, FAILED: 2}
    rows = [
        {"kind": one.kind, **one.labels, **one.answer, "p_permutation": alone.get(id(one), np.nan)}
        for one in sorted(found, key=lambda one: order[one.kind])
    ]
    return pd.DataFrame([*rows, *joint]).assign(role="exploratory")


def specifications(
    trial: pd.DataFrame, side: RealArray, plan: Plan, run: Run
) -> list[Specification]:
    """Return every specification that the columns allow, and those that are not possible."""
    simple: list[Specification] = []
    tasks: list[MixedTask] = []
    labels: list[dict[str, str]] = []
    for universe in universes(trial, plan):
        for with_baseline in (False, True):
            named = _labelled(universe, with_baseline)
            simple += [
                _simple(name, universe.cells, with_baseline, side, named | {"method": name})
                for name in _simple_models(universe)
            ]
            for name in _mixed_models(universe):
                tasks.append(MixedTask(name, universe.cells, with_baseline, side))
                labels.append(named | {"method": name})
    fitted = run("mixed models of the multiverse", fit_mixed, tasks)
    return simple + [
        _mixed(task, one, name) for task, one, name in zip(tasks, fitted, labels, strict=True)
    ]


def _labelled(universe: Universe, with_baseline: bool) -> dict[str, str]:
    """Return a universe's labels with the part of the baseline in the model."""
    start = universe.labels["baseline"]
    if not with_baseline:
        return universe.labels
    covariate = "baseline a covariate" if start == JOINTLY else "a covariate"
    return universe.labels | {"baseline": f"{start} and {covariate}"}


def _simple_models(universe: Universe) -> list[str]:
    """Return the models of one number a participant; a control has the first."""
    if universe.labels["outcome"] not in CONTROLS:
        return list(SIMPLE)
    return [T_TEST] if universe.labels["window"] == ALL_BINS else []


def _mixed_models(universe: Universe) -> Iterator[str]:
    """Yield the mixed models that differ from the others."""
    if universe.labels["outcome"] in CONTROLS:
        return
    cells = universe.cells
    yield MIXED
    sessions = np.unique(cells.session)
    # With both sessions of everybody, or a single bin, these are the t test and the model before.
    if np.unique(sessions // 2).size * 2 > sessions.size and cells.bin.max() > 0:
        yield from (MEANS, COMPLETE)
    if cells.has_error.any() and universe.labels["window"] == ALL_BINS:
        yield KNOWN


def _simple(
    name: str, cells: Cells, with_baseline: bool, side: RealArray, labels: dict[str, str]
) -> Specification:
    """Return a specification of one number a participant."""
    try:
        test = simple_test(name, cells, with_baseline, side)
    except (TableError, np.linalg.LinAlgError) as error:
        return Specification(labels, {"note": str(error)}, None)
    return Specification(labels, asdict(simple_answer(name, test, side)), test)


def _mixed(task: MixedTask, fitted: Result, labels: dict[str, str]) -> Specification:
    """Return a mixed model as a specification."""
    if "reason" in fitted:
        return Specification(labels, {"note": fitted["reason"]}, None)
    answer = {key: value for key, value in fitted.items() if key not in ("theta", "sigma")}
    return Specification(labels, answer, mixed_test(task, fitted))


def _joint(
    curve: list[Specification], side: RealArray, drawn: _Allocations, run: Run
) -> tuple[list[dict[str, object]], dict[int, float]]:
    """Return the tests of the curve, and each specification's own permutation P."""
    tests = [one.test for one in curve if one.test is not None]
    observed = np.array([float(test.statistic(side[:, np.newaxis])[1][0]) for test in tests])
    counts = run(
        "allocations of the multiverse",
        _count_extremes,
        [_Chunk(tests, observed, sides) for sides in drawn.chunks],
    )
    p = drawn.p_value(np.sum([one["extreme"] for one in counts], axis=0))
    names = (
        f"size of the median t of {len(tests)}",
        "share with P < .05 in one direction",
    )
    values = _summaries(tests, observed[:, np.newaxis])[:, 0]
    note = f"{'all' if drawn.are_all else 'drawn'} allocations of sequences"
    rows: list[dict[str, object]] = [
        {"kind": JOINT, "outcome": name, "statistic": value, "p": chance, "note": note}
        for name, value, chance in zip(names, values.tolist(), p[:2].tolist(), strict=True)
    ]
    alone = {id(one): float(chance) for one, chance in zip(curve, p[2:], strict=True)}
    return rows, alone


def _allocations(side: RealArray, block: Labels, plan: Plan) -> _Allocations:
    """Return all allocations where there are no more than the plan draws, else drawn ones."""
    rng = np.random.default_rng([plan.seed, 7])
    batches, n_all, are_all = assignments(
        side > 0, block, plan.n_permutations, rng, most=plan.n_permutations
    )
    chunks = [
        np.where(batch[start : start + _CHUNK].T, 1.0, -1.0)
        for batch in batches
        for start in range(0, len(batch), _CHUNK)
    ]
    return _Allocations(chunks, n_all, are_all)


def _count_extremes(chunk: _Chunk) -> Result:
    """Return how many allocations are as extreme as the actual one: the curve, then each."""
    t = np.array([test.statistic(chunk.sides)[1] for test in chunk.tests])
    observed = chunk.observed[:, np.newaxis]
    curve = _summaries(chunk.tests, t) >= least_extreme(_summaries(chunk.tests, observed))
    each = np.abs(t) >= least_extreme(observed)
    return {"extreme": [*curve.sum(axis=1).tolist(), *each.sum(axis=1).tolist()]}


def _summaries(tests: list[AllocationTest], t: RealArray) -> RealArray:
    """Return the curve's two summaries for each allocation, (2, n_allocations)."""
    degrees = np.array([[test.df] for test in tests])
    critical = stats.t.ppf(0.975, degrees)
    shares = [(sign * t > critical).mean(axis=0) for sign in (1, -1)]
    return np.array([np.abs(np.median(t, axis=0)), np.maximum(*shares)])
