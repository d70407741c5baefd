import numpy as np
import pytest

from glxflow.trial.analyse import analyse
from glxflow.trial.changes import clinical_changes, glx_changes
from glxflow.trial.explore import pairs_of


def test_exploratory_results_have_tables_of_their_own(reference_analysis):
    tables = reference_analysis.tables
    names = {name for name in tables if name.startswith("explor_")}
    assert names == {
        f"explor_{name}" for name in ("sex", "associations", "mediation", "multiverse")
    }
    for name in names:
        assert (tables[name]["role"] == "exploratory").all()


def test_pairs_are_those_of_the_reference(make_plan, read_stats):
    plan = make_plan()
    changes = glx_changes(read_stats("fmrs_A"), plan)
    scores = clinical_changes(read_stats("madrs_A"), plan)
    pairs = pairs_of(changes, scores, plan)
    table = read_stats("brain_behaviour_A")
    # The reference takes every bin: of who lacks one it compares different bins.
    lacks_none = (changes.groupby("subject").size() == 12).to_numpy()
    assert 5 < lacks_none.sum() < lacks_none.size
    for values, column, rows in (
        (pairs.brain, "delta", lacks_none),
        (pairs.behaviour, "chg", slice(None)),
    ):
        expected = table.pivot(index="subject", columns="condition", values=column)
        # The reference is stored with 15 digits.
        assert values[rows] == pytest.approx(
            expected[["placebo", "naltrexone"]].to_numpy(dtype=float)[rows], rel=1e-9
        )
    assert np.isnan(pairs.measured_variance).all()


def test_error_of_a_session_holds_its_baseline_once(make_plan, make_trial):
    plan = make_plan()
    trial = make_trial(n_bins=4).assign(glx_tnaa_sd=0.1)
    trial.loc[trial["bin"] == 0, "glx_tnaa_sd"] = 0.2
    scores = clinical_changes(
        trial.query("bin < 2").assign(day=lambda t: t["bin"], madrs=lambda t: t["glx_tnaa"]), plan
    )
    pairs = pairs_of(glx_changes(trial, plan), scores, plan)
    # Four bins of .1 average to .01/4; the baseline's .04 stays.
    assert pairs.measured_variance == pytest.approx(0.01 / 4 + 0.04)
    assert pairs.measured.tolist() == pairs.brain.tolist()
    later = trial["bin"] > 0
    joint = {"": trial["bin"], "_sd": 0.05, "_common_sd": 0.03}
    columns = {f"glx_tnaa_change_joint{end}": np.where(later, value, np.nan)
               for end, value in joint.items()}  # fmt: skip
    pairs = pairs_of(glx_changes(trial.assign(**columns), plan), scores, plan)
    # Of a joint fit .0016 are a bin's own and .0009 all bins have in common.
    assert pairs.measured_variance == pytest.approx(0.0016 / 4 + 0.0009)
    assert pairs.measured == pytest.approx(2.5)


def test_a_moderation_that_cannot_be_fitted_stops_nothing(make_plan, make_trial):
    # All women in one sequence, all men in the other: sex cannot be told from sequence.
    trial = make_trial().assign(sex=lambda t: t["sequence"].map({"PN": "F", "NP": "M"}))
    tables = analyse(trial, None, make_plan(clinical=None)).tables
    assert "aliased" in tables["explor_sex"]["note"].iloc[0]
    assert len(tables["primary"])


@pytest.fixture(scope="session")
def make_scores():
    """Return a maker of scores on day 0 and 1 for the sessions of a trial; falls are given."""

    def make(trial, fall):
        scores = trial.query("bin < 2").rename(columns={"bin": "day"})
        return scores.assign(madrs=30.0 - scores["day"] * scores["subject"].map(fall))

    return make


@pytest.mark.filterwarnings("error")
def test_a_mediation_without_an_answer_stops_nothing(make_plan, make_trial, make_scores):
    trial = make_trial(n_bins=1)
    # Each falls by as much in both sessions, so that the total effect is zero without an error.
    falls = dict(zip(trial["subject"].unique(), range(4, 12), strict=True))
    families = [{"name": "all", "members": ["primary", "correlation"], "method": "holm"}]
    result = analyse(trial, make_scores(trial, falls), make_plan(families=families))
    (row,) = result.tables["explor_mediation"].to_dict("records")
    assert row["note"].startswith("the behaviour's difference between the conditions")
    assert result.tables["explor_associations"]["note"].iloc[0].startswith("one of both is the")
    assert "family all: 'correlation' could not be tested and counts as P = 1" in result.warnings
    assert result.tables["primary"]["p"].notna().all()


def test_too_few_pairs_are_said(make_plan, make_trial, make_scores):
    trial = make_trial(n=5, n_bins=1)
    falls = dict(zip(trial["subject"].unique(), (4, 9, 2, 12, 7), strict=True))
    scores = make_scores(trial, falls)
    scores["madrs"] += np.random.default_rng(2).normal(size=len(scores))
    tables = analyse(trial, scores, make_plan()).tables
    for name in ("explor_associations", "explor_mediation"):
        assert tables[name]["note"].iloc[0].startswith("5 participants of 2 sequences have")


def test_one_bin_a_session_is_enough(make_plan, make_trial):
    tables = analyse(make_trial(n=10, n_bins=1), None, make_plan(clinical=None)).tables
    # One number a session: the df of the period-adjusted t test, less one for the baseline.
    assert tables["primary"]["df"].iloc[0] == pytest.approx(7, rel=0.2)
    assert tables["explor_sex"]["p"].notna().all()
    # That bin is the primary result; a table of no bin could not be read again.
    (row,) = tables["bins"].to_dict("records")
    assert row["term"] == "naltrexone - placebo, bin 1"
    assert row["p"] == tables["primary"]["p"].iloc[0] == row["p_holm"]
