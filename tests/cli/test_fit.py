import json
import re

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nifti_mrs.nifti_mrs import NIFTI_MRS
from typer.testing import CliRunner

from glxflow.cli.basis import app
from glxflow.cli.simulate import simulate

PREFIX = "sub-01_ses-1_task-ketamine"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """The raw files of one simulated session."""
    folder = tmp_path_factory.mktemp("raw") / "bids"
    simulate(folder, participants=2, transients=10, coils=1, points=1024, snr=150.0, seed=3)
    return folder / "sub-01" / "ses-1" / "mrs"


@pytest.fixture(scope="module")
def basis(raw, tmp_path_factory):
    """The basis set of that session."""
    path = tmp_path_factory.mktemp("basis") / "basis.nii.gz"
    scan = raw / f"{PREFIX}_svs.nii.gz"
    run = CliRunner().invoke(app, ["simulate", "--like", str(scan), "--out", str(path)])
    assert run.exit_code == 0, run.output
    return path


def columns_needed():
    ratios = {f"ratio_{name}{ending}" for name in ("tcr", "tnaa") for ending in ("", "_sd")}
    return {"metabolite", "amplitude", "sd", "crlb", "flags"} | ratios


def test_a_scan_gives_its_table_its_page_and_its_curves(glxflow, raw, basis, tmp_path):
    out = tmp_path / "out"
    water = raw / f"{PREFIX}_mrsref.nii.gz"
    run = glxflow(
        *("fit", raw / f"{PREFIX}_svs.nii.gz", "--water", water, "--basis", basis, "--out", out)
    )
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(out / f"{PREFIX}_desc-fit_concentrations.tsv", sep="\t")
    assert columns_needed() <= set(table.columns)
    rows = table.set_index("metabolite")
    assert {"Glu", "Gln", "Glx", "tNAA", "tCr", "tCho", "mI"} <= set(rows.index)
    # The truth of this session is within 15 % of 1.4; SNR 470 leaves a percent.
    assert rows.loc["tNAA", "ratio_tcr"] == pytest.approx(1.37, rel=0.25)
    assert rows.loc["Glx", "water_molal"] > 0
    record = json.loads((out / f"{PREFIX}_desc-fit_concentrations.json").read_text())
    assert record["water_molal"]["Units"] == "mmol/kg"
    assert any("CSF is not corrected" in warning for warning in record["Warnings"])
    page = (out / f"{PREFIX}_report.html").read_text()
    assert 'data-plot="transients"' in page
    assert "Each of 10 transients before alignment" in page
    curves = NIFTI_MRS(out / f"{PREFIX}_desc-fit_svs.nii.gz")
    assert curves.hdr_ext["dim_5_header"]["Curve"]["Value"][:2] == ["data", "fit"]
    assert "Glu" in curves.hdr_ext["dim_5_header"]["Curve"]["Value"]


def test_a_fit_waits_for_no_package_that_it_does_not_need(glxflow, raw, tmp_path, monkeypatch):
    scan, basis = raw / f"{PREFIX}_svs.nii.gz", tmp_path / "basis.nii.gz"
    # For a frequency near the scan's, as is usual: it has to be interpolated.
    near = ("--field-mhz", 123.4, "--points", 1100)
    run = glxflow("basis", "simulate", "--like", scan, *near, "--out", basis)
    assert run.returncode == 0, run.stderr
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    run = glxflow("fit", scan, "--basis", basis, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    imported = set(re.findall(r"^import time:.*\| +([\w.]+)$", run.stderr, flags=re.MULTILINE))
    assert "glxflow.fit" in imported
    # Together these take as long as 50 fits.
    packages = ("scipy.optimize", "scipy.linalg", "scipy.special", "lmfit", "h5py", "jsonschema")
    assert not imported & set(packages)


def test_without_water_there_are_ratios_only(glxflow, raw, basis, tmp_path):
    out = tmp_path / "out"
    run = glxflow("fit", raw / f"{PREFIX}_svs.nii.gz", "--basis", basis, "--out", out)
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(out / f"{PREFIX}_desc-fit_concentrations.tsv", sep="\t")
    assert table["water_molal"].isna().all()
    assert table["ratio_tcr"].notna().all()
    record = json.loads((out / f"{PREFIX}_desc-fit_concentrations.json").read_text())
    assert any("no water reference" in warning for warning in record["Warnings"])
    written = {path.name for path in out.iterdir() if path.suffix not in (".json", ".html")}
    assert set(record["Results"]) == written


def test_the_record_holds_the_limits_that_judged(glxflow, raw, basis, tmp_path):
    scan, out = raw / f"{PREFIX}_svs.nii.gz", tmp_path / "out"
    changed = ("--qc", '{"snr": {"doubtful": 31}}')
    run = glxflow("fit", scan, "--basis", basis, "--out", out, *changed)
    assert run.returncode == 0, run.stderr
    record = json.loads((out / f"{PREFIX}_desc-fit_concentrations.json").read_text())
    assert record["Parameters"]["qc"]["snr"] == {"doubtful": 31, "fail": 8}
    assert record["Parameters"]["qc"]["drift_hz"] == {"doubtful": 10, "fail": None}


def test_a_reference_by_which_no_brain_has_such_creatine_makes_the_scan_doubtful(
    glxflow, raw, basis, tmp_path
):
    image = nib.load(raw / f"{PREFIX}_mrsref.nii.gz")
    water = tmp_path / f"{PREFIX}_mrsref.nii.gz"
    stronger = 20 * np.asarray(image.dataobj)  # as with another receiver gain
    nib.save(type(image)(stronger, image.affine, image.header), water)
    scan, out = raw / f"{PREFIX}_svs.nii.gz", tmp_path / "out"
    run = glxflow("fit", scan, "--water", water, "--basis", basis, "--out", out)
    assert run.returncode == 0, run.stderr
    (row,) = pd.read_csv(out / f"{PREFIX}_desc-qc.tsv", sep="\t").to_dict("records")
    assert row["qc_level"] == "doubtful"
    assert "same coils and receiver gain" in row["flags"]
    page = (out / f"{PREFIX}_report.html").read_text()
    assert page.count("same coils and receiver gain") >= 2  # the verdict, and the row of tCr


def test_a_basis_for_another_echo_time_is_refused_with_the_command_that_helps(
    glxflow, raw, tmp_path
):
    path = tmp_path / "te80.nii.gz"
    scan = raw / f"{PREFIX}_svs.nii.gz"
    sampling = ("--field-mhz", 123.25, "--points", 1024, "--dwell", 5e-4)
    assert glxflow("basis", "simulate", *sampling, "--te", 80, "--out", path).returncode == 0
    run = glxflow("fit", scan, "--basis", path, "--out", tmp_path / "out")
    assert run.returncode == 2
    assert "is for TE 80 ms" in run.stderr
    assert "glxflow basis simulate --like" in run.stderr
    assert not (tmp_path / "out").exists()


def test_a_basis_at_another_dwell_time_is_resampled_and_said(glxflow, raw, tmp_path):
    scan = raw / f"{PREFIX}_svs.nii.gz"
    path = tmp_path / "fine.nii.gz"
    run = glxflow(
        *("basis", "simulate", "--like", scan, "--dwell", 0.00025, "--points", 2048),
        *("--out", path),
    )
    assert run.returncode == 0, run.stderr
    run = glxflow("fit", scan, "--basis", path, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "out" / f"{PREFIX}_desc-fit_concentrations.json").read_text())
    assert any("resampled" in note for note in record["Parameters"]["basis_notes"])


def test_a_basis_too_narrow_for_the_data_is_refused_by_name(glxflow, raw, tmp_path):
    scan = raw / f"{PREFIX}_svs.nii.gz"
    path = tmp_path / "narrow.nii.gz"
    run = glxflow(
        *("basis", "simulate", "--like", scan, "--dwell", 0.002, "--points", 512, "--out", path)
    )
    assert run.returncode == 0, run.stderr
    run = glxflow("fit", scan, "--basis", path, "--out", tmp_path / "out")
    assert run.returncode == 2
    assert "ppm" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_broken_scan_leaves_a_record_and_a_page_where_a_workflow_asks_for_it(
    glxflow, raw, basis, tmp_path
):
    broken = tmp_path / f"{PREFIX}_svs.nii.gz"
    broken.write_bytes((raw / f"{PREFIX}_svs.nii.gz").read_bytes()[:5000])
    arguments = ("fit", broken, "--basis", basis, "--out", tmp_path / "out")
    assert glxflow(*arguments).returncode == 2
    assert not (tmp_path / "out").exists()
    run = glxflow(*arguments, "--record-failure")
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "out" / f"{PREFIX}_desc-fit_concentrations.json").read_text())
    assert (record["Status"], record["Stage"]) == ("failed", "fit")
    assert broken.name in (tmp_path / "out" / f"{PREFIX}_report.html").read_text()


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["te35", "te30"])
def test_real_spectra_give_ratios_between_those_of_other_tools(glxflow, real_data, tmp_path, name):
    folder = real_data / "invivo_press"
    basis = folder / f"press{name[2:]}_3T_philips.BASIS"
    if name == "te30":
        basis = tmp_path / "te30.nii.gz"
        scan = folder / "te30_svs.nii.gz"
        assert glxflow("basis", "simulate", "--like", scan, "--out", basis).returncode == 0
    run = glxflow(
        *("fit", folder / f"{name}_svs.nii.gz", "--water", folder / f"{name}_mrsref.nii.gz"),
        *("--basis", basis, "--out", tmp_path / "out"),
    )
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(tmp_path / "out" / f"{name}_desc-fit_concentrations.tsv", sep="\t")
    ratios = table.set_index("metabolite")["ratio_tcr"]
    # LCModel reads 1.17 and 1.35 on te35, and tools differ by up to 30 %.
    assert 0.9 <= ratios["Glu"] <= 1.5
    assert 1.1 <= ratios["tNAA"] <= 1.7
    assert nib.load(tmp_path / "out" / f"{name}_desc-fit_svs.nii.gz").shape[3] == 4096
    models = pd.read_csv(tmp_path / "out" / f"{name}_desc-fit_models.tsv", sep="\t")
    shifts = (models["glu_tcr"] - models["glu_tcr"].iloc[0]).iloc[1:]
    spread = table.set_index("metabolite")["ratio_tcr_sd_model"]["Glu"]
    assert {"baseline", "eddy currents"} <= set(models["choice"])
    stiffness = shifts[models["choice"] == "baseline"] / models["glu_tcr"].iloc[0]
    assert len(stiffness) == 2
    assert stiffness.abs().max() < 0.1
    # No choice, the baseline's stiffness among them, leads out of the spread's 95 % interval.
    assert shifts.abs().max() <= 1.96 * spread


def test_profile_intervals_are_in_the_table_where_they_are_asked_for(
    glxflow, raw, basis, tmp_path
):
    scan = raw / f"{PREFIX}_svs.nii.gz"
    run = glxflow("fit", scan, "--basis", basis, "--out", tmp_path, "--profile", "Glx,mI")
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(tmp_path / f"{PREFIX}_desc-fit_concentrations.tsv", sep="\t")
    limits = table.set_index("metabolite")[["ratio_tnaa_low95", "ratio_tnaa", "ratio_tnaa_high95"]]
    assert (limits.loc[["Glx", "mI"]].diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    assert limits["ratio_tnaa_low95"].notna().sum() == 2
    assert "profile 95 %" in (tmp_path / f"{PREFIX}_report.html").read_text()
    run = glxflow("fit", scan, "--basis", basis, "--out", tmp_path, "--profile", "Glutamate")
    assert run.returncode == 2
    assert "Glutamate not among" in run.stderr


def test_other_models_stand_beside_the_estimates(glxflow, raw, basis, tmp_path):
    run = glxflow("fit", raw / f"{PREFIX}_svs.nii.gz", "--basis", basis, "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    models = pd.read_csv(tmp_path / f"{PREFIX}_desc-fit_models.tsv", sep="\t")
    assert len(models) > 12
    table = pd.read_csv(tmp_path / f"{PREFIX}_desc-fit_concentrations.tsv", sep="\t")
    glu = table.set_index("metabolite").loc["Glu"]
    others = models["glu_tcr"].iloc[1:] - models["glu_tcr"].iloc[0]
    # The law of total variance, about the value that is reported.
    spread = np.sqrt(np.sum(models["weight"].iloc[1:] * others**2))
    assert glu["ratio_tcr_sd_model"] == pytest.approx(spread, rel=1e-6)  # printed digits
    assert 0 < glu["ratio_tcr_sd_model"] < 0.5 * glu["ratio_tcr"]


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (("4.2", "0.2"), "lower end"),
        (("1.9", "3.9"), "at least 2.1 ppm"),
        (("0.2", "9"), "no water"),
    ],
)
def test_ranges_that_cannot_be_fitted_are_refused_by_the_option(glxflow, tmp_path, ends, words):
    run = glxflow(
        *("fit", tmp_path / "svs.nii.gz", "--basis", tmp_path, "--ppm-range", *ends),
        *("--out", tmp_path / "out"),
    )
    assert run.returncode == 2
    assert "--ppm-range" in run.stderr
    assert words in " ".join(run.stderr.replace("│", " ").split())


def test_a_file_in_place_of_a_folder_is_one_line(glxflow, tmp_path):
    (tmp_path / "afile").touch()
    run = glxflow("fit", tmp_path / "x.nii.gz", "--basis", tmp_path, "--out", tmp_path / "afile")
    assert run.returncode == 2
    assert "is a file" in " ".join(run.stderr.replace("│", " ").split())
    assert "Traceback" not in run.stderr
