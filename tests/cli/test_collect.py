"""From what was found in every session to the group's tables, on a small made-up study."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from glxflow.cli.collect import app
from glxflow.cli.trial import read_table
from glxflow.errors import ConfigError, TableError
from glxflow.io.config import read_yaml
from glxflow.io.files import sha256
from glxflow.io.tables import read_json, read_tsv, write_tsv
from glxflow.trial.analyse import analyse
from glxflow.trial.changes import clinical_changes, glx_changes
from glxflow.trial.plan import plan_from

PLAN = Path(__file__).parents[2] / "config" / "trial.yaml"
SEQUENCES = {"sub-01": "PN", "sub-02": "NP", "sub-03": "PN"}
LABELS = {"P": "placebo", "N": "naltrexone"}


class Study:
    """A crossover of three participants whose spectra were fitted, as tables on disk."""

    def __init__(self, root):
        self.bids, self.results = root / "bids", root / "results"
        self.group = self.results / "group"
        self.group.mkdir(parents=True)
        self.plan = root / "plan.yaml"
        self.plan.write_text(PLAN.read_text())
        self.scans = []
        people = [(name, "F", 30, order) for name, order in SEQUENCES.items()]
        self.participants(people)
        scores = []
        for subject, order in SEQUENCES.items():
            self.sessions(subject, [(f"ses-{n}", n, LABELS[order[n - 1]]) for n in (1, 2)])
            for session in ("ses-1", "ses-2"):
                self.fitted(subject, session)
                scores += [(subject, session, day, 30 - 9 * day) for day in (0, 1)]
        self.bids.joinpath("phenotype").mkdir()
        columns = ["participant_id", "session_id", "day", "total"]
        write_tsv(self.bids / "phenotype" / "madrs.tsv", pd.DataFrame(scores, columns=columns))

    def participants(self, people):
        columns = ["participant_id", "sex", "age", "sequence"]
        write_tsv(self.bids / "participants.tsv", pd.DataFrame(people, columns=columns))

    def sessions(self, subject, rows):
        path = self.bids / subject / f"{subject}_sessions.tsv"
        write_tsv(path, pd.DataFrame(rows, columns=["session_id", "period", "condition"]))

    def path(self, subject, session, ending):
        folder = self.results / subject / session / "mrs"
        return folder / f"{subject}_{session}_{ending}"

    def fitted(self, subject, session):
        """Write what a fit of a baseline and two bins leaves."""
        self.scans.append({"subject": subject, "session": session, "problem": ""})
        parts = pd.DataFrame({"bin": [0, 1, 2], "t_min": [-5.0, 5.0, 15.0]})
        change = 0.01 * len(self.scans) * parts["bin"]
        names = [
            parts.assign(metabolite=name, ratio_tnaa=level + change, ratio_tnaa_sd=0.02)
            for name, level in {"Glx": 1.4, "Glu": 1.1}.items()
        ]
        qc = parts.assign(
            n_transients=4, snr=50.0, fwhm_hz=5.0, qc_level="pass", qc_pass=1, flags="",
            status="converged",
        )  # fmt: skip
        write_tsv(self.path(subject, session, "desc-fit_concentrations.tsv"), pd.concat(names))
        write_tsv(self.path(subject, session, "desc-qc.tsv"), qc)
        later = pd.DataFrame({"bin": [1, 2], "change_percent": [1.0, 2.0]}).assign(
            change_percent_sd=0.5, change_percent_common_sd=0.2, status="converged", flags=""
        )
        joint = [
            later.assign(metabolite=name, over=over)
            for name in ("Glx", "Glu")
            for over in ("tNAA", "none")
        ]
        write_tsv(self.path(subject, session, "desc-fit_changes.tsv"), pd.concat(joint))
        record = self.path(subject, session, "desc-fit_concentrations.json")
        record.write_text(json.dumps({"Status": "ok"}))

    def change(self, subject, session, ending, change):
        """Write a result of a session anew."""
        path = self.path(subject, session, ending)
        write_tsv(path, change(read_tsv(path)))

    def collect(self, *options):
        """Run the command and return the plan, what became of every session, and the result."""
        listed = pd.DataFrame(self.scans)
        places = listed["subject"] + "/" + listed["session"] + "/mrs/"
        names = listed["subject"] + "_" + listed["session"] + "_svs.nii.gz"
        write_tsv(self.group / "scans.tsv", listed.assign(svs=places + names))
        arguments = [self.bids, self.results, "--plan", self.plan, *options]
        result = CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return self.table("sessions").set_index(["subject", "session"])

    def table(self, name):
        return read_tsv(self.group / f"{name}.tsv", text=("sequence",))

    @property
    def content(self):
        """The plan."""
        return plan_from(read_yaml(self.plan), "plan.yaml")

    def replan(self, **changes):
        """Change the plan."""
        self.plan.write_text(yaml.safe_dump(read_yaml(self.plan) | changes))


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def test_a_sound_study_uses_every_session(study):
    assert study.collect()["status"].eq("used").all()
    assert len(study.table("trial")) == 18
    assert len(glx_changes(study.table("trial"), study.content)) == 12


def test_a_screening_is_not_asked_for_scores(study):
    rows = [("ses-0", None, None), ("ses-1", 1, "placebo"), ("ses-2", 2, "naltrexone")]
    study.sessions("sub-01", rows)
    sessions = study.collect()
    assert "not part of the trial" in sessions.loc[("sub-01", "ses-0"), "reason"]
    assert sessions["note"].isna().all()


@pytest.mark.parametrize("fault", ["never scanned", "mistyped"])
def test_a_participant_without_sessions_leaves_the_others_to_the_trial(study, fault):
    if fault == "never scanned":
        people = [(name, "F", 30, order) for name, order in SEQUENCES.items()]
        study.participants([*people, ("sub-09", "M", 40, "PN")])
    else:
        study.sessions("sub-03", [("1", 1, "placebo"), ("ses-2", 2, "naltrexone")])
    sessions = study.collect()
    if fault == "never scanned":
        # Scores may come before spectra: they are asked for, which of a screening they are not.
        assert "no score of day 0 and 1" in sessions.loc["sub-09"]["note"].item()
    assert sessions["status"].eq("used").sum() == (6 if fault == "never scanned" else 4)
    for name, changes in (("trial", glx_changes), ("clinical", clinical_changes)):
        assert changes(study.table(name), study.content)["period"].isin([1, 2]).all()


def test_a_period_that_was_saved_as_1_point_0_is_period_1(study):
    study.collect()
    trial = study.table("trial")
    changes = glx_changes(trial.assign(period=trial["period"].astype(float)), study.content)
    assert changes["visit"].unique().tolist() == ["1", "2"]


def no_events(study):
    for ending in ("desc-qc.tsv", "desc-fit_concentrations.tsv"):
        study.change("sub-02", "ses-1", ending, lambda t: t[t["bin"] == 0].assign(t_min=25.0))
    study.path("sub-02", "ses-1", "desc-fit_changes.tsv").unlink()


def failing(*bins):
    def spoil(study):
        study.change(
            "sub-02", "ses-1", "desc-qc.tsv",
            lambda t: t.assign(qc_pass=1 - t["bin"].isin(bins), flags="SNR is 3."),
        )  # fmt: skip

    return spoil


def unmeasured(study):
    study.replan(outcome="glu_tnaa")
    study.change(
        "sub-02", "ses-1", "desc-fit_concentrations.tsv",
        lambda t: t.assign(ratio_tnaa=t["ratio_tnaa"].mask(t["metabolite"] == "Glu")),
    )  # fmt: skip


def unscaled(study):
    study.replan(outcome="glx_water")
    for scan in study.scans:
        place = scan["subject"], scan["session"]
        is_without = place == ("sub-02", "ses-1")
        values = {"water_molal": float("nan") if is_without else 12.0, "water_molal_sd": 0.5}
        study.change(*place, "desc-fit_concentrations.tsv", lambda t, v=values: t.assign(**v))
        content = {"Status": "ok", "NotWaterScaled": "TR of the water is nan. Add it."}
        if is_without:
            study.path(*place, "desc-fit_concentrations.json").write_text(json.dumps(content))


def not_converged(study):
    study.change(
        "sub-02", "ses-1", "desc-fit_changes.tsv", lambda t: t.assign(status="not_converged")
    )


UNFIT = ("excluded", "quality")


@pytest.mark.parametrize(
    ("spoil", "verdict", "message"),
    [
        (no_events, ("excluded", "events"), "Add its *_events.tsv"),
        (failing(0), UNFIT, "no baseline can be used. Bin 0: SNR is 3. See the page"),
        (failing(1, 2), UNFIT, "no later bin can be used. Bin 1: SNR is 3. Bin 2: SNR is 3."),
        (failing(0, 1, 2), UNFIT, "no baseline can be used. Bin 0: SNR is 3."),
        (
            unmeasured,
            UNFIT,
            "no baseline can be used. Bin 0: no glu_tnaa. See the page of the scan.",
        ),
        (
            not_converged,
            UNFIT,
            "no later bin can be used. No joint change of glx_tnaa in a bin that could be used: "
            "the fit of all bins together did not converge (`status` in "
            "*_desc-fit_changes.tsv), or gives none, as of what is zero in bin 0. See the page",
        ),
        (
            unscaled,
            UNFIT,
            "no glx_water: TR of the water is nan. Add it. See the page of the scan.",
        ),
    ],
)
def test_a_session_that_tells_no_change_is_excluded_with_its_reason(
    study, spoil, verdict, message
):
    spoil(study)
    sessions = study.collect()
    row = sessions.loc[("sub-02", "ses-1")]
    assert (row["status"], row["stage"]) == verdict
    assert message in row["reason"]
    assert ("limits of quality" in row["reason"]) == ("SNR" in message)
    changes = glx_changes(study.table("trial"), study.content)
    n_analysed = len(changes[["subject", "session"]].drop_duplicates())
    assert sessions["status"].eq("used").sum() == n_analysed == 5
    # Its scores are no worse for it.
    assert len(study.table("clinical")) == 12


@pytest.mark.parametrize("has_files", [True, False])
def test_where_no_joint_fit_gives_a_change_there_is_no_answer_and_no_error(study, has_files):
    for scan in study.scans:
        place = scan["subject"], scan["session"], "desc-fit_changes.tsv"
        if has_files:
            study.change(*place, lambda t: t.assign(status="not_converged"))
        else:
            study.path(*place).unlink()
    sessions = study.collect()
    assert sessions["stage"].eq("quality").all()
    primary = analyse(study.table("trial"), None, study.content).tables["primary"]
    assert "no session has both a baseline" in primary["note"].item()


def test_a_later_bin_with_a_joint_change_needs_no_outcome(study):
    study.change(
        "sub-02", "ses-1", "desc-fit_concentrations.tsv",
        lambda t: t.assign(ratio_tnaa=t["ratio_tnaa"].mask(t["bin"] > 0)),
    )  # fmt: skip
    assert study.collect()["status"].eq("used").all()
    assert len(glx_changes(study.table("trial"), study.content)) == 12


def test_a_plan_of_differences_needs_no_joint_fit(study):
    not_converged(study)
    study.replan(change="separate")
    assert study.collect()["status"].eq("used").all()


def test_doubts_of_joint_changes_are_said_of_their_session(study):
    study.change(
        "sub-02", "ses-1", "desc-fit_changes.tsv",
        lambda t: t.assign(flags="ENDS SERIES_RESIDUAL SERIES_ENDS BELOW_ZERO"),
    )  # fmt: skip
    notes = study.collect()["note"].dropna()
    assert notes.to_dict() == {
        ("sub-02", "ses-1"): "changes.tsv says why its joint changes are doubted "
        "(SERIES_RESIDUAL and SERIES_ENDS)."
    }
    study.replan(change="separate")
    assert study.collect()["note"].isna().all()


def test_one_bin_that_fails_takes_no_session(study):
    failing(1)(study)
    assert study.collect()["status"].eq("used").all()


def test_where_all_rows_are_analysed_quality_excludes_no_session(study):
    failing(0, 1, 2)(study)
    study.replan(analysis_set="all")
    assert study.collect()["status"].eq("used").all()


def test_rows_that_quality_alone_excludes_stay_for_analyses_of_all_rows(study):
    failing(0, 1, 2)(study)
    study.collect()
    assert study.table("trial")["qc_pass"].value_counts().to_dict() == {1: 15, 0: 3}


def test_a_whole_scan_is_no_baseline_in_the_trial(study):
    no_events(study)
    study.collect()
    assert len(study.table("trial")) == 15


def test_a_scan_that_may_be_the_wrong_one_is_excluded_with_the_problem(study):
    study.scans[2]["problem"] = "x_svs.nii.gz: 2 spectroscopy scans in one session (x, y)."
    sessions = study.collect()
    row = sessions.loc[("sub-02", "ses-1")]
    assert row[["status", "stage"]].tolist() == ["excluded", "scan"]
    assert "2 spectroscopy scans in one session" in row["reason"]
    assert sessions["status"].eq("used").sum() == 5
    for name in ("trial", "concentrations", "qc"):
        assert len(study.table(name)[["subject", "session"]].drop_duplicates()) == 5


def test_a_scan_that_failed_keeps_the_message_of_its_stage(study):
    study.scans[2]["problem"] = "what validate says"
    failure = {"Status": "failed", "Stage": "preprocess", "Error": "what preprocess says"}
    record = study.path("sub-02", "ses-1", "desc-fit_concentrations.json")
    record.write_text(json.dumps(failure))
    row = study.collect().loc[("sub-02", "ses-1")]
    assert row[["status", "stage", "reason"]].tolist() == ["failed", *list(failure.values())[1:]]


def test_tables_of_an_earlier_run_do_not_stay_beside_those_of_this_one(study):
    study.replan(change="separate")
    study.collect()
    assert len(study.table("changes")) == 6 * 8
    for scan in study.scans:
        study.path(scan["subject"], scan["session"], "desc-fit_changes.tsv").unlink()
    study.collect()
    assert not (study.group / "changes.tsv").exists()


def test_a_result_that_a_fit_has_written_and_that_was_lost_is_asked_for(study):
    record = study.path("sub-01", "ses-1", "desc-fit_concentrations.json")
    lost = study.path("sub-01", "ses-1", "desc-fit_changes.tsv")
    record.write_text(json.dumps({"Status": "ok", "Results": [lost.name]}))
    content = lost.read_text()
    lost.unlink()
    with pytest.raises(TableError, match=rf"(?s){lost.name}: the fit has written it.*forcerun"):
        study.collect()
    lost.write_text(content)
    study.collect()


def test_where_nothing_could_be_fitted_no_trial_is_left_to_analyse(study):
    study.collect()
    failure = json.dumps({"Status": "failed", "Stage": "fit", "Error": "x"})
    for scan in study.scans:
        name = "desc-fit_concentrations.json"
        study.path(scan["subject"], scan["session"], name).write_text(failure)
    # A workflow removes sessions.tsv: the message itself says what is wrong with each.
    with pytest.raises(TableError, match=r"(?s)no session could be fitted.* sub-03 ses-2: x"):
        study.collect()
    assert not (study.group / "trial.tsv").exists()


def test_a_study_without_scores_yet_keeps_its_spectra(study):
    (study.bids / "phenotype" / "madrs.tsv").unlink()
    sessions = study.collect()
    assert sessions["status"].eq("used").all()
    assert sessions["note"].str.contains("no score of day 0 and 1").all()
    assert study.table("clinical").empty


def test_a_plan_without_an_instrument_reads_no_scores(study):
    study.replan(clinical=None)
    (study.bids / "phenotype" / "score.tsv").write_text("no\ttable\tof\tscores\n")
    assert study.collect()["note"].isna().all()
    assert study.table("clinical").empty


@pytest.mark.parametrize("n_without", [1, 6])
def test_a_session_without_water_is_told_from_those_that_have_it(study, n_without):
    reason = "no water reference: ratios only, no water-scaled concentrations"
    for scan in study.scans[:n_without]:
        record = study.path(scan["subject"], scan["session"], "desc-fit_concentrations.json")
        record.write_text(json.dumps({"Status": "ok", "NotWaterScaled": reason}))
    notes = study.collect()["note"].dropna()
    expected = {("sub-01", "ses-1"): f"Unlike other sessions: {reason}"} if n_without == 1 else {}
    assert notes.to_dict() == expected


def test_scores_of_sessions_that_are_not_there_are_named(study):
    path = study.bids / "phenotype" / "madrs.tsv"
    path.write_text(path.read_text().replace("sub-01\tses-1", "sub-01\tses-01"))
    note = study.collect().loc[("sub-01", "ses-1"), "note"]
    assert "no score of day 0 and 1 (its scores of ses-01 belong to no session)" in note


def test_a_session_whose_folder_cannot_be_read_is_listed_with_what_to_do(study):
    study.scans = [row for row in study.scans if row["session"] != "ses-2"]
    closed = study.bids / "sub-01" / "ses-2"
    closed.mkdir(mode=0)
    if os.access(closed, os.R_OK):
        pytest.skip("the superuser may read everything")
    row = study.collect().loc[("sub-01", "ses-2")]
    assert (row["status"], row["stage"]) == ("excluded", "scan")
    assert "sub-01/ses-2: the folder cannot be read" in row["reason"]
    assert "no *_svs.nii.gz" in study.collect().loc[("sub-02", "ses-2"), "reason"]


def test_the_page_and_checklist_of_an_earlier_run_do_not_stay(study):
    names = ("report.html", "mrsinmrs.tsv")
    for name in names:
        (study.group / name).write_text("old")
    study.collect()
    assert not [name for name in names if (study.group / name).exists()]


def test_the_page_of_an_earlier_run_does_not_stay_for_one_that_ends_with_an_error(study):
    (study.group / "report.html").write_text("old")
    (study.bids / "participants.tsv").unlink()
    with pytest.raises(TableError, match=r"participants\.tsv: no such file"):
        study.collect()
    assert not (study.group / "report.html").exists()


def test_a_sequence_named_na_is_no_missing_one(study):
    study.replan(conditions={"reference": "agonist", "active": "naltrexone"})
    orders = {name: order.replace("P", "A") for name, order in SEQUENCES.items()}
    study.participants([(name, "F", 30, order) for name, order in orders.items()])
    labels = {"A": "agonist", "N": "naltrexone"}
    for subject, order in orders.items():
        study.sessions(subject, [(f"ses-{n}", n, labels[order[n - 1]]) for n in (1, 2)])
    assert study.collect()["status"].eq("used").all()
    changes = glx_changes(read_table(study.group / "trial.tsv"), study.content)
    assert set(changes["sequence"]) == {"AN", "NA"}


def test_files_of_somebodys_own_and_an_earlier_configuration_stay(study):
    study.collect("--config", '{"task": "rest"}')
    (study.results / "README.md").write_text("mine")
    study.collect()
    assert (study.results / "README.md").read_text() == "mine"
    assert read_yaml(study.results / "config.json") == {"task": "rest"}


def test_the_configuration_of_the_run_is_kept_and_can_be_run_again(study):
    config = {"qc": {"snr": {"fail": 12}}, "task": None}
    study.collect("--config", json.dumps(config))
    assert read_yaml(study.results / "config.json") == config  # as Snakemake reads it
    description = read_json(study.results / "dataset_description.json")
    assert description["ConfigurationSHA256"] == sha256(study.results / "config.json")


def test_an_outcome_that_no_spectrum_gives_is_refused(study):
    study.replan(outcome="glx_tcho")
    with pytest.raises(ConfigError, match="'outcome' is 'glx_tcho', which no spectrum gives"):
        study.collect()
