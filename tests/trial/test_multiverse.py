"""The specification curve against classical tests and the primary model, and its joint test."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.trial.changes import glx_changes
from glxflow.trial.fit_errors import known_covariance, with_fit_errors
from glxflow.trial.multiverse import _summaries, multiverse
from glxflow.trial.sensitivity import contrast_model
from glxflow.trial.universe import universes

T_TEST = "t test of periods"
MIXED = "mixed model of bins"
COVARIATE = "baseline subtracted and a covariate"
KEYS = ["outcome", "baseline", "window", "qc", "method"]


@pytest.fixture(scope="module")
def curve_of_reference(make_plan, read_stats):
    """Return the multiverse of reference trial A."""
    return multiverse(read_stats("fmrs_A"), make_plan(permutation=200))


def planned(table, method, baseline="baseline subtracted"):
    """Return the specification of the planned outcome, bins and quality control."""
    chosen = (table[KEYS] == ["glx_tnaa", baseline, "all bins", "moderate", method]).all(axis=1)
    assert chosen.sum() == 1
    return table[chosen].iloc[0]


def test_the_curve_has_every_specification_the_columns_allow(curve_of_reference):
    table = curve_of_reference
    assert (table["kind"] == "curve").sum() >= 200
    assert set(table["outcome"].iloc[:-2]) == {
        "glx_tnaa", "glu_tnaa", "glx_tcr", "glx_water", "fwhm_hz"
    }  # fmt: skip
    assert not table.iloc[:-2].duplicated(KEYS).any()
    assert set(table.loc[table["kind"] == "negative control", "outcome"]) == {"fwhm_hz"}
    assert (table["role"] == "exploratory").all()


def test_errors_and_joint_changes_are_no_outcomes(make_plan, make_trial):
    trial = make_trial(n=8)
    ends = ("sd", "sd_model", "change_sd_model", "change_joint", "change_joint_sd")
    wide = trial.assign(**{f"glx_tnaa_{end}": trial["glx_tnaa"] ** 2 for end in ends})
    # The strict set leaves out the rows with the largest error.
    without = trial.assign(glx_tnaa_sd=wide["glx_tnaa_sd"])
    found, expected = (
        [one.labels for one in universes(table, make_plan())] for table in (wide, without)
    )
    assert [labels for labels in found if labels["baseline"] != "bins fitted jointly"] == expected
    assert {labels["outcome"] for labels in found} == {"glx_tnaa"}


def test_what_is_not_possible_is_listed_with_its_reason(make_plan, make_trial):
    trial = make_trial(n=6)
    trial.loc[trial["subject"].isin(["sub-01", "sub-02"]) & (trial["bin"] > 1), "glx_tnaa"] = (
        np.nan
    )
    table = multiverse(trial, make_plan())
    failed = table[table["kind"] == "not possible"]
    # Only two participants of each sequence have late bins.
    assert set(failed["window"]) == {"late"}
    assert failed["note"].str.contains("2 and 2 participants in the two sequences").any()
    assert failed["statistic"].isna().all()
    assert table.loc[table["kind"] == "curve", "statistic"].notna().all()


def test_the_t_test_is_the_classical_one(curve_of_reference, answers):
    row = planned(curve_of_reference, T_TEST)
    expected = answers("reference_crossover")["glx_A"]["treatment_period_adjusted"]
    # R's is placebo minus naltrexone; closed forms on both sides.
    assert row["estimate"] == pytest.approx(-expected["est"], rel=1e-9)
    assert row["statistic"] == pytest.approx(-expected["t"], rel=1e-9)
    assert row["p"] == pytest.approx(expected["p"], rel=1e-9)


def test_the_mixed_specification_is_the_primary_model(curve_of_reference, make_plan, read_stats):
    row = planned(curve_of_reference, MIXED, "baseline subtracted and a covariate")
    model = contrast_model(glx_changes(read_stats("fmrs_A"), make_plan()))
    primary = model.fit.contrast(model.condition_contrast(make_plan())).iloc[0]
    # The same likelihood, searched in another coding.
    assert row["estimate"] == pytest.approx(primary["estimate"], rel=1e-6)
    assert row["df"] == pytest.approx(primary["df"], rel=1e-6)
    assert row["p"] == pytest.approx(primary["p"], rel=1e-6)


KNOWN_ERRORS = "mixed model of bins, errors of the fits known"


def known_rows(trial, plan):
    """Return the specifications with known errors by their baseline."""
    table = multiverse(trial, plan)
    return table[table["method"] == KNOWN_ERRORS].set_index("baseline")


def assert_same_answer(row, model, plan):
    expected = model.fit.contrast(model.condition_contrast(plan)).iloc[0]
    # The same likelihood, searched in another coding.
    assert row["estimate"] == pytest.approx(expected["estimate"], rel=1e-5)
    assert row["df"] == pytest.approx(expected["df"], rel=1e-4)
    assert row["p"] == pytest.approx(expected["p"], rel=1e-3)


@pytest.mark.parametrize("is_joint", [False, True])
def test_known_errors_are_those_of_the_sensitivity_analysis(is_joint, make_plan, make_trial):
    trial = make_trial(n=8, session_sd=0.05).assign(glx_tnaa_sd=0.02)
    plan = make_plan(permutation=100)
    rng = np.random.default_rng(3)
    if is_joint:
        later = trial["bin"] > 0
        changes = rng.normal(0, 0.05, len(trial))
        for end, value in (("", changes), ("_sd", 0.05), ("_common_sd", 0.03)):
            trial[f"glx_tnaa_change_joint{end}"] = np.where(later, value, np.nan)
    rows = known_rows(trial, plan)
    name = "bins fitted jointly" if is_joint else "baseline subtracted"
    covariate = f"{name} and {'baseline ' if is_joint else ''}a covariate"
    assert set(rows.index) == {name, covariate}
    measured = with_fit_errors(glx_changes(trial, plan), plan)
    beside = contrast_model(*known_covariance(measured))
    assert_same_answer(rows.loc[covariate], beside, plan)
    together = (measured["subject"] + measured["visit"]).to_numpy()
    known = (9e-4 if is_joint else 4e-4) * (together[:, np.newaxis] == together)
    known = known + (16e-4 if is_joint else 4e-4) * np.eye(len(measured))
    alone = contrast_model(measured.assign(base_sub_c=0.0, base_dev=0.0), known)
    assert_same_answer(rows.loc[name], alone, plan)


def test_a_plan_of_joint_changes_finds_its_model_in_the_curve(make_plan, make_trial):
    trial = make_trial(n=8, session_sd=0.05)
    changes = np.random.default_rng(3).normal(0, 0.05, len(trial))
    trial["glx_tnaa_change_joint"] = np.where(trial["bin"] > 0, changes, np.nan)
    plan = make_plan(permutation=100, change="joint")
    model = contrast_model(glx_changes(trial, plan))
    table = multiverse(trial, plan)
    rows = table[(table["method"] == MIXED) & (table["window"] == "all bins")].set_index(
        "baseline"
    )
    row = rows.loc["bins fitted jointly and baseline a covariate"]
    assert_same_answer(row, model, plan)
    other = rows.loc["baseline subtracted and a covariate"]
    assert other["estimate"] != pytest.approx(row["estimate"], rel=0.1)
    # Its bins need no outcome where they have a change.
    trial.loc[trial["bin"] > 0, "glx_tnaa"] = np.nan
    table = multiverse(trial, plan)
    rows = table[(table["method"] == MIXED) & (table["window"] == "all bins")].set_index(
        "baseline"
    )
    assert_same_answer(rows.loc["bins fitted jointly and baseline a covariate"], model, plan)


def test_covariate_specification_is_a_regression(curve_of_reference, make_plan, read_stats):
    found = planned(curve_of_reference, T_TEST, "baseline subtracted and a covariate")
    wide = glx_changes(read_stats("fmrs_A"), make_plan()).pivot_table(
        index=["subject", "sequence"], columns="period", values=["delta", "base"], observed=True
    )
    side = (wide.index.get_level_values("sequence") == "NP").astype(float)
    change, base = ((wide[name][1] - wide[name][2]).to_numpy() for name in ("delta", "base"))
    # Frisch, Waugh and Lovell, by two simple regressions.
    fit = stats.linregress(residual(base, side), residual(base, change))
    assert found["estimate"] == pytest.approx(fit.slope / 2, rel=1e-9)
    # linregress has one df more than the regression with the covariate.
    n = change.size
    t = fit.rvalue * np.sqrt((n - 3) / (1 - fit.rvalue**2))
    assert found["statistic"] == pytest.approx(t, rel=1e-9)
    assert found["df"] == n - 3


def residual(x, y):
    """Return what a simple regression on x leaves of y."""
    line = stats.linregress(x, y)
    return y - line.intercept - line.slope * x


def test_sexes_of_equal_weight_are_the_mean_of_the_effects_in_each(curve_of_reference, read_stats):
    found = planned(curve_of_reference, "t test of periods, sexes of equal weight")
    trial = read_stats("fmrs_A").query("qc_pass == 1 and bin > 0")
    wide = trial.pivot_table(
        index=["subject", "sequence", "sex"], columns="period", values="delta"
    ).dropna()
    cells = (wide[1] - wide[2]).groupby(level=["sex", "sequence"]).mean().unstack()
    effects = (cells["NP"] - cells["PN"]) / 2
    assert found["estimate"] == pytest.approx(effects.mean(), rel=1e-6)  # `delta` has 5 decimals


def test_the_first_period_alone_is_a_comparison_of_groups(curve_of_reference, read_stats):
    found = planned(curve_of_reference, "t test of period 1")
    trial = read_stats("fmrs_A").query("qc_pass == 1 and bin > 0 and period == 1")
    means = trial.groupby(["condition", "subject"])["delta"].mean()
    test = stats.ttest_ind(means["naltrexone"], means["placebo"])
    assert found["statistic"] == pytest.approx(test.statistic, rel=1e-6)  # 5 decimals
    assert found["p"] == pytest.approx(test.pvalue, rel=1e-5)


def test_who_lacks_a_session_is_out_of_the_model_of_both(make_plan, make_trial):
    plan, trial = make_plan(permutation=100), make_trial(n=9, session_sd=0.05)
    trial = trial[(trial["subject"] != "sub-04") | (trial["period"] == 1)]
    table = multiverse(trial, plan).query("window == 'all bins'").set_index(["method", "baseline"])
    row = table.loc[(f"{MIXED}, participants with both sessions", COVARIATE)]
    model = contrast_model(glx_changes(trial[trial["subject"] != "sub-04"], plan))
    assert_same_answer(row, model, plan)
    assert row["n_participants"] == 8
    assert table.loc[(MIXED, COVARIATE), "n_participants"] == 9


def test_models_that_a_single_bin_makes_the_same_are_listed_once(make_plan, make_trial):
    trial = make_trial(n=9, n_bins=1, session_sd=0.05)
    trial = trial[(trial["subject"] != "sub-04") | (trial["period"] == 1)]
    curve = multiverse(trial, make_plan(permutation=100)).query("kind == 'curve'")
    assert MIXED in set(curve["method"])
    assert not curve.dropna(subset=["estimate"])["statistic"].round(6).duplicated().any()


def test_the_curve_is_summed_up_by_its_median_and_what_is_significant():
    # Critical at 10 and 30 df are 2.228 and 2.042.
    tests = [SimpleNamespace(df=df) for df in (10.0, 10.0, 30.0)]
    t = np.array([[2.3, -2.3, 0.5], [2.2, -2.0, -0.1], [2.1, -2.1, -3.0]])
    median, share = _summaries(tests, t)
    assert median.tolist() == [2.2, 2.1, 0.1]
    assert share == pytest.approx([2 / 3, 2 / 3, 1 / 3])


def test_all_allocations_of_a_small_trial_give_the_exact_randomisation_test(make_plan, make_trial):
    trial = make_trial(n=8)
    row = multiverse(trial, make_plan(permutation=100)).query(f"method == '{T_TEST}'").iloc[0]
    wide = trial.query("bin > 0").pivot_table(index="subject", columns="period", values="glx_tnaa")
    base = trial.query("bin == 0").pivot(index="subject", columns="period", values="glx_tnaa")
    change = wide - base
    is_first = trial.drop_duplicates("subject")["sequence"].eq("NP").to_numpy()
    difference = (change[1] - change[2]).to_numpy()
    test = stats.permutation_test(
        (difference[is_first], difference[~is_first]),
        lambda x, y, axis: np.abs(stats.ttest_ind(x, y, axis=axis).statistic),
        permutation_type="independent",
        alternative="greater",
        n_resamples=np.inf,
    )
    assert row["p_permutation"] == pytest.approx(test.pvalue, rel=1e-12)


def test_exchanged_conditions_turn_the_curve_round(make_plan, make_trial):
    trial, plan = make_trial(n=10, effect=-0.05), make_plan(permutation=100)
    turned = replace(plan, reference=plan.active, active=plan.reference)
    one, other = multiverse(trial, plan), multiverse(trial, turned)
    for name, sign in (("estimate", -1), ("statistic", -1), ("p", 1), ("p_permutation", 1)):
        is_joint = one["kind"] == "joint"
        expected = one[name] * np.where(is_joint, 1, sign)
        # The searches start from designs of opposite sign.
        assert other[name].to_numpy() == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_parts_may_be_done_in_any_order(make_plan, make_trial):
    def backwards(_, work, tasks):
        return [work(task) for task in tasks[::-1]][::-1]

    # 924 allocations are more than the plan's 500, so that they are drawn.
    trial, plan = make_trial(n=12), make_plan(permutation=500)
    pd.testing.assert_frame_equal(multiverse(trial, plan), multiverse(trial, plan, backwards))


def test_joint_p_is_uniform_when_nothing_happens(make_plan, make_trial):
    plan = make_plan(permutation=200)
    p = []
    for seed in range(60):
        trial = make_trial(n=12, n_bins=1, effect=0.0, seed=seed)
        noise = np.random.default_rng(seed).normal(0, 0.05, len(trial))
        table = multiverse(trial.assign(glu_tnaa=trial["glx_tnaa"] + noise), plan)
        p.append(table.loc[table["kind"] == "joint", "p"].iloc[0])
    # SE of a rate of .3 in 60 trials is .06.
    assert (np.array(p) < 0.3).mean() == pytest.approx(0.3, abs=0.18)


def test_sequences_are_exchanged_within_the_blocks_of_the_plan(make_plan, make_trial):
    trial = make_trial(n=8).assign(site=lambda t: np.where(t["subject"] <= "sub-04", "a", "b"))
    plans = make_plan(), make_plan(allocation={"blocks": "site"})
    # Two of four at each site: 6 x 6 allocations instead of 70, so that P is n / 36.
    for plan, n_all in zip(plans, (70, 36), strict=True):
        p = multiverse(trial, plan)["p_permutation"].dropna().to_numpy() * n_all
        assert p == pytest.approx(np.round(p), abs=1e-9)
        assert p.max() <= n_all


def test_several_baseline_bins_may_be_averaged_or_the_last_taken(make_plan, make_trial):
    trial = make_trial(n=8)
    before = trial[trial["bin"] == 0].assign(bin=-1, glx_tnaa=lambda t: t["glx_tnaa"] + 0.1)
    trial = pd.concat([trial, before], ignore_index=True)
    changes = glx_changes(trial.assign(glx_tnaa_sd=0.02), make_plan())
    first = trial[(trial["subject"] == "sub-01") & (trial["period"] == 1) & (trial["bin"] <= 0)]
    assert changes["base"].iloc[0] == pytest.approx(first["glx_tnaa"].mean(), rel=1e-12)
    assert changes["base_sd"].iloc[0] == pytest.approx(0.02 / np.sqrt(2), rel=1e-12)
    assert set(changes["bin"]) == {1, 2, 3}
    table = multiverse(trial, make_plan())
    starts = set(table["baseline"].dropna())
    assert {name.rsplit(" subtracted")[0] for name in starts} == {
        "mean of baseline bins",
        "last baseline bin",
    }


def test_a_trial_too_small_for_any_specification_has_no_curve(make_plan, make_trial):
    assert multiverse(make_trial(n=4), make_plan()).empty
