import os

import pandas as pd
import pytest

from glxflow.errors import DataError, TableError
from glxflow.io.bids import find_scans, study_tables
from glxflow.io.metadata import read_header
from glxflow.io.readable import closed_sessions, readable
from glxflow.io.sidecars import sidecars_of
from glxflow.io.study import read_sessions
from glxflow.io.tables import read_json, read_tsv


@pytest.fixture
def close():
    """Take the rights to read paths away until the test has ended."""
    closed = []

    def take(path, mode=0):
        closed.append((path, path.stat().st_mode))
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("the superuser may read everything")
        path.chmod(mode)

    yield take
    for path, mode in closed:
        path.chmod(mode)


@pytest.fixture
def root(tmp_path):
    """A data set of two sessions, out of empty files."""
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.11.0"}')
    for session in ("ses-1", "ses-2"):
        folder = tmp_path / "sub-01" / session / "mrs"
        folder.mkdir(parents=True)
        (folder / f"sub-01_{session}_svs.nii.gz").touch()
    (tmp_path / "sub-01" / "sub-01_sessions.tsv").write_text("session_id\tcondition\nses-1\tx\n")
    return tmp_path


@pytest.mark.parametrize("mode", [0, 0o100, 0o400], ids=["closed", "not listed", "not entered"])
@pytest.mark.parametrize("folder", ["ses-1", "ses-1/mrs"])
def test_a_folder_that_cannot_be_read_costs_its_session_alone(root, close, folder, mode):
    close(root / "sub-01" / folder, mode)
    assert [scan.session for scan in find_scans(root, None)] == ["ses-2"]
    found = closed_sessions(root)
    assert list(found) == [("sub-01", "ses-1")]
    message = found["sub-01", "ses-1"]
    assert f"sub-01/{folder}: the folder cannot be read" in message
    assert "chmod -R u+rX" in message


def test_a_closed_folder_beside_the_spectra_costs_nothing(root, close):
    (root / "sub-01" / "ses-1" / "anat").mkdir()
    close(root / "sub-01" / "ses-1" / "anat")
    assert len(find_scans(root, None)) == 2
    assert closed_sessions(root) == {}


def test_of_a_closed_participant_the_table_is_named(root, close):
    close(root / "sub-01")
    table, problems = read_sessions(root, ["sub-01"])
    assert table.empty
    assert r"sub-01_sessions.tsv: it cannot be read (Permission denied)" in problems["sub-01"]
    assert study_tables(root) == []
    assert closed_sessions(root) == {}


def test_a_table_of_sessions_whose_content_is_not_here_is_waited_for_by_no_job(root):
    table = root / "sub-01" / "sub-01_sessions.tsv"
    assert study_tables(root) == [table]
    table.unlink()
    table.symlink_to(".git/annex/objects/x")
    assert study_tables(root) == []


def test_folders_that_can_be_read_are_none_of_those(root):
    (root / "sub-01" / "ses-notes.txt").touch()
    assert closed_sessions(root) == {}


@pytest.mark.parametrize(
    ("read", "error"), [(read_tsv, TableError), (read_json, TableError), (read_header, DataError)]
)
def test_a_file_that_may_not_be_read_is_an_error_of_its_own(tmp_path, close, read, error):
    (tmp_path / "x.nii.gz").write_text("onset\n")
    close(tmp_path / "x.nii.gz")
    with pytest.raises(error, match=r"x\.nii\.gz: it cannot be read .*chmod -R u\+rX"):
        read(tmp_path / "x.nii.gz")


@pytest.mark.parametrize(
    ("read", "error"), [(read_tsv, TableError), (read_json, TableError), (read_header, DataError)]
)
def test_a_link_whose_content_is_not_here_says_how_to_get_it(tmp_path, read, error):
    (tmp_path / "x.nii.gz").symlink_to(".git/annex/objects/x")
    with pytest.raises(error, match=r"a link to \.git/annex/objects/x.*`datalad get`"):
        read(tmp_path / "x.nii.gz")


def test_a_sidecar_whose_content_is_not_here_is_missed(root):
    scan = root / "sub-01" / "ses-1" / "mrs" / "sub-01_ses-1_svs.nii.gz"
    sidecar = scan.with_name("sub-01_ses-1_svs.json")
    sidecar.symlink_to("not here")
    assert sidecars_of(scan) == (sidecar,)


def test_a_job_waits_for_files_that_are_there(tmp_path):
    there, absent = tmp_path / "there", tmp_path / "absent"
    pd.DataFrame({"x": [1]}).to_csv(there)
    absent.symlink_to("nowhere")
    assert readable([there, absent, tmp_path / "none"]) == [there]
