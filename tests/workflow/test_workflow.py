"""The whole way on the simulated trial, sound and spoiled."""

import json
import os
import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml
from nifti_mrs.nifti_mrs import NIFTI_MRS
from nifti_mrs.validator import validate_nifti_mrs

from glxflow.io.files import sha256

PROJECT = Path(__file__).parents[2]


def scan(bids, subject, session, ending="svs.nii.gz"):
    folder = bids / f"sub-{subject}" / f"ses-{session}" / "mrs"
    return folder / f"sub-{subject}_ses-{session}_task-ketamine_{ending}"


def change_samples(path, change):
    image = nib.load(path)
    samples = change(np.asarray(image.dataobj))
    nib.save(nib.Nifti2Image(samples, image.affine, image.header), path)


def put_nan(samples):
    samples = samples.copy()
    samples[..., 10, 0, 7] = np.nan  # one sample of one coil of the eighth transient
    return samples


def spoil(bids):
    """One fault a participant; sub-08 stays sound."""
    for ending in ("mrsref.nii.gz", "mrsref.json"):
        scan(bids, "01", 1, ending).unlink()
    shutil.rmtree(bids / "sub-02" / "ses-2")
    truncated = scan(bids, "03", 1)
    truncated.write_bytes(truncated.read_bytes()[:60_000])
    scores = bids / "phenotype" / "madrs.tsv"
    lines = [line for line in scores.read_text().splitlines() if not line.startswith("sub-04")]
    scores.write_text("\n".join(lines) + "\n")
    change_samples(scan(bids, "05", 1), np.conj)
    change_samples(scan(bids, "06", 1), put_nan)
    sessions = bids / "sub-07" / "sub-07_sessions.tsv"
    sessions.write_text(sessions.read_text().replace("naltrexone", "nalterxone"))


@pytest.fixture(scope="module")
def spoiled(copied, run_workflow):
    bids = copied("spoiled")
    spoil(bids)
    results = bids.parent / "results"
    run = run_workflow(bids, results)
    assert run.returncode == 0, run.stderr[-3000:]
    return results


@pytest.fixture(scope="module")
def sessions(spoiled):
    return pd.read_csv(spoiled / "group" / "sessions.tsv", sep="\t").set_index(
        ["subject", "session"]
    )


@pytest.mark.slow
class TestSpoiledStudy:
    def test_sound_sessions_are_used(self, sessions):
        used = sessions[sessions["status"] == "used"]
        assert len(used) == 12
        assert ("sub-08", "ses-1") in used.index

    def test_a_missing_water_reference_leaves_ratios(self, spoiled, sessions):
        assert sessions.loc[("sub-01", "ses-1"), "status"] == "used"
        table = pd.read_csv(spoiled / "group" / "concentrations.tsv", sep="\t")
        rows = table[(table["subject"] == "sub-01") & (table["session"] == "ses-1")]
        assert rows["water_molal"].isna().all()
        assert rows["ratio_tnaa"].notna().any()

    def test_a_missing_session_is_listed_with_where_it_should_be(self, sessions):
        row = sessions.loc[("sub-02", "ses-2")]
        assert row["status"] == "missing"
        assert "sub-02/ses-2/mrs" in row["reason"]

    def test_a_truncated_file_is_named(self, sessions):
        row = sessions.loc[("sub-03", "ses-1")]
        assert (row["status"], row["stage"]) == ("failed", "preprocess")
        assert "sub-03_ses-1_task-ketamine_svs.nii.gz" in row["reason"]
        assert "copy it again" in row["reason"]

    def test_a_participant_without_scores_keeps_the_spectra(self, sessions):
        row = sessions.loc[("sub-04", "ses-1")]
        assert row["status"] == "used"
        assert "phenotype/madrs.tsv has no score of day 0 and 1" in row["note"]

    def test_conjugated_data_are_refused_by_name(self, sessions):
        row = sessions.loc[("sub-05", "ses-1")]
        assert row["status"] == "failed"
        assert "sub-05_ses-1_task-ketamine_svs.nii.gz" in row["reason"]
        assert "conjugate" in row["reason"]

    def test_a_transient_with_nan_is_left_out_and_said(self, spoiled, sessions):
        assert sessions.loc[("sub-06", "ses-1"), "status"] == "used"
        folder = spoiled / "sub-06" / "ses-1" / "mrs"
        page = (folder / "sub-06_ses-1_task-ketamine_report.html").read_text()
        assert "1 of 20 transients hold NaN or infinity" in page

    def test_an_unknown_condition_is_excluded_with_the_known_ones(self, sessions):
        excluded = sessions[sessions["status"] == "excluded"]
        assert excluded.index.get_level_values("subject").tolist() == ["sub-07"]
        assert "placebo, naltrexone" in excluded["reason"].iloc[0]

    def test_the_study_page_lists_every_fault(self, spoiled):
        page = (spoiled / "group" / "report.html").read_text()
        for subject in ("sub-02", "sub-03", "sub-05", "sub-07"):
            assert subject in page
        assert "copy it again" in page

    def test_the_page_of_a_failed_session_says_why(self, spoiled):
        folder = spoiled / "sub-03" / "ses-1" / "mrs"
        page = (folder / "sub-03_ses-1_task-ketamine_report.html").read_text()
        assert "copy it again" in page

    def test_primary_results_have_their_columns_and_counts(self, spoiled):
        table = pd.read_csv(spoiled / "group" / "inference" / "primary.tsv", sep="\t")
        estimate = {"model", "term", "estimate", "se", "ci_low", "ci_high"}
        test = {"df", "df_method", "statistic", "p"}
        assert estimate | test | {"n_participants", "n_sessions", "n_rows"} <= set(table.columns)
        claim = table[table["role"] == "primary"].iloc[0]
        assert claim["df_method"] == "kenward-roger"
        assert claim["ci_low"] < claim["estimate"] < claim["ci_high"]

    def test_the_reporting_checklist_counts_the_scans_that_differ(self, spoiled):
        table = pd.read_csv(spoiled / "group" / "mrsinmrs.tsv", sep="\t").set_index("name")
        water = table.loc["Quantification reference, water and relaxation", "value"]
        assert "mmol per kg of tissue water" in water
        assert "no water reference: ratios only, no water-scaled concentrations (1 scan)" in water
        assert table.loc["Manufacturer", "source"] == "header: Manufacturer (15 scans)"
        sessions = table.loc["Exclusion of sessions", "value"]
        assert sessions.startswith("of 16 planned or scanned sessions: 12 used")

    def test_every_spectrum_written_is_valid(self, spoiled):
        written = list(spoiled.rglob("*_svs.nii.gz")) + list(spoiled.rglob("*_mrsref.nii.gz"))
        assert len(written) > 30
        for path in written:
            validate_nifti_mrs(NIFTI_MRS(path))

    def test_records_name_their_inputs_by_hash(self, spoiled):
        folder = spoiled / "sub-08" / "ses-1" / "mrs"
        record = json.loads(next(folder.glob("*_desc-preproc_svs.json")).read_text())
        assert [len(source["SHA256"]) for source in record["SourceFiles"]] == [64] * 5

    def test_the_results_are_a_valid_bids_derivative(self, spoiled, bids_errors):
        assert bids_errors(spoiled) == []


def test_an_empty_data_set_is_an_error_that_says_what_was_expected(tmp_path, run_workflow):
    (tmp_path / "bids").mkdir()
    (tmp_path / "bids" / "dataset_description.json").write_text(
        '{"Name": "empty", "BIDSVersion": "1.11.0"}'
    )
    run = run_workflow(tmp_path / "bids", tmp_path / "results", "--dry-run")
    assert run.returncode != 0
    assert "no spectroscopy scan found" in run.stderr + run.stdout


@pytest.fixture
def one_session(tmp_path):
    """A data set of one session whose task has a plus sign in its label."""
    bids = tmp_path / "bids"
    folder = bids / "sub-01" / "ses-1" / "mrs"
    folder.mkdir(parents=True)
    for name in ("dataset_description.json", "participants.tsv"):
        shutil.copy(PROJECT / "test_data" / name, bids)
    for path in (PROJECT / "test_data" / "sub-01" / "ses-1" / "mrs").iterdir():
        shutil.copy(path, folder / path.name.replace("ketamine", "ket+1"))
    return bids


def test_spaces_plus_signs_and_results_inside_the_data_set_are_planned_for(
    one_session, run_workflow
):
    results = one_session / "my results"
    run = run_workflow(f"{one_session}/", results, "--dry-run", "--printshellcmds")
    assert run.returncode == 0, run.stderr
    commands = [line for line in run.stdout.splitlines() if "glxflow " in line]
    assert len(commands) == 8  # a job of each rule
    assert all(f" 2> '{results}/logs/" in command for command in commands)


@pytest.mark.parametrize(("scan_mb", "wanted_mb"), [(1, 1000), (300, 2100)])
def test_large_scans_are_given_more_memory(one_session, run_workflow, scan_mb, wanted_mb):
    (raw,) = one_session.rglob("*_svs.nii.gz")
    with raw.open("r+b") as stream:
        stream.truncate(scan_mb * 2**20)
    run = run_workflow(one_session, one_session.parent / "results", "--dry-run")
    (found,) = re.findall(r"rule preprocess:(?s:.*?)resources:.* mem_mb=(\d+)", run.stdout)
    # 600 MB and five times the scan; its water reference adds 0.1.
    assert int(found) == pytest.approx(wanted_mb, abs=1)


def test_a_validation_waits_for_every_file_that_it_reads(one_session, run_workflow):
    own = one_session / "sub-01" / "ses-1" / "mrs" / "sub-01_ses-1_task-ket+1_events.tsv"
    own.rename(one_session / "task-ket+1_events.tsv")
    (one_session / "task-ket+1_svs.json").write_text("{}")
    run = run_workflow(one_session, one_session.parent / "results", "--dry-run")
    (job,) = re.findall(r"rule validate:\n    input: (.*)", run.stdout)
    assert {Path(name).name for name in job.split(", ")} == {
        *("dataset_description.json", "task-ket+1_events.tsv", "task-ket+1_svs.json"),
        *(path.name for path in (one_session / "sub-01" / "ses-1" / "mrs").iterdir()),
    }


def test_the_study_page_waits_for_all_that_its_checklist_is_filled_from(one_session, run_workflow):
    run = run_workflow(one_session, one_session.parent / "results", "--dry-run")
    (validated,) = re.findall(r"rule validate:(?s:.*?)output: (.*)", run.stdout)
    (read, written) = re.findall(r"rule report:\n    input: (.*)\n    output: (.*)", run.stdout)[0]
    names = {Path(name).name for name in read.split(", ")}
    assert "group/headers.tsv" in validated
    assert {"headers.tsv", "concentrations.tsv", "dataset_description.json"} <= names
    assert {name.split("_desc-")[1] for name in names if "_desc-" in name} == {
        *("preproc_svs.json", "fit_concentrations.json"),
    }
    assert "group/mrsinmrs.tsv" in written


def test_a_page_waits_for_its_image_and_for_no_link_to_nothing(one_session, run_workflow):
    results = one_session.parent / "results"
    image = one_session / "sub-01" / "ses-1" / "anat" / "sub-01_ses-1_T1w.nii.gz"
    image.parent.mkdir()
    image.symlink_to(one_session / "annexed")
    for content in (None, "an image"):
        if content:
            (one_session / "annexed").write_text(content)
        run = run_workflow(one_session, results, "--dry-run", "--printshellcmds")
        assert run.returncode == 0, run.stdout
        (job,) = re.findall(r"rule fit:\n    input: (.*)", run.stdout)
        assert (str(image) in job) == bool(content)
        (command,) = re.findall(r"glxflow fit .*", run.stdout)
        assert f"--t1w {image}" in command  # a link to nothing is said on the page


def test_a_file_that_was_put_back_with_its_time_is_read_again(one_session, run_workflow):
    results = one_session.parent / "results"
    steps = ("--until", "validate", "preprocess")
    run = run_workflow(one_session, results, *steps)
    assert run.returncode == 0, run.stderr
    (events,) = one_session.rglob("*_events.tsv")
    times = events.stat()
    events.write_text(events.read_text().replace("\n600", "\n900"))
    os.utime(events, ns=(times.st_atime_ns, times.st_mtime_ns))
    again = run_workflow(one_session, results, *steps, "--dry-run").stdout
    assert set(re.findall(r"^rule (\w+):", again, re.MULTILINE)) == {"validate", "preprocess"}


def test_a_scan_that_was_not_fetched_fails_alone(one_session, run_workflow):
    other = one_session / "sub-01" / "ses-2" / "mrs"
    shutil.copytree(one_session / "sub-01" / "ses-1" / "mrs", other)
    for path in other.iterdir():
        path.rename(other / path.name.replace("ses-1", "ses-2"))
    (scan,) = other.glob("*_svs.nii.gz")
    scan.unlink()
    scan.symlink_to("annex")
    results = one_session.parent / "results"
    run = run_workflow(one_session, results, "--until", "validate", "preprocess")
    assert run.returncode == 0, run.stderr
    sound, failed = (
        json.loads(next((results / "sub-01" / name).rglob("*_svs.json")).read_text())
        for name in ("ses-1", "ses-2")
    )
    assert sound["Status"] == "ok"
    assert "a link to annex, which is not here. Get its content" in failed["Error"]


@pytest.fixture
def change_plan(tmp_path):
    """Return a writer of the plan with other keys, which returns its path."""

    def write(**keys):
        plan = yaml.safe_load((PROJECT / "config" / "trial.yaml").read_text()) | keys
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
        return {"plan": str(tmp_path / "plan.yaml")}

    return write


def test_the_trial_waits_for_the_table_of_receptor_imaging(one_session, run_workflow, change_plan):
    imaging = {"table": "pet.tsv", "column": "bpnd", "role": "moderator"}
    (one_session.parent / "pet.tsv").write_text("subject\tbpnd\nsub-01\t1.2\n")
    plan = change_plan(imaging=imaging)
    run = run_workflow(one_session, one_session.parent / "results", "--dry-run", changes=plan)
    assert run.returncode == 0, run.stderr
    (job,) = re.findall(r"rule trial:\n    input: (.*)", run.stdout)
    assert str(one_session.parent / "pet.tsv") in job


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"confidence": 95}, "'confidence' is 95"),
        ({"outcome": "glx_tcho"}, "'outcome' is 'glx_tcho', which no spectrum gives"),
    ],
)
def test_a_faulty_plan_is_refused_before_anything_is_fitted(
    one_session, run_workflow, change_plan, fault, message
):
    plan = change_plan(**fault)
    run = run_workflow(one_session, one_session.parent / "results", "--dry-run", changes=plan)
    assert run.returncode != 0
    assert message in run.stderr + run.stdout


def test_three_jobs_a_session_at_most_and_a_thread_each(tmp_path, run_workflow):
    run = run_workflow(
        PROJECT / "test_data", tmp_path / "results", "--dry-run", "--quiet", "rules"
    )
    assert run.returncode == 0, run.stderr
    plan = run_workflow(PROJECT / "test_data", tmp_path / "results", "--dry-run").stdout
    jobs = [line for line in plan.splitlines() if line.strip().startswith("wildcards: folder=")]
    assert len(jobs) == 2 * 16  # preprocess and fit, for 8 participants with 2 sessions


@pytest.mark.slow
def test_the_derivatives_say_what_made_them(spoiled):
    description = json.loads((spoiled / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert {"glxflow", "numpy", "lmfit"} <= {entry["Name"] for entry in description["GeneratedBy"]}
    assert description["ConfigurationSHA256"] == sha256(spoiled / "config.json")
    assert len(description["PlanSHA256"]) == 64
    assert list((spoiled / "benchmarks").rglob("*.tsv"))
