"""What a fit starts from, on signals in closed form."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from glxflow.cli.prepared import Prepared, read_prepared, scaling_of
from glxflow.cli.preprocess import EddyChoice, preprocess
from glxflow.cli.simulate import simulate
from glxflow.errors import DataError
from glxflow.io.basis_files import read_basis, write_basis
from glxflow.io.metadata import ScanHeader
from glxflow.io.records import read_record
from glxflow.quantify import WaterScaling
from glxflow.spectrum import Axis, BasisSet, Kind, Series

AXIS = Axis(2048, 5e-4, 123.25, 4.65)
LINES_PPM = {"Cr": 3.027, "Glu": 2.34}


@pytest.fixture
def prepared():
    """A scan of one line with its water reference."""
    decay = np.exp(-np.pi * 10 * AXIS.time_s)[np.newaxis, np.newaxis]
    bins, water = (Series(size * decay, AXIS, np.zeros(1), 0.03, 2.0) for size in (1.0, 1e4))
    place = np.eye(4)
    header = ScanHeader(Path("x"), (1, 1, 1, 2048), (), AXIS, 0.03, 2.0, None, place, True, {}, ())
    return Prepared(bins, {"Flags": []}, water, header, ())


def test_a_scan_without_water_is_not_scaled(prepared):
    words = scaling_of(replace(prepared, water=None), None, None)
    assert words.startswith("no water reference: ratios only")


def test_a_reference_that_was_refused_is_not_called_absent(prepared):
    flags = [
        {"code": "faint_transients", "message": "Too faint."},
        {"code": "water_coils_differ", "message": "Another coil order."},
    ]
    words = scaling_of(replace(prepared, water=None, record={"Flags": flags}), None, None)
    assert words.startswith("the water reference is not used: ratios only")
    assert "Another coil order." in words
    assert "Too faint." not in words


@pytest.mark.parametrize("names", [("Cr", "Glu"), ("Glu",)])
def test_without_a_known_scale_of_the_basis_set_there_are_ratios_only(prepared, tmp_path, names):
    offsets_hz = np.array([AXIS.hz(LINES_PPM[name]) for name in names])
    fids = 0.15 * np.exp((2j * np.pi * offsets_hz[:, np.newaxis] - 2 * np.pi) * AXIS.time_s)
    kinds = (Kind.METABOLITE,) * len(names)
    path = tmp_path / "basis.nii.gz"
    write_basis(path, BasisSet(names, kinds, fids, AXIS, 0.03, 2.0, "closed form"), "nifti")
    found = scaling_of(prepared, read_basis(path), SimpleNamespace(names=names))
    if "Cr" in names:
        assert isinstance(found, WaterScaling)
    else:
        assert "scale of the basis set is not known (scale not checked: it holds no" in found
        assert "ratios only" in found


def test_a_raw_scan_counts_transients_as_its_record_does(tmp_path):
    simulate(tmp_path, participants=2, transients=12, coils=1, points=1024, snr=60.0, seed=5)
    prefix = "sub-01_ses-1_task-ketamine"
    scan = tmp_path / "sub-01" / "ses-1" / "mrs" / f"{prefix}_svs.nii.gz"
    image = nib.load(scan)
    samples = np.asarray(image.dataobj).copy()
    samples[..., 5:] = 0  # one coil, twelve transients
    nib.save(type(image)(samples, image.affine, image.header), scan)
    preprocess(scan, tmp_path / "out")
    record = read_record(tmp_path / "out" / f"{prefix}_desc-preproc_svs.json")
    found = read_prepared(scan, None, EddyChoice.CHECK).record
    assert found["BinTable"] == record["BinTable"]
    assert found["BinTable"][0]["n_acquired"] == 12
    assert found["Flags"] == record["Flags"]


def test_a_bin_that_cannot_be_read_is_named(tmp_path):
    simulate(tmp_path, participants=2, transients=12, coils=1, points=1024, snr=60.0, seed=5)
    scan = tmp_path / "sub-01" / "ses-1" / "mrs" / "sub-01_ses-1_task-ketamine_svs.nii.gz"
    events = scan.with_name(scan.name.replace("_svs.nii.gz", "_events.tsv"))
    preprocess(scan, tmp_path / "out", bin_count=4, events=events)
    (source,) = (tmp_path / "out").glob("*_desc-preproc_svs.json")
    record = read_record(source)
    path = source.with_name(record["Bins"])
    image = nib.load(path)
    samples = np.asarray(image.dataobj).copy()
    samples[0, 0, 0, 100, ..., 0] = np.nan
    nib.save(type(image)(samples, image.affine, image.header), path)
    n_bins = len(record["BinTable"])
    with pytest.raises(DataError, match=f"{n_bins - 1} of its bins .* expected the {n_bins}"):
        read_prepared(source, None, EddyChoice.CHECK)


SHARES = {"GM": 0.6, "WM": 0.2, "CSF": 0.2}


@pytest.fixture
def basis():
    """A basis set whose scale is known."""
    return BasisSet(("Glu",), (Kind.METABOLITE,), np.ones((1, 2048)), AXIS, 0.03, 2.0, "ones")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (SHARES, "voxel of 60 % grey and 20 % white matter and 20 % CSF"),
        (None, "CSF is not corrected"),
        ({"GM": 60, "WM": 20, "CSF": 20}, "csf 20 sum to 100, expected"),
        ({"GM": 60, "WM": 20, "CSF": 20}, "ratios only, no water-scaled concentrations"),
        ({"GM": 60, "WM": 20, "CSF": 20}, "sub-01_svs.nii.gz: TissueFractions in its sidecar is"),
        ({"GM": 0, "WM": 0, "CSF": 1}, "not all of them CSF"),
        ({"GM": 0.8, "WM": float("nan"), "CSF": 0.2}, "sum to nan, expected"),
        ({"gm": 0.8}, "TissueFractions in its sidecar is {'gm': 0.8}, expected"),
        ("0.8", "TissueFractions in its sidecar is '0.8', expected"),
    ],
)
def test_the_voxel_is_what_its_sidecar_says(prepared, basis, given, words):
    prepared.record["TissueFractions"] = given
    prepared.record["SourceFiles"] = [{"Path": "sub-01_svs.nii.gz"}]
    found = scaling_of(prepared, basis, basis)
    assert words in (found.correction if isinstance(found, WaterScaling) else found)


def test_the_sidecar_of_a_scan_and_its_record_say_the_same_of_its_voxel(tmp_path):
    simulate(tmp_path, participants=2, transients=10, coils=1, points=512, snr=150.0, seed=3)
    scan = tmp_path / "sub-01" / "ses-1" / "mrs" / "sub-01_ses-1_task-ketamine_svs.nii.gz"
    sidecar = scan.with_name(scan.name.replace(".nii.gz", ".json"))
    content = json.loads(sidecar.read_text()) if sidecar.exists() else {}
    sidecar.write_text(json.dumps(content | {"TissueFractions": SHARES}))
    preprocess(scan, tmp_path / "out", eddy_current=EddyChoice.NEVER)
    (record,) = (tmp_path / "out").glob("*_desc-preproc_svs.json")
    for source in (scan, record):
        found = read_prepared(source, None, EddyChoice.NEVER)
        assert found.record["TissueFractions"] == SHARES
