"""Associations of brain and behaviour, and mediation, against R."""

import numpy as np
import pytest
from scipy import stats

from glxflow.errors import TooFewError
from glxflow.trial.brain import Pairs, associations
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
    assert found.sobel_error == pytest.approx(expected["sobel_se"], rel=1e-9)


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
