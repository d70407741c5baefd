"""Other residuals than independent ones, against nlme and by identities."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.trial.changes import glx_changes
from glxflow.trial.residuals import (
    autoregressive,
    compound_symmetric,
    fit_shaped,
    heteroscedastic,
)
from glxflow.trial.robustness import quantiles, robustness
from glxflow.trial.sensitivity import contrast_model

STATS = Path(__file__).parents[1] / "data" / "stats"
REFERENCE = json.loads((STATS / "reference_residuals.json").read_text())
SESSION = "subject:visit"


@pytest.fixture(scope="module")
def models(make_plan, read_stats):
    """Return the primary models of the reference trials by name."""
    tables = {"A": read_stats("fmrs_A"), "U": read_stats("fmrs_U").assign(qc_pass=1)}
    return {
        name: contrast_model(glx_changes(table, make_plan())) for name, table in tables.items()
    }


def shapes(data):
    session = (data["subject"] + data["visit"]).to_numpy(dtype=str)
    return {
        "ar1": autoregressive(session, data["bin"].to_numpy(dtype=float)),
        "compound_symmetry": compound_symmetric(session, SESSION),
        "heteroscedastic": heteroscedastic("", (data["condition"] == "naltrexone").to_numpy()),
    }


@pytest.mark.parametrize("name", ["ar1", "compound_symmetry", "heteroscedastic"])
@pytest.mark.parametrize("data", ["A", "U"])
def test_fits_are_those_of_nlme(name, data, models):
    fit, expected = models[data].fit, REFERENCE[data][name]
    found = fit_shaped(fit.likelihood, shapes(fit.data)[name])
    parameter = np.exp(found.parameter) if name == "heteroscedastic" else found.parameter
    # The likelihood is flat at its maximum; nlme's parameters stop at about 1e-6.
    assert -found.deviance / 2 == pytest.approx(expected["logLik"], rel=1e-9)
    assert parameter == pytest.approx(expected["parameter"], abs=2e-5)
    place = fit.fixed.names.index("condition1")
    assert found.inference.beta[place] == pytest.approx(expected["estimate"], rel=1e-5)
    error = np.sqrt(found.inference.naive[place, place])
    assert error == pytest.approx(expected["se_unadjusted"], rel=1e-5)


@pytest.mark.parametrize("data", ["A", "U"])
def test_kenward_roger_counts_the_error_of_the_variances_ratio(data, models):
    fit, expected = models[data].fit, REFERENCE[data]["heteroscedastic"]
    found = fit_shaped(fit.likelihood, shapes(fit.data)["heteroscedastic"]).inference
    place = fit.fixed.names.index("condition1")
    # The same linear covariance in another parametrisation; searches stop at 1e-6.
    assert np.sqrt(found.covariance[place, place]) == pytest.approx(expected["se_kr"], rel=1e-5)
    test = found.f_test(np.eye(len(found.beta))[[place]])
    assert test.ddf == pytest.approx(expected["df_kr"], rel=1e-5)


def test_compound_symmetry_is_the_random_effect_of_sessions(models, make_plan):
    model = models["A"]
    contrast = model.condition_contrast(make_plan())
    found = fit_shaped(model.fit.likelihood, shapes(model.fit.data)["compound_symmetry"]).inference
    primary = model.fit.contrast(contrast).iloc[0]
    # A positive correlation and a variance are the same; two searches.
    assert contrast @ found.beta == pytest.approx(primary["estimate"], rel=1e-6)
    error = np.sqrt(contrast @ found.covariance @ contrast)
    assert error == pytest.approx(primary["se"], rel=1e-5)
    assert found.f_test(contrast[np.newaxis]).ddf == pytest.approx(primary["df"], rel=1e-5)


def test_a_correlation_over_bins_is_found(make_plan, make_trial):
    trial = make_trial(n=30, n_bins=8, session_sd=0.02, noise_sd=1e-6, seed=4)
    rng = np.random.default_rng(8)
    for rows in trial.groupby(["subject", "period"]).groups.values():
        noise = [rng.normal(0, 0.03)]
        for _ in rows[1:]:
            noise.append(0.6 * noise[-1] + rng.normal(0, 0.03 * np.sqrt(1 - 0.6**2)))
        trial.loc[rows, "glx_tnaa"] += noise
    table = pd.concat(
        robustness(contrast_model(glx_changes(trial, make_plan())), "t", make_plan())
    )
    note = table[table["model"].str.contains("AR")]["note"].iloc[0]
    correlation = float(note.split(",")[0].removeprefix("correlation "))
    # The SE of a correlation from 60 series of 8 with a common level is about .05.
    assert correlation == pytest.approx(0.6, abs=0.15)
    assert "P 0.000" in note


def test_another_sd_is_that_of_the_active_condition_over_the_reference(make_plan, make_trial):
    plan, trial = make_plan(), make_trial(n=16, n_bins=6, noise_sd=0.01)
    is_active = (trial["condition"] == plan.active) & (trial["bin"] > 0)
    noise = np.random.default_rng(3).normal(0, 0.01, len(trial))
    changes = glx_changes(trial.assign(glx_tnaa=trial["glx_tnaa"] + is_active * noise), plan)
    model = contrast_model(changes)
    (note,) = [table["note"].iloc[0] for table in robustness(model, "t", plan)
               if "another SD" in table["model"].iloc[0]]  # fmt: skip
    found = fit_shaped(model.fit.likelihood, shapes(model.fit.data)["heteroscedastic"])
    better = model.fit.optimum.deviance - found.deviance
    expected = np.exp(found.parameter)
    # The root of two, whose SE from 192 rows is a tenth; one parameter more.
    assert expected == pytest.approx(2**0.5, abs=0.3)
    p = stats.chi2.sf(better, 1)
    assert note == f"SD of naltrexone / placebo {expected:.2f}, likelihood ratio P {p:.3f}"


def test_quantiles_have_the_unit_of_the_outcome(models, make_plan, read_stats):
    trial = read_stats("fmrs_A")
    trial["glx_tnaa"] *= 100
    found = quantiles(contrast_model(glx_changes(trial, make_plan())).fit)
    for name, part in quantiles(models["A"].fit).items():
        expected = 100 * np.array(part["observed"])
        # The search ends at 1e-9 of theta; a variance at its boundary is zero.
        assert part["expected"] == found[name]["expected"]
        assert found[name]["observed"] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_quantiles_are_those_of_the_model_s_parts(models):
    found = quantiles(models["A"].fit)
    fit = models["A"].fit
    assert list(found) == ["Residual", "subject", SESSION]
    assert len(found["Residual"]["observed"]) == len(fit.data)
    assert len(found["subject"]["observed"]) == fit.data["subject"].nunique()
    for part in found.values():
        # Ranks at the middles of equal shares.
        shares = stats.norm.cdf(part["expected"]) * len(part["expected"])
        assert shares == pytest.approx(np.arange(len(shares)) + 0.5)
        assert (np.diff(part["observed"]) >= 0).all()
        # Predictions of a model with an intercept have no mean.
        assert np.mean(part["observed"]) == pytest.approx(0, abs=1e-9)
    # Henderson's equations: residuals and predicted effects add up to what X beta leaves.
    total = fit.data["delta"] - fit.likelihood.x @ fit.beta
    spread = np.var(found["Residual"]["observed"])
    assert spread < np.var(total)


def test_trials_of_one_bin_have_no_residuals_over_bins(make_plan, make_trial):
    model = contrast_model(glx_changes(make_trial(n_bins=1), make_plan()))
    assert list(robustness(model, "t", make_plan())) == []


def test_of_two_bins_the_correlation_is_that_of_their_session(make_plan, make_trial):
    model = contrast_model(glx_changes(make_trial(n_bins=2), make_plan()))
    found = [table["model"].iloc[0] for table in robustness(model, "t", make_plan())]
    assert found == [
        "residuals of a session: compound symmetry",
        "residuals: another SD under each condition",
    ]
