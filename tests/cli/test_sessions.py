"""What stays of an earlier run where a session fails."""

import json

import pytest
from typer.testing import CliRunner

from glxflow.cli import fit, preprocess
from glxflow.errors import GlxflowError

PREFIX = "sub-01_ses-1_task-ketamine"
PREPROCESSED = ("bins_svs", "off_svs", "diff_svs", "sum_svs", "preproc_svs", "preproc_mrsref")
FITTED = ("fit_concentrations.tsv", "qc.tsv", "fit_changes.tsv", "fit_models.tsv",
          "fit_svs.nii.gz", "fitsum_svs.nii.gz")  # fmt: skip


@pytest.fixture
def earlier(tmp_path):
    """Return a folder with the results of an earlier run, and files that are none."""
    names = [*(f"{name}.nii.gz" for name in PREPROCESSED), *FITTED, "series_changes.tsv"]
    folder = tmp_path / "out"
    folder.mkdir()
    for name in names:
        (folder / f"{PREFIX}_desc-{name}").touch()
    (folder / f"{PREFIX}_svs.nii.gz").write_bytes(b"no scan")
    return folder


def run(command, *arguments):
    given = [str(argument) for argument in arguments]
    return CliRunner().invoke(command.app, given, catch_exceptions=False)


def left(folder):
    names = {path.name.removeprefix(f"{PREFIX}_desc-") for path in folder.iterdir()}
    return {name for name in names if name in FITTED or name[:-7] in PREPROCESSED}


def test_a_scan_that_cannot_be_preprocessed_leaves_no_bins_of_an_earlier_run(earlier):
    arguments = (earlier / f"{PREFIX}_svs.nii.gz", "--out", earlier)
    with pytest.raises(GlxflowError):
        run(preprocess, *arguments)
    assert len(left(earlier)) == len(PREPROCESSED + FITTED)
    assert run(preprocess, *arguments, "--record-failure").exit_code == 0
    assert left(earlier) == set(FITTED)
    assert (earlier / f"{PREFIX}_svs.nii.gz").exists()
    record = json.loads((earlier / f"{PREFIX}_desc-preproc_svs.json").read_text())
    assert record["Status"] == "failed"


@pytest.mark.parametrize("failed", ["preprocess", "fit"])
def test_a_session_that_failed_leaves_no_table_of_an_earlier_run(earlier, failed):
    source = earlier / f"{PREFIX}_svs.nii.gz"
    if failed == "preprocess":
        source = earlier / f"{PREFIX}_desc-preproc_svs.json"
        source.write_text('{"Status": "failed", "Stage": "preprocess", "Error": "x.nii.gz: torn"}')
    arguments = (source, "--basis", "none", "--out", earlier, "--record-failure")
    assert run(fit, *arguments).exit_code == 0
    assert left(earlier) == {f"{name}.nii.gz" for name in PREPROCESSED}
    assert (earlier / f"{PREFIX}_desc-series_changes.tsv").exists()
    record = json.loads((earlier / f"{PREFIX}_desc-fit_concentrations.json").read_text())
    assert (record["Status"], record["Stage"]) == ("failed", failed)
