"""Which other models a session is fitted by."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from glxflow.basis.coedited import edited_total, with_coedited
from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import edited_difference, simulate_basis
from glxflow.cli.model_choice import (
    EddyCurrents,
    edited_session_ensemble,
    models_table,
    session_ensemble,
)
from glxflow.fit import (
    FitOptions,
    fit_alike,
    fit_edited,
    fit_edited_alike,
    prepare,
    prepare_edited,
)
from glxflow.fit.ensemble import candidate_of
from glxflow.preprocess.eddy import phase_deviation
from glxflow.spectrum import Axis, BasisSet, Fid, FitStatus, Kind, Series

AXIS = Axis(1024, 5e-4, 123.25, 4.65)
TRUTH = {"NAA": 10.0, "NAAG": 1.5, "Cr": 4.5, "PCr": 4.0, "GPC": 1.4, "Ins": 6.0, "Glu": 9.0}
TABLE = [{"weight": 1.0}, {"weight": 3.0}]


@cache
def default_basis():
    names = (*TRUTH, "Gln")
    return with_macromolecules(
        simulate_basis(protocol_for("press", AXIS, echo_time_s=0.03), names)
    )


@cache
def measured_basis():
    """The default macromolecules in other proportions, as one measured component."""
    basis = default_basis()
    broad = [kind is Kind.MACROMOLECULE for kind in basis.kinds]
    others = [index for index, is_broad in enumerate(broad) if not is_broad]
    proportions = np.random.default_rng(2).uniform(0.6, 1.4, size=sum(broad))
    return BasisSet(
        (*(basis.names[index] for index in others), "MMexp"),
        (*(basis.kinds[index] for index in others), Kind.MACROMOLECULE),
        np.vstack([basis.fids[others], proportions @ basis.fids[broad]]),
        AXIS,
        0.03,
        basis.linewidth_hz,
        "measured",
    )


def bins_of(basis, *, turn=0.0, signal=1.0):
    amounts = [TRUTH.get(name, 2.0 * name.startswith("MM")) for name in basis.names]
    clean = (
        signal * np.array(amounts) @ basis.fids * np.exp(-np.pi * 5.0 * AXIS.time_s + 1j * turn)
    )
    noise = np.random.default_rng(3).normal(scale=0.1, size=(2, 2, AXIS.n_points))
    samples = clean + noise[0] + 1j * noise[1]
    return Series(samples[np.newaxis], AXIS, np.array([0.0, 60.0]), 0.03, 2.0)


def ensemble_of(bins, basis, water=None, *, are_corrected=False):
    model = prepare(basis, FitOptions(baseline_ed_per_ppm=1.5))
    fits, shared = fit_alike([bins.fid(index) for index in range(bins.n_transients)], model)
    eddies = EddyCurrents(water, are_corrected)
    return session_ensemble(bins, TABLE[: len(fits)], fits, shared, basis, eddies)


def test_a_measured_spectrum_of_macromolecules_has_the_default_as_alternative():
    basis = measured_basis()
    ensemble = ensemble_of(bins_of(basis), basis)
    found = next(one for one in ensemble.members if one.choice == "macromolecule source")
    glu = ensemble.names.index("Glu")
    assert np.isnan(found.amplitudes[:, ensemble.names.index("MMexp")]).all()
    assert found.amplitudes[0, glu] == pytest.approx(9.0, rel=0.25)  # ratios that are wrong
    choices = {
        one.choice for one in ensemble_of(bins_of(default_basis()), default_basis()).members
    }
    assert "macromolecule source" not in choices
    # A measured spectrum that was taken apart bears the names of the default lines.
    lines = with_macromolecules(basis)
    assert "MM20" in lines.names
    choices = {one.choice for one in ensemble_of(bins_of(lines), lines).members}
    assert "macromolecule source" in choices


def test_water_with_a_phase_left_gives_a_corrected_alternative():
    """Bins that carry the eddy current of their water are told by it."""
    basis = default_basis()
    eddy = 0.8 * np.exp(-AXIS.time_s / 0.05)
    line = np.exp(-np.pi * 8.0 * AXIS.time_s)
    straight, bent = (Fid(1000 * line * np.exp(1j * turn), AXIS) for turn in (0 * eddy, eddy))
    turned = bins_of(basis, turn=eddy)
    assert "eddy currents" not in {
        one.choice for one in ensemble_of(turned, basis, straight).members
    }
    ensemble = ensemble_of(turned, basis, bent)
    found = next(one for one in ensemble.members if one.choice == "eddy currents")
    clean = ensemble_of(bins_of(basis), basis)
    glu, cr = ensemble.names.index("Glu"), ensemble.names.index("Cr")
    corrected = found.amplitudes[0, glu] / found.amplitudes[0, cr]
    # The phase of water is smoothed over 2 ms.
    assert corrected == pytest.approx(clean.amplitudes[0, glu] / clean.amplitudes[0, cr], rel=0.1)


def test_corrected_bins_have_the_uncorrected_as_alternative():
    basis = default_basis()
    eddy = 0.8 * np.exp(-AXIS.time_s / 0.05)
    water = Fid(1000 * np.exp(-np.pi * 8.0 * AXIS.time_s + 1j * eddy), AXIS)
    ensemble = ensemble_of(bins_of(basis), basis, water, are_corrected=True)
    found = next(one for one in ensemble.members if one.choice == "eddy currents")
    assert found.label == "not corrected"
    # What those bins were before the correction.
    before = ensemble_of(bins_of(basis, turn=eddy), basis, water)
    names = ensemble.names
    one, other = (
        amplitudes[0, names.index("Glu")] / amplitudes[0, names.index("Cr")]
        for amplitudes in (found.amplitudes, before.amplitudes)
    )
    # The phase of water is smoothed over 2 ms.
    assert one == pytest.approx(other, rel=0.1)


@cache
def edited_bases():
    """Half sum and difference, with macromolecules."""
    names = (*TRUTH, "Gln", "GABA")
    on, off = (
        simulate_basis(protocol_for("megapress", AXIS, echo_time_s=0.068, edit_ppm=ppm), names)
        for ppm in (1.9, 7.5)
    )
    return edited_total(on, off), with_coedited(edited_difference(on, off))


@cache
def edited_model():
    return prepare_edited(*edited_bases(), FitOptions(baseline_ed_per_ppm=1.5))


def edited_bins(turn=0.0):
    """Return half sums and differences of two bins, the second with more GABA and Glu."""
    line = np.exp(-np.pi * 5.0 * AXIS.time_s)
    both, rng = [], np.random.default_rng(3)
    for basis, noise_sd in zip(edited_bases(), (0.05, 0.1), strict=True):
        amounts = TRUTH | {"Gln": 2.5, "GABA": 1.5, "MM30co": 1.0}
        more = {"GABA": 0.5, "Glu": 1.0}
        broad = ("MM09", "MM20", "MM30", "MM38")
        bins = [
            np.array([one.get(name, 1.5 * (name in broad)) for name in basis.names]) @ basis.fids
            for one in (amounts, {name: mm + more.get(name, 0.0) for name, mm in amounts.items()})
        ]
        noise = rng.normal(scale=noise_sd, size=(2, 2, AXIS.n_points))
        samples = np.array(bins) * line + noise[0] + 1j * noise[1]
        turned = samples[np.newaxis] * np.exp(1j * turn)
        both.append(Series(turned, AXIS, np.array([0.0, 60.0]), 0.068, 2.0))
    return both


def pairs_of(bins):
    """Return half sum and difference, a pair a bin."""
    total, difference = bins
    return [(total.fid(index), difference.fid(index)) for index in range(total.n_transients)]


def edited_ensemble_of(bins, water=None, *, are_corrected=False):
    """Return the ensemble, and the model that all its bins are fitted by."""
    fits, shared = fit_edited_alike(pairs_of(bins), edited_model())
    eddies = EddyCurrents(water, are_corrected)
    return edited_session_ensemble(*bins, TABLE, fits, shared, eddies), shared


@pytest.mark.parametrize("are_corrected", [False, True])
def test_the_eddy_current_alternative_of_edited_bins_is_their_fit_processed_so(are_corrected):
    eddy = 0.8 * np.exp(-AXIS.time_s / 0.05)
    water = Fid(1000 * np.exp(-np.pi * 8.0 * AXIS.time_s + 1j * eddy), AXIS)
    phase = phase_deviation(water, AXIS)
    # As acquired they have the phase of water, and corrected they have not.
    reported, other = (0.0, phase) if are_corrected else (phase, 0.0)
    bins = edited_bins(reported)
    ensemble, shared = edited_ensemble_of(bins, water, are_corrected=are_corrected)
    (found,) = (one for one in ensemble.members if one.choice == "eddy currents")
    pairs = pairs_of(edited_bins(other))
    average = tuple(
        Fid((one.samples + 3 * two.samples) / 4, AXIS) for one, two in zip(*pairs, strict=True)
    )
    fit = fit_edited(*average, shared)
    expected = candidate_of(fit, average, [average, *pairs]).amplitudes(ensemble.names)
    # Rounding, where a phase was put on and taken off again.
    assert found.amplitudes == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert found.amplitudes != pytest.approx(ensemble.amplitudes, rel=0.02)


@pytest.mark.parametrize("n_points", [AXIS.n_points // 2, 2 * AXIS.n_points])
def test_a_reference_of_another_length_has_the_alternative_too(n_points):
    time_s = replace(AXIS, n_points=n_points).time_s
    decay = np.exp(-np.pi * 8.0 * time_s + 0.8j * np.exp(-time_s / 0.05))
    water = Fid(decay, replace(AXIS, n_points=n_points))
    ((label, turn),) = EddyCurrents(water, are_corrected=False).alternatives(AXIS)
    assert (label, turn.size) == ("corrected by water", AXIS.n_points)


def test_of_one_bin_the_ensemble_reports_what_the_bin_does():
    basis = default_basis()
    bins = bins_of(basis)
    bins = replace(bins, samples=bins.samples[:, :1], onset_s=bins.onset_s[:1])
    model = prepare(basis, FitOptions(baseline_ed_per_ppm=1.5))
    (fit,), shared = fit_alike([bins.fid(0)], model)
    eddies = EddyCurrents(None, are_corrected=False)
    ensemble = session_ensemble(bins, TABLE[:1], [fit], shared, basis, eddies)
    assert ensemble.amplitudes == pytest.approx(np.tile(fit.result.amplitudes, (2, 1)))


def test_bins_follow_the_average_and_the_table_shows_the_average():
    basis = default_basis()
    ensemble = ensemble_of(bins_of(basis), basis)
    assert len(ensemble.amplitudes) == 3
    own = ensemble.amplitudes
    # To first order the average of what the bins say is what their average says.
    weighted = (own[1] + 3 * own[2]) / 4
    assert weighted == pytest.approx(own[0], rel=1e-6, abs=1e-6)
    table = models_table(ensemble)
    creatine = own[0, ensemble.names.index("Cr")] + own[0, ensemble.names.index("PCr")]
    expected = own[0, ensemble.names.index("Glu")] / creatine
    assert table["glu_tcr"].iloc[0] == pytest.approx(expected)
    assert table["choice"].iloc[0] == "as reported"


def test_a_session_without_signal_has_no_ensemble():
    basis = measured_basis()
    assert ensemble_of(bins_of(basis, signal=0.0), basis) is None


def test_a_bin_that_could_not_be_fitted_is_not_in_the_average():
    basis, table = default_basis(), [TABLE[0], {"weight": 5.0}, TABLE[1]]
    model = prepare(basis, FitOptions(baseline_ed_per_ppm=1.5))
    bins = bins_of(basis)
    noise = np.random.default_rng(5).normal(scale=2.0, size=(2, AXIS.n_points))
    three = np.insert(bins.samples, 1, noise[0] + 1j * noise[1], axis=1)
    spoilt = replace(bins, samples=three, onset_s=np.arange(3.0))
    fits, shared = fit_alike([spoilt.fid(index) for index in range(3)], model)
    assert [fit.result.status is FitStatus.FAILED for fit in fits] == [False, True, False]
    eddies = EddyCurrents(None, are_corrected=False)
    ensemble = session_ensemble(spoilt, table, fits, shared, basis, eddies)
    clean = ensemble_of(bins, basis)
    # Rounding of the average.
    assert ensemble.amplitudes[[0, 1, 3]] == pytest.approx(clean.amplitudes, rel=1e-6, abs=1e-9)
    weights = [[one.weight for one in each.members] for each in (ensemble, clean)]
    assert weights[0] == pytest.approx(weights[1], abs=1e-6)
    none = [fits[1]] * 3
    assert session_ensemble(spoilt, table, none, shared, basis, eddies) is None


def test_an_edited_bin_that_could_not_be_fitted_is_not_in_the_average():
    bins = edited_bins()
    fits, shared = fit_edited_alike(pairs_of(bins), edited_model())
    eddies = EddyCurrents(None, are_corrected=False)
    failed = replace(fits[0], found=None)
    ensemble = edited_session_ensemble(*bins, TABLE, [failed, fits[1]], shared, eddies)
    alone, _ = edited_ensemble_of([replace(one, samples=one.samples[:, [1, 1]]) for one in bins])
    assert ensemble.amplitudes[2] == pytest.approx(alone.amplitudes[2], rel=1e-6, abs=1e-6)
    assert edited_session_ensemble(*bins, TABLE, [failed] * 2, shared, eddies) is None
