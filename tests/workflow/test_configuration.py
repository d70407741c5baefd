"""Keys of the configuration reach the commands: bins by count or sliding, edited studies."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from glxflow.basis.coedited import with_coedited
from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import edited_difference, simulate_basis
from glxflow.io.basis_files import write_basis
from glxflow.spectrum import Axis

PROJECT = Path(__file__).parents[2]
AXIS = Axis(1024, 5e-4, 123.25, 4.65)
TRUTH_MM = {"NAA": 10.0, "Cr": 8.5, "PCh": 1.6, "Ins": 6.0, "Glu": 9.0, "Gln": 2.5, "GABA": 1.5}
SESSION = "sub-01/ses-1/mrs/sub-01_ses-1_task-ketamine"


@pytest.fixture
def commands(tmp_path, run_workflow):
    """Return a function that gives the commands which a configuration leads to."""

    def planned(bids, changes):
        options = ("--dry-run", "--printshellcmds")
        run = run_workflow(bids, tmp_path / "results", *options, changes=changes)
        assert run.returncode == 0, run.stderr
        return [line.strip() for line in run.stdout.splitlines() if "glxflow " in line]

    return planned


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ({}, "--bin-s 600"),
        ({"bin_step_s": 300}, "--bin-s 600 --bin-step-s 300"),
        ({"bin_s": None, "bin_count": 4}, "--bin-count 4"),
    ],
)
def test_bins_are_made_as_the_configuration_says(commands, tmp_path, keys, options):
    # Bins that slide are for plans of separate changes.
    plan = tmp_path / "plan.yaml"
    shipped = (PROJECT / "config" / "trial.yaml").read_text()
    plan.write_text(shipped.replace("change: joint", "change: separate"))
    changes = {"preprocess": keys, "plan": str(plan)}
    made = [
        line for line in commands(PROJECT / "test_data", changes) if "glxflow preprocess" in line
    ]
    assert len(made) == 16  # 8 participants with 2 sessions
    assert all(f" infusion {options} --eddy-current" in line for line in made)


def test_joint_changes_of_bins_that_slide_are_refused_before_anything_is_fitted(
    tmp_path, run_workflow
):
    changes = {"preprocess": {"bin_step_s": 300}}
    run = run_workflow(PROJECT / "test_data", tmp_path / "results", "--dry-run", changes=changes)
    assert run.returncode != 0
    assert "bins that share transients are not fitted jointly" in run.stderr + run.stdout


def test_a_task_label_may_be_a_number(commands, tmp_path):
    bids = tmp_path / "bids"
    shutil.copytree(PROJECT / "test_data" / "sub-01", bids / "sub-01")
    for name in ("dataset_description.json", "participants.tsv"):
        shutil.copy(PROJECT / "test_data" / name, bids)
    for path in bids.glob("sub-01/ses-*/mrs/*"):
        path.rename(path.with_name(path.name.replace("ketamine", "0")))
    made = commands(bids, {"task": 0})
    assert any(f"glxflow validate {bids} --task 0 " in line for line in made)
    assert sum("_task-0_svs.nii.gz" in line for line in made) == 2


def test_faulty_limits_of_quality_are_refused_before_anything_is_fitted(tmp_path, run_workflow):
    changes = {"qc": {"snr": {"doubtful": 5}}}
    run = run_workflow(PROJECT / "test_data", tmp_path / "results", "--dry-run", changes=changes)
    assert run.returncode != 0
    assert "'snr' fails at 8 but is doubtful only at 5" in run.stderr + run.stdout


@pytest.fixture
def edited(tmp_path, write_scan):
    """A raw MEGA-PRESS scan of 12 pairs, one every 4 s, and the basis sets of OFF and ON."""
    sets = {
        name: simulate_basis(
            protocol_for("megapress", AXIS, echo_time_s=0.068, edit_ppm=edit_ppm), tuple(TRUTH_MM)
        )
        for name, edit_ppm in (("off", 7.5), ("on", 1.9))
    }
    for name, basis in sets.items():
        write_basis(tmp_path / f"{name}.nii.gz", basis, "nifti")
    amounts = np.array(list(TRUTH_MM.values()))
    complete = with_macromolecules(sets["off"])
    broad = sum(complete.fid(name) for name in complete.names if name.startswith("MM"))
    coedited = with_coedited(edited_difference(sets["on"], sets["off"])).fid("MM30co")
    clean = np.stack([amounts @ sets["off"].fids + broad, amounts @ sets["on"].fids + broad])
    clean[1] += coedited
    noise = np.random.default_rng(1).normal(scale=0.1, size=(1, 12, 2, AXIS.n_points, 2))
    path = tmp_path / "bids" / f"{SESSION}_svs.nii.gz"
    write_scan(
        clean * np.exp(-np.pi * 5.0 * AXIS.time_s) + noise @ [1, 1j],
        ("DIM_COIL", "DIM_DYN", "DIM_EDIT"),
        path=path,
        header={
            "EchoTime": 0.068,
            "EditPulse": {"OFF": {"PulseOffset": 7.5}, "ON": {"PulseOffset": 1.9}},
            "dim_7_header": {"EditCondition": ["OFF", "ON"]},
        },
    )
    events = path.with_name("sub-01_ses-1_task-ketamine_events.tsv")
    events.write_text("onset\tduration\ttrial_type\n16\t0\tinfusion\n")
    description = {"Name": "edited", "BIDSVersion": "1.11.0"}
    (tmp_path / "bids" / "dataset_description.json").write_text(json.dumps(description))
    return tmp_path / "bids"


def test_an_edited_study_is_fitted_with_both_basis_sets(tmp_path, edited, run_workflow):
    results = tmp_path / "results"
    run = run_workflow(
        edited,
        results,
        *("--until", "fit"),
        changes={
            "basis": {"file": f"{tmp_path}/off.nii.gz", "file_on": f"{tmp_path}/on.nii.gz"},
            "preprocess": {"bin_s": None, "bin_count": 4},
        },
    )
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(results / f"{SESSION}_desc-fit_concentrations.tsv", sep="\t")
    glx = table[table["metabolite"] == "Glx"]
    assert glx["bin"].tolist() == [0, 1, 2]  # 4 pairs before the infusion, 8 after it
    truth = (TRUTH_MM["Glu"] + TRUTH_MM["Gln"]) / TRUTH_MM["Cr"]
    # Four SD: one in ten thousand fails by chance.
    assert ((glx["ratio_tcr"] - truth).abs() < 4 * glx["ratio_tcr_sd"]).all()
    assert "GABA+" in set(table["metabolite"])
    assert (results / f"{SESSION}_desc-fitsum_svs.nii.gz").exists()
