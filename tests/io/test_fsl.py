"""FSL-MRS folders: what they hold, and what is wrong with a broken one."""

import json

import numpy as np
import pytest

from glxflow.errors import BasisError
from glxflow.io.fsl import read_folder, write_folder


@pytest.fixture
def folder(tmp_path):
    """Return a hand-written folder with two metabolites."""
    content = {
        "basis_re": [1.0, 0.0, -1.0],
        "basis_im": [0.0, 1.0, 0.0],
        "basis_dwell": 5e-4,
        "basis_centre": 123.2,
        "basis_width": 2.0,
    }
    for name in ("Glu", "NAA"):
        text = json.dumps({"basis": content | {"basis_name": name}, "meta": {}, "seq": {}})
        (tmp_path / f"{name}.json").write_text(text)
    return tmp_path


def change(folder, name, **fields):
    path = folder / f"{name}.json"
    whole = json.loads(path.read_text())
    whole["basis"].update(fields)
    path.write_text(json.dumps(whole))


def test_samples_are_conjugated(folder):
    basis = read_folder(folder)
    assert basis.names == ("Glu", "NAA")
    assert basis.fid("Glu") == pytest.approx(np.array([1, -1j, -1]))
    assert basis.axis.reference_ppm == 4.65
    assert basis.linewidth_hz == 2.0


def test_the_echo_time_is_that_of_all_files(folder):
    for name, meta in (("Glu", {}), ("NAA", {"EchoTime": 0.03})):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"meta": meta}))
    assert read_folder(folder).echo_time_s == 0.03
    path = folder / "Glu.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"meta": {"EchoTime": 0.035}}))
    with pytest.raises(BasisError, match=r"NAA.json: EchoTime is 30 ms, expected 35 .* Glu.json"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"basis_re": None}, r"NAA.json: no 'basis_re'"),
        ({"basis_dwell": None}, r"NAA.json: no 'basis_dwell'"),
        ({"basis_im": [0.0]}, r"NAA.json: 3 points in 'basis_re' but 1 in 'basis_im'"),
        ({"basis_re": [1, "x", 2]}, r"NAA.json: .* holds what is no number"),
        ({"basis_dwell": "fast"}, r"'basis_dwell' \(s\) is 'fast'"),
        ({"basis_dwell": 1e-3}, r"NAA.json: 3 points, dwell time 0.001 s"),
        ({"basis_re": [1.0, 2.0], "basis_im": [0.0, 0.0]}, r"NAA.json: 2 points.*expected 3"),
    ],
)
def test_a_broken_file_is_named_with_its_field(fields, message, folder):
    change(folder, "NAA", **fields)
    with pytest.raises(BasisError, match=message):
        read_folder(folder)


def test_other_json_and_empty_folders_are_refused(tmp_path, folder):
    (folder / "other.json").write_text('{"a": 1}')
    with pytest.raises(BasisError, match="no object 'basis'"):
        read_folder(folder)
    (folder / "other.json").write_text("{")
    with pytest.raises(BasisError, match="not JSON"):
        read_folder(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BasisError, match="no JSON file"):
        read_folder(tmp_path / "empty")


def test_notes_and_source_are_kept(closed_form_basis, tmp_path):
    write_folder(tmp_path, closed_form_basis)
    assert read_folder(tmp_path).source == "lines in closed form"
