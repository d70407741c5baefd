"""The command that cleans one session: files, record, and what is refused."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nifti_mrs.nifti_mrs import NIFTI_MRS
from nifti_mrs.validator import validate_nifti_mrs

from glxflow.cli.simulate import simulate
from glxflow.io.edited import read_conditions
from glxflow.io.metadata import read_header
from glxflow.io.nifti_mrs import read_series

PREFIX = "sub-01_ses-1_task-ketamine"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """The raw files of one simulated session."""
    folder = tmp_path_factory.mktemp("raw") / "bids"
    simulate(folder, participants=2, transients=20, coils=2, points=1024, snr=60.0, seed=5)
    return folder / "sub-01" / "ses-1" / "mrs"


def test_the_record_holds_frequency_phase_and_weight_of_every_transient(glxflow, raw, tmp_path):
    run = glxflow(
        *("preprocess", raw / f"{PREFIX}_svs.nii.gz", "--water", raw / f"{PREFIX}_mrsref.nii.gz"),
        *("--events", raw / f"{PREFIX}_events.tsv", "--bin-s", 600, "--out", tmp_path),
    )
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / f"{PREFIX}_desc-preproc_svs.json").read_text())
    assert [
        Path(source["Path"]).name.removeprefix(PREFIX) for source in record["SourceFiles"]
    ] == [*("_svs.nii.gz", "_mrsref.nii.gz", "_svs.json", "_mrsref.json", "_events.tsv")]
    table = pd.DataFrame(record["TransientTable"])
    assert list(table.columns) == ["onset_s", "frequency_hz", "phase_rad", "weight"]
    assert len(table) == 20
    assert table["frequency_hz"].median() == pytest.approx(0, abs=1e-9)  # by definition
    assert table["frequency_hz"].std() > 0.1  # the simulation drifts
    assert table["phase_rad"].abs().max() <= np.pi
    rejected = np.flatnonzero(table["weight"] == 0).tolist()
    assert rejected == record["RejectedTransients"]


def test_transients_keep_their_onsets(glxflow, raw, tmp_path):
    run = glxflow("preprocess", raw / f"{PREFIX}_svs.nii.gz", "--bin-s", 600, "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    clean = read_series(tmp_path / f"{PREFIX}_desc-preproc_svs.nii.gz")
    # 20 transients over 50 min are 150 s apart, not one TR of 2 s.
    np.testing.assert_allclose(clean.onset_s, 150.0 * np.arange(20))


@pytest.fixture
def edited(tmp_path, write_scan):
    """A raw MEGA-PRESS scan of 2 coils and 12 pairs: NAA saturated in ON, GABA inverted in OFF."""
    time_s = np.arange(1024) * 5e-4
    lines = {2.008: 3.0, 3.027: 2.2, 3.21: 1.3, 3.913: 1.45, 2.34: 0.6}

    def decay(ppm, area):
        return area * np.exp((2j * np.pi * (ppm - 4.65) * 123.25 - 5 * np.pi) * time_s)

    off = sum(decay(ppm, area) for ppm, area in lines.items())
    on = off - decay(2.008, 2.8) + decay(2.95, 0.15) + decay(3.07, 0.15)
    rng = np.random.default_rng(1)
    pairs = np.stack([off, on]) + rng.normal(scale=0.05, size=(2, 12, 2, 1024, 2)) @ [1, 1j]
    return write_scan(
        pairs * np.array([1.0, 0.5j])[:, np.newaxis, np.newaxis, np.newaxis],
        ("DIM_COIL", "DIM_DYN", "DIM_EDIT"),
        path=tmp_path / "raw" / "sub-01_ses-1_acq-megapress_svs.nii.gz",
        header={
            "EchoTime": 0.068,
            "EditPulse": {"OFF": {"PulseOffset": 7.5}, "ON": {"PulseOffset": 1.9}},
            "dim_7_header": {"EditCondition": ["OFF", "ON"]},
        },
    )


def test_an_edited_scan_gives_off_difference_sum_and_pairs(glxflow, edited, tmp_path):
    events = tmp_path / "events.tsv"
    events.write_text("onset\tduration\ttrial_type\n24\t1\tinfusion\n")
    out = tmp_path / "out"
    run = glxflow("preprocess", edited, "--events", events, "--bin-s", 12, "--out", out)
    assert run.returncode == 0, run.stderr
    stem = "sub-01_ses-1_acq-megapress_desc-"
    record = json.loads((out / f"{stem}preproc_svs.json").read_text())
    assert record["Bins"] == f"{stem}off_svs.nii.gz"
    off, difference, total = (
        read_series(out / record[name]) for name in ("Bins", "Difference", "Sum")
    )
    assert off.n_transients == difference.n_transients == len(record["BinTable"]) == 3
    np.testing.assert_allclose(
        total.samples, off.samples + difference.samples / 2, atol=1e-6 * np.abs(off.samples).max()
    )
    pairs = read_conditions(read_header(out / record["Transients"]))
    assert list(pairs) == record["EditCondition"] == ["OFF", "ON"]
    np.testing.assert_array_equal(pairs["ON"].onset_s, 4.0 * np.arange(12) + 2)
    # The first six pairs are the baseline.
    baseline = (pairs["ON"].samples - pairs["OFF"].samples)[0, :6].mean(axis=0)
    np.testing.assert_allclose(
        difference.samples[0, 0], baseline, atol=1e-6 * np.abs(off.samples).max()
    )
    table = pd.DataFrame(record["TransientTable"])
    assert table["condition"].tolist() == ["OFF", "ON"] * 12
    assert record["Metrics"]["choline_artefact"] < 0.2
    assert record["EditPulse"]["ON"]["PulseOffset"] == 1.9


@pytest.mark.parametrize("name", ["off", "diff", "sum", "preproc"])
def test_edited_results_are_valid_nifti_mrs_with_their_history(glxflow, edited, tmp_path, name):
    run = glxflow("preprocess", edited, "--bin-s", 12, "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    image = NIFTI_MRS(tmp_path / f"sub-01_ses-1_acq-megapress_desc-{name}_svs.nii.gz")
    validate_nifti_mrs(image)
    methods = [step["Method"] for step in image.hdr_ext["ProcessingApplied"]]
    assert "Alignment of subspectra" in methods
    assert image.hdr_ext["EchoTime"] == 0.068
    assert image.hdr_ext["EditPulse"]["OFF"]["PulseOffset"] == 7.5


def test_a_fit_does_not_take_a_raw_edited_scan_for_one_condition(glxflow, edited, tmp_path):
    run = glxflow("fit", edited, "--basis", tmp_path, "--out", tmp_path)
    assert run.returncode == 2
    assert "an edited scan (OFF, ON)" in run.stderr


@pytest.mark.parametrize(
    ("found", "last", "averages", "doubts"),
    [(9, 1, False, ["bins_off_middle"]), (10, 2, True, [])],
)
def test_a_session_that_stopped_is_flagged_and_keeps_its_bins(
    glxflow, raw, tmp_path, found, last, averages, doubts
):
    names = [f"{PREFIX}_{part}" for part in ("svs.nii.gz", "svs.json", "events.tsv")]
    for name in names:
        shutil.copy(raw / name, tmp_path)
    image = nib.load(raw / names[0])
    # Coils, then transients: 9 or 10 of 20 are left, 4 before the infusion at 600 s.
    stopped = type(image)(np.asarray(image.dataobj)[..., :found], image.affine, image.header)
    nib.save(stopped, tmp_path / names[0])
    sidecar = json.loads((tmp_path / names[1]).read_text())
    sidecar["VolumeTiming"] = sidecar["VolumeTiming"][:found]
    (tmp_path / names[1]).write_text(json.dumps(sidecar))
    run = glxflow(
        *("preprocess", tmp_path / names[0], "--events", tmp_path / names[2]),
        *("--bin-s", 600, "--out", tmp_path / "out"),
    )
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "out" / f"{PREFIX}_desc-preproc_svs.json").read_text())
    assert [flag["code"] for flag in record["Flags"]] == [*doubts, "fewer_transients"]
    message = record["Flags"][-1]["message"]
    assert f"{found} of 20 planned transients: the scan stopped" in message
    assert ("or each stored transient is an average of 2; then" in message) == averages
    counts = [part["n_used"] + part["n_rejected"] for part in record["BinTable"]]
    assert counts == [4, 4, last]


def test_onsets_as_far_apart_as_averages_take_are_no_stopped_scan(
    glxflow, write_scan, singlet, tmp_path
):
    rng = np.random.default_rng(1)
    comb = singlet(2.008) + 0.7 * singlet(3.027) + 0.5 * singlet(3.212) + 0.4 * singlet(3.913)
    noise = 0.1 * (rng.normal(size=(5, 1024, 2)) @ [1, 1j])
    onset_s = {"NumberOfTransients": 40, "VolumeTiming": [0.0, 16.0, 32.0, 48.0, 64.0]}
    scan = write_scan(comb + noise, ("DIM_DYN",), sidecar=onset_s)
    run = glxflow("preprocess", scan, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "out" / f"{PREFIX}_desc-preproc_svs.json").read_text())
    assert record["Flags"] == []


@pytest.mark.parametrize(("value", "code"), [(np.nan, "unreadable"), (0, "silent")])
def test_transients_that_hold_nothing_are_flagged_and_count_as_acquired(
    glxflow, raw, tmp_path, value, code
):
    names = [f"{PREFIX}_{part}" for part in ("svs.nii.gz", "svs.json", "events.tsv")]
    for name in names:
        shutil.copy(raw / name, tmp_path)
    image = nib.load(raw / names[0])
    samples = np.asarray(image.dataobj).copy()
    # Coils, then 20 transients 150 s apart: the first two, and every other after the infusion.
    samples[..., [0, 1, *range(4, 20, 2)]] = value
    nib.save(type(image)(samples, image.affine, image.header), tmp_path / names[0])
    run = glxflow(
        *("preprocess", tmp_path / names[0], "--events", tmp_path / names[2]),
        *("--bin-s", 1200, "--out", tmp_path / "out"),
    )
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "out" / f"{PREFIX}_desc-preproc_svs.json").read_text())
    assert [flag["code"] for flag in record["Flags"]] == [f"{code}_transients"]
    assert "10 of 20 transients" in record["Flags"][0]["message"]
    assert [part["n_used"] for part in record["BinTable"]] == [2, 4, 4]
    assert [part["n_acquired"] for part in record["BinTable"]] == [4, 8, 8]


def test_pairs_without_a_readable_partner_count_as_acquired(glxflow, edited, tmp_path):
    image = nib.load(edited)
    samples = np.asarray(image.dataobj).copy()
    samples[..., 3:6, 1] = np.nan  # ON of three of twelve pairs
    nib.save(type(image)(samples, image.affine, image.header), edited)
    run = glxflow("preprocess", edited, "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    name = "sub-01_ses-1_acq-megapress_desc-preproc_svs.json"
    record = json.loads((tmp_path / name).read_text())
    assert [flag["code"] for flag in record["Flags"]] == ["unreadable_transients"]
    (row,) = record["BinTable"]
    assert (row["n_used"] + row["n_rejected"], row["n_acquired"]) == (9, 12)


@pytest.mark.parametrize(
    ("options", "starts"),
    [
        (("--bin-count", 8), [-600, 0, 1200]),
        (("--bin-s", 1200, "--bin-step-s", 600), [-600, 0, 600, 1200]),
    ],
)
def test_bins_may_go_by_count_or_slide(glxflow, raw, tmp_path, options, starts):
    run = glxflow(
        *("preprocess", raw / f"{PREFIX}_svs.nii.gz", "--events", raw / f"{PREFIX}_events.tsv"),
        *(*options, "--out", tmp_path),
    )
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / f"{PREFIX}_desc-preproc_svs.json").read_text())
    # 20 transients, 150 s apart: 4 before the infusion, 16 after.
    assert [part["start_s"] for part in record["BinTable"]] == starts


def test_a_session_with_an_infusion_needs_a_width_or_a_count(glxflow, raw, tmp_path):
    run = glxflow(
        *("preprocess", raw / f"{PREFIX}_svs.nii.gz", "--events", raw / f"{PREFIX}_events.tsv"),
        *("--out", tmp_path),
    )
    assert run.returncode == 2
    assert "expected exactly one of them" in run.stderr


@pytest.mark.real_data
def test_real_raw_7t_data_go_from_coils_to_a_fit_with_a_simulated_basis(
    glxflow, real_data, tmp_path
):
    folder, basis = real_data / "raw_7T_steam", tmp_path / "steam.nii.gz"
    simulated = glxflow(
        *("basis", "simulate", "--like", folder / "svs.nii.gz", "--sequence", "steam"),
        *("--out", basis),
    )
    assert simulated.returncode == 0, simulated.stderr
    cleaned = glxflow(
        *("preprocess", folder / "svs.nii.gz", "--water", folder / "mrsref.nii.gz"),
        *("--out", tmp_path),
    )
    assert cleaned.returncode == 0, cleaned.stderr
    record = tmp_path / "svs_desc-preproc_svs.json"
    content = json.loads(record.read_text())
    # SNR and line width stand after every step; the last is better than coils without alignment.
    assert all("After it: SNR" in step["Details"] for step in image_steps(tmp_path))
    assert content["Metrics"]["snr"] > content["Metrics"]["snr_raw"]
    fitted = glxflow("fit", record, "--basis", basis, "--out", tmp_path)
    assert fitted.returncode == 0, fitted.stderr
    table = pd.read_csv(tmp_path / "svs_desc-fit_concentrations.tsv", sep="\t")
    ratios = table.set_index("metabolite")["ratio_tcr"]
    # LCModel reads 1.05-1.09 and 1.38 on the same data; tools differ by some tenths.
    assert ratios["Glu"] == pytest.approx(1.07, abs=0.15)
    assert ratios["Glx"] == pytest.approx(1.38, abs=0.2)


def image_steps(folder):
    """The steps in the header of the cleaned transients."""
    image = NIFTI_MRS(folder / "svs_desc-preproc_svs.nii.gz")
    return image.hdr_ext["ProcessingApplied"]


def moved_water(raw, folder, millimetres):
    """Write the water reference of the session with its voxel moved."""
    image = nib.load(raw / f"{PREFIX}_mrsref.nii.gz")
    affine = image.affine.copy()
    affine[1, 3] += millimetres
    path = folder / f"{PREFIX}_mrsref.nii.gz"
    nib.save(type(image)(np.asarray(image.dataobj), affine, image.header), path)
    return path, affine


def test_water_of_another_voxel_is_not_used(glxflow, raw, tmp_path):
    water, _ = moved_water(raw, tmp_path, -70.0)
    scan = raw / f"{PREFIX}_svs.nii.gz"
    run = glxflow("preprocess", scan, "--water", water, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "out" / f"{PREFIX}_desc-preproc_svs.json").read_text())
    assert [flag["code"] for flag in record["Flags"]] == ["water_voxel_differs"]
    assert "its centre 70 mm away" in record["Flags"][0]["message"]
    assert record["Water"] is None
    assert not record["EddyCurrentCorrected"]


def test_water_of_an_earlier_run_does_not_stay(glxflow, raw, tmp_path):
    scan, water = (raw / f"{PREFIX}_{suffix}.nii.gz" for suffix in ("svs", "mrsref"))
    for options in (("--water", water), ()):
        run = glxflow("preprocess", scan, *options, "--out", tmp_path)
        assert run.returncode == 0, run.stderr
    names = {path.name.removeprefix(f"{PREFIX}_desc-") for path in tmp_path.iterdir()}
    assert names == {"bins_svs.nii.gz", "preproc_svs.nii.gz", "preproc_svs.json"}


def test_the_water_reference_keeps_its_own_place(glxflow, raw, tmp_path):
    water, affine = moved_water(raw, tmp_path, 0.5)
    scan = raw / f"{PREFIX}_svs.nii.gz"
    run = glxflow("preprocess", scan, "--water", water, "--out", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    written = nib.load(tmp_path / "out" / f"{PREFIX}_desc-preproc_mrsref.nii.gz")
    np.testing.assert_allclose(written.affine, affine, atol=1e-4)
