"""The command that cleans one session: files, record, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from glxflow.cli.simulate import simulate
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
