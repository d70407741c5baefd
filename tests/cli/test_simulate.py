import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from glxflow.cli.simulate import app, simulate
from glxflow.errors import DataError

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "bids"
    simulate(folder, participants=2, transients=10, coils=1, points=256, seed=7)
    return folder


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_data_set_is_valid_bids(small, bids_errors):
    assert bids_errors(small) == []


def test_the_same_seed_writes_the_same_bytes(small, tmp_path):
    simulate(tmp_path / "again", participants=2, transients=10, coils=1, points=256, seed=7)
    assert hashes(tmp_path / "again") == hashes(small)


def test_a_folder_with_participants_of_a_larger_trial_is_refused_and_left_alone(tmp_path):
    for number in (1, 2, 3):
        (tmp_path / "bids" / f"sub-{number:02d}").mkdir(parents=True)
    with pytest.raises(DataError, match=r"holds 1 participants \(sub-03\) .* a new folder"):
        simulate(tmp_path / "bids", participants=2, transients=10, coils=1, points=128, seed=7)
    assert not list((tmp_path / "bids").rglob("*.*"))
    (tmp_path / "bids" / "sub-03").rmdir()
    simulate(tmp_path / "bids", participants=2, transients=10, coils=1, points=128, seed=7)


@pytest.mark.parametrize(
    ("option", "value"), [("--points", 8), ("--coils", 0), ("--seed", -1), ("--coils", -1)]
)
def test_a_number_that_cannot_be_is_refused_before_anything_is_written(option, value, tmp_path):
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "bids"), option, str(value)])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.stderr
    assert not (tmp_path / "bids").exists()


def test_the_fewest_points_that_are_accepted_are_simulated(tmp_path):
    simulate(tmp_path / "bids", participants=2, transients=10, coils=1, points=128, seed=7)
    assert len(list((tmp_path / "bids").rglob("*_svs.nii.gz"))) == 4


def test_the_truth_stands_apart_from_the_data(small):
    truth = pd.read_csv(small / "sourcedata" / "truth" / "transients.tsv", sep="\t")
    assert len(truth) == 2 * 2 * 10
    design = json.loads((small / "sourcedata" / "truth" / "design.json").read_text())
    assert design["glx_blunting"] == 0.4
    assert design["seed"] == 7


def test_the_committed_test_data_are_small_and_of_enough_participants():
    folder = PROJECT / "test_data"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size <= 8e6
    assert len(pd.read_csv(folder / "participants.tsv", sep="\t")) >= 6
