import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

PLAN = Path(__file__).parents[2] / "config" / "trial.yaml"


@pytest.fixture
def bids(tmp_path, write_scan, singlet):
    """Two sound sessions, and one whose TE is in milliseconds."""
    root = tmp_path / "bids"
    for subject, echo_time in (("01", 0.03), ("02", 0.03), ("03", 30.0)):
        name = f"sub-{subject}_ses-1_task-ketamine_svs.nii.gz"
        path = root / f"sub-{subject}" / "ses-1" / "mrs" / name
        write_scan(singlet(2.008), path=path, header={"EchoTime": echo_time})
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.11.0"}')
    return root


def test_problems_are_listed_and_end_with_exit_code_2(glxflow, bids):
    run = glxflow("validate", bids)
    assert run.returncode == 2
    assert "probably given in milliseconds; write 0.03" in run.stderr
    assert "sub-03_ses-1_task-ketamine_svs.nii.gz" in run.stderr


def test_a_scan_whose_name_is_not_read_is_a_problem(glxflow, bids):
    shutil.rmtree(bids / "sub-03")
    scan = next((bids / "sub-02").rglob("*.nii.gz"))
    scan.rename(scan.with_name("sub-02_ses-1_task-ket_v2_svs.nii.gz"))
    run = glxflow("validate", bids)
    assert run.returncode == 2
    assert "sub-02_ses-1_task-ket_v2_svs.nii.gz: not read" in run.stderr


def test_faults_of_participants_and_sessions_are_said_before_anything_is_fitted(glxflow, bids):
    shutil.rmtree(bids / "sub-03")
    (bids / "participants.tsv").write_text("participant_id\tage\nsub-01\tthirty\n")
    table = "session_id\tperiod\tcondition\nses-1\t9\tplacebo\n"
    (bids / "sub-02" / "sub-02_sessions.tsv").write_text(table)
    run = glxflow("validate", bids)
    assert run.returncode == 2
    assert "column 'age' in line 2 holds 'thirty', expected a number" in run.stderr
    assert "column 'period' in line 2 holds 9, expected a whole number" in run.stderr


def test_scans_that_the_tables_do_not_know_are_said(glxflow, bids):
    (bids / "participants.tsv").write_text("participant_id\nsub-01\n")
    table = "session_id\tcondition\nses-2\tplacebo\n"
    (bids / "sub-02" / "sub-02_sessions.tsv").write_text(table)
    run = glxflow("validate", bids)
    assert "participants.tsv has no row for sub-02. Add one." in run.stderr
    assert "sub-02_sessions.tsv has no row for ses-1. Add one." in run.stderr
    assert "sub-01_sessions.tsv: no such file" in run.stderr


@pytest.fixture
def two_sessions(bids, write_scan, singlet):
    """Return a writer of the sessions of a participant of whom two are scanned."""
    shutil.rmtree(bids / "sub-03")
    people = "participant_id\nsub-01\nsub-02\n"
    (bids / "participants.tsv").write_text(people)
    for subject in ("sub-01", "sub-02"):
        table = "session_id\tcondition\nses-1\tplacebo\n"
        (bids / subject / f"{subject}_sessions.tsv").write_text(table)
    name = "sub-01_ses-2_task-ketamine_svs.nii.gz"
    write_scan(singlet(2.008), path=bids / "sub-01" / "ses-2" / "mrs" / name)

    def write(*lines):
        table = "\n".join(["session_id\tperiod\tcondition\tinfusion", *lines, ""])
        (bids / "sub-01" / "sub-01_sessions.tsv").write_text(table)

    return write


def test_a_cell_that_a_participant_has_twice_is_said_before_anything_is_fitted(
    glxflow, bids, two_sessions
):
    two_sessions("ses-1\t1\tplacebo\tsaline", "ses-2\t2\tplacebo\tsaline")
    run = glxflow("validate", bids)
    assert run.returncode == 2
    assert "sub-01_sessions.tsv gives 'placebo' with 'saline' for ses-1 and ses-2" in run.stderr
    two_sessions("ses-1\t1\tplacebo\tn/a", "ses-2\t2\tplacebo\tn/a")
    assert "sub-01_sessions.tsv gives 'placebo' for ses-1 and ses-2" in (
        glxflow("validate", bids).stderr
    )


def test_with_a_plan_it_is_said_by_the_plan_alone(glxflow, bids, two_sessions):
    two_sessions("ses-1\t1\tplacebo\tn/a", "ses-2\t2\tplacebo\tn/a")
    (bids / "participants.tsv").write_text("participant_id\tsequence\nsub-01\tPN\nsub-02\tPN\n")
    run = glxflow("validate", bids, "--plan", PLAN)
    assert "sub-01 has 'placebo' in both periods" in run.stderr
    assert "in every design" not in run.stderr


@pytest.mark.parametrize(
    "lines",
    [
        ["ses-1\t1\tplacebo\tsaline", "ses-2\t2\tplacebo\tketamine"],
        ["ses-1\t1\tplacebo\tsaline", "ses-2\t2\tnaltrexone\tsaline"],
        ["ses-1\t1\tn/a\tn/a", "ses-2\t2\tn/a\tn/a"],
        # The third was not scanned, so that nothing is analysed of it.
        [
            "ses-1\t1\tplacebo\tsaline",
            "ses-2\t2\tnaltrexone\tsaline",
            "ses-3\tn/a\tplacebo\tsaline",
        ],
    ],
)
def test_cells_that_differ_or_are_not_measured_are_no_problem(glxflow, bids, two_sessions, lines):
    two_sessions(*lines)
    assert glxflow("validate", bids).returncode == 0


def test_a_folder_that_cannot_be_read_is_said(glxflow, bids):
    closed = bids / "sub-04" / "ses-1"
    closed.mkdir(parents=True)
    closed.chmod(0)
    if os.access(closed, os.R_OK):
        pytest.skip("the superuser may read everything")
    assert "sub-04/ses-1: the folder cannot be read" in glxflow("validate", bids).stderr


def test_water_and_events_that_are_missing_are_told_from_those_that_are_there(glxflow, bids):
    for subject, suffix in (("01", "mrsref.nii.gz"), ("02", "events.tsv")):
        scan = next((bids / f"sub-{subject}").rglob("*_svs.nii.gz"))
        shutil.copy(scan, scan.with_name(scan.name.replace("svs.nii.gz", suffix)))
    lines = glxflow("validate", bids).stderr.splitlines()
    shown = [line.split("│")[5:7] for line in lines if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in shown] == [
        ["yes", "no"],
        ["no", "yes"],
        ["no", "no"],
    ]


def test_events_that_cannot_be_read_are_said_before_anything_is_fitted(glxflow, bids):
    scan = next((bids / "sub-01").rglob("*_svs.nii.gz"))
    events = scan.with_name(scan.name.replace("svs.nii.gz", "events.tsv"))
    events.symlink_to("annex")
    assert f"{events}: a link to annex, which is not here" in glxflow("validate", bids).stderr


def test_a_workflow_does_not_go_on_where_no_scan_can_be_used(glxflow, bids, tmp_path):
    for scan in list(bids.rglob("*_svs.nii.gz")):
        shutil.copy(scan, scan.with_name(scan.name.replace("ketamine", "rest")))
    run = glxflow("validate", bids, "--out", tmp_path / "out")
    assert run.returncode == 2
    assert run.stderr.count("2 spectroscopy scans in one session") == 2
    assert "No scan of the data set can be used" in run.stderr


def test_a_workflow_gets_the_list_and_the_protocol_of_the_sound_scans(glxflow, bids, tmp_path):
    run = glxflow("validate", bids, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(tmp_path / "out" / "scans.tsv", sep="\t")
    assert table["problem"].notna().tolist() == [False, False, True]
    protocol = json.loads((tmp_path / "out" / "protocol.json").read_text())
    assert protocol["echo_time_s"] == 0.03
    assert (protocol["n_scans"], protocol["n_scans_of_other_protocols"]) == (2, 0)


def test_a_workflow_gets_what_readable_headers_say_and_no_name(
    glxflow, bids, tmp_path, write_scan, singlet
):
    # Conditions of a water reference are no matter, even where they are spoilt.
    spoilt = {"EditCondition": "spoilt"}
    for subject, suffix, maker, more in (
        ("01", "svs", "GE", {}),
        ("02", "mrsref", "Philips", spoilt),
    ):
        name = f"sub-{subject}_ses-1_task-ketamine_{suffix}.nii.gz"
        path = bids / f"sub-{subject}" / "ses-1" / "mrs" / name
        header = {"Manufacturer": maker, "PatientName": "Smith"} | more
        write_scan(singlet(2.008), path=path, header=header)
    run = glxflow("validate", bids, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    text = (tmp_path / "out" / "headers.tsv").read_text()
    assert "Smith" not in text
    table = pd.read_csv(tmp_path / "out" / "headers.tsv", sep="\t")
    assert table[["subject", "image", "Manufacturer"]].fillna("").to_numpy().tolist() == [
        ["sub-01", "svs", "GE"],
        ["sub-02", "svs", ""],
        ["sub-02", "mrsref", "Philips"],
    ]


def test_a_scan_that_links_to_a_store_keeps_its_own_name(glxflow, bids, tmp_path):
    scan = next((bids / "sub-01").rglob("*.nii.gz"))
    store = tmp_path / "store" / "MD5E-s1.nii.gz"
    store.parent.mkdir()
    scan.rename(store)
    scan.symlink_to(store)
    (tmp_path / "linked").symlink_to(bids)
    for root in (bids, tmp_path / "linked", bids / "sub-01" / ".."):
        run = glxflow("validate", root, "--out", tmp_path / "out")
        assert run.returncode == 0, run.stderr
        table = pd.read_csv(tmp_path / "out" / "scans.tsv", sep="\t")
        assert table["svs"][0] == str(scan.relative_to(bids))


def test_between_two_scanners_the_protocol_is_that_of_one(
    glxflow, bids, tmp_path, write_scan, singlet
):
    for subject, frequency_mhz in {"01": 123.25, "02": 127.73, "03": 123.25, "04": 127.73}.items():
        path = bids / f"sub-{subject}/ses-1/mrs/sub-{subject}_ses-1_task-ketamine_svs.nii.gz"
        write_scan(singlet(2.008), path=path, header={"SpectrometerFrequency": [frequency_mhz]})
    run = glxflow("validate", bids, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    protocol = json.loads((tmp_path / "out" / "protocol.json").read_text())
    assert protocol["spectrometer_frequency_mhz"] == 123.25


def test_the_sequence_that_the_scans_name_is_listed_and_others_are_a_problem(
    glxflow, bids, tmp_path, write_scan, singlet
):
    names = {"01": "svs_st", "02": "svs_st", "03": "svs_se", "04": None}
    for subject, name in names.items():
        path = bids / f"sub-{subject}/ses-1/mrs/sub-{subject}_ses-1_task-ketamine_svs.nii.gz"
        header = {"SequenceName": name, "MixingTime": 0.032 if name == "svs_st" else None}
        write_scan(singlet(2.008), path=path, header=header)
    run = glxflow("validate", bids, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(tmp_path / "out" / "scans.tsv", sep="\t").set_index("subject")
    assert table["sequence"].fillna("").tolist() == ["steam", "steam", "press", ""]
    assert "says press, but most scans say steam" in table.loc["sub-03", "problem"]
    assert table["problem"].notna().sum() == 1
    protocol = json.loads((tmp_path / "out" / "protocol.json").read_text())
    assert protocol["sequences"] == ["steam"]
    assert protocol["mixing_time_s"] == 0.032


def test_a_scan_of_another_echo_time_is_a_problem(glxflow, bids, tmp_path, write_scan, singlet):
    for subject, te_s in (("01", 0.03), ("02", 0.03), ("03", 0.0304), ("04", 0.035)):
        path = bids / f"sub-{subject}/ses-1/mrs/sub-{subject}_ses-1_task-ketamine_svs.nii.gz"
        write_scan(singlet(2.008), path=path, header={"EchoTime": te_s})
    run = glxflow("validate", bids, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(tmp_path / "out" / "scans.tsv", sep="\t").set_index("subject")
    assert (
        "TE is 35 ms, but 30 ms in the study's protocol (2 of 4 scans)"
        in (table.loc["sub-04", "problem"])
    )
    assert table["problem"].notna().sum() == 1  # basis sets are compared to 1 ms, too


def test_edited_scans_are_listed_with_their_conditions(
    glxflow, bids, tmp_path, write_scan, singlet
):
    path = next((bids / "sub-02").rglob("*.nii.gz"))
    pairs = np.broadcast_to(singlet(2.008), (3, 2, 1024))
    names = {"dim_6_header": {"EditCondition": ["OFF", "ON"]}}
    write_scan(pairs, ("DIM_DYN", "DIM_EDIT"), path=path, header=names)
    wrong = next((bids / "sub-01").rglob("*.nii.gz"))
    write_scan(pairs, ("DIM_DYN", "DIM_EDIT"), path=wrong, sidecar={"EditCondition": ["OFF"]})
    run = glxflow("validate", bids, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(tmp_path / "out" / "scans.tsv", sep="\t").set_index("subject")
    assert table.loc["sub-02", "edit_conditions"] == "OFF,ON"
    assert table.loc["sub-02", "n_transients"] == 6
    assert "EditCondition lists 1 names" in table.loc["sub-01", "problem"]


def test_a_data_set_without_a_usable_scan_is_an_error(glxflow, bids, tmp_path):
    for subject in ("01", "02"):
        path = next((bids / f"sub-{subject}").rglob("*.nii.gz"))
        path.write_bytes(b"")
    run = glxflow("validate", bids, "--out", tmp_path / "out")
    assert run.returncode == 2
    assert "No scan of the data set can be used" in run.stderr
    assert "–" in run.stderr
    assert "nan" not in run.stderr
