"""The tests of location against scipy and least squares, and where rounding could decide."""

import itertools

import numpy as np
import pytest
from scipy import stats

from glxflow.trial.location import (
    permuted_residuals,
    randomisation,
    rank_sum,
    sign_flips,
    signed_rank,
    welch,
)


@pytest.fixture
def groups():
    """Return two groups of unequal size and spread."""
    rng = np.random.default_rng(2)
    return rng.exponential(3.0, 6), rng.exponential(0.5, 11)


def test_groups_of_unequal_spread_are_compared_by_welchs_test(groups):
    found = welch("x", groups, (1.0, -1.0), 0.9)
    expected = stats.ttest_ind(*groups, equal_var=False)
    assert found["statistic"] == pytest.approx(expected.statistic, rel=1e-12)  # closed forms
    assert found["df"] == pytest.approx(expected.df, rel=1e-12)
    assert found["p"] == pytest.approx(expected.pvalue, rel=1e-12)
    limits = expected.confidence_interval(0.9)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(tuple(limits), rel=1e-12)


def test_shifts_of_ranks_are_those_of_hodges_and_lehmann(groups):
    one, other = groups
    shift = rank_sum("x", one, other, 0.5)["estimate"]
    # Moved by it (half of it is asked for), the groups differ in no rank.
    moved = stats.mannwhitneyu(one - 2 * shift, other).statistic
    assert moved == one.size * other.size / 2
    values = np.array([-1.0, 2, 3, 10])
    # Walsh averages: -1, .5, 1, 2, 2.5, 3, 4.5, 6, 6.5, 10.
    assert signed_rank("x", values)["estimate"] == 2.75


@pytest.mark.parametrize(("n", "is_exact"), [(9, True), (40, False)])
def test_exchanged_signs_test_the_mean(n, is_exact):
    values = np.random.default_rng(4).normal(0.4, 1, n)
    found = sign_flips("x", values, 20_000, np.random.default_rng(1))
    assert found["note"].startswith("exact") == is_exact
    if is_exact:
        expected = stats.permutation_test(
            (values,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert found["p"] == pytest.approx(expected.pvalue, rel=1e-12)  # a ratio of counts
    else:
        # Monte-Carlo error .0015; of 40 normal values t and the signs agree within .01.
        assert found["p"] == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)


def test_a_drawn_p_counts_the_actual_assignment():
    # All of 30 values are high: no draw is as extreme.
    found = sign_flips("x", np.arange(101.0, 131.0), 99, np.random.default_rng(1))
    assert found["p"] == 1 / 100


def test_permuted_residuals_have_the_t_of_least_squares():
    rng = np.random.default_rng(5)
    n = 12
    nuisance = np.column_stack([np.ones(n), rng.normal(size=n)])
    tested = rng.normal(size=n) + nuisance[:, 1]
    values = rng.normal(size=n) + 0.8 * tested - nuisance[:, 1]
    block = np.full(n, "all")
    t, p = permuted_residuals(values, tested, nuisance, block, 20_000, rng)
    x = np.column_stack([tested, nuisance])
    beta, left = np.linalg.lstsq(x, values)[:2]
    error = np.sqrt(left[0] / (n - 3) * np.linalg.inv(x.T @ x)[0, 0])
    assert t == pytest.approx(beta[0] / error, rel=1e-9)
    # Normal errors: the t test holds, and the permutation is near to it.
    assert p == pytest.approx(2 * stats.t.sf(abs(t), n - 3), abs=0.02)


def test_permuted_residuals_are_fitted_anew():
    # Of seven participants every order can be listed; beside a long-tailed nuisance.
    rng = np.random.default_rng(0)
    nuisance = np.column_stack([np.ones(7), rng.exponential(1, 7) ** 2])
    tested, values = rng.normal(size=(2, 7))
    left = values - nuisance @ np.linalg.lstsq(nuisance, values)[0]
    x = np.column_stack([tested, nuisance])
    orders = np.array(list(itertools.permutations(range(7))))
    beta, squares = np.linalg.lstsq(x, left[orders].T)[:2]
    t = np.abs(beta[0]) / np.sqrt(squares)
    expected = np.mean(t >= t[0] * (1 - 1e-9))
    _, p = permuted_residuals(values, tested, nuisance, np.full(7, "all"), 20_000, rng)
    assert p == pytest.approx(expected, abs=0.012)  # four Monte-Carlo errors


def test_residuals_are_exchanged_within_blocks_only():
    rng = np.random.default_rng(6)
    # One block is a hundred times as noisy; in the other one four of eight are high.
    quiet = np.repeat([1.0, -1.0], 4) + rng.normal(0, 0.01, 8)
    noisy = np.repeat([100.0, -100.0, 100.0, -100.0], 2)
    block, tested = np.repeat(["a", "b"], 8), np.tile(np.repeat([1.0, -1.0], 4), 2)
    means = np.stack([block == label for label in "ab"], axis=1).astype(float)
    values = np.concatenate([quiet, noisy])
    _, p = permuted_residuals(values, tested, means, block, 20_000, rng)
    # The noisy block is balanced, and decides: a mean as near to zero as its own is the rule
    # wherever it has two and two (36 of 70 ways), and then only the quiet block tells.
    even = 36 / 70
    assert p == pytest.approx(1 - even + even * 2 / 70, abs=0.015)


def test_exact_p_is_the_same_however_far_values_lie_from_zero():
    rng = np.random.default_rng(0)
    is_first, block = np.arange(8) < 4, np.full(8, "all")
    for _ in range(20):
        # Multiples of a power of two are shifted without rounding.
        values = np.round(rng.normal(size=8) * 1024) / 1024
        p = [
            randomisation("x", values + shift, is_first, block, 100, rng)["p"]
            for shift in (0.0, 2.0**10, 2.0**20)
        ]
        assert p[0] == p[1] == p[2]


def test_ties_that_rounding_parts_stay_ties():
    rng = np.random.default_rng(1)
    is_first, block = np.arange(8) < 4, np.full(8, "all")
    for _ in range(20):
        # Tenths have ties; 1e5 beside them rounds the values to 1e-11.
        values = np.round(rng.normal(size=8), 1)
        p = [
            randomisation("x", values + shift, is_first, block, 100, rng)["p"]
            for shift in (0.0, 1e5)
        ]
        assert p[0] == p[1]


def test_groups_that_differ_without_any_spread_are_the_most_extreme():
    is_first, block = np.arange(6) < 3, np.full(6, "all")
    for one, other in ((1.0, 2.0), (0.1, 0.7)):
        values = np.where(is_first, one, other)
        p = randomisation("x", values, is_first, block, 100, np.random.default_rng(1))["p"]
        assert p == 2 / 20  # and its mirror, of 20 ways
