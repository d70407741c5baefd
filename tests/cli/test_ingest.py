import shutil

import pandas as pd
import pytest
from typer.testing import CliRunner

from glxflow.cli.ingest import app
from glxflow.errors import DataError
from glxflow.io.bids import find_scans

HEADER = "participant\tsession\tfile\trole\ttask\n"


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_scan_that_fails_does_not_stop_the_others(tmp_path, write_scan, singlet):
    write_scan(singlet(2.0), path=tmp_path / "raw" / "good.nii.gz")
    (tmp_path / "raw" / "bad.rda").write_text("no rda file")
    mapping = tmp_path / "raw" / "map.tsv"
    mapping.write_text(
        HEADER + "01\t1\tbad.rda\tsvs\tketamine\n02\t1\tgood.nii.gz\tsvs\tketamine\n"
    )
    ended = invoke(tmp_path / "bids", "--scans", mapping)
    assert isinstance(ended.exception, DataError)
    assert "bad.rda" in str(ended.exception)
    (scan,) = find_scans(tmp_path / "bids", "ketamine")
    assert (scan.subject, scan.session) == ("sub-02", "ses-1")


def test_a_plan_without_an_export_is_an_error(tmp_path):
    ended = invoke(tmp_path / "bids", "--redcap-plan", tmp_path / "plan.json")
    assert "belong together" in str(ended.exception)


def test_tables_that_exist_are_kept(tmp_path, write_scan, singlet):
    write_scan(singlet(2.0), path=tmp_path / "raw" / "good.nii.gz")
    mapping = tmp_path / "raw" / "map.tsv"
    mapping.write_text(HEADER + "02\t1\tgood.nii.gz\tsvs\t\n")
    (tmp_path / "bids").mkdir()
    table = "participant_id\tsex\nsub-02\tF\n"
    (tmp_path / "bids" / "participants.tsv").write_text(table)
    assert invoke(tmp_path / "bids", "--scans", mapping).exit_code == 0
    assert (tmp_path / "bids" / "participants.tsv").read_text() == table


def fitted(glxflow, svs, water, basis, out):
    """The table of concentrations of a scan."""
    run = glxflow("fit", svs, "--water", water, "--basis", basis, "--out", out)
    assert run.returncode == 0, run.stderr
    (table,) = out.glob("*_desc-fit_concentrations.tsv")
    return pd.read_csv(table, sep="\t")


@pytest.mark.real_data
def test_real_philips_raw_becomes_a_valid_data_set(real_data, tmp_path, bids_errors):
    for raw in real_data.glob("invivo_press/te35_*.s*a*"):
        shutil.copy(raw, tmp_path)
    mapping = tmp_path / "map.tsv"
    mapping.write_text(
        HEADER + "01\t1\tte35_act.sdat\tsvs\trest\n01\t1\tte35_ref.sdat\twater\trest\n"
    )
    assert invoke(tmp_path / "bids", "--scans", mapping).exit_code == 0
    (scan,) = find_scans(tmp_path / "bids", "rest")
    assert scan.mrsref is not None
    assert bids_errors(tmp_path / "bids") == []


@pytest.mark.real_data
def test_real_philips_raw_fits_to_the_numbers_of_the_nifti_beside_it(glxflow, real_data, tmp_path):
    folder = real_data / "invivo_press"
    for raw in folder.glob("te35_*.s*a*"):
        shutil.copy(raw, tmp_path)
    mapping = tmp_path / "map.tsv"
    mapping.write_text(HEADER + "01\t1\tte35_act.sdat\tsvs\t\n01\t1\tte35_ref.sdat\twater\t\n")
    assert invoke(tmp_path / "bids", "--scans", mapping).exit_code == 0
    (scan,) = find_scans(tmp_path / "bids", None)
    converted = (folder / "te35_svs.nii.gz", folder / "te35_mrsref.nii.gz")
    basis = folder / "press35_3T_philips.BASIS"
    ingested = fitted(glxflow, scan.svs, scan.mrsref, basis, tmp_path / "ingested")
    pd.testing.assert_frame_equal(
        ingested, fitted(glxflow, *converted, basis, tmp_path / "converted"), rtol=1e-12
    )
    assert len(ingested) > 10
