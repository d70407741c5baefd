"""An edited scan from its raw pairs to GABA+ and Glx on the command line."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from glxflow.basis.coedited import with_coedited
from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import edited_difference, simulate_basis
from glxflow.io.basis_files import write_basis
from glxflow.spectrum import Axis

PREFIX = "sub-01_ses-1_acq-megapress"
AXIS = Axis(1024, 5e-4, 123.25, 4.65)
TRUTH_MM = {
    "NAA": 10.0,
    "Cr": 4.5,
    "PCr": 4.0,
    "GPC": 1.0,
    "PCh": 0.6,
    "Ins": 6.0,
    "Glu": 9.0,
    "Gln": 2.5,
    "GABA": 1.5,
}
COEDITED_MM = 1.2


@cache
def conditions():
    """Return the basis sets of ON and OFF."""
    return tuple(
        simulate_basis(
            protocol_for("megapress", AXIS, echo_time_s=0.068, edit_ppm=edit_ppm), tuple(TRUTH_MM)
        )
        for edit_ppm in (1.9, 7.5)
    )


@pytest.fixture
def raw(tmp_path, write_scan):
    """A raw MEGA-PRESS scan of 1 coil and 12 pairs, made in the time domain."""
    on, off = conditions()
    amounts = np.array(list(TRUTH_MM.values()))
    complete = with_macromolecules(off)
    broad = sum(complete.fid(name) for name in complete.names if name in ("MM09", "MM30", "MM38"))
    coedited = COEDITED_MM * with_coedited(edited_difference(on, off)).fid("MM30co")
    decay = np.exp(-np.pi * 5.0 * AXIS.time_s)
    clean = np.stack([amounts @ off.fids + broad, amounts @ on.fids + broad + coedited]) * decay
    rng = np.random.default_rng(1)
    pairs = clean + rng.normal(scale=0.15, size=(1, 12, 2, AXIS.n_points, 2)) @ [1, 1j]
    return write_scan(
        pairs,
        ("DIM_COIL", "DIM_DYN", "DIM_EDIT"),
        path=tmp_path / "raw" / f"{PREFIX}_svs.nii.gz",
        header={
            "EchoTime": 0.068,
            "EditPulse": {"OFF": {"PulseOffset": 7.5}, "ON": {"PulseOffset": 1.9}},
            "dim_7_header": {"EditCondition": ["OFF", "ON"]},
        },
    )


@pytest.fixture
def record(glxflow, raw, tmp_path):
    run = glxflow("preprocess", raw, "--bin-s", 600, "--out", tmp_path / "clean")
    assert run.returncode == 0, run.stderr
    return tmp_path / "clean" / f"{PREFIX}_desc-preproc_svs.json"


@pytest.fixture
def bases(tmp_path):
    """Return the files of the basis sets of OFF and ON."""
    on, off = conditions()
    paths = [tmp_path / f"{name}.nii.gz" for name in ("off", "on")]
    for path, basis in zip(paths, (off, on), strict=True):
        write_basis(path, basis, "nifti")
    return paths


@pytest.fixture
def simulated_bases(glxflow, record, tmp_path):
    """Return the same as the command line makes them for the scan."""
    paths = []
    for edit_ppm in (7.5, 1.9):
        paths.append(tmp_path / f"at{edit_ppm}.nii.gz")
        like = record.with_name(f"{PREFIX}_desc-off_svs.nii.gz")
        run = glxflow(
            *("basis", "simulate", "--like", like, "--sequence", "megapress"),
            *("--edit-ppm", edit_ppm, "--metabolites", ",".join(TRUTH_MM), "--out", paths[-1]),
        )
        assert run.returncode == 0, run.stderr
    return paths


def test_an_edited_session_gives_gaba_plus_and_glx(glxflow, record, simulated_bases, tmp_path):
    off, on = simulated_bases
    out = tmp_path / "out"
    bases = ("--basis", off, "--basis-on", on)
    run = glxflow("fit", record, *bases, "--profile", "GABA+,Glx", "--out", out)
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(out / f"{PREFIX}_desc-fit_concentrations.tsv", sep="\t")
    rows = table.set_index("metabolite")
    creatine = TRUTH_MM["Cr"] + TRUTH_MM["PCr"]
    truth = {
        "GABA+": TRUTH_MM["GABA"] + COEDITED_MM,
        "Glx": TRUTH_MM["Glu"] + TRUTH_MM["Gln"],
        "Glu": TRUTH_MM["Glu"],
    }
    for name, amount in truth.items():
        # Four SD: one in ten thousand fails by chance.
        sd = rows.loc[name, "ratio_tcr_sd"]
        assert rows.loc[name, "ratio_tcr"] == pytest.approx(amount / creatine, abs=4 * sd)
        assert sd < 0.15 * amount / creatine
        assert 0 < rows.loc[name, "ratio_tcr_sd_model"] < 0.3 * amount / creatine
    for name in ("GABA+", "Glx"):
        value, low, high = rows.loc[name, ["ratio_tcr", "ratio_tcr_low95", "ratio_tcr_high95"]]
        assert low < value < high
    models = pd.read_csv(out / f"{PREFIX}_desc-fit_models.tsv", sep="\t")
    assert models["gabaplus_tcr"].iloc[0] == pytest.approx(
        rows.loc["GABA+", "ratio_tcr"], rel=1e-2
    )
    assert "co-edited macromolecules" in set(models["choice"])
    page = (out / f"{PREFIX}_report.html").read_text()
    assert "GABA+/tCr" in page
    assert "The difference of the edited scan, ON less OFF" in page
    assert "Each of 12 pairs before alignment" in page
    names = {path.name for path in out.iterdir()}
    assert {f"{PREFIX}_desc-fit_svs.nii.gz", f"{PREFIX}_desc-fitsum_svs.nii.gz"} <= names
    said = json.loads((out / f"{PREFIX}_desc-fit_concentrations.json").read_text())
    assert any("desc-diff" in source["Path"] for source in said["SourceFiles"])
    added = [note for note in said["Parameters"]["basis_notes"] if " added (" in note]
    assert [note.split(" ")[0] for note in added] == ["default", "default", "co-edited"]


def test_bins_of_an_edited_session_are_compared_jointly(glxflow, raw, bases, tmp_path):
    clean, out, events = tmp_path / "bins", tmp_path / "out", tmp_path / "events.tsv"
    events.write_text("onset\tduration\ttrial_type\n24\t1\tinfusion\n")
    run = glxflow("preprocess", raw, "--events", events, "--bin-s", 12, "--out", clean)
    assert run.returncode == 0, run.stderr
    record = clean / f"{PREFIX}_desc-preproc_svs.json"
    run = glxflow("fit", record, "--basis", bases[0], "--basis-on", bases[1], "--out", out)
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(out / f"{PREFIX}_desc-fit_changes.tsv", sep="\t", na_filter=False)
    assert set(table["bin"]) == {1, 2}
    rows = table[(table["over"] == "tCr") & table["metabolite"].isin(["GABA+", "Glx"])]
    # Nothing changes. Four SD: one in ten thousand fails by chance.
    assert (rows["change_percent"].abs() < 4 * rows["change_percent_sd"]).all()
    assert rows["change_percent_sd"].max() < 15


def test_basis_sets_of_on_and_off_in_each_others_place_are_refused(
    glxflow, record, bases, tmp_path
):
    off, on = bases
    out = tmp_path / "out"
    run = glxflow("fit", record, "--basis", on, "--basis-on", off, "--out", out)
    assert run.returncode == 2
    assert "Exchange --basis and --basis-on" in " ".join(run.stderr.split())
    assert not out.exists()


def test_a_basis_set_of_on_is_refused_for_a_plain_session(glxflow, record, bases, tmp_path):
    plain = json.loads(record.read_text())
    del plain["Difference"]
    record.write_text(json.dumps(plain))
    off, on = bases
    out = tmp_path / "out"
    run = glxflow("fit", record, "--basis", off, "--basis-on", on, "--out", out)
    assert run.returncode == 2
    assert "not the record of an edited session" in run.stderr
    assert not out.exists()


def test_a_record_that_does_not_tell_of_eddy_currents_is_to_be_made_again(
    glxflow, record, bases, tmp_path
):
    earlier = json.loads(record.read_text())
    del earlier["EddyCurrentCorrected"]
    record.write_text(json.dumps(earlier))
    run = glxflow("fit", record, "--basis", bases[0], "--out", tmp_path / "out")
    assert run.returncode == 2
    assert "Run `glxflow preprocess` again" in run.stderr
