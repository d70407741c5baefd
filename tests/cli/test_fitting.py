"""A basis set brought to a scan."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.basis.protocol import Protocol
from glxflow.basis.simulate import simulate_basis
from glxflow.cli.fitting import responses_for
from glxflow.io.basis_files import write_basis
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
