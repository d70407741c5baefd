"""A basis set brought to a scan."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glxflow.basis.protocol import Protocol
from glxflow.basis.simulate import simulate_basis
from glxflow.cli.fitting import DEFAULT_RANGE, baseline_of, responses_for
from glxflow.errors import TableError
from glxflow.fit import FitOptions
from glxflow.io.basis_files import write_basis
from glxflow.io.config import read_yaml
from glxflow.io.nifti_mrs import read_series


@pytest.mark.parametrize("fmt", ["lcmodel", "fsl", "nifti", "osprey"])
def test_an_echo_time_that_no_file_states_is_not_checked_and_that_is_said(
    fmt, write_scan, singlet, axis, tmp_path
):
    scan = write_scan(singlet(2.0))
    known = simulate_basis(Protocol("press", (0.006, 0.015, 0.009), axis), ["Cr", "Glu"])
    path = tmp_path / {"lcmodel": "b.basis", "nifti": "b.nii.gz", "osprey": "b.mat"}.get(fmt, fmt)
    write_basis(path, known, fmt)
    assert not any("TE" in note for note in responses_for(path, read_series(scan), scan).notes)
    write_basis(path, replace(known, echo_time_s=np.nan), fmt)
    found = responses_for(path, read_series(scan), scan)
    assert np.isnan(found.echo_time_s)
    (note,) = (note for note in found.notes if note.startswith("echo time and sequence not"))
    assert "the scan has TE 30 ms" in note


def test_the_baseline_of_the_study_is_that_of_its_calibration(tmp_path):
    path = tmp_path / "calibration.json"
    path.write_text('{"BaselineEdPerPpm": 1.5}')
    assert baseline_of(path) == 1.5
    assert baseline_of(None) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"Status": "ok"}, "is missing"),
        ({"BaselineEdPerPpm": None}, "is missing"),
        ({"BaselineEdPerPpm": "soft"}, "is 'soft'"),
        ({"BaselineEdPerPpm": 0}, "is 0"),
    ],
)
def test_a_file_that_is_no_calibration_is_an_error_in_words(tmp_path, content, words):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(content))
    with pytest.raises(TableError, match=rf"other\.json: BaselineEdPerPpm {words}.*calibrate"):
        baseline_of(path)


def test_commands_and_configuration_fit_the_range_that_the_fit_was_tuned_on():
    config = read_yaml(Path(__file__).parents[2] / "config" / "config.yaml")
    assert DEFAULT_RANGE == FitOptions().ppm_range == tuple(config["fit"]["ppm_range"])
