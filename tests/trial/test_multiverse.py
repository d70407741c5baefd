"""The specification curve against the classical test, and its joint test against chance."""

import numpy as np
import pytest
from scipy import stats

from glxflow.trial.changes import glx_changes
from glxflow.trial.multiverse import multiverse


def test_each_specification_is_a_classical_test(make_plan, read_stats, answers):
    table = multiverse(read_stats("fmrs_A"), make_plan(permutation=200))
    # Four outcomes, two sets, two baselines, two methods; the line width beside them.
    assert (table["kind"] == "curve").sum() == 4 * 2 * 2 * 2
    assert (table["kind"] == "negative control").sum() == 8
    row = table.query(
        "outcome == 'glx_tnaa' and qc == 'qc_pass' and baseline == 'subtracted' and method == 't'"
    ).iloc[0]
    expected = answers("reference_crossover")["glx_A"]["treatment_period_adjusted"]
    # R's is placebo minus naltrexone; closed forms on both sides.
    assert row["estimate"] == pytest.approx(-expected["est"], rel=1e-9)
    assert row["statistic"] == pytest.approx(-expected["t"], rel=1e-9)
    assert row["p"] == pytest.approx(expected["p"], rel=1e-9)
    assert (table["role"] == "exploratory").all()


def test_covariate_specification_is_a_regression(make_plan, read_stats):
    plan = make_plan(permutation=200)
    trial = read_stats("fmrs_A")
    found = multiverse(trial, plan).query(
        "outcome == 'glx_tnaa' and qc == 'qc_pass' and baseline == 'covariate' and method == 't'"
    )
    wide = glx_changes(trial, plan).pivot_table(
        index=["subject", "sequence"], columns="period", values=["delta", "base"], observed=True
    )
    side = (wide.index.get_level_values("sequence") == "NP").astype(float)
    change, base = ((wide[name][1] - wide[name][2]).to_numpy() for name in ("delta", "base"))
    fit = stats.linregress(
        # Frisch, Waugh and Lovell, by two simple regressions.
        residual(base, side),
        residual(base, change),
    )
    assert found["estimate"].iloc[0] == pytest.approx(fit.slope / 2, rel=1e-9)
    # linregress has one df more than the regression with the covariate.
    n = change.size
    t = fit.rvalue * np.sqrt((n - 3) / (1 - fit.rvalue**2))
    assert found["statistic"].iloc[0] == pytest.approx(t, rel=1e-9)
    assert found["df"].iloc[0] == n - 3


def residual(x, y):
    """Return what a simple regression on x leaves of y."""
    line = stats.linregress(x, y)
    return y - line.intercept - line.slope * x


def test_joint_p_is_uniform_when_nothing_happens(make_plan, make_trial):
    plan = make_plan(permutation=200)
    p = []
    for seed in range(60):
        trial = make_trial(n=12, n_bins=2, effect=0.0, seed=seed)
        noise = np.random.default_rng(seed).normal(0, 0.05, len(trial))
        table = multiverse(trial.assign(glu_tnaa=trial["glx_tnaa"] + noise), plan)
        p.append(table.loc[table["kind"] == "joint", "p"].iloc[0])
    # SE of a rate of .3 in 60 trials is .06.
    assert (np.array(p) < 0.3).mean() == pytest.approx(0.3, abs=0.18)


def test_a_table_without_outcomes_has_no_curve(make_plan, make_trial):
    trial = make_trial().rename(columns={"glx_tnaa": "other"})
    assert multiverse(trial, make_plan()).empty
