import json
import os
from pathlib import Path

import pytest

from glxflow.errors import DataError, TableError
from glxflow.io.bids import find_scans, misnamed_scans, study_tables
from glxflow.io.scan_names import infusion_onset_s, prefix_of


@pytest.fixture
def data_set(tmp_path):
    """A maker of data sets out of empty files: discovery goes by names alone."""

    def make(*names):
        (tmp_path / "dataset_description.json").write_text(
            '{"Name": "x", "BIDSVersion": "1.11.0"}'
        )
        for name in names:
            subject, session = name.split("_")[:2]
            folder = tmp_path / subject / session / "mrs"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        return tmp_path

    return make


def test_a_scan_finds_its_water_reference_and_events(data_set):
    root = data_set(
        "sub-02_ses-1_task-ketamine_svs.nii.gz",
        "sub-01_ses-2_task-ketamine_svs.nii.gz",
        "sub-01_ses-2_task-ketamine_mrsref.nii.gz",
        "sub-01_ses-2_acq-quant_mrsref.nii.gz",
        "sub-01_ses-2_task-ketamine_events.tsv",
    )
    first, second = find_scans(root, "ketamine")
    assert (first.subject, first.session, first.folder) == ("sub-01", "ses-2", "sub-01/ses-2/mrs")
    assert first.prefix == "sub-01_ses-2_task-ketamine"
    assert first.mrsref.name == "sub-01_ses-2_task-ketamine_mrsref.nii.gz"
    assert first.events.name == "sub-01_ses-2_task-ketamine_events.tsv"
    assert (second.subject, second.mrsref, second.events) == ("sub-02", None, None)


@pytest.fixture
def with_images(data_set):
    """Return a maker of a data set of one participant in two sessions, with some images."""

    def make(*names):
        root = data_set("sub-01_ses-1_task-x_svs.nii.gz", "sub-01_ses-2_task-x_svs.nii.gz")
        for name in names:
            path = root / "sub-01" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return [scan.t1w and scan.t1w.name for scan in find_scans(root, "x")]

    return make


def test_a_scan_has_the_t1_weighted_image_of_its_session_else_of_its_participant(with_images):
    own = "sub-01_ses-1_T1w.nii.gz"
    assert with_images() == [None, None]
    # That of another session is none: the head lay otherwise.
    assert with_images(f"ses-1/anat/{own}", "ses-1/anat/sub-01_ses-1_T2w.nii.gz") == [own, None]
    common = "sub-01_T1w.nii.gz"
    assert with_images(f"anat/{common}", "anat/sub-01_desc-preproc_T1w.nii.gz") == [own, common]


def test_of_several_t1_weighted_images_the_one_of_the_plainest_name_is_taken(with_images):
    images = [f"ses-1/anat/sub-01_ses-1_{label}T1w.nii.gz" for label in
              ("acq-b_run-1_", "ce-gd_", "acq-b_")]  # fmt: skip
    assert with_images(*images) == ["sub-01_ses-1_acq-b_T1w.nii.gz", None]


def test_events_above_a_scan_hold_for_it_where_it_has_none(data_set):
    root = data_set(
        "sub-01_ses-1_task-ketamine_svs.nii.gz",
        "sub-01_ses-1_task-ketamine_events.tsv",
        "sub-01_ses-2_task-ketamine_svs.nii.gz",
        "sub-02_ses-1_task-ketamine_svs.nii.gz",
        "sub-03_ses-1_task-rest_svs.nii.gz",
    )
    common = [root / "task-ketamine_events.tsv", root / "sub-02/sub-02_task-ketamine_events.tsv"]
    for path in common:
        path.touch()
    own, without, participants, other = (scan.events for scan in find_scans(root, None))
    assert own.name == "sub-01_ses-1_task-ketamine_events.tsv"
    assert [without, participants, other] == [*common, None]


def test_a_water_reference_of_another_task_does_not_belong(data_set):
    root = data_set(
        "sub-01_ses-1_task-ketamine_svs.nii.gz", "sub-01_ses-1_task-rest_mrsref.nii.gz"
    )
    (scan,) = find_scans(root, None)
    assert scan.mrsref is None


@pytest.mark.parametrize(
    "copy",
    [
        "old/sub-01/ses-1/mrs/sub-01_ses-1_task-ketamine_svs.nii.gz",
        "sub-01_old/ses-1/mrs/sub-01_ses-1_task-ketamine_svs.nii.gz",
        "sourcedata/raw/sub-01/ses-1/mrs/sub-01_ses-1_task-ketamine_svs.nii.gz",
        "results/sub-01/ses-1/mrs/sub-01_ses-1_task-ketamine_desc-bins_svs.nii.gz",
        "sub-01/ses-1/mrs/sub-01_ses-1_task-ketamine_desc-bins_svs.nii.gz",
    ],
)
def test_copies_and_derivatives_are_no_scans(data_set, copy):
    root = data_set("sub-01_ses-1_task-ketamine_svs.nii.gz")
    (root / copy).parent.mkdir(parents=True, exist_ok=True)
    (root / copy).touch()
    (scan,) = find_scans(root, None)
    assert scan.svs == root / "sub-01/ses-1/mrs/sub-01_ses-1_task-ketamine_svs.nii.gz"
    assert not scan.problem


def test_only_the_folders_of_participants_are_searched(data_set, monkeypatch):
    root = data_set("sub-01_ses-1_task-ketamine_svs.nii.gz")
    for folder in ("sourcedata", "derivatives", ".git", "stimuli", "suppl"):
        (root / folder / "raw").mkdir(parents=True)
    searched = []
    find = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: searched.append(Path(path)) or find(path))
    assert len(find_scans(root, None)) == 1
    own = ("", "sub-01", "sub-01/ses-1", "sub-01/ses-1/mrs")
    assert [path for path in searched if path.is_relative_to(root)] == [
        root / part for part in own
    ]


def test_two_scans_in_a_session_are_a_problem_of_that_session(data_set):
    names = [f"sub-01_ses-1_task-{task}_svs.nii.gz" for task in ("ketamine", "rest")]
    root = data_set(*names, "sub-02_ses-1_task-ketamine_svs.nii.gz")
    ambiguous, fine = find_scans(root, None)
    assert "2 spectroscopy scans in one session" in ambiguous.problem
    assert "by `task` in" in ambiguous.problem
    assert "of one task (runs), move the others into sourcedata/" in ambiguous.problem
    assert not fine.problem
    assert [scan.problem for scan in find_scans(root, "ketamine")] == ["", ""]


def test_a_scan_without_a_session_is_told_where_its_condition_belongs(tmp_path):
    folder = tmp_path / "sub-01" / "mrs"
    folder.mkdir(parents=True)
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.11.0"}')
    (folder / "sub-01_task-ketamine_svs.nii.gz").write_bytes(b"")
    (scan,) = find_scans(tmp_path, None)
    assert "Name it sub-01_ses-1_... in sub-01/ses-1/mrs" in scan.problem
    assert "list ses-1 in sub-01/sub-01_sessions.tsv" in scan.problem


def test_a_scan_without_a_task_is_not_taken_for_the_one_of_a_task(data_set):
    names = ("task-ketamine_svs.nii.gz", "acq-mm_svs.nii.gz", "mrsref.nii.gz")
    root = data_set(*(f"sub-01_ses-1_{name}" for name in names), "sub-02_ses-1_acq-mm_svs.nii.gz")
    (scan,) = find_scans(root, "ketamine")
    assert (scan.prefix, scan.problem) == ("sub-01_ses-1_task-ketamine", "")
    assert scan.mrsref.name == "sub-01_ses-1_mrsref.nii.gz"
    with pytest.raises(DataError, match=r"The tasks of its scans are ketamine, n/a, not rest\."):
        find_scans(root, "rest")


SESSION = "sub-01_ses-1"


@pytest.fixture
def two_waters(data_set):
    """A data set whose scan has two water references that fit it equally, and its sidecar."""
    names = ("task-ketamine_svs", "acq-ecc_mrsref", "acq-quant_mrsref")
    root = data_set(*(f"{SESSION}_{name}.nii.gz" for name in names))
    return root, root / "sub-01" / "ses-1" / "mrs" / f"{SESSION}_task-ketamine_svs.json"


def test_of_two_water_references_that_fit_equally_none_is_guessed(two_waters):
    (scan,) = find_scans(two_waters[0], None)
    assert "acq-ecc_mrsref.nii.gz, sub-01_ses-1_acq-quant_mrsref.nii.gz" in scan.problem
    assert "as ReferenceSignal in the sidecar" in scan.problem


@pytest.mark.parametrize("as_list", [False, True])
def test_the_sidecar_says_which_water_reference_is_used(two_waters, as_list):
    root, sidecar = two_waters
    uri = f"bids::sub-01/ses-1/mrs/{SESSION}_acq-quant_mrsref.nii.gz"
    sidecar.write_text(json.dumps({"ReferenceSignal": [uri] if as_list else uri}))
    (scan,) = find_scans(root, None)
    assert (scan.mrsref.name, scan.problem) == (f"{SESSION}_acq-quant_mrsref.nii.gz", "")


def test_a_water_reference_that_is_named_and_not_there_is_a_problem(two_waters):
    root, sidecar = two_waters
    sidecar.write_text('{"ReferenceSignal": "bids::sub-01/ses-1/mrs/lost_mrsref.nii.gz"}')
    (scan,) = find_scans(root, None)
    assert scan.mrsref is None
    assert "names lost_mrsref.nii.gz as ReferenceSignal" in scan.problem


def test_a_sidecar_that_is_no_json_does_not_hide_the_other_scans(two_waters):
    root, sidecar = two_waters
    sidecar.write_text("{")
    assert len(find_scans(root, None)) == 1


def test_of_two_tables_of_events_that_fit_equally_none_is_guessed(data_set):
    names = ("task-ketamine_svs.nii.gz", *(f"task-ketamine_run-{n}_events.tsv" for n in (1, 2)))
    (scan,) = find_scans(data_set(*(f"{SESSION}_{name}" for name in names)), None)
    assert "2 tables of events fit it equally" in scan.problem


@pytest.mark.parametrize("task", [None, "ketamine"])
def test_an_empty_data_set_is_an_error_that_says_what_was_expected(data_set, task):
    with pytest.raises(DataError, match=r"no spectroscopy scan found.*_svs\.nii\.gz"):
        find_scans(data_set(), task)


@pytest.mark.parametrize("name", ["sub-01_ses-1_task-ket_v2_svs.nii.gz", "ses-1_svs.nii.gz"])
def test_a_scan_whose_name_bids_does_not_know_is_named(data_set, name):
    root = data_set("sub-01_ses-1_task-ket_desc-bins_svs.nii.gz")
    path = root / "sub-01" / "ses-1" / "mrs" / name
    path.touch()
    (problem,) = misnamed_scans(root)
    assert problem.startswith(f"{path}: not read")
    with pytest.raises(DataError, match=f"no spectroscopy scan found.*\n.*{name}: not read"):
        find_scans(root, None)


def test_a_folder_that_is_no_data_set_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no dataset_description\.json"):
        find_scans(tmp_path, None)


def test_derivatives_begin_with_the_name_of_the_scan(tmp_path):
    assert prefix_of(tmp_path / "te35_svs.nii.gz") == "te35"
    assert prefix_of(tmp_path / "plain.nii.gz") == "plain"
    with pytest.raises(DataError, match=r"\.nii\.gz"):
        prefix_of(tmp_path / "te35_act.sdat")


def test_the_infusion_is_found_by_its_event(tmp_path):
    events = tmp_path / "events.tsv"
    events.write_text("onset\tduration\ttrial_type\n0\t0\tstart\n600\t2400\tinfusion\n")
    assert infusion_onset_s(events, "infusion") == 600


def test_the_infusion_may_be_an_event_with_a_number(tmp_path):
    events = tmp_path / "events.tsv"
    events.write_text("onset\tduration\ttrial_type\n0\t0\t1\n600\t2400\t2\n")
    assert infusion_onset_s(events, "2") == 600
    with pytest.raises(DataError, match=r"0 events of trial_type '3'.*found: 1, 2"):
        infusion_onset_s(events, "3")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("onset\tduration\ttrial_type\n0\t0\tstart\n", "0 events of trial_type 'infusion'.*start"),
        ("onset\ttrial_type\n1\tinfusion\n2\tinfusion\n", "2 events of trial_type 'infusion'"),
        ("time\tlabel\n1\tinfusion\n", "expected onset and trial_type"),
    ],
)
def test_an_unclear_infusion_is_an_error(tmp_path, content, message):
    events = tmp_path / "events.tsv"
    events.write_text(content)
    with pytest.raises(DataError, match=message):
        infusion_onset_s(events, "infusion")


@pytest.mark.parametrize("onset", ["600 s", "600,0", "n/a", "inf"])
def test_an_infusion_whose_onset_is_no_number_is_an_error(tmp_path, onset):
    events = tmp_path / "events.tsv"
    events.write_text(f"onset\tduration\ttrial_type\n0\t0\tstart\n{onset}\t9\tinfusion\n")
    with pytest.raises(TableError, match=r"events\.tsv: the onset of 'infusion' is.*seconds"):
        infusion_onset_s(events, "infusion")


def test_another_event_may_have_an_onset_that_is_no_number(tmp_path):
    events = tmp_path / "events.tsv"
    events.write_text("onset\tduration\ttrial_type\n0 s\t0\tstart\n600\t9\tinfusion\n")
    assert infusion_onset_s(events, "infusion") == 600


def test_study_tables_are_those_that_decide_results(data_set):
    root = data_set("sub-01_ses-1_svs.nii.gz")
    (root / "phenotype").mkdir()
    for name in ("participants.tsv", "sub-01/sub-01_sessions.tsv", "phenotype/madrs.tsv"):
        (root / name).touch()
    found = [str(path.relative_to(root)) for path in study_tables(root)]
    assert found == ["participants.tsv", "phenotype/madrs.tsv", "sub-01/sub-01_sessions.tsv"]


def test_a_task_label_that_lost_its_zeros_is_explained(data_set):
    bids = data_set("sub-01_ses-1_task-01_svs.nii.gz", "sub-02_ses-1_task-rest_svs.nii.gz")
    message = r'are 01, rest, not 1\. .* read a bare 01 as a number: write `task: "01"`, in quotes'
    with pytest.raises(DataError, match=message):
        find_scans(bids, "1")
    with pytest.raises(DataError, match=r"are 01, rest, not ketamine\.$"):
        find_scans(bids, "ketamine")
