"""The test as a function of the allocation against regressions, one allocation at a time."""

import numpy as np
import pytest

from glxflow.trial.allocation import Unit, prepare
from glxflow.trial.mixed_specification import MIXED, MixedTask, fit_mixed, mixed_test
from glxflow.trial.specification import T_TEST, simple_test
from glxflow.trial.universe import universes


@pytest.fixture(scope="module")
def universe(make_trial, make_plan):
    """Return the changes of a balanced complete trial whose participants differ in them."""
    trial = make_trial(n=10)
    # Without a difference the variance of participants would be at its boundary.
    own = trial["subject"].str[-2:].astype(int) / 50
    trial["glx_tnaa"] += own.where(trial["bin"] > 0, 0.0)
    return next(universes(trial, make_plan()))


def sides(n, size, seed=5):
    """Return random allocations with equal groups, (n, size)."""
    start = np.tile(np.repeat([1.0, -1.0], n // 2)[:, np.newaxis], (1, size))
    return np.random.default_rng(seed).permuted(start, axis=0)


def test_the_mixed_model_of_complete_data_is_the_t_test_under_every_allocation(universe):
    side = sides(10, 1)[:, 0]
    task = MixedTask(MIXED, universe.cells, False, side)
    mixed = mixed_test(task, fit_mixed(task))
    simple = simple_test(T_TEST, universe.cells, False, side)
    drawn = sides(10, 200)
    for one, other in zip(mixed.statistic(drawn), simple.statistic(drawn), strict=True):
        # The variances' last digits.
        assert one == pytest.approx(other, rel=1e-6, abs=1e-9)


def test_regressions_with_several_moved_columns_are_least_squares():
    rng = np.random.default_rng(2)
    n = 14
    y, fixed, moved = rng.normal(size=n), rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
    units = [Unit(y[[i]], fixed[[i]], moved[[i]]) for i in range(n)]
    test = prepare(np.arange(n), units, n - 6.0, fixed_variance=False)
    drawn = sides(n, 20)
    effect, t = test.statistic(drawn)
    for which in range(20):
        x = np.column_stack([drawn[:, [which]] * moved, fixed])
        beta, left = np.linalg.lstsq(x, y)[:2]
        error = np.sqrt(left[0] / (n - 6) * np.linalg.inv(x.T @ x)[0, 0])
        assert effect[which] == pytest.approx(beta[0], rel=1e-9)
        assert t[which] == pytest.approx(beta[0] / error, rel=1e-9)


def test_an_allocation_that_aliases_the_condition_says_nothing():
    rng = np.random.default_rng(3)
    units = [Unit(rng.normal(size=1), np.ones((1, 1)), np.ones((1, 1))) for _ in range(6)]
    test = prepare(np.arange(6), units, 4.0, fixed_variance=False)
    effect, t = test.statistic(np.ones((6, 1)))
    assert effect[0] == 0
    assert t[0] == 0
