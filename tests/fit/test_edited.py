"""The joint fit of edited sessions, against sessions made in the time domain."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from glxflow.basis.coedited import edited_total, with_coedited
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import edited_difference, simulate_basis
from glxflow.errors import BasisError, ConfigError, DataError
from glxflow.fit import (
    FitOptions,
    edited,
    edited_baseline_alternatives,
    fit_edited,
    fit_edited_alike,
    fit_edited_series,
    fit_ensemble,
    fit_prepared,
    prepare,
    prepare_edited,
    profile_interval,
)
from glxflow.fit.changes import percent_changes
from glxflow.fit.design import bin_design
from glxflow.fit.edited_alternatives import _variants
from glxflow.fit.edited_result import joint_uncertainty
from glxflow.fit.ensemble import candidate_of, compare
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.lineshape import gaussian_rate, voigt_fwhm
from glxflow.fit.predictive import run_length
from glxflow.fit.prior import COMMON_SHIFT
from glxflow.fit.uncertainty import shape_errors
from glxflow.quantify import estimates, model_spreads, ratio
from glxflow.quantify.estimates import EDITED_SUMS
from glxflow.spectrum import SUMS, Axis, Fid, FitStatus, Series

AXIS = Axis(2048, 5e-4, 123.25, 4.65)
TRUTH_MM = {
    "NAA": 10.0,
    "NAAG": 1.5,
    "Cr": 4.5,
    "PCr": 4.0,
    "GPC": 1.0,
    "PCh": 0.6,
    "Ins": 6.0,
    "Glu": 9.0,
    "Gln": 2.5,
    "GABA": 1.5,
    "GSH": 1.5,
}
COEDITED_MM = 1.2
MACROMOLECULES = 1.5
QUANTITIES = {
    "GABA+": ("GABA", "MM30co"),
    "Glx": ("Glu", "Gln"),
    "Glu": ("Glu",),
    "Gln": ("Gln",),
    "tCr": ("Cr", "PCr"),
}


@cache
def conditions():
    return tuple(
        simulate_basis(
            protocol_for("megapress", AXIS, echo_time_s=0.068, edit_ppm=edit_ppm), tuple(TRUTH_MM)
        )
        for edit_ppm in (1.9, 7.5)
    )


@cache
def model():
    on, off = conditions()
    difference = with_coedited(edited_difference(on, off))
    return prepare_edited(edited_total(on, off), difference, FitOptions(baseline_ed_per_ppm=1.5))


@pytest.fixture
def make_session():
    """Return a maker of (half sum, difference): ON and OFF with noise of their own."""

    def make(
        seed=1,
        *,
        noise_sd=0.05,
        coedited_mm=COEDITED_MM,
        phase_rad=0.0,
        mismatch_hz=0.0,
        mismatch_rad=0.0,
        mismatch_size=0.0,
        mismatch_width_hz=0.0,
        rises=None,
        narrowing_hz=0.0,
    ):
        on, off = conditions()
        time_s, rng = AXIS.time_s, np.random.default_rng(seed)
        decay = np.exp(-np.pi * (4.0 - narrowing_hz) * time_s - (6.0 * time_s) ** 2)
        rises = rises or {}
        amounts = np.array([mm * (1 + rises.get(name, 0.0)) for name, mm in TRUTH_MM.items()])
        coedited = with_coedited(edited_difference(on, off)).fid("MM30co")
        broad = edited_total(on, off)
        macromolecules = MACROMOLECULES * sum(
            broad.fid(name) for name in broad.names if name.startswith("MM")
        )
        total = amounts @ (on.fids + off.fids) / 2 + macromolecules
        difference = amounts @ (on.fids - off.fids) + coedited_mm * coedited
        moved = (1 + mismatch_size) * np.exp(
            1j * (2 * np.pi * mismatch_hz * time_s + mismatch_rad)
            - np.pi * mismatch_width_hz * time_s
        )
        signals = (total + difference / 2) * decay * moved, (total - difference / 2) * decay
        noise = rng.normal(scale=noise_sd, size=(2, 2, AXIS.n_points))
        turned = np.exp(1j * phase_rad)
        one, other = (
            signal * turned + part[0] + 1j * part[1]
            for signal, part in zip(signals, noise, strict=True)
        )
        return Fid((one + other) / 2, AXIS), Fid(one - other, AXIS)

    return make


def truth(parts):
    return sum((TRUTH_MM | {"MM30co": COEDITED_MM})[part] for part in parts)


def amount(result, parts):
    weights = np.array([float(name in parts) for name in result.names])
    return weights @ result.amplitudes, np.sqrt(weights @ result.covariance @ weights)


def over_tcr(result, parts):
    weights, below = (
        np.array([float(name in members) for name in result.names])
        for members in (parts, QUANTITIES["tCr"])
    )
    return ratio(result, weights, below)


@pytest.mark.parametrize("phase_rad", [0.0, 2.5])
def test_recovers_concentrations_within_their_uncertainty(phase_rad, make_session):
    fit = fit_edited(*make_session(phase_rad=phase_rad), model())
    assert fit.difference.status is FitStatus.CONVERGED
    for parts in QUANTITIES.values():
        value, sd = amount(fit.difference, parts)
        # Four SD: one in ten thousand fails by chance.
        assert value == pytest.approx(truth(parts), abs=4 * sd)


def test_metabolites_are_the_same_in_both_spectra(make_session):
    fit = fit_edited(*make_session(), model())
    for name in TRUTH_MM:
        in_total = fit.total.amplitudes[fit.total.names.index(name)]
        assert fit.difference.amplitudes[fit.difference.names.index(name)] == in_total


def test_curves_add_up_to_the_data(make_session):
    session = make_session(
        noise_sd=0.2, mismatch_hz=0.2, mismatch_size=0.04, mismatch_width_hz=0.2
    )
    fit = fit_edited(*session, model())
    for result in (fit.total, fit.difference):
        # The residual of a right model is noise: its SD is the reported noise, less the tenth that
        # the fit takes up; each of both is known to 4 %.
        assert result.residual.std() == pytest.approx(result.noise_sd, rel=0.2)
    assert fit.difference.noise_sd == pytest.approx(2 * fit.total.noise_sd, rel=0.1)


def test_mismatch_of_the_conditions_is_found_and_does_not_pass_for_gaba(make_session):
    straight = fit_edited(*make_session(), model())
    moved = fit_edited(*make_session(mismatch_hz=0.5, mismatch_rad=0.05), model())
    # Far above the noise: 0.5 Hz leaves a fifth of creatine's height in the difference.
    assert moved.mismatch_hz - straight.mismatch_hz == pytest.approx(0.5, abs=0.05)
    assert moved.mismatch_rad - straight.mismatch_rad == pytest.approx(0.05, abs=0.01)
    for name in ("GABA+", "Glx"):
        one, other = (amount(fit.difference, QUANTITIES[name])[0] for fit in (straight, moved))
        # The noise is the same; left is the square of 0.5 Hz over lines of 6 Hz, and the shim.
        assert other == pytest.approx(one, rel=0.07)


@pytest.mark.parametrize(
    ("name", "value", "tolerance"),
    [("mismatch_size", -0.04, 0.01), ("mismatch_width_hz", 0.3, 0.06)],
)
def test_creatine_that_does_not_cancel_does_not_pass_for_gaba(
    name, value, tolerance, make_session
):
    """4 % of creatine is half of GABA+ and was taken for as much of it."""
    straight = fit_edited(*make_session(), model())
    moved = fit_edited(*make_session(**{name: value}), model())
    assert getattr(moved, name) - getattr(straight, name) == pytest.approx(value, abs=tolerance)
    for quantity in ("GABA+", "Glx"):
        one, other = (
            over_tcr(fit.difference, QUANTITIES[quantity])[0] for fit in (straight, moved)
        )
        # The noise is the same; left is what the prior of the mismatch holds back, and a half of
        # 4 % on what both conditions have.
        assert other == pytest.approx(one, rel=0.04)


def test_mismatch_of_the_conditions_moves_both_spectra_by_half_the_way(make_session):
    """ON a half step up and OFF a half step down, as sessions without noise are made."""
    fit = fit_edited(*make_session(noise_sd=0.02, coedited_mm=0.0), model())
    found = fit.found
    theta = found.solution.point.theta
    turns = {
        "mismatch_hz": 2j * np.pi * AXIS.time_s,
        "mismatch_rad": 1j,
        "mismatch_size": 1.0,
        "mismatch_width_hz": -np.pi * AXIS.time_s,
    }
    for row, (name, slope) in enumerate(turns.items()):
        sides = []
        for step in (0.01, -0.01):
            pair = make_session(noise_sd=0.0, coedited_mm=0.0, **{name: step})
            # Their mean stays where it was.
            sides.append([one.samples * np.exp(-0.5 * step * slope) for one in pair])
        for index, (above, below) in enumerate(zip(*sides, strict=True)):
            seen = (found.problem.total, found.problem.difference)[index].model
            moved = found.views[index].alignment.aligned(Fid((above - below) / 0.02, AXIS))
            (expected,) = seen.phased(seen.data_spectrum(moved)[np.newaxis], theta).real
            # Line shapes and amplitudes are those of the fit, not of the truth.
            error = np.linalg.norm(found.problem.mismatch[index][row] - expected)
            assert error < 0.03 * np.linalg.norm(expected)


def test_a_residual_of_the_difference_is_flagged_by_its_chi_squared(make_session):
    total, difference = make_session()
    line = 3.0 * np.exp((2j * np.pi * AXIS.hz(3.4) - 15.0) * AXIS.time_s)
    fit = fit_edited(total, Fid(difference.samples + line, AXIS), model())
    (said,) = [flag.message for flag in fit.flags if flag.code == "EDITED_RESIDUAL"]
    shown = (
        f"reduced chi-squared of the difference's residual is {fit.difference.reduced_chi2:.2f},"
    )
    assert shown in said
    assert "times the noise" not in said


def test_ends_that_are_not_trusted_are_those_of_the_sum(make_session):
    total, difference = make_session()
    lipid = 60.0 * np.exp((2j * np.pi * AXIS.hz(1.2) - 60.0) * AXIS.time_s + 2j)
    fit = fit_edited(Fid(total.samples + lipid, AXIS), difference, model())
    (said,) = [flag.message for flag in fit.flags if flag.code == "ENDS"]
    assert said.startswith("of the sum only 1.8")
    assert fit.total.trusted_ppm[0] == pytest.approx(1.8, abs=0.02)  # a point is 0.016 ppm
    assert fit.difference.trusted_ppm == (fit.difference.ppm[0], fit.difference.ppm[-1])


@pytest.mark.parametrize(
    ("mismatch", "code"),
    [
        ({"mismatch_hz": 2.0}, "EDITED_MISMATCH"),
        ({"mismatch_hz": -2.0}, "EDITED_MISMATCH"),
        ({"mismatch_size": -0.08}, "EDITED_SIZE"),
        ({"mismatch_size": 0.08}, "EDITED_SIZE"),
        ({"mismatch_width_hz": 1.2}, "EDITED_WIDTH"),
        ({"mismatch_width_hz": -1.2}, "EDITED_WIDTH"),
    ],
)
def test_large_mismatch_is_flagged(mismatch, code, make_session):
    straight = fit_edited(*make_session(), model())
    fit = fit_edited(*make_session(**mismatch), model())
    assert code not in [flag.code for flag in straight.flags]
    assert code in [flag.code for flag in fit.flags]


def test_gaba_and_its_macromolecules_are_surer_together_than_apart(make_session):
    result = fit_edited(*make_session(), model()).difference
    together, gaba, broad = (
        amount(result, parts)[1] for parts in (("GABA", "MM30co"), ("GABA",), ("MM30co",))
    )
    assert together < np.hypot(gaba, broad)


def test_gaba_plus_is_reported_with_its_parts(make_session):
    fit = fit_edited(*make_session(), model())
    rows = {row.metabolite: row for row in estimates(fit.difference)}
    value, sd = amount(fit.difference, QUANTITIES["GABA+"])
    assert rows["GABA+"].amplitude == pytest.approx(value)
    assert rows["GABA+"].sd == pytest.approx(sd)
    assert rows["GABA+"].ratio_tcr > rows["GABA"].ratio_tcr
    assert "GABA+" not in {row.metabolite for row in estimates(fit.total)}


def test_no_brain_is_nan_and_not_zero():
    noise = np.random.default_rng(3).normal(size=(4, AXIS.n_points))
    total, difference = (Fid(noise[n] + 1j * noise[n + 1], AXIS) for n in (0, 2))
    fit = fit_edited(total, difference, model())
    assert fit.difference.status is FitStatus.FAILED
    assert np.isnan(fit.difference.amplitudes).all()
    assert np.isnan(fit.mismatch_hz)
    # The relative error of the SD of 246 points is 4.5 %: four of it.
    scale = np.std(noise) * np.sqrt(model().difference.n_kept)
    assert fit.difference.noise_sd == pytest.approx(2 * scale, rel=0.18)


def test_an_edited_spectrum_of_zeros_fails_in_words():
    zeros = Fid(np.zeros(AXIS.n_points), AXIS)
    fit = fit_edited(zeros, zeros, model())
    assert (fit.total.status, fit.difference.status) == (FitStatus.FAILED, FitStatus.FAILED)
    assert "every sample is zero" in fit.flags[0].message


def test_basis_sets_of_other_metabolites_are_an_error():
    on, off = conditions()
    difference = with_coedited(edited_difference(on, off))
    fewer = difference.chosen(range(1, len(difference.names)))
    with pytest.raises(BasisError, match="same metabolites"):
        prepare_edited(edited_total(on, off), fewer, FitOptions())


def test_macromolecules_of_the_difference_need_none_in_the_sum(make_session):
    on, off = conditions()
    difference = with_coedited(edited_difference(on, off))
    total = edited_total(on, off)
    kept = [index for index, name in enumerate(total.names) if name != "MM30"]
    other = prepare_edited(total.chosen(kept), difference, FitOptions(baseline_ed_per_ppm=1.5))
    fit = fit_edited(*make_session(), other)
    value, sd = amount(fit.difference, QUANTITIES["GABA+"])
    assert value == pytest.approx(truth(QUANTITIES["GABA+"]), abs=4 * sd)


def test_spectra_on_other_axes_are_an_error(make_session):
    total, difference = make_session()
    axis = replace(AXIS, n_points=1024)
    with pytest.raises(DataError, match="Axis"):
        fit_edited(total, Fid(difference.samples[:1024], axis), model())


def test_difference_without_editing_is_an_error():
    _, off = conditions()
    with pytest.raises(BasisError, match=r"1\.9 ppm"):
        with_coedited(edited_difference(off, off))


def test_joint_fit_is_surer_than_each_spectrum_alone_and_its_intervals_cover(make_session):
    on, off = conditions()
    difference = with_coedited(edited_difference(on, off))
    seen = np.abs(difference.fids).max(axis=1) > 0.05
    alone = prepare(difference.chosen(np.flatnonzero(seen)), replace(model().difference.options))
    rows = []
    for seed in range(40):
        total, edited_fid = make_session(seed, noise_sd=0.5)
        fit = fit_edited(total, edited_fid, model())
        singles = fit.alone.result, fit_prepared(edited_fid, alone).result
        rows.append([amount(one, QUANTITIES["Glx"]) for one in (fit.difference, *singles)])
        rows[-1].append(amount(fit.difference, QUANTITIES["GABA+"]))
    (glx, _, of_difference, gaba), sd = np.array(rows).transpose(2, 1, 0)
    true = [truth(QUANTITIES[name]) for name in ("Glx", "GABA+")]
    covered = np.abs(np.array([glx, gaba]).T - true) < 1.96 * sd[[0, 3]].T
    # Of 40 intervals of 95 %, 34 or more cover in all but one of 300 draws.
    assert covered.sum(axis=0).min() >= 34
    # The ratio of two SD from 40 draws is known to 16 %.
    assert glx.std() < 0.8 * of_difference.std()
    assert np.median(sd[0]) < min(np.median(sd[1]), np.median(sd[2]))


def test_ratios_are_those_of_the_truth(make_session):
    result = fit_edited(*make_session(noise_sd=0.02), model()).difference
    for name in ("GABA+", "Glx"):
        value, sd = over_tcr(result, QUANTITIES[name])
        assert value == pytest.approx(truth(QUANTITIES[name]) / truth(("Cr", "PCr")), abs=4 * sd)


def test_phase_delay_and_offset_are_those_of_the_joint_fit(make_session):
    fit = fit_edited(*make_session(noise_sd=0.5), model())
    alone = fit.alone.result
    joint, single = (one.found.solution.point.theta for one in (fit, fit.alone))
    moved = joint[: single.size] - single
    assert abs(moved[0]) > 1e-5
    for result in (fit.total, fit.difference):
        assert result.phase_rad - alone.phase_rad == pytest.approx(moved[0])
        assert result.delay_s - alone.delay_s == pytest.approx(1e-6 * moved[1])
        offset_hz = (result.offset_ppm - alone.offset_ppm) * AXIS.spectrometer_frequency_mhz
        assert offset_hz == pytest.approx(moved[COMMON_SHIFT])


def with_more_gaba(session):
    """Return a session with 0.3 mM more GABA."""
    on, off = conditions()
    line = 0.3 * np.exp(-np.pi * 4.0 * AXIS.time_s - (6.0 * AXIS.time_s) ** 2)
    edited, unedited = (one.fid("GABA") * line for one in (on, off))
    total, difference = session
    return (
        Fid(total.samples + (edited + unedited) / 2, AXIS),
        Fid(difference.samples + edited - unedited, AXIS),
    )


def ensemble_of(fit, average, pairs):
    return fit_ensemble(fit, average, pairs, np.random.default_rng(1))


def amounts(ensemble, amplitudes, parts):
    return amplitudes[:, [ensemble.names.index(part) for part in parts]].sum(axis=1)


def test_gaba_stands_upright_where_naa_and_glx_cancel_at_the_start():
    """Without NAAG, TE 80: the first point of the difference has any phase."""
    names = tuple(name for name in TRUTH_MM if name != "NAAG")
    on, off = (
        simulate_basis(protocol_for("megapress", AXIS, echo_time_s=0.08, edit_ppm=edit_ppm), names)
        for edit_ppm in (1.9, 7.5)
    )
    difference = with_coedited(edited_difference(on, off))
    other = prepare_edited(edited_total(on, off), difference, FitOptions(baseline_ed_per_ppm=1.5))
    line = np.exp(-np.pi * 4.0 * AXIS.time_s - (6.0 * AXIS.time_s) ** 2)
    amounts = np.array([TRUTH_MM[name] for name in names])
    noise = np.random.default_rng(2).normal(scale=0.05, size=(2, 2, AXIS.n_points))
    pair = (
        Fid(amounts @ (on.fids + off.fids) / 2 * line + noise[0, 0] + 1j * noise[0, 1], AXIS),
        Fid(amounts @ (on.fids - off.fids) * line + noise[1, 0] + 1j * noise[1, 1], AXIS),
    )
    result = fit_edited(*pair, other).difference
    gaba = result.components[result.names.index("GABA"), (result.ppm > 2.8) & (result.ppm < 3.2)]
    assert gaba.max() > 0
    assert gaba.min() > -0.05 * gaba.max()


def test_the_difference_is_shown_as_on_less_off(make_session):
    fit = fit_edited(*make_session(phase_rad=2.0), model())
    for result, name, low, high in (
        (fit.difference, "GABA", 2.9, 3.1),
        (fit.difference, "Glu", 3.7, 3.8),
        (fit.total, "Cr", 2.9, 3.1),
    ):
        inside = (result.ppm > low) & (result.ppm < high)
        curve = result.components[result.names.index(name), inside]
        assert curve.mean() > 0
        assert np.median(result.data[inside] - result.baseline[inside]) > 0


def test_at_least_a_dozen_other_models_say_what_they_make_of_an_edited_session(make_session):
    session = make_session()
    fit = fit_edited(*session, model())
    ensemble = ensemble_of(fit, session, [session])
    assert len(ensemble.members) >= 12
    assert ensemble.amplitudes[0] == pytest.approx(fit.difference.amplitudes)
    choices = {one.choice for one in ensemble.members}
    assert {"baseline", "width prior", "range", "co-edited macromolecules"} <= choices
    for choice in choices:
        weights = [one.weight for one in ensemble.members if one.choice == choice]
        assert min(weights) > 0
        assert sum(weights) < 1


def test_a_choice_is_made_for_half_sum_and_difference_alike(make_session):
    found = fit_edited(*make_session(), model()).found
    own = found.problem.total, found.problem.difference
    known = {label: joint.blocks[0].channels for _, label, joint in _variants(found)}
    for label, factor in (("half dimension", 0.5), ("double dimension", 2.0)):
        for channel, problem in zip(known[label], own, strict=True):
            width_ppm = problem.model.spline.width_ppm
            # A slightly bent line is the stiffest there is.
            expected = max(factor * problem.shares.sum(), 2.2) / width_ppm
            assert channel.problem.shares.sum() / width_ppm == pytest.approx(expected, rel=1e-5)
    for channel in known["0.5-4.1 ppm"]:
        weight = channel.problem.model.weight[channel.problem.model.ppm > 4.1]
        assert weight.size > 0
        assert weight.max() < 0.01


def test_a_member_with_another_baseline_is_the_fit_with_it(make_session):
    session = make_session(4, noise_sd=0.2)
    fit = fit_edited(*session, model())
    found = next(
        one.amplitudes
        for one in ensemble_of(fit, session, [session]).members
        if one.label == "double dimension"
    )
    _, other = edited_baseline_alternatives(*session, model(), fit)
    for name in ("GABA+", "Glx"):
        value, sd = amount(other, QUANTITIES[name])
        # The weight of the data against the priors comes from another prefit.
        assert amounts(fit.difference, found, QUANTITIES[name])[0] == pytest.approx(
            value, abs=0.15 * sd
        )


def test_bins_of_an_edited_session_follow_their_average_as_their_own_fits_do(make_session):
    average = make_session(2, noise_sd=0.2)
    near = with_more_gaba(average)
    fit, own = (fit_edited(*pair, model()) for pair in (average, near))
    ensemble = ensemble_of(fit, average, [average, near])
    followed = amounts(ensemble, ensemble.amplitudes, QUANTITIES["GABA+"])
    value, _ = amount(own.difference, QUANTITIES["GABA+"])
    assert followed[1] - followed[0] == pytest.approx(0.3, rel=0.1)
    assert followed[1] - followed[0] == pytest.approx(value - followed[0], rel=0.1)
    glx = amounts(ensemble, ensemble.amplitudes, QUANTITIES["Glx"])
    value, sd = amount(own.difference, QUANTITIES["Glx"])
    assert glx[1] == pytest.approx(value, abs=0.1 * sd)


def test_co_edited_macromolecules_as_much_as_gaba_are_a_model_of_their_own(make_session):
    session = make_session(noise_sd=0.1)
    fit = fit_edited(*session, model())
    ensemble = ensemble_of(fit, session, [session])
    tied = next(one for one in ensemble.members if one.choice == "co-edited macromolecules")
    gaba, coedited = (tied.amplitudes[0, ensemble.names.index(n)] for n in ("GABA", "MM30co"))
    assert gaba == pytest.approx(coedited, rel=1e-3)
    # The truth is 1.5 and 1.2: their sum is nearly what it was.
    value, sd = amount(fit.difference, QUANTITIES["GABA+"])
    assert gaba + coedited == pytest.approx(value, abs=2 * sd)


def test_without_gaba_and_its_macromolecules_other_models_still_say_what_they_make_of_glx(
    make_session,
):
    session = make_session(2, noise_sd=0.05, coedited_mm=0.0, rises={"GABA": -1.0})
    fit = fit_edited(*session, model())
    names, amplitudes = fit.difference.names, fit.difference.amplitudes
    assert amplitudes[[names.index("GABA"), names.index("MM30co")]].max() < 0.2
    ensemble = ensemble_of(fit, session, [session])
    members = ensemble.members
    assert np.isfinite([one.weight for one in members]).all()
    every = np.array([ensemble.amplitudes, *(one.amplitudes for one in members)])
    (spread,) = model_spreads(
        names, fit.difference.kinds, every, np.array([one.weight for one in members])
    )
    assert 0 < spread["Glx"].ratio_tcr_sd_model < 0.2


@pytest.mark.parametrize("place", [0, 1])
def test_misfit_that_runs_on_is_one_witness_in_either_spectrum(make_session, place):
    session = make_session(noise_sd=0.2)
    own = candidate_of(fit_edited(*session, model()), session, [session])

    def leaving(residual):
        """Return the same model with another residual of one spectrum."""
        spectra = list(own.optimum.spectra)
        spectra[place] = replace(spectra[place], residual=residual)
        optimum = replace(own.optimum, spectra=tuple(spectra))
        return replace(own, choice="another", optimum=optimum)

    rng = np.random.default_rng(4)
    n_points = own.optimum.spectra[place].residual.size
    noise = 100 * rng.normal(size=n_points)
    better, worse = leaving(noise), leaving(1.03 * noise)
    # As bad in two ways, so that its own weight is nil.
    runs_on = 1e5 * np.repeat(rng.normal(size=n_points), 8)[:n_points]
    for reported in (1e5 * rng.normal(size=n_points), runs_on):
        ensemble = compare(leaving(reported), [better, worse], np.random.default_rng(1))
        # Four fifths are shared equally.
        preferred = [one.weight - 0.8 / 3 for one in ensemble.members]
        expected = n_points * np.log(1.03) / run_length(reported)
        # The bootstrap draws stretches, and those of the other spectrum say nothing.
        assert np.log(preferred[0] / preferred[1]) == pytest.approx(expected, rel=0.15)
    assert run_length(runs_on) > 4


def test_an_edited_session_without_signal_has_no_ensemble():
    rng = np.random.default_rng(8)
    session = tuple(
        Fid(rng.normal(size=AXIS.n_points) + 1j * rng.normal(size=AXIS.n_points), AXIS)
        for _ in range(2)
    )
    assert ensemble_of(fit_edited(*session, model()), session, [session]) is None


def test_bins_of_an_edited_session_are_fitted_as_each_alone_where_all_trust_the_same(
    make_session,
):
    pairs = [make_session(seed, noise_sd=0.2) for seed in (5, 6)]
    together, shared = fit_edited_alike(pairs, model())
    assert (shared.total.weight == model().total.weight).all()
    for fit, pair in zip(together, pairs, strict=True):
        alone = fit_edited(*pair, model())
        assert fit.difference.amplitudes == pytest.approx(alone.difference.amplitudes)


def test_an_end_that_one_bin_of_an_edited_session_does_not_trust_is_trusted_in_none(make_session):
    clean, dirty = make_session(5, noise_sd=0.2), make_session(6, noise_sd=0.2)
    tail = 60 * np.exp(2j + (2j * np.pi * AXIS.hz(4.3) - 60) * AXIS.time_s)
    dirty = Fid(dirty[0].samples + tail, AXIS), dirty[1]
    fits, shared = fit_edited_alike([clean, dirty], model())
    assert shared.total.weight[-1] < 1
    assert all("ENDS" in [flag.code for flag in fit.flags] for fit in fits)
    alone = fit_edited(*clean, shared)
    assert fits[0].difference.amplitudes == pytest.approx(alone.difference.amplitudes)


@pytest.mark.parametrize("quantity", ["GABA+", "Glx", "Glu"])
def test_profile_intervals_of_an_edited_session_are_normal_where_much_is_known(
    make_session, quantity
):
    fit = fit_edited(*make_session(7, noise_sd=0.3), model())
    parts = QUANTITIES[quantity]
    weights = np.array([float(name in parts) for name in fit.difference.names])
    found = profile_interval(fit, weights)
    value, sd = amount(fit.difference, parts)
    assert (found.value, found.sd) == pytest.approx((value, sd))
    assert found.value == pytest.approx(truth(parts), abs=4 * sd)
    assert found.low95 == pytest.approx(value - 1.96 * sd, abs=0.4 * sd)
    assert found.high95 == pytest.approx(value + 1.96 * sd, abs=0.4 * sd)


def test_a_failed_edited_session_has_no_profile():
    rng = np.random.default_rng(9)
    session = tuple(
        Fid(rng.normal(size=AXIS.n_points) + 1j * rng.normal(size=AXIS.n_points), AXIS)
        for _ in range(2)
    )
    fit = fit_edited(*session, model())
    found = profile_interval(fit, np.ones(len(fit.difference.names)))
    assert np.isnan([found.value, found.low95, found.high95]).all()


BINS = ("before", "during", "after")


def series_of(pairs):
    """Return half sums and differences as series, a bin each."""
    return tuple(
        Series(
            np.array([fid.samples for fid in fids])[np.newaxis],
            AXIS,
            60.0 * np.arange(len(fids)),
            0.068,
            2.0,
        )
        for fids in zip(*pairs, strict=True)
    )


def changes_of(fit, bin_name):
    rows = percent_changes(fit, SUMS | EDITED_SUMS, ("tCr",)).rows
    return {row.metabolite: row for row in rows if (row.response, row.over) == (bin_name, "tCr")}


@pytest.fixture
def make_bins(make_session):
    """Return a maker of three bins: at rest, then twice with rises and narrower lines."""

    def make(seed, rises, **how):
        after = {"rises": rises, **how}
        seeds = 10 * seed + np.arange(3)
        return [
            make_session(int(each), noise_sd=0.3, **(after if index else {}))
            for index, each in enumerate(seeds)
        ]

    return make


def test_changes_of_an_edited_session_are_found_though_its_lines_narrow(make_bins):
    rows = []
    # Lines of 4 Hz and a Gaussian of g = 36/s^2.
    wide, narrow = (voigt_fwhm(hz, np.sqrt(36 / gaussian_rate(1.0))) for hz in (4.0, 3.7))
    for seed in range(12):
        bins = make_bins(seed, {"GABA": 0.2, "Glu": 0.1}, narrowing_hz=0.3)
        fit = fit_edited_series(*series_of(bins), model(), bin_design(BINS))
        assert fit.status is FitStatus.CONVERGED
        found = changes_of(fit, "during")
        rows.append([(found[name].percent, found[name].sd) for name in ("GABA+", "Glx", "Glu")])
        lines, sd = fit.lines
        narrower = np.full(2, narrow - wide)
        assert lines[:, 1] == pytest.approx(narrower, abs=4 * sd[:, 1].max())
    percent, sd = np.array(rows).transpose(2, 0, 1)
    gaba_plus = 20 * TRUTH_MM["GABA"] / truth(QUANTITIES["GABA+"])
    true = np.array([gaba_plus, 10 * TRUTH_MM["Glu"] / truth(QUANTITIES["Glx"]), 10.0])
    # GABA+ itself reads some 5 % low here, and a change in percent is over it.
    assert percent.mean(axis=0) == pytest.approx(true, rel=0.15)
    # Twelve draws know an SD to 21 %: three of that.
    assert (percent.std(axis=0, ddof=1) < 1.6 * sd.mean(axis=0)).all()
    # Bins fitted apart scatter by 8 points of GABA+ over creatine.
    assert sd.mean(axis=0)[0] < 3.0


def test_conditions_that_drift_apart_do_not_pass_for_a_change(make_bins):
    rows = []
    for seed in range(6):
        mismatch = {"mismatch_hz": 0.5, "mismatch_rad": 0.05, "mismatch_size": 0.03}
        bins = make_bins(seed, {}, **mismatch)
        fit = fit_edited_series(*series_of(bins), model(), bin_design(BINS))
        found = changes_of(fit, "after")
        rows.append([found[name].percent / found[name].sd for name in ("GABA+", "Glx", "Glu")])
    # The mean of six has an SD of 0.41: four of that.
    assert np.abs(np.mean(rows, axis=0)).max() < 1.6


def test_levels_of_an_edited_series_are_about_those_of_its_bins(make_bins):
    bins = make_bins(3, {"Glu": 0.1})
    fit = fit_edited_series(*series_of(bins), model(), bin_design(BINS))
    assert fit.names == model().difference.names
    alone, _ = fit_edited_alike(bins, model())
    for level, one in zip(fit.amplitudes, alone, strict=True):
        for name in ("GABA+", "Glx", "tCr"):
            parts = QUANTITIES[name]
            value, sd = amount(one.difference, parts)
            joint = level[[fit.names.index(part) for part in parts]].sum()
            assert joint == pytest.approx(value, abs=1.0 * sd)
    coedited = fit.names.index("MM30co")
    assert fit.amplitudes[1:, coedited] == pytest.approx(fit.amplitudes[0, coedited])


def test_an_edited_series_without_signal_is_nan():
    rng = np.random.default_rng(11)
    noise = rng.normal(size=(2, 3, 2, AXIS.n_points))
    pairs = [
        tuple(Fid(part[0] + 1j * part[1], AXIS) for part in noise[:, index]) for index in range(3)
    ]
    fit = fit_edited_series(*series_of(pairs), model(), bin_design(BINS))
    assert fit.status is FitStatus.FAILED
    assert np.isnan(fit.amplitudes).all()


def test_sum_and_difference_that_were_sampled_otherwise_are_an_error(make_bins):
    total, difference = series_of(make_bins(1, {}))
    other = replace(difference, axis=replace(AXIS, dwell_time_s=4e-4))
    fewer = replace(difference, samples=difference.samples[:, :2], onset_s=difference.onset_s[:2])
    for wrong in (other, fewer):
        with pytest.raises(DataError, match="expected the same"):
            fit_edited_series(total, wrong, model(), bin_design(BINS))


def test_a_range_without_gaba_is_refused():
    on, off = conditions()
    difference = with_coedited(edited_difference(on, off))
    with pytest.raises(ConfigError, match=r"GABA at 3\.0 ppm"):
        prepare_edited(edited_total(on, off), difference, FitOptions(ppm_range=(0.2, 2.6)))


def test_a_member_with_wider_line_priors_is_the_fit_with_them(make_session):
    """The difference of both fits is well beyond what is left between member and fit."""
    session = make_session(6, noise_sd=0.5)
    fit = fit_edited(*session, model())
    member = next(
        one
        for one in ensemble_of(fit, session, [session]).members
        if (one.choice, one.label) == ("width prior", "double SD")
    )
    on, off = conditions()
    options = FitOptions(baseline_ed_per_ppm=1.5, width_log_sd=2 * FitOptions().width_log_sd)
    difference = with_coedited(edited_difference(on, off))
    other = fit_edited(*session, prepare_edited(edited_total(on, off), difference, options))
    own, followed, expected = (
        amplitudes[[fit.difference.names.index(one) for one in ("NAA", "Glu", "GSH")]]
        for amplitudes in (
            fit.difference.amplitudes,
            member.amplitudes[0],
            other.difference.amplitudes,
        )
    )
    assert np.abs(followed - expected).max() < 0.3 * np.abs(own - expected).max()


def test_what_changes_beyond_description_widens_the_changes(make_bins):
    bins = make_bins(4, {})
    line = 3.0 * np.exp((2j * np.pi * AXIS.hz(3.4) - 15.0) * AXIS.time_s)
    spoilt = [
        (Fid(total.samples + n * line, AXIS), difference)
        for n, (total, difference) in enumerate(bins)
    ]
    clean, dirty = (
        changes_of(fit_edited_series(*series_of(one), model(), bin_design(BINS)), "after")
        for one in (bins, spoilt)
    )
    assert dirty["Glx"].sd > 1.5 * clean["Glx"].sd


def test_gaba_that_is_zero_in_the_mean_has_no_change_and_neither_has_gaba_plus(make_bins):
    fit = fit_edited_series(*series_of(make_bins(3, {"GABA": 0.2})), model(), bin_design(BINS))
    gaba = fit.names.index("GABA")
    levels = fit.to_amplitudes.copy()
    levels[1:, gaba] = levels[0, gaba]
    rows = changes_of(replace(fit, to_amplitudes=levels), "after")
    for name in ("GABA", "GABA+"):
        assert np.isnan([rows[name].percent, rows[name].sd, rows[name].low95]).all()
    assert np.isfinite(rows["Glx"].sd)


def spoilt(session):
    """Return a session with lines that no model holds, in half sum and difference."""
    time_s = AXIS.time_s
    line = np.exp((2j * np.pi * AXIS.hz(2.75) - 30.0) * time_s)
    return tuple(
        Fid(fid.samples + size * line, AXIS)
        for fid, size in zip(session, (-4.0, 2.0), strict=True)
    )


def dense(joint, point, mismatch, chosen):
    """Return response to data, inverse Hessian and expectation of the misfit, line shapes known.

    With the splines of both spectra written out as coefficients.
    """
    block, one = joint.blocks[0], point.blocks[0]
    soft = block.soft_rows[:, chosen]
    n = soft.shape[1]
    rows, stiff, expected = [], [], -n
    for index, (channel, fitted) in enumerate(zip(block.channels, one.points, strict=True)):
        problem, model = channel.problem, channel.problem.model
        columns = model.curve(fitted.spectra).T @ channel.mapping
        columns[:, -4:] += mismatch[index].T / problem.noise_sd
        weighted = model.weight[:, np.newaxis] * columns[:, chosen]
        rows.append([weighted, np.zeros((len(weighted), 0)), np.zeros((len(weighted), 0))])
        rows[-1][1 + index] = model.spline.modes
        stiff.append(problem.stiffness * model.spline.roughness)
        expected += model.weight @ model.weight - np.sum(1 / (1 + stiff[-1]))
    n_modes = [one.size for one in stiff]
    rows[0][2], rows[1][1] = (
        np.zeros((len(rows[0][0]), n_modes[1])),
        np.zeros((len(rows[1][0]), n_modes[0])),
    )
    matrix = np.vstack([np.hstack(part) for part in rows])
    known = np.diag(np.concatenate([np.zeros(n), *stiff]))
    known[:n, :n] += soft.T @ soft
    inverse = np.linalg.inv(matrix.T @ matrix + known)
    response = (inverse @ matrix.T)[:n]
    inverse = inverse[:n, :n]
    expected += np.trace(soft @ inverse @ soft.T)
    parts = np.split(response, [len(rows[0][0])], axis=1)
    return parts, inverse, expected


@pytest.mark.parametrize("factor", [0.7, 1.5])
def test_covariances_of_a_joint_fit_are_those_of_dense_least_squares(factor, make_session):
    """Of known line shapes, whatever weight the problem gives its data."""
    found = fit_edited(*spoilt(make_session(noise_sd=0.2)), model()).found
    total, difference = (
        own.with_noise(factor * own.noise_sd)
        for own in (found.problem.total, found.problem.difference)
    )
    problem = replace(found.problem, total=total, difference=difference)
    joint = problem.joint()
    point = joint.evaluate(found.solution.point.theta)
    one = point.blocks[0]
    none = np.zeros_like(found.solution.free)
    known = joint_uncertainty(
        replace(found.solution, joint=joint, point=point, free=none), found.views
    )
    everything = np.ones(one.linear.size, dtype=bool)
    responses, inverse, _ = dense(joint, point, problem.mismatch, everything)
    noise, wrong = 0.0, 0.0
    pairs = zip(
        (problem.total, problem.difference), found.views, one.points, responses, strict=True
    )
    for own, view, fitted, response in pairs:
        noise = noise + (view.noise_sd / own.noise_sd) ** 2 * response @ response.T
        shapes = own.model.weight * own.model.curve(shape_errors(own, fitted).T)
        wrong = wrong + response @ shapes.T @ shapes @ response.T
    k = total.tightening
    assert k > 1
    pulled = inverse[:, : total.ratio_rows.shape[1]] @ total.ratio_rows[total.of_broad].T
    *_, expected = dense(joint, point, problem.mismatch, one.linear != 0)
    n_data = len(total.model.ppm) + len(difference.model.ppm)
    chi2 = one.residual[:n_data] @ one.residual[:n_data] / expected
    assert (chi2 > 1) == (factor < 1)
    covariance = inverse * max(chi2, 1.0) + wrong + (k**2 - 1) * pulled @ pulled.T
    assert known.reduced_chi2 == pytest.approx(chi2, rel=1e-5)
    for one, other in ((known.noise_covariance, noise), (known.covariance, covariance)):
        size = np.sqrt(np.outer(np.diag(other), np.diag(other)))
        assert one / size == pytest.approx(other / size, abs=1e-4)  # ridges


def test_the_record_of_an_edited_fit_has_the_misfit_and_the_bounds_of_its_own_spectrum(
    make_session,
):
    fit = fit_edited(*spoilt(make_session(noise_sd=0.2)), model())
    problem = fit.found.problem
    for result, own in ((fit.total, problem.total), (fit.difference, problem.difference)):
        power = np.mean((result.residual / result.noise_sd) ** 2)
        assert power > 2
        # What was left unexplained counts as noise.
        assert 0.5 < result.reduced_chi2 / (own.noise_sd / result.noise_sd) ** 2 < 1.2
        # A sixth of the points are taken by what is fitted.
        assert 1.0 < result.reduced_chi2 / power < 1.4
        bound = np.sqrt(np.diag(result.noise_covariance))
        assert result.crlb == pytest.approx(bound)
        assert (bound < np.sqrt(np.diag(result.covariance))).all()


def test_the_difference_adds_to_what_the_half_sum_says_and_takes_nothing_away(make_session):
    """Priors included, no amplitude is less sure than by the half sum alone."""
    for noise_sd in (0.2, 1.0):
        fit = fit_edited(*make_session(noise_sd=noise_sd), model())
        joint, alone = (np.sqrt(np.diag(one.covariance)) for one in (fit.total, fit.alone.result))
        assert (joint < 1.1 * alone).all()


def test_what_noise_hides_of_the_mismatch_is_known_beforehand(make_session):
    """The same coil sees both conditions in turn: to 3 % in size and 0.2 Hz in width."""
    fit = fit_edited(*make_session(noise_sd=8.0), model())
    n_linear = fit.found.solution.point.blocks[0].linear.size
    *_, size, width_hz = np.sqrt(np.diag(fit.found.uncertainty.of_amplitudes(n_linear)))
    assert 0.02 < size < 0.035
    assert 0.12 < width_hz < 0.23


def test_what_only_the_difference_has_is_known_beforehand_as_in_it(make_session):
    problem = fit_edited(*make_session(), model()).found.problem
    both, total, difference = problem.joint().prior, problem.total.prior, problem.difference.prior
    own = [name for name in difference.names if name not in total.names]
    assert both.names == (*total.names, *own)
    assert "width_MM30co" in own
    assert total.common.any()
    for part in ("mean", "sd", "common", "low", "high"):
        known = dict(zip(difference.names, getattr(difference, part), strict=True))
        expected = [*getattr(total, part), *(known[name] for name in own)]
        assert (getattr(both, part) == expected).all()


def test_what_only_the_difference_has_is_not_negative_either(make_session):
    fits = [
        fit_edited(*make_session(seed, noise_sd=0.5, coedited_mm=0.0), model()) for seed in (0, 5)
    ]
    assert min(amount(fit.difference, ("MM30co",))[0] for fit in fits) == 0.0


def test_a_joint_fit_that_ends_early_is_said(make_session, monkeypatch):
    def early(*how):
        return replace(solve_joint(*how), predicted_decrease=3.0)

    monkeypatch.setattr(edited, "solve_joint", early)
    fit = fit_edited(*make_session(), model())
    assert fit.alone.result.status is FitStatus.CONVERGED
    for result in (fit.total, fit.difference):
        assert result.status is FitStatus.NOT_CONVERGED
        (said,) = [one.message for one in result.flags if one.code == "EDITED_NOT_CONVERGED"]
        assert "lower chi-squared by 3, expected less than" in said


def test_an_offset_of_both_conditions_is_no_shift_of_single_lines(make_session):
    session = make_session()
    turn = np.exp(2j * np.pi * 3.03 * AXIS.time_s)
    moved = [Fid(fid.samples * turn, AXIS) for fid in session]
    one, other = (fit_edited(*each, model()) for each in (session, moved))
    for name in ("total", "difference"):
        before, after = (getattr(fit, name) for fit in (one, other))
        gained_hz = (after.offset_ppm - before.offset_ppm) * AXIS.spectrometer_frequency_mhz
        # A tenth of the steps of the alignment.
        assert gained_hz == pytest.approx(3.03, abs=0.012)
        own = [before.names.index(metabolite) for metabolite in ("NAA", "Cr", "Glu")]
        assert after.shift_ppm[own] == pytest.approx(before.shift_ppm[own], abs=1e-4)
        # Lines of 4 Hz beside a Gaussian of exp(-36 t^2), sampled from their start.
        true_hz = voigt_fwhm(np.array([4.0]), np.sqrt(36 / gaussian_rate(1.0)))[0]
        assert before.linewidth_hz[own] == pytest.approx(true_hz, rel=0.05)
        assert before.delay_s == pytest.approx(0.0, abs=5e-6)


def test_how_conditions_drift_apart_is_believed_as_how_they_differ(make_session):
    """Where noise hides it: a change of size to 3 %, of width to 0.2 Hz."""
    bins = [make_session(seed, noise_sd=8.0) for seed in range(3)]
    fit = fit_edited_series(*series_of(bins), model(), bin_design(BINS))
    n_mean, *n_changes = (block.linear.size for block in fit.solution.point.blocks)
    sd = np.sqrt(np.diag(fit.covariance))
    for end in n_mean + np.cumsum(n_changes):
        # Shift, widths and phase of all lines stand last.
        size, width_hz = sd[end - 6 : end - 4]
        assert 0.015 < size < 0.03
        assert 0.1 < width_hz < 0.2
