"""A functional scan with blocks, from its raw transients to the change of glutamate."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.cli.series import app
from glxflow.errors import DataError
from glxflow.spectrum import Axis

PREFIX = "sub-01_ses-1_task-pain"
AXIS = Axis(1024, 5e-4, 123.25, 4.65)
TRUTH_MM = {
    "NAA": 10.0,
    "Cr": 4.5,
    "PCr": 4.0,
    "GPC": 1.0,
    "PCh": 0.6,
    "Ins": 6.0,
    "Glu": 9.0,
    "Gln": 2.5,
}
RISE = 0.2
N_TRANSIENTS = 32


@pytest.fixture
def raw(tmp_path, write_scan):
    """A raw PRESS scan: Glu is a fifth higher in the second and fourth quarter."""
    basis = with_macromolecules(
        simulate_basis(protocol_for("press", AXIS, echo_time_s=0.03), tuple(TRUTH_MM))
    )
    amounts = np.array([TRUTH_MM.get(name, 2.0 * name.startswith("MM")) for name in basis.names])
    rest = amounts @ basis.fids
    active = rest + RISE * TRUTH_MM["Glu"] * basis.fid("Glu")
    is_active = np.arange(N_TRANSIENTS) // 8 % 2 == 1
    decay = np.exp(-np.pi * 5.0 * AXIS.time_s)
    clean = np.where(is_active[:, np.newaxis], active, rest) * decay
    noise = np.random.default_rng(1).normal(scale=0.5, size=(*clean.shape, 2)) @ [1, 1j]
    return write_scan(
        (clean + noise)[np.newaxis],
        ("DIM_COIL", "DIM_DYN"),
        path=tmp_path / "raw" / f"{PREFIX}_svs.nii.gz",
    )


def test_change_during_events_is_that_of_the_truth(glxflow, raw, tmp_path):
    events = tmp_path / "events.tsv"
    # A repetition lasts 2 s: the second quarter starts at 16 s, a second after the event.
    rows = "15\t16\tpain\n47\t16\tpain\n900\t16\tpain\n0\t4\tcue\n"
    events.write_text(f"onset\tduration\ttrial_type\n{rows}")
    out, basis = tmp_path / "out", tmp_path / "basis.nii.gz"
    names = ",".join(TRUTH_MM)
    for command in (
        ("preprocess", raw, "--bin-s", 600, "--out", out),
        ("basis", "simulate", "--like", raw, "--metabolites", names, "--out", basis),
        (
            *("series", out / f"{PREFIX}_desc-preproc_svs.json", "--basis", basis),
            *("--events", events, "--event", "pain", "--out", out),
        ),
    ):
        run = glxflow(*command)
        assert run.returncode == 0, run.stderr
    table = pd.read_csv(out / f"{PREFIX}_desc-series_changes.tsv", sep="\t")
    row = table[table["over"] == "none"].set_index("metabolite").loc["Glu"]
    # Four SD: one in ten thousand fails by chance.
    assert row["change_percent"] == pytest.approx(100 * RISE, abs=4 * row["change_percent_sd"])
    assert row["change_percent_sd"] < 5
    assert row["event"] == "pain"
    record = json.loads((out / f"{PREFIX}_desc-series_changes.json").read_text())
    assert record["Parameters"]["n_transients"] == N_TRANSIENTS
    assert record["Parameters"]["n_transients_in_events"] == 16
    assert record["Parameters"]["other_events"] == ["cue"]
    assert record["Warnings"][0].startswith("no transient starts in 1 of 3 events of 'pain'")
    smooth = tmp_path / "smooth"
    run = glxflow(*command[:-1], smooth, "--rise-s", 0.01)
    assert run.returncode == 0, run.stderr
    again = pd.read_csv(smooth / f"{PREFIX}_desc-series_changes.tsv", sep="\t")
    # A response without delay is a block.
    assert again["change_percent"].iloc[0] == pytest.approx(
        table["change_percent"].iloc[0], abs=0.1
    )


def test_what_is_no_record_of_transients_is_refused(glxflow, tmp_path):
    record = tmp_path / f"{PREFIX}_desc-preproc_svs.json"
    record.write_text(json.dumps({"Status": "failed", "Stage": "preprocess", "Error": "no"}))
    run = glxflow(
        *("series", record, "--basis", tmp_path, "--events", record, "--event", "pain"),
        *("--out", tmp_path / "out"),
    )
    assert run.returncode == 2
    assert "not the record of a preprocessed scan" in run.stderr


def test_a_scan_in_place_of_its_record_is_told_what_to_run(glxflow, raw, tmp_path):
    scan = raw / f"{PREFIX}_svs.nii.gz"
    run = glxflow(
        *("series", scan, "--basis", scan, "--events", scan, "--event", "x", "--out", tmp_path)
    )
    assert run.returncode == 2
    assert "Run `glxflow preprocess` on the raw scan." in run.stderr


@pytest.fixture
def compare(tmp_path, write_scan):
    """Return a run of the command on 32 transients, one every 2 s, with events of any types."""
    folder = tmp_path / "preprocessed"
    svs = write_scan(
        np.ones((N_TRANSIENTS, 64), complex),
        ("DIM_DYN",),
        path=folder / f"{PREFIX}_desc-transients_svs.nii.gz",
    )
    record = folder / f"{PREFIX}_desc-preproc_svs.json"
    content = {"Status": "ok", "Transients": svs.name, "Flags": []}
    record.write_text(json.dumps(content | {"TransientTable": {"weight": [1] * N_TRANSIENTS}}))

    def run(rows, *options):
        events = tmp_path / "events.tsv"
        events.write_text("onset\tduration\ttrial_type\n" + rows.replace(" ", "\t"))
        arguments = [record, "--basis", tmp_path, "--events", events, "--event", "on", *options]
        arguments = [str(part) for part in (*arguments, "--out", tmp_path / "out")]
        CliRunner().invoke(app, arguments, catch_exceptions=False)

    return run


@pytest.mark.parametrize("options", [(), ("--rise-s", "5")])
@pytest.mark.parametrize(
    ("others", "words"),
    [
        ("0 16 blank\n32 16 blank\n", r"\(blank\); 0 of 32 transients"),
        ("0 64 scan\n", r"\(scan\); 0 of 32 transients"),
        ("16 16 cue\n48 16 cue\n", r"\(cue\); 16 of 32 transients"),
    ],
)
def test_events_that_leave_nothing_to_compare_with_are_named(compare, others, words, options):
    with pytest.raises(
        DataError, match=rf"events.tsv: 'on' cannot .* {words} .*Write `rest` as trial_type"
    ):
        compare("16 16 on\n48 16 on\n" + others, *options)
