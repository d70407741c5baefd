"""The baseline that a study shares, against the fits of its scans one by one."""

import json

import numpy as np
import pytest

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.cli.calibrate import calibrate
from glxflow.fit import FitOptions, fit_prepared, prepare
from glxflow.io.basis_files import write_basis
from glxflow.io.nifti_mrs import read_series, write_series
from glxflow.spectrum import Axis, Fid, Series

AXIS = Axis(1024, 5e-4, 123.25, 4.65)
TRUTH = {"NAA": 10.0, "Cr": 4.5, "PCr": 4.0, "GPC": 1.4, "Ins": 6.0, "Glu": 9.0, "Gln": 2.5}


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


def test_a_study_has_the_median_of_what_the_averages_of_its_scans_ask_for(tmp_path):
    metabolites = simulate_basis(protocol_for("press", AXIS, echo_time_s=0.03), tuple(TRUTH))
    write_basis(tmp_path / "basis.nii.gz", metabolites, "nifti")
    basis = with_macromolecules(metabolites)
    model, rows, expected = prepare(basis, FitOptions()), ["subject\tsession\tsvs"], []
    for number, hump in enumerate((0.0, 2.0, 20.0, 0.0), start=1):
        prefix = f"sub-{number}_ses-1"
        folder = tmp_path / f"sub-{number}" / "ses-1" / "mrs"
        folder.mkdir(parents=True)
        rows.append(f"sub-{number}\tses-1\t{prefix}_svs.nii.gz")
        record = {"Status": "failed"}
        if number < 4:
            bins = bins_of(basis, hump, number)
            series = Series(bins[np.newaxis], AXIS, np.array([0.0, 60.0]), 0.03, 2.0)
            write_series(folder / "bins.nii.gz", series, np.eye(4))
            table = [{"weight": 9.0}, {"weight": 1.0}]
            record = {"Status": "ok", "Bins": "bins.nii.gz", "BinTable": table}
            # In single precision, as files hold them.
            first, second = read_series(folder / "bins.nii.gz").samples[0]
            average = Fid((9 * first + second) / 10, AXIS)
            expected.append(fit_prepared(average, model).result.baseline_ed)
        (folder / f"{prefix}_desc-preproc_svs.json").write_text(json.dumps(record))
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "scans.tsv").write_text("\n".join(rows) + "\n")
    calibrate(tmp_path, tmp_path / "basis.nii.gz", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    assert list(found["ByScan"].values()) == pytest.approx(expected)
    # The fourth scan could not be preprocessed.
    assert found["BaselineEdPerPpm"] == pytest.approx(np.median(expected))
    assert len(set(np.round(expected, 3))) == 3
