from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import ConfigError
from glxflow.io.config import read_yaml
from glxflow.trial.account import account_for_sessions
from glxflow.trial.assemble import (
    METABOLITES,
    OUTCOMES,
    clinical_table,
    joint_changes,
    outcomes_wide,
    plan_of_spectra,
    refuse_sliding,
    trial_table,
    with_outcomes,
)

PLAN = Path(__file__).parents[2] / "config" / "trial.yaml"
PARTICIPANTS = pd.DataFrame(
    {"subject": ["sub-01", "sub-02"], "sex": ["F", "M"], "age": [30.0, 40.0]}
).assign(sequence=["PN", "NP"])
PLANNED = pd.DataFrame(
    [
        ("sub-01", "ses-1", 1, "placebo"),
        ("sub-01", "ses-2", 2, "naltrexone"),
        ("sub-02", "ses-1", 1, "naltrexone"),
        ("sub-02", "ses-2", 2, "placebo"),
    ],
    columns=["subject", "session", "period", "condition"],
)
FITTED = dict.fromkeys(PLANNED.iloc[:, :2].itertuples(index=False, name=None), ("", ""))


@pytest.fixture
def account(make_plan):
    """Return what accounts for the sessions of a study, of which a keyword changes a part."""

    def make(participants=PARTICIPANTS, planned=PLANNED, outcomes=FITTED, problems=None, **plan):
        table = account_for_sessions(
            participants, planned, outcomes, problems or {}, make_plan(**plan)
        )
        return table.set_index(["subject", "session"])

    return make


def test_a_sound_study_uses_every_session(account):
    table = account()
    assert table["status"].tolist() == ["used"] * 4
    assert table.loc[("sub-02", "ses-1"), "condition"] == "naltrexone"
    assert table.loc[("sub-02", "ses-1"), "sex"] == "M"


def test_what_the_plan_needs_is_carried_into_the_tables(account):
    planned = PLANNED.assign(infusion="ketamine")
    participants = PARTICIPANTS.assign(site=["A", "B"])
    infusions = {"reference": "saline", "active": "ketamine"}
    plan = {"design": "factorial", "infusion": infusions, "within": ["condition"]}
    sessions = account(
        participants, planned, allocation={"strata": ["site"]}, **plan
    ).reset_index()
    scores = PLANNED[["subject", "session"]].assign(day=1.0, madrs=20.0)
    table = clinical_table(scores, sessions)
    assert table["site"].tolist() == ["A", "A", "B", "B"]
    assert table["infusion"].eq("ketamine").all()
    assert "status" not in table


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("period", "sub-01_sessions.tsv gives ses-2 no period, which design 'crossover' needs"),
        ("sequence", "participants.tsv gives sub-01 no sequence, which design 'crossover' needs"),
    ],
)
def test_what_the_design_does_not_need_may_be_missing(account, name, reason):
    tables = {"participants": PARTICIPANTS.copy(), "planned": PLANNED.copy()}
    table = tables["planned" if name == "period" else "participants"]
    table.loc[1 if name == "period" else 0, name] = None
    row = account(**tables).loc[("sub-01", "ses-2")]
    assert (row["status"], row["stage"]) == ("excluded", "design")
    assert reason in row["reason"]
    assert account(**tables, design="parallel")["status"].eq("used").all()


def test_a_session_without_a_condition_is_no_part_of_the_trial(account):
    screening = pd.DataFrame([("sub-01", "ses-0", None, None)], columns=PLANNED.columns)
    row = account(planned=pd.concat([PLANNED, screening])).loc[("sub-01", "ses-0")]
    assert row["status"] == "excluded"
    assert "gives ses-0 no condition: it is not part of the trial" in row["reason"]


def test_a_sequence_that_the_plan_does_not_know_excludes_its_participant_alone(account):
    table = account(participants=PARTICIPANTS.assign(sequence=["AB", "NP"]))
    assert table["status"].tolist() == ["excluded"] * 2 + ["used"] * 2
    assert (
        "participants.tsv gives sub-01 sequence 'AB', expected PN or NP" in table["reason"].iat[0]
    )


@pytest.mark.parametrize(
    ("infusion", "reason"),
    [
        ("ketamin", "gives ses-2 infusion 'ketamin', expected saline or ketamine. Correct"),
        (None, "gives ses-2 no infusion, which design 'factorial' needs. Add it."),
    ],
)
def test_an_infusion_that_the_plan_does_not_know_excludes_its_session_alone(
    account, infusion, reason
):
    planned = PLANNED.assign(infusion=["saline", infusion, "ketamine", "saline"])
    infusions = {"reference": "saline", "active": "ketamine"}
    plan = {"design": "factorial", "infusion": infusions, "within": ["condition"]}
    table = account(planned=planned, **plan)
    assert table["status"].tolist() == ["used", "excluded", "used", "used"]
    assert table["stage"].iat[1] == "design"
    assert f"sub-01_sessions.tsv {reason}" in table["reason"].iat[1]


def test_a_session_that_was_not_scanned_is_missing(account):
    outcomes = {key: value for key, value in FITTED.items() if key != ("sub-01", "ses-2")}
    row = account(outcomes=outcomes).loc[("sub-01", "ses-2")]
    assert (row["status"], row["stage"]) == ("missing", "scan")
    assert "sub-01/ses-2/mrs" in row["reason"]


def test_a_broken_scan_keeps_the_message_of_its_stage(account):
    table = account(outcomes=FITTED | {("sub-01", "ses-1"): ("preprocess", "x.nii.gz: truncated")})
    row = table.loc[("sub-01", "ses-1")]
    assert row[["status", "stage", "reason"]].tolist() == [
        "failed",
        "preprocess",
        "x.nii.gz: truncated",
    ]
    assert (table["status"] == "used").sum() == 3


def test_a_condition_that_the_plan_does_not_know_is_excluded_with_both_names(account):
    planned = PLANNED.replace("naltrexone", "naltrexon")
    reason = account(planned=planned).loc[("sub-01", "ses-2"), "reason"]
    assert "'naltrexon'" in reason
    assert "placebo, naltrexone" in reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"participants": PARTICIPANTS.iloc[1:]}, "participants.tsv has no row for sub-01"),
        ({"planned": PLANNED.iloc[1:]}, "sub-01_sessions.tsv has no row for ses-1"),
        ({"problems": {"sub-01": "sub-01_sessions.tsv: period twice"}}, "period twice"),
    ],
)
def test_a_session_without_its_design_is_excluded(account, change, message):
    row = account(**change).loc[("sub-01", "ses-1")]
    assert row["status"] == "excluded"
    assert message in row["reason"]


def test_a_participant_without_any_session_is_listed(account):
    extra = pd.DataFrame({"subject": ["sub-09"], "sex": ["F"], "age": [20.0], "sequence": ["PN"]})
    table = account(participants=pd.concat([PARTICIPANTS, extra])).reset_index()
    row = table[table["subject"] == "sub-09"].iloc[0]
    assert row["status"] == "missing"
    assert "plans no session" in row["reason"]


def test_a_participant_without_any_session_leaves_whole_periods_to_the_others(account):
    extra = pd.DataFrame({"subject": ["sub-09"], "sex": ["F"], "age": [20.0], "sequence": ["PN"]})
    table = account(participants=pd.concat([PARTICIPANTS, extra]))
    assert table.to_csv(columns=["period"], index=False).split() == ["period", *"1212", '""']


@pytest.fixture
def concentrations():
    rows = [
        {
            "subject": "sub-01",
            "session": "ses-1",
            "bin": time_bin,
            "metabolite": name,
            "ratio_tnaa": value + time_bin,
            "ratio_tnaa_sd": 0.01,
            "ratio_tcr": 10 * value,
            "ratio_tcr_sd": 0.1,
            "water_molal": np.nan,
            "water_molal_sd": np.nan,
        }
        for time_bin in (0, 1)
        for name, value in {"Glx": 1.4, "Glu": 1.1, "Gln": 0.3, "tNAA": 1.0}.items()
    ]
    return pd.DataFrame(rows)


def test_outcomes_stand_beside_their_sd(concentrations):
    wide = outcomes_wide(concentrations).set_index("bin")
    assert wide.loc[1, "glx_tnaa"] == pytest.approx(2.4)
    assert wide.loc[0, "glu_tcr"] == pytest.approx(11)
    assert wide.loc[0, "gln_tcr_sd"] == pytest.approx(0.1)
    assert wide.loc[0, "tnaa_tcr"] == pytest.approx(10)
    assert not [name for name in wide if "water" in name]  # none was measured


def test_the_long_table_holds_used_sessions_only(account, concentrations):
    figures = {"t_min": 0.0, "n_transients": 20, "snr": 50.0, "fwhm_hz": 5.0, "qc_pass": 1}
    figures["flags"] = ""
    other = concentrations.assign(session="ses-2")
    both = pd.concat([concentrations, other])
    qc = both[["subject", "session", "bin"]].drop_duplicates().assign(**figures)
    sessions = account(outcomes=FITTED | {("sub-01", "ses-2"): ("fit", "bad")}).reset_index()
    table = trial_table(with_outcomes(qc, both, None), sessions)
    assert table[["session", "bin"]].to_numpy().tolist() == [["ses-1", 0], ["ses-1", 1]]
    assert table["condition"].tolist() == ["placebo"] * 2
    assert table["glx_tnaa"].tolist() == pytest.approx([1.4, 2.4])
    # What quality alone excludes stays, to be counted and for analyses of all rows.
    poor = FITTED | {("sub-01", "ses-2"): ("quality", "no baseline can be used.")}
    sessions = account(outcomes=poor).reset_index()
    assert sessions["status"].tolist() == ["used", "excluded", "used", "used"]
    table = trial_table(with_outcomes(qc, both, None), sessions)
    assert table["session"].tolist() == ["ses-1", "ses-1", "ses-2", "ses-2"]


def test_changes_fitted_jointly_stand_in_the_unit_of_their_outcome(concentrations):
    changes = pd.DataFrame(
        {
            "subject": "sub-01", "session": "ses-1", "bin": 1,
            "metabolite": ["Glx", "Glu", "Glx", "Tau"], "over": ["tNAA", "tCr", "none", "tNAA"],
            "change_percent": [5.0, -2.0, 7.0, 1.0], "change_percent_sd": [1.0, 0.5, 1.0, 1.0],
            "change_percent_common_sd": [0.6, 0.3, 0.6, 0.6], "status": "converged",
        }
    )  # fmt: skip
    joint = joint_changes(changes, outcomes_wide(concentrations)).set_index("bin")
    assert joint.loc[1, "glx_tnaa_change_joint"] == pytest.approx(0.05 * 1.4)
    assert joint.loc[1, "glu_tcr_change_joint_sd"] == pytest.approx(0.005 * 11)
    assert joint.loc[1, "glx_tnaa_change_joint_common_sd"] == pytest.approx(0.006 * 1.4)
    assert not [name for name in joint if "tau" in name or "none" in name or "water" in name]
    # Scaled by water, which does not change, an outcome changes as its amplitude does.
    scaled = concentrations.assign(water_molal=12.0, water_molal_sd=1.0)
    joint = joint_changes(changes, outcomes_wide(scaled)).set_index("bin")
    assert joint.loc[1, "glx_water_change_joint"] == pytest.approx(0.07 * 12)
    assert joint.loc[1, "glx_tnaa_change_joint"] == pytest.approx(0.05 * 1.4)


@pytest.fixture
def changes():
    return pd.DataFrame(
        [{"subject": "sub-01", "session": "ses-1", "bin": 1, "metabolite": "Glx",
          "over": "tNAA", "change_percent": 5.0, "change_percent_sd": 1.0,
          "change_percent_common_sd": 0.6, "status": "converged"}]
    )  # fmt: skip


def test_changes_of_a_joint_fit_that_did_not_converge_are_none(concentrations, changes):
    changes = changes.assign(status="not_converged")
    assert joint_changes(changes, outcomes_wide(concentrations)).empty


def test_a_percentage_of_a_baseline_of_zero_is_no_change_of_zero(concentrations, changes):
    # Its SD would be zero, too: the most certain of all changes.
    wide = outcomes_wide(concentrations.assign(ratio_tnaa=0.0))
    joint = joint_changes(changes, wide).filter(like="change_joint")
    assert joint.shape == (1, 3)
    assert joint.isna().all(axis=None)


def test_the_long_table_holds_joint_changes_of_later_bins(account, concentrations, changes):
    figures = {"t_min": 0.0, "n_transients": 20, "snr": 50.0, "fwhm_hz": 5.0, "qc_pass": 1}
    figures["flags"] = ""
    qc = concentrations[["subject", "session", "bin"]].drop_duplicates().assign(**figures)
    measured = with_outcomes(qc, concentrations, changes)
    table = trial_table(measured, account(outcomes=FITTED).reset_index())
    first, later = table["glx_tnaa_change_joint"]
    assert np.isnan(first)
    assert later == pytest.approx(0.07)


def test_figures_of_the_quality_that_are_named_as_outcomes_leave_these_their_names(
    account, concentrations
):
    figures = {"t_min": 0.0, "n_transients": 20, "snr": 50.0, "fwhm_hz": 5.0, "qc_pass": 1}
    qc = concentrations[["subject", "session", "bin"]].drop_duplicates()
    measured = with_outcomes(
        qc.assign(**figures, flags="noisy", glx_tnaa_sd=9.0), concentrations, None
    )
    assert measured["glx_tnaa_sd"].tolist() == [0.01, 0.01]
    assert not [name for name in measured if name.endswith(("_x", "_y"))]
    assert measured["flags"].tolist() == ["noisy"] * 2
    assert "flags" not in trial_table(measured, account().reset_index())


def test_clinical_scores_of_a_failed_scan_still_count(account):
    scores = PLANNED[["subject", "session"]].assign(day=1.0, madrs=20.0)
    sessions = account(outcomes={("sub-01", "ses-1"): ("fit", "bad")}).reset_index()
    assert len(clinical_table(scores, sessions)) == 4


def test_the_spread_over_models_goes_along(concentrations):
    spread = concentrations.assign(ratio_tcr_sd_model=0.3, ratio_tcr_change_sd_model=0.2)
    wide = outcomes_wide(spread).set_index("bin")
    assert wide.loc[1, ["glu_tcr_sd_model", "glu_tcr_change_sd_model"]].tolist() == [0.3, 0.2]
    assert "glu_tcr_sd_model" not in outcomes_wide(concentrations)


def test_every_outcome_that_a_plan_may_name_is_in_the_trial_table(account):
    names = pd.DataFrame({"metabolite": [*METABOLITES, "tNAA"], "subject": "sub-01"})
    values = {"ratio_tnaa": 1.0, "ratio_tcr": 1.0, "water_molal": 1.0}
    sds = {f"{name}_sd": 0.1 for name in values}
    concentrations = names.assign(session="ses-1", bin=0, **values, **sds)
    figures = {"t_min": -5.0, "n_transients": 4, "snr": 50.0, "fwhm_hz": 5.0, "qc_pass": 1}
    figures["flags"] = ""
    qc = pd.DataFrame([{"subject": "sub-01", "session": "ses-1", "bin": 0} | figures])
    table = trial_table(with_outcomes(qc, concentrations, None), account().reset_index())
    assert set(OUTCOMES) <= set(table)


def test_an_outcome_that_no_spectrum_gives_is_refused_with_those_that_there_are():
    content = read_yaml(PLAN)
    assert plan_of_spectra(content, "plan.yaml").outcome == "glx_tnaa"
    with pytest.raises(
        ConfigError, match=r"plan\.yaml: 'outcome' is 'glx_tcho', .* one of glx_tnaa, glx_tcr"
    ):
        plan_of_spectra(content | {"outcome": "glx_tcho"}, "plan.yaml")


def test_line_widths_are_not_fitted_jointly():
    content = read_yaml(PLAN) | {"change": "joint"}
    assert plan_of_spectra(content, "plan.yaml").change == "joint"
    with pytest.raises(ConfigError, match="of fwhm_hz there are only values of single bins"):
        plan_of_spectra(content | {"outcome": "fwhm_hz"}, "plan.yaml")


def test_bins_that_slide_are_refused_where_the_plan_takes_joint_changes():
    joint, separate = (
        plan_of_spectra(read_yaml(PLAN) | {"change": way}, "plan.yaml")
        for way in ("joint", "separate")
    )
    with pytest.raises(ConfigError, match=r"bin_step_s is 300 s and preprocess\.bin_s 600 s"):
        refuse_sliding(joint, "plan.yaml", 600.0, 300.0)
    refuse_sliding(separate, "plan.yaml", 600.0, 300.0)
    for bin_s, step_s in ((600.0, None), (600.0, 600.0), (None, None)):
        refuse_sliding(joint, "plan.yaml", bin_s, step_s)
