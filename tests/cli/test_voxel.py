"""Where the voxel of a scan is shown, and what is said where it cannot be."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from glxflow.cli.basis import simulate as simulate_basis
from glxflow.cli.fit import fit
from glxflow.cli.preprocess import preprocess
from glxflow.cli.simulate import simulate
from glxflow.cli.voxel import voxel_of

PREFIX = "sub-01_ses-1_task-ketamine"


class Bare:
    """What the page's voxel asks of a session."""

    header = SimpleNamespace(path=Path("scan_svs.nii.gz"))

    def __init__(self, **record):
        self.record = record


PLACED = Bare(VoxelAffine=np.diag([20.0, 20.0, 30.0, 1.0]).tolist())


@pytest.fixture
def t1w(tmp_path):
    """An image around the middle of the scanner."""
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -40.0
    samples = np.random.default_rng(1).normal(size=(40, 40, 40)).astype(np.float32)
    image = nib.Nifti1Image(samples, affine)
    image.set_sform(affine, code=1)
    path = tmp_path / "sub-01_T1w.nii.gz"
    nib.save(image, path)
    return path


def test_a_voxel_is_drawn_with_its_size_and_its_tissues(t1w):
    tissue = {"GM": 0.6, "WM": 0.3, "CSF": 0.1}
    voxel = voxel_of(Bare(**PLACED.record, TissueFractions=tissue), t1w)
    assert len(voxel.sections) == 3
    assert voxel.size_mm == pytest.approx((20.0, 20.0, 30.0))
    assert voxel.fractions == {"Grey matter": 0.6, "White matter": 0.3, "CSF": 0.1}
    assert voxel.lacking == ""


def test_a_voxel_outside_of_the_head_is_drawn_and_doubted(t1w):
    image = nib.load(t1w)
    samples = np.zeros(image.shape, dtype=np.float32)
    samples[:, :10] = 100.0  # the voxel is in the middle
    nib.save(nib.Nifti1Image(samples, image.affine, image.header), t1w)
    voxel = voxel_of(PLACED, t1w)
    assert len(voxel.sections) == 3
    (doubt,) = voxel.warnings
    assert "100 % of the voxel is as dark as air" in doubt


@pytest.mark.parametrize(("first_dark", "is_doubted"), [(21, False), (18, True)])
def test_half_of_a_voxel_may_be_dark(t1w, first_dark, is_doubted):
    """Above here all is air, and the middle of the voxel in pixel 20: 30 or 83 % in its slices."""
    image = nib.load(t1w)
    samples = np.full(image.shape, 100.0, dtype=np.float32)
    samples[:, :, first_dark:] = 0.0
    nib.save(nib.Nifti1Image(samples, image.affine, image.header), t1w)
    flat = Bare(VoxelAffine=np.diag([20.0, 20.0, 20.0, 1.0]).tolist())
    assert bool(voxel_of(flat, t1w).warnings) == is_doubted


def test_the_edges_of_a_turned_voxel_are_its_own_and_not_those_of_the_scanner():
    turned = [[0, -30, 0, 9], [20, 0, 0, 9], [0, 0, 25, 9], [0, 0, 0, 1]]
    assert voxel_of(Bare(VoxelAffine=turned), None).size_mm == pytest.approx((20, 30, 25))


def test_what_is_missing_is_said(t1w):
    assert "no T1-weighted image" in voxel_of(PLACED, None).lacking
    without = {"does not say where its voxel lies": {"VoxelAffine": None}, "earlier version": {}}
    for said, record in without.items():
        voxel = voxel_of(Bare(**record), t1w)
        assert said in voxel.lacking
        assert "T1-weighted" not in voxel.lacking
        assert voxel.sections == voxel.size_mm == ()
    both = voxel_of(Bare(VoxelAffine=None), None).lacking
    assert re.search("does not say where .* and there is no T1-weighted image", both)


def test_fractions_that_cannot_be_are_left_to_the_words_on_scaling(t1w):
    tissue = {"GM": 60, "WM": 30, "CSF": 10}
    bare = Bare(**PLACED.record, TissueFractions=tissue)
    assert voxel_of(bare, t1w).fractions == {}


def test_an_image_that_is_spoilt_absent_or_elsewhere_is_a_sentence(t1w, tmp_path):
    far = Bare(VoxelAffine=(np.diag([20.0, 20, 20, 1]) + np.eye(4, k=3) * 500).tolist())
    assert "mm outside of this image" in voxel_of(far, t1w).warnings[0]
    link = tmp_path / "link_T1w.nii.gz"
    link.symlink_to("/nowhere/annexed.nii.gz")
    assert "a link to" in voxel_of(PLACED, link).warnings[0]
    t1w.write_bytes(t1w.read_bytes()[:9000])
    assert "not a readable NIfTI file" in voxel_of(PLACED, t1w).warnings[0]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The record of a small simulated session, and a folder for results."""
    folder = tmp_path_factory.mktemp("session")
    simulate(folder / "bids", participants=2, transients=10, coils=1, points=1024, seed=3)
    raw = folder / "bids" / "sub-01" / "ses-1" / "mrs" / f"{PREFIX}_svs.nii.gz"
    preprocess(raw, folder / "clean")
    return raw, folder / "clean" / f"{PREFIX}_desc-preproc_svs.json"


def test_the_record_has_the_place_of_the_voxel_where_the_scan_has(session, tmp_path):
    raw, record = session
    assert json.loads(record.read_text())["VoxelAffine"] == nib.load(raw).affine.tolist()
    image = nib.load(raw)
    image.header["qform_code"] = image.header["sform_code"] = 0
    unplaced = tmp_path / raw.name
    nib.save(type(image)(np.asarray(image.dataobj), None, image.header), unplaced)
    raw_sidecar = Path(str(raw).replace(".nii.gz", ".json"))
    (tmp_path / raw_sidecar.name).write_text(raw_sidecar.read_text())
    preprocess(unplaced, tmp_path / "out")
    record = tmp_path / "out" / f"{PREFIX}_desc-preproc_svs.json"
    assert json.loads(record.read_text())["VoxelAffine"] is None


def test_the_page_of_a_session_shows_its_voxel_or_goes_on_without(glxflow, session, t1w, tmp_path):
    raw, record = session
    basis, out = tmp_path / "basis.nii.gz", tmp_path / "out"
    simulate_basis(out=basis, like=raw, metabolites="NAA,Cr,GPC,Ins,Glu,Gln")
    run = glxflow("fit", record, "--basis", basis, "--out", out, "--t1w", t1w)
    assert run.returncode == 0, run.stderr
    page, sidecar = (out / f"{PREFIX}_{ending}" for ending in
                     ("report.html", "desc-fit_concentrations.json"))  # fmt: skip
    assert page.read_text().count("<svg viewBox") == 3
    read = {source["Path"] for source in json.loads(sidecar.read_text())["SourceFiles"]}
    assert str(t1w) in read
    assert page.read_text().count(str(t1w)) == 1  # among its inputs, with SHA-256
    t1w.write_bytes(b"no image")
    fit(record, basis=basis, out=out, t1w=t1w)
    assert "The voxel cannot be drawn" in page.read_text()
    written = json.loads(sidecar.read_text())
    assert written["Status"] == "ok"
    assert str(t1w) not in {source["Path"] for source in written["SourceFiles"]}
    assert any("not a readable NIfTI file" in warning for warning in written["Warnings"])
