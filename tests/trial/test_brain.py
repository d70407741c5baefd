"""Associations of brain and behaviour, and mediation, against R."""

import numpy as np
import pytest
from scipy import stats

from glxflow.errors import TooFewError
from glxflow.trial.brain import Pairs, associations
from glxflow.trial.crossover import analyse_crossover
from glxflow.trial.mediation import mediate, paths


def pairs_of(table, variance=np.nan):
    wide = table.pivot(index="subject", columns="condition", values=["delta", "chg"])
    side = np.where(table.drop_duplicates("subject")["sequence"] == "NP", 1.0, -1.0)
    order = ["placebo", "naltrexone"]
    brain, behaviour = (wide[name][order].to_numpy(dtype=float) for name in ("delta", "chg"))
    return Pairs(brain, behaviour, side, brain, np.full(brain.shape, variance))


@pytest.fixture(params=["A", "C"])
def case(request, read_stats, answers):
    """Return pairs and R's answers for both reference trials."""
    return (
        pairs_of(read_stats(f"brain_behaviour_{request.param}")),
        answers("reference_extras")[request.param],
    )


def test_repeated_measures_correlation_is_that_of_r(case):
    pairs, expected = case
    found = associations(pairs, 0.95).set_index("analysis").loc["repeated-measures correlation"]
    expected = expected["rmcorr"]
    assert found["df"] == expected["df"]
    for column, key in (("estimate", "r"), ("p", "p"), ("ci_low", "lo"), ("ci_high", "hi")):
        # Closed forms on both sides; r of trial A is near zero.
        assert found[column] == pytest.approx(expected[key], rel=1e-8), column


def test_paths_are_those_of_r(case):
    pairs, expected = case
    expected = expected["memore"]
    found = paths(pairs, adjust_period=False)
    for value, key in (
        (found.a, "a"),
        (found.total, "total_c"),
        (found.b, "b"),
        (found.direct, "cprime"),
    ):
        # Least squares on both sides.
        assert value[0] == pytest.approx(expected[key], rel=1e-9), key
        assert value[1] == pytest.approx(expected[f"{key}_se"], rel=1e-9), key
    assert found.sum_slope[0] == pytest.approx(expected["d_sum"], rel=1e-9)
    assert found.indirect == pytest.approx(expected["indirect"], rel=1e-9)


def test_period_adjusted_paths_are_those_of_r(case):
    pairs, expected = case
    expected = expected["memore"]["period_adjusted"]
    found = paths(pairs, adjust_period=True)
    values = (found.a[0], found.b[0], found.direct[0], found.indirect)
    for value, key in zip(values, ("a", "b", "cprime", "indirect"), strict=True):
        assert value == pytest.approx(expected[key], rel=1e-9), key


def test_total_effect_is_direct_plus_indirect(case):
    pairs, _ = case
    for adjust in (True, False):
        found = paths(pairs, adjust_period=adjust)
        assert found.total[0] == pytest.approx(found.direct[0] + found.indirect, rel=1e-9)


def test_bootstrap_of_the_indirect_effect_repeats_and_brackets_it(case):
    pairs, _ = case
    one, other = (
        mediate(pairs, confidence=0.95, n_draws=2000, rng=np.random.default_rng(1))
        for _ in range(2)
    )
    assert one.equals(other)
    rows = one[one["analysis"].str.startswith("indirect")]
    assert ((rows["ci_low"] < rows["estimate"]) & (rows["estimate"] < rows["ci_high"])).all()


def simulated(n, slope, noise_sd, rng):
    """Return pairs whose behaviour follows the true brain signal, seen with an error."""
    side = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    brain = rng.normal(0, 1, (n, 2))
    behaviour = slope * brain + rng.normal(0, 0.5, (n, 2))
    seen = brain + rng.normal(0, noise_sd, (n, 2))
    return Pairs(seen, behaviour, side, seen, np.full((n, 2), noise_sd**2))


def test_known_errors_of_the_mediator_are_corrected():
    pairs = simulated(4000, 2.0, 0.7, np.random.default_rng(4))
    table = mediate(pairs, confidence=0.95, n_draws=100, rng=np.random.default_rng(1))
    found = table.set_index("analysis")["estimate"]
    # Reliability 1/(1 + .49); the SE of the corrected slope at n = 4000 is .04.
    assert found["b: brain on behaviour"] == pytest.approx(2 / 1.49, abs=0.12)
    assert found["b, corrected for errors of measurement"] == pytest.approx(2.0, abs=0.16)


def test_differences_between_participants_are_no_association_within_them():
    rng = np.random.default_rng(8)
    level = rng.normal(0, 10, (200, 1))
    brain = level + rng.normal(0, 1, (200, 2))
    behaviour = level + rng.normal(0, 1, (200, 2))
    side = np.where(np.arange(200) % 2 == 0, 1.0, -1.0)
    pairs = Pairs(brain, behaviour, side, brain, np.full((200, 2), np.nan))
    found = associations(pairs, 0.95).set_index("analysis")["estimate"]
    assert stats.pearsonr(brain.ravel(), behaviour.ravel()).statistic > 0.95
    # The SE of a null correlation of 200 pairs is .07.
    assert abs(found["repeated-measures correlation"]) < 0.21
    assert found["between participants, means of both sessions"] > 0.95


def test_correlations_have_the_tests_of_their_regressions(case):
    pairs, _ = case
    rows = associations(pairs, 0.9).set_index("analysis")
    between = rows.loc["between participants, means of both sessions"]
    expected = stats.pearsonr(pairs.brain.mean(axis=1), pairs.behaviour.mean(axis=1))
    limits = expected.confidence_interval(0.9)
    assert between[["estimate", "p"]].tolist() == pytest.approx(list(expected), rel=1e-9)
    assert between[["ci_low", "ci_high"]].tolist() == pytest.approx(list(limits), rel=1e-9)
    partial = rows.loc["partial correlation of differences, period-adjusted"]
    slope = rows.loc["slope of behaviour on brain differences, period-adjusted"]
    # The test of a slope is that of the partial correlation.
    for column in ("statistic", "df", "p"):
        assert partial[column] == pytest.approx(slope[column], rel=1e-9), column
    assert slope["df"] == len(pairs.side) - 3


def test_an_effect_of_condition_on_both_is_no_association_of_individuals():
    rng = np.random.default_rng(21)
    side = np.where(np.arange(26) % 2 == 0, 1.0, -1.0)
    p = []
    for _ in range(200):
        # Both measures are shifted by the condition, and differ for no common reason.
        brain, behaviour = rng.normal(0, 1, (2, 26, 2)) + np.array([0.0, 1.0])
        pairs = Pairs(brain, behaviour, side, brain, np.full((26, 2), np.nan))
        p.append(associations(pairs, 0.95)["p"].to_numpy()[:2])
    first, within = (np.array(p) < 0.05).mean(axis=0)
    # SE of .05 in 200 is .015.
    assert first == pytest.approx(0.05, abs=0.05)
    assert within > 0.3
    names = associations(pairs, 0.95).set_index("analysis")["note"]
    assert names.index[0].startswith("partial correlation of differences")
    assert "conditions" in names["repeated-measures correlation"]


def lopsided():
    """Return pairs with unequal sequences and a mediator whose sum differs between them."""
    pairs = simulated(15, 1.0, 0.3, np.random.default_rng(5))
    side = np.where(np.arange(15) < 10, 1.0, -1.0)
    brain = pairs.brain + 3 * side[:, np.newaxis]
    total = brain.sum(axis=1, keepdims=True)
    behaviour = pairs.behaviour + np.array([0.0, 0.8]) * total
    return Pairs(brain, behaviour, side, brain, pairs.measured_variance)


def test_paths_have_the_tests_of_the_crossover_and_of_one_regression():
    pairs = lopsided()
    rows = mediate(pairs, confidence=0.9, n_draws=100, rng=np.random.default_rng(1))
    rows = rows.set_index("analysis")
    is_first = pairs.side > 0
    for name, values in (
        ("a: condition on brain", pairs.brain),
        ("total effect", pairs.behaviour),
    ):
        early, late = (np.where(is_first, values[:, one], values[:, 1 - one]) for one in (1, 0))
        expected = analyse_crossover(
            early, late, is_first, np.full(15, ""), contrast="active - reference",
            confidence=0.9, n_permutations=1, rng=np.random.default_rng(1),
        ).iloc[0]  # fmt: skip
        for column in ("estimate", "df", "p", "ci_low", "ci_high"):
            assert rows.loc[name, column] == pytest.approx(expected[column], rel=1e-9), name
    # Three coefficients of a regression with four.
    names = ["b: brain on behaviour", "d: brain sum on behaviour", "direct effect"]
    assert rows.loc[names, "df"].tolist() == [11, 11, 11]
    t = rows.loc[names, "estimate"] / rows.loc[names, "se"]
    assert rows.loc[names, "p"].to_numpy() == pytest.approx(2 * stats.t.sf(abs(t), 11), rel=1e-9)


def test_intervals_of_the_indirect_effect_are_of_participants_within_sequence():
    pairs, n_draws = lopsided(), 300
    rows = mediate(pairs, confidence=0.9, n_draws=n_draws, rng=np.random.default_rng(1))
    rows = rows.set_index("analysis")
    rng = np.random.default_rng(1)
    groups = [np.flatnonzero(pairs.side == side) for side in (-1, 1)]
    drawn = np.concatenate([own[rng.integers(own.size, size=(n_draws, own.size))]
                            for own in groups], axis=1)  # fmt: skip
    parts = (pairs.brain, pairs.behaviour, pairs.side, pairs.measured, pairs.measured_variance)
    draws = [paths(Pairs(*(part[who] for part in parts)), adjust_period=True).indirect
             for who in drawn]  # fmt: skip
    estimate = paths(pairs, adjust_period=True).indirect
    # Efron's bias correction: the estimate is put at the median of the draws.
    bias = stats.norm.ppf(np.mean(np.array(draws) < estimate))
    assert abs(bias) > 0.05  # so that the correction says something
    corrected = stats.norm.cdf(2 * bias + stats.norm.ppf([0.05, 0.95]))
    for name, levels in (("percentile", [0.05, 0.95]), ("bias-corrected", corrected)):
        row = rows.loc[f"indirect effect, {name} bootstrap"]
        expected = np.quantile(draws, levels)
        assert row[["ci_low", "ci_high"]].tolist() == pytest.approx(expected.tolist(), rel=1e-9)
        assert row["se"] == pytest.approx(np.std(draws, ddof=1), rel=1e-9)


def test_reliability_is_that_of_what_sequence_and_sum_leave_of_the_difference():
    pairs = lopsided()
    rows = mediate(pairs, confidence=0.95, n_draws=100, rng=np.random.default_rng(1))
    rows = rows.set_index("analysis")
    nuisance = np.column_stack([np.ones(15), pairs.side, pairs.brain.sum(axis=1)])
    left = np.linalg.lstsq(nuisance, pairs.brain_difference)[1][0] / (15 - 3)
    # Both sessions have the squared error .09.
    reliability = 1 - 0.18 / left
    b = rows.loc["b: brain on behaviour"]
    found = rows.loc["b, corrected for errors of measurement"]
    assert found["estimate"] == pytest.approx(b["estimate"] / reliability, rel=1e-9)
    half = 2 * b["se"] / reliability
    assert found["ci_high"] - found["estimate"] == pytest.approx(half, rel=1e-9)
    assert found["estimate"] - found["ci_low"] == pytest.approx(half, rel=1e-9)


def test_total_is_direct_plus_indirect_of_unequal_sequences():
    for adjust in (True, False):
        found = paths(lopsided(), adjust_period=adjust)
        assert found.total[0] == pytest.approx(found.direct[0] + found.indirect, rel=1e-9)


def test_sensitivity_is_taken_beside_what_b_is():
    pairs = lopsided()
    table = mediate(pairs, confidence=0.95, n_draws=100, rng=np.random.default_rng(1))
    rows = table.set_index("analysis")
    b = rows.loc["b: brain on behaviour"]
    t = b["estimate"] / b["se"]
    # A partial correlation follows from the t of its regression.
    expected = t / np.sqrt(t**2 + b["df"])
    found = rows.loc["sensitivity: error correlation that removes it", "estimate"]
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_session_without_sd_leaves_the_correction_of_the_others():
    pairs = simulated(400, 2.0, 0.7, np.random.default_rng(4))
    full = mediate(pairs, confidence=0.95, n_draws=100, rng=np.random.default_rng(1))
    pairs.measured_variance[3, 1] = np.nan
    found = mediate(pairs, confidence=0.95, n_draws=100, rng=np.random.default_rng(1))
    name = "b, corrected for errors of measurement"
    row = found.set_index("analysis").loc[name]
    assert row["estimate"] == pytest.approx(full.set_index("analysis").loc[name, "estimate"])
    assert "errors known of 799 of 800 sessions" in row["note"]


def test_joint_changes_are_what_the_correction_is_of():
    rng = np.random.default_rng(4)
    pairs = simulated(4000, 2.0, 0.7, rng)
    # Differences of separate fits hold more noise than the joint changes that errors are of.
    brain = pairs.brain + rng.normal(0, 0.7, (4000, 2))
    pairs.measured[7, 0] = np.nan
    pairs = Pairs(brain, pairs.behaviour, pairs.side, pairs.measured, pairs.measured_variance)
    table = mediate(pairs, confidence=0.95, n_draws=100, rng=np.random.default_rng(1))
    row = table.set_index("analysis").loc["b, corrected for errors of measurement"]
    assert row["estimate"] == pytest.approx(2.0, abs=0.16)  # four SE of .04
    assert row["note"].endswith("of the changes fitted jointly, 3999 participants")


CHANGES = np.random.default_rng(3).normal(size=(2, 8, 2))
WITHOUT_ERROR = {
    "score without a difference": (
        CHANGES[0],
        CHANGES[1][:, [0, 0]],
        "the behaviour's difference",
    ),
    "score with one difference": (CHANGES[0], CHANGES[1][:, [0, 0]] + [0, 0.1], "behaviour's"),
    "brain without a difference": (CHANGES[0][:, [0, 0]], CHANGES[1], "the brain's difference"),
    "brain with one sum": (CHANGES[0][:, [0, 0]] * [1, -1] + 0.1, CHANGES[1], "the brain's sum"),
    "brain of one value": (CHANGES[0] * [0, 1] + [0.1, 0], CHANGES[1], "cannot tell the 4 coeff"),
    "score as the brain": (CHANGES[0], 2 * CHANGES[0], "with 4 coefficients"),
}


@pytest.mark.parametrize("case_name", WITHOUT_ERROR)
@pytest.mark.filterwarnings("error")
def test_a_path_without_an_error_has_a_reason_in_the_place_of_numbers(case_name):
    brain, behaviour, reason = WITHOUT_ERROR[case_name]
    side = np.where(np.arange(8) % 2 == 0, 1.0, -1.0)
    pairs = Pairs(brain, behaviour, side, brain, np.full((8, 2), np.nan))
    with pytest.raises(TooFewError, match=reason):
        mediate(pairs, confidence=0.95, n_draws=100, rng=np.random.default_rng(1))
    table = associations(pairs, 0.95)
    assert list(table["p"].notna()) == list(table["estimate"].notna())
    assert table.loc[table["estimate"].isna(), "note"].str.contains("same|line|cannot tell").all()
