"""The table of changes over the bins of a session, against a digital session of known truth."""

from dataclasses import replace
from functools import cache

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.cli.changes import change_rows, changes_table
from glxflow.cli.preprocess import outcome_of
from glxflow.cli.simulate import simulate
from glxflow.fit import FitOptions, fit_series, prepare
from glxflow.fit.design import bin_design
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.pipeline import preprocess
from glxflow.preprocess.records import PreprocessOptions
from glxflow.simulate.trial import acquisition, sessions_of
from glxflow.simulate.truth import Design, recruit


@cache
def session():
    """Return clean bins of a session whose Glx rises by a half, its truth and a model."""
    how = acquisition(40, 1, 1024, 100.0)
    people = recruit(Design(n_participants=2, effect=0.5, blunting=0.0, seed=4))
    simulated = next(sessions_of(people, how))
    measured = simulated.measured
    cleaned = preprocess(
        measured.svs, measured.water, BinPlan(how.infusion_s, width_s=800.0), PreprocessOptions()
    )
    metabolites = simulate_basis(
        protocol_for("press", how.axis, echo_time_s=how.echo_time_s), tuple(measured.amplitudes)
    )
    model = prepare(with_macromolecules(metabolites), FitOptions(baseline_ed_per_ppm=1.5))
    elapsed_s = cleaned.transients.onset_s - how.infusion_s
    glx = sum(measured.amplitudes[name] for name in ("Glu", "Gln"))
    levels = [
        glx[(elapsed_s >= part.start_s) & (elapsed_s < part.stop_s)].mean()
        for part in cleaned.bin_table
    ]
    return cleaned, levels, model


def table_of(cleaned, model, table=None, fitted=None):
    table = outcome_of(cleaned)["BinTable"] if table is None else table
    return changes_table(cleaned.bins, table, fitted or [True] * len(table), model)


def test_changes_are_those_of_the_truth_within_their_uncertainty():
    cleaned, levels, model = session()
    table = table_of(cleaned, model)
    rows = table.set_index(["bin", "metabolite", "over"])
    for index, level in enumerate(levels[1:], start=1):
        row = rows.loc[(index, "Glx", "tNAA")]
        true = 100 * (level / levels[0] - 1)
        assert true > 10
        # Four SD: one in ten thousand fails by chance.
        assert row["change_percent"] == pytest.approx(true, abs=4 * row["change_percent_sd"])
        assert row["change_percent_sd"] < 8
        assert row["low95"] < row["change_percent"] < row["high95"]
        # Half of each variance is the baseline's; of large changes more is that of the mean.
        assert 0.5 < (row["change_percent_common_sd"] / row["change_percent_sd"]) ** 2 < 0.8


def test_changes_tell_when_each_bin_was_and_how_lines_narrowed():
    cleaned, _, model = session()
    table = table_of(cleaned, model)
    assert sorted(set(table["bin"])) == [1, 2, 3]
    assert table["t_min"].iloc[0] == pytest.approx(400 / 60)
    # The digital trial narrows lines by up to 0.3 Hz.
    widths = table.groupby("bin")["width_change_hz"].first()
    assert -0.6 < widths.loc[3] < 0
    assert {"mI", "tNAA", "Glx"} <= set(table["metabolite"])


def test_bins_of_unequal_length_say_what_all_their_transients_do():
    cleaned, _, model = session()
    transients = cleaned.transients
    places = np.split(np.arange(transients.n_transients), [4, 12])
    averages = np.array([transients.samples[0, own].mean(axis=0) for own in places])
    bins = replace(transients, samples=averages[np.newaxis], onset_s=np.arange(3.0))
    table = [
        {"index": n, "start_s": float(n), "stop_s": n + 1.0, "weight": float(own.size)}
        for n, own in enumerate(places)
    ]
    rows = changes_table(bins, table, [True] * 3, model)
    labels = [str(n) for n, own in enumerate(places) for _ in own]
    whole = change_rows(
        fit_series(transients, model, bin_design(labels)), {n: {"bin": int(n)} for n in "12"}
    )
    values = ["change_percent", "change_percent_sd", "width_change_hz"]
    names = ["bin", "metabolite", "over"]
    assert rows[names].equals(whole[names])
    # Rounding, and a search that stops within a thousandth of its tolerance.
    error = (rows[values] - whole[values]).abs().max(axis=1) / whole["change_percent_sd"]
    assert error.max() < 1e-4


def test_a_session_of_one_bin_has_no_changes():
    cleaned, _, model = session()
    assert table_of(cleaned, model, outcome_of(cleaned)["BinTable"][:1]) is None


def test_a_session_without_baseline_has_no_changes():
    cleaned, _, model = session()
    assert table_of(cleaned, model, outcome_of(cleaned)["BinTable"][1:]) is None


def prepared(glxflow, tmp_path):
    """Return scan, basis set and results of a simulated session in three bins, and its prefix."""
    folder, prefix = tmp_path / "bids", "sub-01_ses-1_task-ketamine"
    simulate(folder, participants=2, transients=10, coils=1, points=1024, snr=150.0, seed=3)
    raw = folder / "sub-01" / "ses-1" / "mrs"
    scan, basis, out = raw / f"{prefix}_svs.nii.gz", tmp_path / "basis.nii.gz", tmp_path / "out"
    events = raw / f"{prefix}_events.tsv"
    for command in (
        ("basis", "simulate", "--like", scan, "--out", basis),
        ("preprocess", scan, "--events", events, "--bin-s", 1200, "--out", out),
    ):
        run = glxflow(*command)
        assert run.returncode == 0, run.stderr
    return scan, basis, out, prefix


def test_a_fit_writes_changes_of_a_session_with_bins_and_drops_older_ones(glxflow, tmp_path):
    scan, basis, out, prefix = prepared(glxflow, tmp_path)
    record = out / f"{prefix}_desc-preproc_svs.json"
    run = glxflow("fit", record, "--basis", basis, "--out", out)
    assert run.returncode == 0, run.stderr
    changes = out / f"{prefix}_desc-fit_changes.tsv"
    table = pd.read_csv(changes, sep="\t")
    assert sorted(set(table["bin"])) == [1, 2]
    # The whole scan as one bin: nothing to compare.
    run = glxflow("fit", scan, "--basis", basis, "--out", out)
    assert run.returncode == 0, run.stderr
    assert not changes.exists()


def test_a_bin_of_zeros_fails_alone(glxflow, tmp_path):
    _, basis, out, prefix = prepared(glxflow, tmp_path)
    record = out / f"{prefix}_desc-preproc_svs.json"
    bins = out / f"{prefix}_desc-bins_svs.nii.gz"
    image = nib.load(bins)
    samples = np.asarray(image.dataobj).copy()
    samples[..., 1] = 0
    nib.save(nib.Nifti2Image(samples, image.affine, image.header), bins)
    run = glxflow("fit", record, "--basis", basis, "--out", out)
    assert run.returncode == 0, run.stderr
    table = pd.read_csv(out / f"{prefix}_desc-fit_concentrations.tsv", sep="\t")
    status = table.groupby("bin")["status"].unique().map(list)
    assert status.tolist() == [["converged"], ["failed"], ["converged"]]
    quality = pd.read_csv(out / f"{prefix}_desc-qc.tsv", sep="\t").set_index("bin")
    assert quality["qc_pass"].tolist() == [1, 0, 1]
    assert "Every sample is zero" in quality.loc[1, "flags"]
    assert "Every sample is zero" in (out / f"{prefix}_report.html").read_text()


def test_a_bin_that_could_not_be_fitted_is_left_out_and_spoils_no_other():
    cleaned, _, model = session()
    samples = cleaned.bins.samples.copy()
    noise = np.random.default_rng(3).normal(size=(2, samples.shape[-1]))
    samples[0, 2] = 0.01 * np.abs(samples).max() * (noise[0] + 1j * noise[1])
    broken = replace(cleaned, bins=replace(cleaned.bins, samples=samples))
    whole = table_of(cleaned, model).set_index(["bin", "metabolite", "over"])
    kept = table_of(broken, model, fitted=[True, True, False, True])
    assert sorted(set(kept["bin"])) == [1, 3]
    kept = kept.set_index(["bin", "metabolite", "over"])
    place = (3, "Glx", "tNAA")
    sd = whole.loc[place, "change_percent_sd"]
    assert kept.loc[place, "change_percent"] == pytest.approx(
        whole.loc[place, "change_percent"], abs=sd
    )
    assert kept.loc[place, "change_percent_sd"] < 1.2 * sd
    assert table_of(broken, model, fitted=[False, True, True, True]) is None


def test_a_metabolite_that_cannot_change_has_empty_cells_and_no_warning():
    cleaned, _, model = session()
    parts = outcome_of(cleaned)["BinTable"]
    names = [str(part["index"]) for part in parts]
    fit = fit_series(cleaned.bins, model, bin_design(names))
    levels = fit.to_amplitudes.copy()
    levels[1:, fit.names.index("Ins")] = levels[0, fit.names.index("Ins")]
    table = change_rows(
        replace(fit, to_amplitudes=levels), {name: {"bin": name} for name in names[1:]}
    )
    values = [name for name in table if name.startswith(("change_percent", "low", "high"))]
    assert table.loc[table["metabolite"] == "mI", values].isna().all(axis=None)
    assert table.loc[table["metabolite"] == "Glx", values].notna().all(axis=None)
