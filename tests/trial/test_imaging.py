"""Receptor imaging as moderator and mediator, with known truth."""

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import ConfigError, TableError
from glxflow.trial.analyse import analyse
from glxflow.trial.brain import regress
from glxflow.trial.changes import glx_changes
from glxflow.trial.imaging import imaging_analysis
from glxflow.trial.lmm import fit_lmm
from glxflow.trial.models import TrialModel, design_formula

IMAGING = {"table": "pet.tsv", "column": "bp_nd", "region": "ACC", "role": "moderator"}


@pytest.fixture
def people(make_trial):
    """Return the participants of a trial of 40 with their binding in two regions."""
    rng = np.random.default_rng(9)
    subjects = make_trial(n=40)["subject"].unique()
    return pd.DataFrame(
        [(name, region, rng.normal(1.5, 0.3)) for name in subjects for region in ("ACC", "THA")],
        columns=["subject", "region", "bp_nd"],
    )


@pytest.fixture
def moderated(make_trial, people):
    """Return a trial whose effect falls by .05 a unit of binding in ACC."""
    trial = make_trial(n=40, n_bins=2, effect=-0.02, session_sd=0.005, noise_sd=0.005)
    own = people[people["region"] == "ACC"].set_index("subject")["bp_nd"]
    centred = trial["subject"].map(own - own.mean())
    moved = -0.05 * centred * (trial["condition"] == "naltrexone") * (trial["bin"] > 0)
    return trial.assign(glx_tnaa=trial["glx_tnaa"] + moved)


def test_moderation_recovers_the_slope(make_plan, moderated, people):
    plan = make_plan(clinical=None, imaging=IMAGING)
    found = imaging_analysis(people, glx_changes(moderated, plan), plan)
    slope, low, mean, high = found.to_dict("records")
    # Four standard errors, and these are small.
    assert slope["estimate"] == pytest.approx(-0.05, abs=4 * slope["se"])
    assert slope["se"] < 0.01
    assert mean["estimate"] == pytest.approx(-0.02, abs=4 * mean["se"])
    spread = people.loc[people["region"] == "ACC", "bp_nd"].std()
    expected = slope["estimate"] * 2 * spread
    assert high["estimate"] - low["estimate"] == pytest.approx(expected, rel=1e-9)  # a line
    assert slope["role"] == "exploratory"
    assert slope["note"].startswith("40 of 40 participants")


def test_a_moderator_of_several_sessions_is_their_mean(make_plan, moderated, people):
    plan = make_plan(clinical=None, imaging=IMAGING)
    changes = glx_changes(moderated, plan)
    apart = np.random.default_rng(2).normal(0, 0.2, len(people))
    sessions = pd.concat([people.assign(period=period, bp_nd=people["bp_nd"] + sign * apart)
                          for period, sign in ((1, 1), (2, -1))])  # fmt: skip
    one, other = (imaging_analysis(table, changes, plan) for table in (people, sessions))
    columns = ["estimate", "se", "df", "p"]
    pd.testing.assert_frame_equal(one[columns], other[columns], rtol=1e-6)


def test_slope_is_that_of_the_regression_of_differences(make_plan, make_trial, people):
    plan = make_plan(clinical=None, imaging=IMAGING)
    changes = glx_changes(make_trial(n=40, n_bins=1), plan)
    own = people[people["region"] == "ACC"].set_index("subject")["bp_nd"]
    changes = changes.assign(binding=changes["subject"].map(own - own.mean()).astype(float))
    # Without the baseline, which is no part of the classical regression.
    formula = design_formula(changes, "bin", "binding").replace(" + base_sub_c + base_dev", "")
    model = TrialModel("", "", fit_lmm(formula, changes))
    rows = [model.condition_contrast(plan, {"binding": level}) for level in (0.0, 1.0)]
    found = model.fit.contrast(rows[1] - rows[0]).iloc[0]
    wide = changes.pivot_table(index="subject", columns="condition", values="delta", observed=True)
    first = changes.drop_duplicates("subject").set_index("subject")["sequence"] == "NP"
    design = np.column_stack([own.loc[wide.index], np.ones(40), first.loc[wide.index]])
    difference = (wide["naltrexone"] - wide["placebo"]).to_numpy()
    slope, error = regress(design, difference, "the difference")
    assert found["estimate"] == pytest.approx(slope[0], rel=1e-6)  # the search ends near 1e-9
    assert found["se"] == pytest.approx(error[0], rel=1e-6)
    assert found["df"] == pytest.approx(37, rel=1e-6)


def test_those_without_a_value_are_left_out_and_counted(make_plan, moderated, people):
    plan = make_plan(clinical=None, imaging=IMAGING)
    some = people[~people["subject"].isin(["sub-01", "sub-02"])]
    some = some.assign(bp_nd=some["bp_nd"].where(some["subject"] != "sub-03"))
    found = imaging_analysis(some, glx_changes(moderated, plan), plan)
    assert found["n_participants"].iloc[0] == 37
    note = found["note"].iloc[0]
    assert note.startswith("37 of 40 participants have a value of bp_nd; the others are left out")
    assert "Exploratory, unless" in note
    assert "a correlation, no mediation" in note


def test_a_family_takes_the_moderation_out_of_the_exploratory(make_plan, make_trial, people):
    families = [{"name": "receptors", "members": ["imaging"], "method": "holm"}]
    plan = make_plan(
        clinical=None, imaging=IMAGING, families=families, permutation=100, bootstrap=100
    )
    table = analyse(make_trial(n_bins=1), None, plan, imaging=people).tables["imaging"]
    assert table["family"].tolist() == ["receptors", *["exploratory"] * 3]
    assert table["role"].iloc[0] == "secondary"
    assert table["p_adjusted"].iloc[0] == table["p"].iloc[0]


def test_mediation_recovers_the_indirect_effect(make_plan, make_trial):
    rng = np.random.default_rng(2)
    plan = make_plan(clinical=None, imaging=IMAGING | {"role": "mediator", "region": "ACC"})
    trial = make_trial(n=60, n_bins=2, effect=0.0, session_sd=0.002, noise_sd=0.002)
    sessions = trial.drop_duplicates(["subject", "period"])[["subject", "period", "condition"]]
    # a = -.4 binding under naltrexone; b = .1 outcome a unit.
    binding = 1.5 - 0.4 * (sessions["condition"] == "naltrexone") + rng.normal(0, 0.1, 120)
    pet = sessions.assign(bp_nd=binding, region="ACC").drop(columns="condition")
    merged = trial.merge(pet, on=["subject", "period"])
    trial = trial.assign(
        glx_tnaa=trial["glx_tnaa"] + (0.1 * merged["bp_nd"] * (merged["bin"] > 0)).to_numpy()
    )
    lost = pet.drop(index=pet[pet["period"] == 2].index[:2])
    note = imaging_analysis(lost, glx_changes(trial, plan), plan)["note"].iloc[0]
    assert note.startswith("58 of 60 participants have a value of bp_nd and an outcome in both")
    assert "The mediator was not randomised" in note
    found = imaging_analysis(pet, glx_changes(trial, plan), plan).set_index("analysis")
    row = found.loc["indirect effect, percentile bootstrap"]
    assert row["estimate"] == pytest.approx(-0.04, abs=0.005)  # about four bootstrap SD
    assert row["ci_low"] < -0.04 < row["ci_high"]
    joint = found.loc["indirect effect, joint significance of a and b"]
    paths = found.loc[["a: condition on imaging", "b: imaging on outcome"]]
    assert joint["p"] == paths["p"].max()
    assert joint["estimate"] == paths["estimate"].prod() == row["estimate"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="bp_nd"), "columns bp_nd are missing"),
        (lambda t: t.assign(region="PUT"), r"no row of region 'ACC'\. It has PUT"),
        (lambda t: t.assign(bp_nd="high"), "holds 'high', expected numbers"),
        (lambda t: pd.concat([t, t.iloc[[0]]]), "more than one value for .*sub-01"),
        (lambda t: t.assign(bp_nd=1.0), "is 1 for everybody"),
        (lambda t: t.assign(period="first"), "'period' holds what is no number"),
        (lambda t: t.assign(subject="x" + t["subject"]), "0 of the trial's 8 participants"),
    ],
)
def test_bad_imaging_tables_are_said(change, message, make_plan, make_trial, people):
    plan = make_plan(clinical=None, imaging=IMAGING)
    with pytest.raises(TableError, match=message):
        imaging_analysis(change(people), glx_changes(make_trial(), plan), plan)


def test_a_bad_imaging_table_does_not_stop_the_primary_result(make_plan, make_trial, people):
    plan = make_plan(clinical=None, imaging=IMAGING)
    result = analyse(make_trial(), None, plan, imaging=people.drop(columns="bp_nd"))
    assert result.tables["primary"]["estimate"].notna().all()
    assert "imaging" not in result.tables
    assert any("columns bp_nd are missing" in said for said in result.warnings)


def test_a_mediator_needs_a_value_of_each_session(make_plan, make_trial, people):
    plan = make_plan(clinical=None, imaging=IMAGING | {"role": "mediator"})
    with pytest.raises(TableError, match="needs a value of each session"):
        imaging_analysis(people, glx_changes(make_trial(), plan), plan)
    sessions = make_trial(n=16).drop_duplicates(["subject", "period"])
    pet = sessions[sessions["sequence"] == "PN"].assign(bp_nd=range(16), region="ACC")
    with pytest.raises(TableError, match=r"all 8 participants .* have sequence 'PN'"):
        imaging_analysis(
            pet[["subject", "period", "bp_nd", "region"]],
            glx_changes(make_trial(n=16), plan),
            plan,
        )
    with pytest.raises(ConfigError, match=r"'parallel'\. Write moderator"):
        make_plan(clinical=None, imaging=IMAGING | {"role": "mediator"}, design="parallel")


def test_a_mediator_that_is_the_same_in_both_sessions_stops_nothing(make_plan, make_trial):
    plan = make_plan(clinical=None, imaging=IMAGING | {"role": "mediator"})
    trial = make_trial(n_bins=1)
    pet = trial[trial["bin"] == 0].assign(region="ACC")[["subject", "period", "region"]]
    own = pet["subject"].str[-1].astype(float)
    result = analyse(trial, None, plan, imaging=pet.assign(bp_nd=own))
    assert any(text.startswith("bp_nd is not analysed: ") for text in result.warnings)
    assert "imaging" not in result.tables
    assert result.tables["primary"]["p"].notna().all()
