import numpy as np
import pytest
from scipy import stats

from glxflow.trial.attenuation import TwoEffects, bootstrap, fieller
from glxflow.trial.changes import clinical_changes
from glxflow.trial.designs.blunting import blunting
from glxflow.trial.models import TrialModel, fit_design


@pytest.mark.parametrize("data", ["A", "C"])
@pytest.mark.parametrize("day", ["1", "3", "7", "14"])
def test_fieller_is_that_of_the_reference(data, day, answers):
    expected = answers("reference_extras")[data]["attenuation"][day]
    found = fieller(
        TwoEffects(
            expected["E_placebo"],
            expected["E_naltrexone"],
            expected["var_P"],
            expected["var_N"],
            expected["cov"],
            expected["df"],
        ),
        0.95,
    )
    # A closed form on both sides.
    assert found.estimate == pytest.approx(expected["attenuation"], rel=1e-10)
    assert found.ci_low == pytest.approx(expected["fieller_lo"], rel=1e-9)
    assert found.ci_high == pytest.approx(expected["fieller_hi"], rel=1e-9)


@pytest.mark.parametrize(("data", "day"), [("A", 1), ("C", 14)])
def test_clinical_attenuation_of_the_reference_trial(data, day, make_plan, read_stats, answers):
    plan = make_plan(clinical={"instrument": "madrs", "day": day}, bootstrap=100)
    scores = clinical_changes(read_stats(f"madrs_{data}"), plan)
    model = TrialModel("clinical", "clinical", fit_design(scores, "day"))
    found = blunting(model, scores, "madrs", day, plan).iloc[0]
    expected = answers("reference_extras")[data]["attenuation"][str(day)]
    # The optimisers of both engines stop at 1e-6 of theta.
    assert found["estimate"] == pytest.approx(100 * expected["attenuation"], rel=1e-6)
    assert found["ci_low"] == pytest.approx(100 * expected["fieller_lo"], rel=1e-5)
    assert found["ci_high"] == pytest.approx(100 * expected["fieller_hi"], rel=1e-5)
    assert found["method"] == f"Fieller, t with {expected['df']:.1f} df"


def test_interval_ends_at_zero_just_when_the_difference_is_at_its_critical_value():
    # Var(N - P) = 2, t(10) = 2.228: a difference of 2.228 sqrt(2) is exactly significant.
    edge = 2.2281388519649385 * np.sqrt(2)
    found = fieller(TwoEffects(-20.0, -20.0 + edge, 1.5, 1.5, 0.5, 10.0), 0.95)
    assert found.ci_low == pytest.approx(0, abs=1e-9)  # rounding


# The t of 20 df is 2.09: g is 4.4, and just above and below one.
@pytest.mark.parametrize("reference", [1.0, 2.0])
def test_no_number_where_the_reference_effect_is_not_told_from_zero(reference):
    assert fieller(TwoEffects(2.2, 0.5, 1.0, 1.0, 0.0, 20.0), 0.95).is_bounded
    found = fieller(TwoEffects(reference, 0.5, 1.0, 1.0, 0.0, 20.0), 0.95)
    assert not found.is_bounded
    assert np.isnan([found.estimate, found.ci_low, found.ci_high]).all()
    assert "not bounded" in found.note


@pytest.mark.parametrize(
    "variance_active", [-0.5, np.nan], ids=["negative variance", "unknown variance"]
)
def test_no_number_where_the_interval_cannot_be_computed(variance_active):
    # Kenward and Roger's covariance of three participants can be either.
    found = fieller(TwoEffects(10.0, 5.0, 0.1, variance_active, 0.05, 2.0), 0.95)
    assert not found.is_bounded
    assert np.isnan([found.estimate, found.ci_low, found.ci_high]).all()
    assert "too few" in found.note


def test_bootstrap_covers_the_truth_at_its_confidence():
    rng = np.random.default_rng(2)
    sequence = np.repeat(["NP", "PN"], 13)
    weights = {"NP": (0.5, 0.5), "PN": (0.5, 0.5)}
    inside = 0
    for _ in range(200):
        common = rng.normal(0, 1, 26)
        reference = 10 + common + rng.normal(0, 2, 26)
        active = 7 + common + rng.normal(0, 2, 26)
        found = bootstrap(
            reference, active, sequence, weights, confidence=0.9, n_draws=400, rng=rng
        )
        inside += found.ci_low <= 0.3 <= found.ci_high
    # SE of a rate of .9 in 200 trials is .021; BCa at n = 26 is a little narrow.
    assert 0.82 <= inside / 200 <= 0.965


def test_the_bootstrap_is_scipys_bca():
    rng = np.random.default_rng(2)
    # Few and skewed responses, so that bias and acceleration both move the interval.
    reference = 1 + rng.exponential(2.0, 8)
    active = 0.5 * reference + rng.exponential(1.0, 8) ** 2
    found = bootstrap(
        reference, active, np.full(8, "all"), {"all": (1.0, 1.0)},
        confidence=0.9, n_draws=20_000, rng=rng,
    )  # fmt: skip
    expected = stats.bootstrap(
        (reference, active),
        lambda one, other, axis: 1 - other.mean(axis=axis) / one.mean(axis=axis),
        paired=True, vectorized=True, n_resamples=20_000, confidence_level=0.9, rng=rng,
    ).confidence_interval  # fmt: skip
    assert found.estimate == pytest.approx(1 - active.mean() / reference.mean(), rel=1e-12)
    # Monte-Carlo errors of .02 and .003; percentiles alone lie at -1.28 and .29.
    assert found.ci_low == pytest.approx(expected.low, abs=0.1)
    assert found.ci_high == pytest.approx(expected.high, abs=0.02)


def test_the_bootstrap_is_of_the_day_and_gives_sequences_equal_weight(make_plan, read_stats):
    plan = make_plan(bootstrap=100)
    scores = clinical_changes(read_stats("madrs_A"), plan)
    model = TrialModel("clinical", "clinical", fit_design(scores, "day"))
    found = blunting(model, scores, "madrs", 1, plan).iloc[1]
    wide = scores[scores["day"] == 1].pivot_table(
        index=["sequence", "subject"], columns="condition", values="delta", observed=True
    )
    means = wide.dropna().groupby("sequence", observed=True).mean().mean()
    expected = 100 * (1 - means["naltrexone"] / means["placebo"])
    assert found["method"].startswith("BCa")
    assert found["estimate"] == pytest.approx(expected, rel=1e-9)  # the same means


@pytest.mark.filterwarnings("error")
def test_no_number_where_draws_have_a_reference_effect_of_zero():
    reference = np.array([4.0, 1, -1, 0, 2, -2, 1, -1])
    active = np.array([1.0, 2, 3, 0, 1, 1, 2, 5])
    found = bootstrap(
        reference, active, np.repeat(["NP", "PN"], 4), {"NP": (0.5, 0.5), "PN": (0.5, 0.5)},
        confidence=0.95, n_draws=200, rng=np.random.default_rng(1),
    )  # fmt: skip
    assert np.isnan([found.estimate, found.ci_low, found.ci_high]).all()
    assert "zero" in found.note


def test_percent_is_never_without_an_interval(reference_analysis):
    table = reference_analysis.tables["attenuation"]
    has_number = table["estimate"].notna()
    assert has_number.any()
    assert table.loc[has_number, ["ci_low", "ci_high"]].notna().all(axis=None)
