"""What is compared within a participant: the same bins of every session."""

import numpy as np
import pytest

from glxflow.trial.changes import clinical_changes, glx_changes
from glxflow.trial.designs.associations import associations_by_arm
from glxflow.trial.designs.responses import cell_means, responses, session_means
from glxflow.trial.explore import pairs_of


@pytest.fixture
def rising(make_trial):
    """Return a trial that rises by .01 a bin, whatever the condition, with lost bins."""
    trial = make_trial(n_bins=3, effect=0.0, session_sd=0.0, noise_sd=0.0)
    trial = trial.assign(glx_tnaa=1.0 + 0.01 * trial["bin"])
    lost = (
        "(subject == 'sub-01' and period == 2 and bin > 1)"
        " or (subject == 'sub-02' and period == 1 and bin == 1)"
        " or (subject == 'sub-03' and period == 1 and bin > 1)"
        " or (subject == 'sub-03' and period == 2 and bin == 1)"
        " or (subject == 'sub-04' and period == 2)"
    )
    return trial.drop(trial.query(lost).index)


def test_a_time_course_alone_makes_no_difference_between_conditions(make_plan, rising):
    plan = make_plan(clinical=None)
    wide = cell_means(glx_changes(rising, plan), plan)
    difference = (wide["naltrexone"] - wide["placebo"]).dropna()
    assert len(difference) == 6  # one has no bin in common, one no second session
    assert difference.to_numpy() == pytest.approx(0.0, abs=1e-12)  # rounding


def test_brain_and_behaviour_compare_the_same_bins(make_plan, make_trial, rising):
    scores = make_trial(n_bins=1).assign(day=lambda t: t["bin"], madrs=20.0).drop(columns="bin")
    plan = make_plan()
    pairs = pairs_of(glx_changes(rising, plan), clinical_changes(scores, plan), plan)
    assert pairs.brain_difference == pytest.approx(0.0, abs=1e-12)  # rounding


def test_every_session_is_listed_with_the_bins_that_count(make_plan, rising):
    table = session_means(glx_changes(rising, make_plan(clinical=None)))
    found = table.set_index(["subject", "period"])
    assert found.loc["sub-01", "n_bins"].tolist() == [1, 1]
    assert found.loc["sub-01", "change"].tolist() == pytest.approx([0.01, 0.01])
    assert found.loc["sub-02", "n_bins"].tolist() == [2, 2]
    assert found.loc["sub-03", "n_bins"].tolist() == [0, 0]
    assert found.loc["sub-03", "change"].isna().all()
    # Who has one session keeps all of it.
    assert found.loc["sub-04", "n_bins"].tolist() == [3]
    assert found.loc["sub-04", "change"].tolist() == pytest.approx([0.02])


def test_arms_and_double_differences_compare_the_same_bins(plan_of, trial_of):
    plan = plan_of("both")
    trial = trial_of("both", n=8).assign(glx_tnaa=lambda t: 1.0 + 0.01 * t["bin"])
    trial = trial.drop(trial.query("subject == 'sub-01' and period == 2 and bin > 1").index)
    assert responses(glx_changes(trial, plan), plan).value == pytest.approx(0.0, abs=1e-12)


def test_the_correlation_within_people_compares_the_same_bins(plan_of, trial_of):
    plan = plan_of("infusion", clinical={"instrument": "madrs", "day": 1})
    trial = trial_of("infusion", n=16)
    scores = trial[trial["bin"] < 2].assign(
        day=lambda t: t["bin"], madrs=lambda t: 20 + 10 * t["glx_tnaa"]
    )
    late = trial["bin"] > 1
    steep = trial.assign(glx_tnaa=trial["glx_tnaa"] + 5.0 * late)
    lost = steep.drop(steep.query("subject == 'sub-01' and period == 2 and bin > 1").index)
    early = trial.drop(trial.query("subject == 'sub-01' and bin > 1").index)
    found = [
        associations_by_arm(glx_changes(table, plan), clinical_changes(scores, plan), plan)
        for table in (lost, early)
    ]
    # What late bins have more of in every session cancels.
    assert found[0]["estimate"].iloc[1] == pytest.approx(found[1]["estimate"].iloc[1], abs=1e-9)
    assert np.isfinite(found[0]["estimate"].iloc[1])
