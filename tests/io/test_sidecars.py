"""Which files hold for a scan, as BIDS' inheritance says."""

import json
from pathlib import Path

import pytest

from glxflow.errors import HeaderError
from glxflow.io.metadata import read_header
from glxflow.io.sidecars import inherited, sidecars_of

FOLDER = Path("sub-01/ses-1/mrs")
NAME = "sub-01_ses-1_task-ketamine_svs"
HOLD = (
    "svs.json",
    "task-ketamine_svs.json",
    "sub-01/sub-01_task-ketamine_svs.json",
    "sub-01/ses-1/sub-01_ses-1_svs.json",
    "sub-01/ses-1/mrs/sub-01_ses-1_svs.json",
    f"{FOLDER}/{NAME}.json",
)
OTHERS = (
    "task-rest_svs.json",
    "task-ketamine_acq-press_svs.json",
    "task-ketamine_mrsref.json",
    "sub-01/sub-02_svs.json",
    "sub-02/sub-02_svs.json",
    "../svs.json",
)


@pytest.fixture
def root(tmp_path):
    """A data set of empty objects, with a file above it."""
    folder = tmp_path / "bids"
    for name in (*HOLD, *OTHERS, "dataset_description.json"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return folder


def test_sidecars_of_every_folder_hold_for_the_scans_below_the_nearest_last(root):
    assert sidecars_of(root / FOLDER / f"{NAME}.nii.gz") == tuple(root / name for name in HOLD)


def test_a_scan_is_found_its_sidecars_from_any_folder_and_named_as_it_was(root, monkeypatch):
    monkeypatch.chdir(root / "sub-01")
    found = sidecars_of(Path("ses-1/mrs") / f"{NAME}.nii.gz")
    assert found[2:] == (
        Path("sub-01_task-ketamine_svs.json"),
        *(Path(name).relative_to("sub-01") for name in HOLD[3:]),
    )
    assert found[:2] == (root / HOLD[0], root / HOLD[1])


def test_a_derivative_and_a_file_outside_of_a_data_set_inherit_nothing(root):
    derivative = root / FOLDER / "sub-01_ses-1_task-ketamine_desc-bins_svs.nii.gz"
    assert sidecars_of(derivative) == ()
    (root / "dataset_description.json").unlink()
    assert sidecars_of(root / FOLDER / f"{NAME}.nii.gz") == (root / HOLD[-1],)


def test_the_nearest_events_are_the_last(root):
    (root / "task-ketamine_events.tsv").touch()
    near = root / "sub-01" / "sub-01_task-ketamine_events.tsv"
    near.touch()
    assert inherited(root / FOLDER / f"{NAME}.nii.gz", "events", ".tsv")[-1] == near


def test_nearer_fields_win_one_by_one_and_a_fault_names_every_sidecar(root, write_scan, singlet):
    path = write_scan(
        singlet(2.0), path=root / FOLDER / f"{NAME}.nii.gz", header={"EchoTime": None}
    )
    (root / HOLD[1]).write_text(json.dumps({"EchoTime": 0.05, "Manufacturer": "far"}))
    (root / HOLD[3]).write_text(json.dumps({"Manufacturer": "near"}))
    header = read_header(path)
    assert (header.echo_time_s, header.fields["Manufacturer"]) == (0.05, "near")
    (root / HOLD[1]).write_text("{}")
    with pytest.raises(HeaderError, match=r"mend svs\.json or task-ketamine_svs\.json or"):
        read_header(path)
