"""The baseline that a study shares, against the fits of its scans one by one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.cli.calibrate import app
from glxflow.errors import DataError
from glxflow.fit import FitOptions, fit_prepared, prepare
from glxflow.io.basis_files import write_basis
from glxflow.io.nifti_mrs import read_series, write_series
from glxflow.spectrum import Axis, Fid, Series

AXIS = Axis(1024, 5e-4, 123.25, 4.65)
SOUND = {"echo_time_s": 0.03, "axis": AXIS}
OTHER_TE = SOUND | {"echo_time_s": 0.068}
OTHER_SCANNER = SOUND | {"axis": replace(AXIS, spectrometer_frequency_mhz=127.73)}
TRUTH = {"NAA": 10.0, "Cr": 4.5, "PCr": 4.0, "GPC": 1.4, "Ins": 6.0, "Glu": 9.0, "Gln": 2.5}
WEIGHTS = (9.0, 1.0)


@pytest.fixture
def basis(tmp_path):
    """Return a basis set with macromolecules, and write it without."""
    metabolites = simulate_basis(protocol_for("press", AXIS, echo_time_s=0.03), tuple(TRUTH))
    write_basis(tmp_path / "basis.nii.gz", metabolites, "nifti")
    return with_macromolecules(metabolites)


@pytest.fixture
def calibrated(basis, tmp_path):
    """Return a function that calibrates a study, and returns what came out and was said.

    A scan is what its series has beside the samples, and how far the baseline of its second
    bin bends; None is one that could not be preprocessed.
    """

    def run(*scans):
        rows = ["subject\tsession\tsvs"]
        for number, scan in enumerate(scans, start=1):
            prefix, folder = f"sub-{number:02d}_ses-1", bins_file(tmp_path, number).parent
            folder.mkdir(parents=True)
            record = {"Status": "failed"}
            if scan is not None:
                about, hump = scan
                samples = bins_of(basis, hump, number)[np.newaxis]
                series = Series(
                    samples, onset_s=np.array([0.0, 60.0]), repetition_time_s=2.0, **about
                )
                write_series(bins_file(tmp_path, number), series, np.eye(4))
                table = [{"weight": weight} for weight in WEIGHTS]
                record = {"Status": "ok", "Bins": "bins.nii.gz", "BinTable": table}
            (folder / f"{prefix}_desc-preproc_svs.json").write_text(json.dumps(record))
            rows.append(f"sub-{number:02d}\tses-1\t{prefix}_svs.nii.gz")
        (tmp_path / "group").mkdir()
        (tmp_path / "group" / "scans.tsv").write_text("\n".join(rows) + "\n")
        out = tmp_path / "calibration.json"
        result = CliRunner().invoke(
            app,
            [str(tmp_path), "--basis", str(tmp_path / "basis.nii.gz"), "--out", str(out)],
            catch_exceptions=False,
        )
        return json.loads(out.read_text()), result.stderr

    return run


def bins_file(folder, number):
    return folder / f"sub-{number:02d}" / "ses-1" / "mrs" / "bins.nii.gz"


def bins_of(basis, hump, seed):
    """Return two bins; the baseline of the second bends."""
    amounts = np.array([TRUTH.get(name, 2.0 * name.startswith("MM")) for name in basis.names])
    time_s = AXIS.time_s
    clean = amounts @ basis.fids * np.exp(-np.pi * 5.0 * time_s)
    bent = sum(
        np.exp(2j * np.pi * AXIS.hz(ppm) * time_s - (60 * time_s) ** 2) for ppm in (1.5, 3.4)
    )
    noise = np.random.default_rng(seed).normal(scale=0.6, size=(2, 2, AXIS.n_points))
    return np.array([clean, clean - hump * bent]) + noise[0] + 1j * noise[1]


def test_a_study_has_the_median_of_what_the_averages_of_its_scans_ask_for(
    calibrated, basis, tmp_path
):
    found, _ = calibrated((SOUND, 0.0), (SOUND, 2.0), (SOUND, 20.0), None)
    model = prepare(basis, FitOptions())
    expected = []
    for number in (1, 2, 3):
        # In single precision, as files hold them.
        bins = read_series(bins_file(tmp_path, number)).samples[0]
        average = Fid(np.average(bins, axis=0, weights=WEIGHTS), AXIS)
        expected.append(fit_prepared(average, model).result.baseline_ed)
    assert list(found["ByScan"].values()) == pytest.approx(expected)
    assert found["BaselineEdPerPpm"] == pytest.approx(np.median(expected))
    assert len(set(np.round(expected, 3))) == 3


@pytest.mark.parametrize("other", [OTHER_TE, OTHER_SCANNER], ids=["TE", "scanner"])
@pytest.mark.parametrize("place", [0, 1], ids=["first", "second"])
def test_a_scan_that_the_basis_set_is_not_for_is_left_out_wherever_it_stands(
    calibrated, other, place
):
    scans = [(SOUND, 0.0)]
    scans.insert(place, (other, 0.0))
    found, said = calibrated(*scans)
    assert list(found["ByScan"]) == [f"sub-0{2 - place}_ses-1"]
    assert f"sub-0{1 + place}_ses-1 is left out: " in said


def test_a_study_without_a_scan_that_can_be_fitted_is_an_error(calibrated):
    with pytest.raises(DataError, match="no scan could be fitted"):
        calibrated((OTHER_TE, 0.0))
