"""The primary model of every design: identities, recovery, and rates without an effect."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.trial.analyse import analyse
from glxflow.trial.changes import glx_changes
from glxflow.trial.designs.blunting import blunting
from glxflow.trial.designs.classical import classical
from glxflow.trial.designs.responses import responses
from glxflow.trial.lmm import fit_lmm
from glxflow.trial.models import TrialModel, design_formula, fit_design

DESIGNS = ("parallel", "both", "infusion", "condition", "between")


def asked(changes, plan, *left_out):
    """Return the question's test by the design's model without some terms."""
    changes = changes.assign(bin=pd.Categorical(changes["bin"]))
    formula = design_formula(changes, "bin")
    for term in left_out:
        formula = formula.replace(f" + {term}", "", 1)
    model = TrialModel("", "", fit_lmm(formula, changes))
    return model.fit.contrast(model.condition_contrast(plan)).iloc[0]


def test_balanced_parallel_groups_give_the_two_sample_t_test(plan_of, trial_of):
    plan = plan_of("parallel")
    changes = glx_changes(trial_of("parallel", noise_sd=0.03), plan)
    found = asked(changes, plan, "base_sub_c")
    means = changes.groupby(["subject", "condition"], observed=True)["delta"].mean().unstack()
    expected = stats.ttest_ind(means["naltrexone"].dropna(), means["placebo"].dropna())
    # Closed forms on both sides; the optimum is polished to about 1e-9.
    assert found["t"] == pytest.approx(expected.statistic, rel=1e-6)
    assert found["df"] == pytest.approx(22, rel=1e-6)
    assert found["p"] == pytest.approx(expected.pvalue, rel=1e-6)


def test_parallel_groups_with_one_bin_give_the_analysis_of_covariance(plan_of, trial_of):
    plan = plan_of("parallel")
    changes = glx_changes(trial_of("parallel", n_bins=1), plan)
    model = TrialModel("", "", fit_design(changes, "bin"))
    found = model.fit.contrast(model.condition_contrast(plan)).iloc[0]
    active = (changes["condition"] == "naltrexone").to_numpy(dtype=float)
    # Frisch-Waugh: what the baseline leaves of both, with n - 3 degrees of freedom.
    nuisance = np.column_stack([np.ones(24), changes["base"]])
    left = [v - nuisance @ np.linalg.lstsq(nuisance, v, rcond=None)[0]
            for v in (active, changes["delta"].to_numpy())]  # fmt: skip
    slope = left[0] @ left[1] / (left[0] @ left[0])
    error = np.sqrt(((left[1] - slope * left[0]) ** 2).sum() / 21 / (left[0] @ left[0]))
    assert found["estimate"] == pytest.approx(slope, rel=1e-9)  # both least squares
    assert found["se"] == pytest.approx(error, rel=1e-9)
    assert found["df"] == pytest.approx(21, rel=1e-9)


def test_complete_factorial_within_gives_the_paired_t_test_of_double_differences(
    plan_of, trial_of
):
    plan = plan_of("both")
    trial = trial_of("both", n=16, seed=21)
    # Each person answers to condition and infusion in an own way, so that no variance of the
    # mixed model is at its boundary and every stratum keeps its own error.
    rng = np.random.default_rng(5)
    for name in ("condition", "infusion"):
        own = {key: rng.normal(0, 0.05) for key in trial.groupby(["subject", name]).groups}
        keys = zip(trial["subject"], trial[name], strict=True)
        trial["glx_tnaa"] += [own[key] for key in keys] * (trial["bin"] > 0)
    changes = glx_changes(trial, plan)
    found = asked(changes, plan, "period", "base_sub_c", "base_dev")
    means = changes.pivot_table(
        index="subject", columns=["condition", "infusion"], values="delta", observed=True
    )
    double = (
        means["naltrexone"]["ketamine"] - means["naltrexone"]["saline"]
        - means["placebo"]["ketamine"] + means["placebo"]["saline"]
    )  # fmt: skip
    expected = stats.ttest_1samp(double, 0)
    assert found["estimate"] == pytest.approx(double.mean(), rel=1e-6)
    assert found["t"] == pytest.approx(expected.statistic, rel=1e-5)  # search ends near 1e-6
    assert found["df"] == pytest.approx(15, rel=1e-5)


@pytest.mark.parametrize("design", ["infusion", "condition"])
def test_one_factor_within_gives_the_two_sample_t_test_of_differences(design, plan_of, trial_of):
    plan = plan_of(design)
    # Sessions differ by far more than bins, so that their variance is not at its boundary.
    changes = glx_changes(trial_of(design, session_sd=0.06), plan)
    found = asked(changes, plan, "period", "base_sub_c", "base_dev")
    reduced = responses(changes, plan)
    expected = stats.ttest_ind(reduced.value[reduced.sign > 0], reduced.value[reduced.sign < 0])
    assert found["t"] == pytest.approx(expected.statistic, rel=1e-6)  # closed forms
    assert found["df"] == pytest.approx(22, rel=1e-6)


def test_factorial_between_gives_the_interaction_of_four_means(plan_of, trial_of):
    plan = plan_of("between")
    changes = glx_changes(trial_of("between", n=32, noise_sd=0.03), plan)
    found = asked(changes, plan, "base_sub_c")
    table = classical(changes, "glx_tnaa", plan)
    assert found["t"] == pytest.approx(table["statistic"].iloc[0], rel=1e-6)  # closed forms
    assert found["df"] == pytest.approx(28, rel=1e-6)


@pytest.mark.parametrize("design", DESIGNS)
def test_truth_is_recovered(design, plan_of, trial_of):
    plan = plan_of(design, bootstrap=100)
    n = 32 if design == "both" else 96
    changes = glx_changes(trial_of(design, n=n, n_bins=2, session_sd=0.01, noise_sd=0.01), plan)
    model = TrialModel("", "", fit_design(changes, "bin"))
    claim = model.fit.contrast(model.condition_contrast(plan)).iloc[0]
    # Blunting by 40 % of .05; four standard errors of this one trial.
    assert claim["estimate"] == pytest.approx(-0.02, abs=4 * claim["se"])
    assert claim["se"] < 0.008  # so that the line above says something
    percent = blunting(model, changes, "glx_tnaa", None, plan)
    # Without a reference infusion the response holds what time does: .02 of .07.
    truth = 100 * 2 / 7 if design == "parallel" else 40
    assert (percent["ci_low"] < truth).all()
    assert (percent["ci_high"] > truth).all()
    reference = model.fit.contrast(model.response("placebo", plan))["estimate"].iloc[0]
    expected = -100 * claim["estimate"] / reference
    assert percent["estimate"].iloc[0] == pytest.approx(expected, rel=1e-9)  # the same contrast


@pytest.mark.parametrize("seed", [1053, 1061])
def test_a_search_that_leaps_comes_back(seed, plan_of, trial_of):
    # The line search of these trials went to where the covariance is singular.
    changes = glx_changes(
        trial_of("infusion", n=16, n_bins=2, blunted=0.0, seed=seed), plan_of("infusion")
    )
    assert np.isfinite(fit_design(changes, "bin").coefficients()["p"]).all()


def test_simple_effects_differ_by_the_interaction(plan_of, trial_of):
    tables = analyse(trial_of("infusion", n=16, n_bins=1), None, plan_of("infusion")).tables
    effects = tables["simple_effects"].set_index("term")["estimate"]
    claim = tables["primary"]["estimate"].iloc[0]
    one = effects["naltrexone - placebo under ketamine"]
    other = effects["naltrexone - placebo under saline"]
    assert one - other == pytest.approx(claim, rel=1e-9)  # the same contrast, two ways
    one = effects["ketamine - saline under naltrexone"]
    other = effects["ketamine - saline under placebo"]
    assert one - other == pytest.approx(claim, rel=1e-9)


@pytest.mark.parametrize(("design", "trials"), [("parallel", 200), ("infusion", 200)])
def test_trials_without_an_effect_are_rejected_at_the_level(design, trials, plan_of, trial_of):
    plan = plan_of(design)
    p = []
    for seed in range(trials):
        changes = glx_changes(
            trial_of(design, n=16, n_bins=1, blunted=0.0, seed=1000 + seed), plan
        )
        model = TrialModel("", "", fit_design(changes, "bin"))
        p.append(model.fit.contrast(model.condition_contrast(plan))["p"].iloc[0])
    # The SE of a rate of .05 is .0154 in 200 trials; three of them.
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=3 * (0.0475 / trials) ** 0.5)


@pytest.mark.slow
def test_factorial_within_without_an_effect_is_rejected_at_the_level(plan_of, trial_of):
    plan = plan_of("both")
    p = []
    for seed in range(30):
        changes = glx_changes(
            trial_of("both", n=12, n_bins=1, blunted=0.0, seed=5000 + seed), plan
        )
        model = TrialModel("", "", fit_design(changes, "bin"))
        p.append(model.fit.contrast(model.condition_contrast(plan))["p"].iloc[0])
    # The SE of a rate of .05 in 30 trials is .04; three of them.
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.12)


@pytest.mark.parametrize("design", DESIGNS)
def test_dropouts_stay_in_the_model(design, plan_of, trial_of):
    plan = plan_of(design, permutation=100, bootstrap=100)
    trial = trial_of(design, n=24, n_bins=2)
    last = trial.groupby("subject")["period"].transform("max")
    gone = trial["subject"].isin(["sub-02", "sub-05"]) & (trial["period"] == last)
    lost = trial["subject"].isin(["sub-03"]) & (trial["bin"] == 2)
    changes = glx_changes(trial[~gone & ~lost], plan)
    model = TrialModel("", "", fit_design(changes, "bin"))
    claim = model.rows(plan).iloc[0]
    assert claim["n_participants"] == (22 if design in ("parallel", "between") else 24)
    assert claim["n_rows"] == len(trial[~gone & ~lost & (trial["bin"] > 0)])
    assert np.isfinite(claim["p"])
    assert classical(changes, "glx_tnaa", plan)["n_participants"].iloc[0] == 22


def test_numbers_do_not_depend_on_the_order_of_rows(plan_of, trial_of):
    plan = plan_of("both")
    trial = trial_of("both", n=12, n_bins=1)
    one, other = (
        glx_changes(table, plan) for table in (trial, trial.sample(frac=1, random_state=1))
    )
    rows = [TrialModel("", "", fit_design(changes, "bin")).rows(plan) for changes in (one, other)]
    columns = ["estimate", "se", "df", "p"]
    pd.testing.assert_frame_equal(rows[0][columns], rows[1][columns], rtol=1e-5)  # the search
    pd.testing.assert_frame_equal(*(classical(changes, "x", plan) for changes in (one, other)))
