"""Other choices than the plan's, and missing data."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.trial.changes import glx_changes
from glxflow.trial.fit_errors import COMMON, known_covariance, with_fit_errors
from glxflow.trial.sensitivity import (
    contrast_model,
    missing_data,
    sensitivity,
    with_model_choice,
)


def test_sets_differ_only_by_their_rows(make_plan, read_stats):
    trial = read_stats("fmrs_A")
    plan = make_plan()
    table = sensitivity(trial, plan).set_index("model")
    model = contrast_model(glx_changes(trial, plan))
    primary = model.fit.contrast(model.condition_contrast(plan)).iloc[0]
    passed = table.loc["set: rows that pass quality control"]
    # The plan's own set is fitted once more: the same numbers.
    assert passed["estimate"] == pytest.approx(primary["estimate"], rel=1e-12)
    assert passed["df"] == pytest.approx(primary["df"], rel=1e-12)
    assert table.loc["set: all rows with data", "n_rows"] == (trial["bin"] > 0).sum()
    assert (table["role"] == "sensitivity").all()


def test_without_the_baseline_complete_data_give_the_classical_test(make_plan, make_trial):
    plan = make_plan()
    trial = make_trial(n=10)
    row = sensitivity(trial, plan).set_index("model").loc["without the baseline as covariate"]
    changes = glx_changes(trial, plan)
    sessions = changes.groupby(["subject", "condition"], observed=True)["delta"].mean().unstack()
    difference = sessions["naltrexone"] - sessions["placebo"]
    order = changes.drop_duplicates("subject").set_index("subject")["sequence"].astype(str)
    halves = [difference[order == name] for name in plan.sequences]
    t = stats.ttest_ind(halves[0], halves[1])
    # Half the difference between the sequences is the period; half the sum the effect.
    assert row["estimate"] == pytest.approx(np.mean([half.mean() for half in halves]), rel=1e-6)
    assert row["df"] == pytest.approx(t.df, rel=1e-6)


def test_a_baseline_bin_without_an_error_has_that_of_the_others(make_plan, make_trial):
    trial = make_trial(n=4, n_bins=2).assign(glx_tnaa_sd=0.02)
    earlier = trial[trial["bin"] == 0].assign(bin=-1, glx_tnaa_sd=np.nan)
    changes = glx_changes(pd.concat([trial, earlier], ignore_index=True), make_plan())
    assert changes["base_sd"].to_numpy() == pytest.approx(0.02 / np.sqrt(2))


def test_leaving_one_out_finds_the_participant_who_carries_the_effect(make_plan, make_trial):
    trial = make_trial(n=10, effect=0.0, session_sd=0.002, noise_sd=0.005)
    is_odd = (trial["subject"] == "sub-04") & (trial["condition"] == "naltrexone")
    trial.loc[is_odd & (trial["bin"] > 0), "glx_tnaa"] -= 0.5
    table = sensitivity(trial, make_plan())
    highest = table[table["note"].str.startswith("highest")].iloc[0]
    assert highest["model"] == "without sub-04"
    assert abs(highest["estimate"]) < 0.01  # a session's SD over the root of nine
    lowest = table[table["note"].str.startswith("lowest")].iloc[0]
    assert lowest["estimate"] < -0.04  # the odd one's -.5 of nine, and more


def test_the_set_of_complete_participants_lacks_who_lacks_a_session(make_plan, make_trial):
    trial = make_trial(n=9, session_sd=0.05)
    gone = (trial["subject"] == "sub-04") & (trial["period"] == 2)
    rows = sensitivity(trial[~gone], make_plan()).set_index("model")["n_participants"]
    assert rows["set: all rows with data"] == 9
    assert rows["set: participants with every session"] == 8


def test_known_errors_leave_the_baselines_to_the_sessions(make_plan, make_trial):
    plan = make_plan()
    trial = make_trial(n=4, n_bins=2).assign(glx_tnaa_sd=0.01)
    trial.loc[trial["bin"] == 0, "glx_tnaa_sd"] = 0.02
    measured = with_fit_errors(glx_changes(trial, plan), plan)
    assert measured[COMMON].to_numpy() == pytest.approx(4e-4)
    table, known = known_covariance(measured)
    assert known == pytest.approx(1e-4 * np.eye(len(table)))
    names = sensitivity(trial, plan)["model"].tolist()
    assert "errors of the fits as known covariance" in names


def test_a_noisy_baseline_does_not_widen_the_model_that_has_it_as_covariate(make_plan, make_trial):
    """The baseline is all noise, so that as covariate it takes its own error out."""
    plan = make_plan()
    for seed in range(3):
        trial = make_trial(n=24, session_sd=0.002, noise_sd=0.03, seed=seed)
        rows = sensitivity(trial.assign(glx_tnaa_sd=0.03), plan).set_index("model")
        known = rows.loc["errors of the fits as known covariance", "se"]
        # Errors of all rows alike tell nothing new; it was 1.8 times as wide.
        assert known == pytest.approx(rows.loc["set: all rows with data", "se"], rel=0.1)


def test_small_errors_of_the_fits_leave_the_result_alone(make_plan, make_trial):
    plan = make_plan()
    trial = make_trial(n=10, session_sd=0.05).assign(glx_tnaa_sd=1e-5)
    changes = glx_changes(trial, plan)
    plain = contrast_model(changes)
    known = contrast_model(*known_covariance(with_fit_errors(changes, plan)))
    row = plain.condition_contrast(plan)
    one, other = (model.fit.contrast(row).iloc[0] for model in (plain, known))
    # Errors of 1e-5 beside a residual of .03.
    assert other["estimate"] == pytest.approx(one["estimate"], rel=1e-4)
    assert other["df"] == pytest.approx(one["df"], rel=1e-3)


def test_choice_of_the_fits_model_beyond_the_scatter_of_sessions_widens_the_contrast(
    make_plan, make_trial
):
    """Sessions of equal spread s: the contrast of n pairs gains 2 s^2 / n."""
    plan, n, spread = make_plan(), 10, 0.03
    trial = make_trial(n=n, session_sd=0.001, noise_sd=0.001)
    trial = trial.assign(glx_tnaa_change_sd_model=np.where(trial["bin"] > 0, spread, np.nan))
    changes = glx_changes(trial, plan)
    plain, wide = contrast_model(changes), contrast_model(*with_model_choice(changes, plan))
    row = plain.condition_contrast(plan)
    one, other = (model.fit.contrast(row).iloc[0] for model in (plain, wide))
    gained = other["se"] ** 2 - one["se"] ** 2
    # The baseline's two covariates take up some; noise of 0.001 is left beside 0.03.
    assert gained == pytest.approx(2 * spread**2 / n, rel=0.25)
    assert (
        "choice of the fit's model as known covariance"
        in sensitivity(trial, plan)["model"].to_list()
    )


def test_choice_of_the_fits_model_within_the_scatter_of_sessions_is_said_to_add_nothing(
    make_plan, make_trial
):
    trial = make_trial(n=10, session_sd=0.05, noise_sd=0.01)
    spread = np.where(trial["bin"] > 0, 0.01, np.nan)
    table = sensitivity(trial.assign(glx_tnaa_change_sd_model=spread), make_plan())
    rows = table.set_index("model")
    row = rows.loc["choice of the fit's model as known covariance"]
    assert row["se"] == pytest.approx(rows.loc["set: all rows with data", "se"], rel=1e-4)
    assert row["note"].startswith("SD 0.01, common to a session's bins; what differs from session")
    assert "wide end" not in row["note"]


def test_joint_changes_take_the_place_of_differences(make_plan, make_trial):
    plan = make_plan()
    trial = make_trial(n=10)
    names = sensitivity(trial, plan)["model"].tolist()
    assert "changes fitted jointly" not in names
    changes = glx_changes(trial, plan)
    own = contrast_model(changes)
    keys = ["subject", "period", "bin"]
    joint = [f"glx_tnaa_change_joint{end}" for end in ("", "_sd", "_common_sd")]
    halved = changes.assign(**dict(zip(joint, (changes["delta"] / 2, 0.01, 0.0), strict=True)))
    trial = trial.merge(halved[[*keys, *joint]].astype({"period": int}), on=keys, how="left")
    found = sensitivity(trial, plan).set_index("model").loc["changes fitted jointly"]
    whole = own.fit.contrast(own.condition_contrast(plan)).iloc[0]
    assert found["estimate"] == pytest.approx(whole["estimate"] / 2, rel=1e-5)
    assert found["role"] == "sensitivity"
    # A plan that takes them has the differences beside, and its other rows are of them.
    rows = sensitivity(trial, make_plan(change="joint")).set_index("model")
    assert "changes fitted jointly" not in rows.index
    differences = rows.loc["differences of separate fits", "estimate"]
    assert differences == pytest.approx(whole["estimate"], rel=1e-9)
    everything = rows.loc["set: all rows with data", "estimate"]
    assert everything == pytest.approx(whole["estimate"] / 2, rel=1e-5)
    # Differences of the sessions without a joint change, too.
    trial.loc[trial["subject"].eq("sub-01") & trial["period"].eq(1), joint] = np.nan
    spread = trial.assign(glx_tnaa_change_sd_model=np.where(trial["bin"] > 0, 0.01, np.nan))
    rows = sensitivity(spread, make_plan(change="joint")).set_index("model")
    assert rows.loc["set: all rows with data", "n_sessions"] == 19
    assert rows.loc["differences of separate fits", "n_sessions"] == 20
    differences = rows.loc["differences of separate fits", "estimate"]
    assert differences == pytest.approx(whole["estimate"], rel=1e-9)
    note = rows.loc["choice of the fit's model as known covariance", "note"]
    assert note.startswith("SD 0.01 of differences of separate fits, common to a session's bins;")


def test_joint_errors_are_known_with_what_bins_have_in_common(make_plan, make_trial):
    plan = make_plan()
    trial = make_trial(n=4, n_bins=2)
    later = trial["bin"] > 0
    columns = {"": 0.1, "_sd": 0.05, "_common_sd": 0.03}
    trial = trial.assign(
        **{f"glx_tnaa_change_joint{end}": np.where(later, value, np.nan)
           for end, value in columns.items()}
    )  # fmt: skip
    measured = with_fit_errors(glx_changes(trial, plan), plan)
    assert measured[COMMON].to_numpy() == pytest.approx(9e-4)
    table, known = known_covariance(measured)
    assert known == pytest.approx(16e-4 * np.eye(len(table)))
    assert table["delta"].unique().tolist() == [0.1]
    # Of a single later bin nothing is common.
    alone = trial.assign(glx_tnaa_change_joint_common_sd=np.nan)
    _, known = known_covariance(with_fit_errors(glx_changes(alone, plan), plan))
    assert known == pytest.approx(25e-4 * np.eye(len(known)))


def test_table_without_spread_over_models_has_no_such_row(make_plan, make_trial):
    names = sensitivity(make_trial(n=4), make_plan())["model"].tolist()
    assert "choice of the fit's model as known covariance" not in names


def test_missing_data_are_counted_by_condition(make_plan, make_trial):
    trial = make_trial(n=8, n_bins=3)
    lost = trial["subject"].isin(["sub-01", "sub-02"]) & (trial["condition"] == "naltrexone")
    trial = trial[~lost]
    table = missing_data(trial, (-0.03, -0.01), make_plan()).set_index("analysis")
    assert table.loc["data under placebo", "share_missing"] == 0
    row = table.loc["data under naltrexone"]
    assert (row["n_cells"], row["n_usable"], row["n_sessions_missing"]) == (24, 18, 2)
    test = table.loc["sessions missing under one condition only, exact McNemar"]
    assert test["p"] == pytest.approx(0.5)  # two of two: 2 x 1/4
    # Who has data under neither condition tells nothing of a difference.
    nobody = trial["subject"].isin(["sub-03", "sub-04", "sub-05"])
    found = missing_data(trial.assign(qc_pass=(~nobody).astype(int)), (-0.03, -0.01), make_plan())
    found = found.set_index("analysis")
    assert found.loc["data under naltrexone", "n_sessions_missing"] == 5
    assert found["p"].dropna().tolist() == pytest.approx([0.5])
    tip = table.loc["shift of missing cells that moves the interval to zero", "estimate"]
    # A quarter is missing: +.04 in those moves the mean by +.01, and the limit to zero.
    assert tip == pytest.approx(0.04)
