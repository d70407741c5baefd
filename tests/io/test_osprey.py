"""Osprey's MATLAB structs, of both file formats."""

import h5py
import numpy as np
import pytest
import scipy.io

from glxflow.errors import BasisError
from glxflow.io.osprey import read_basis_struct

FIDS = np.exp(1j * np.arange(8)).reshape(4, 2)


@pytest.fixture
def fields():
    """Return the fields that every file has."""
    return {
        "fids": FIDS,
        "name": np.array(["Cr", "NAA"], dtype=object),
        "dwelltime": 4e-4,
        "Bo": 3.0,
        "centerFreq": 3.0,
        "te": 30.0,
        "linewidth": 1.0,
        "seq": "PRESS",
    }


@pytest.fixture
def write_mat(tmp_path):
    def write(fields):
        path = tmp_path / "basis.mat"
        scipy.io.savemat(path, {"BASIS": fields})
        return path

    return write


def test_samples_keep_their_sign_and_centre(fields, write_mat):
    basis = read_basis_struct(write_mat(fields))
    assert basis.names == ("Cr", "NAA")
    assert basis.fid("NAA") == pytest.approx(FIDS[:, 1])
    assert basis.axis.reference_ppm == 3.0
    assert basis.axis.spectrometer_frequency_mhz == pytest.approx(127.731)  # Osprey's gamma
    assert basis.echo_time_s == pytest.approx(0.03)


def test_matlab_73_files_are_read(tmp_path):
    path = tmp_path / "basis.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("BASIS")
        compound = np.dtype([("real", "f8"), ("imag", "f8")])
        stored = np.zeros((2, 4), compound)
        stored["real"], stored["imag"] = FIDS.T.real, FIDS.T.imag
        group["fids"] = stored
        references = np.zeros((2, 1), h5py.ref_dtype)
        for index, name in enumerate(("Cr", "NAA")):
            text = file.create_dataset(f"#refs#/{name}", data=np.array([[ord(c)] for c in name]))
            text.attrs["MATLAB_class"] = np.bytes_("char")
            references[index, 0] = text.ref
        group.create_dataset("name", data=references)
        for name, value in {"dwelltime": 4e-4, "Bo": 3.0, "centerFreq": 3.0}.items():
            group[name] = np.array([[value]])
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file")
    basis = read_basis_struct(path)
    assert basis.names == ("Cr", "NAA")
    assert basis.fid("NAA") == pytest.approx(FIDS[:, 1])
    assert np.isnan(basis.echo_time_s)


def test_missing_fields_are_named(fields, write_mat):
    del fields["Bo"], fields["centerFreq"]
    with pytest.raises(BasisError, match="BASIS has no Bo, centerFreq"):
        read_basis_struct(write_mat(fields))


def test_several_sub_spectra_are_refused(fields, write_mat):
    fields["fids"] = np.stack([FIDS] * 4, axis=-1)
    with pytest.raises(BasisError, match=r"\(4,\) sub-spectra"):
        read_basis_struct(write_mat(fields))


def test_names_must_match_the_responses(fields, write_mat):
    fields["name"] = np.array(["Cr", "NAA", "Glu"], dtype=object)
    with pytest.raises(BasisError, match="2 responses for 3 names"):
        read_basis_struct(write_mat(fields))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "basis.mat"
    scipy.io.savemat(path, {"x": 1})
    with pytest.raises(BasisError, match="no struct BASIS"):
        read_basis_struct(path)
    path.write_text("no mat file at all")
    with pytest.raises(BasisError, match="cannot be read as a MATLAB file"):
        read_basis_struct(path)
