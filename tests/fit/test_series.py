"""The joint fit of a series, against brute force over all transients and known truth."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.errors import ConfigError, DataError
from glxflow.fit import FitOptions, fit_prepared, prepare
from glxflow.fit import series as series_of_fit
from glxflow.fit.changes import percent_changes
from glxflow.fit.design import (
    bin_design,
    event_design,
    in_events,
    reduce_design,
    response_design,
    smooth_response,
)
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.lineshape import gaussian_rate, voigt_fwhm
from glxflow.fit.prior import COMMON_SHIFT
from glxflow.fit.problem import Problem
from glxflow.fit.series import fit_series
from glxflow.fit.series_result import series_doubts
from glxflow.io.nifti_mrs import read_series
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.pipeline import preprocess
from glxflow.preprocess.records import PreprocessOptions
from glxflow.spectrum import Fid, FitStatus, Kind, Series

SUMS = {"Glx": ("Glu", "Gln"), "tNAA": ("NAA", "NAAG"), "tCr": ("Cr", "PCr")}


@pytest.fixture
def make_series(basis, truth):
    """Return a maker of series whose Glu and width follow a course, in the time domain."""

    def make(course, *, seed=1, glu=0.0, narrowing_hz=0.0, noise_sd=0.4, mm=2.0):
        time_s = basis.axis.time_s
        decay = np.exp(-np.pi * 5.0 * time_s - (3.0 * time_s) ** 2)
        amounts = {
            name: truth.get(name, mm * (kind is Kind.MACROMOLECULE))
            for name, kind in zip(basis.names, basis.kinds, strict=True)
        }
        steady = np.array(list(amounts.values())) @ basis.fids * decay
        extra = glu * amounts["Glu"] * basis.fid("Glu") * decay
        widths = np.exp(np.pi * narrowing_hz * np.outer(course, time_s))
        noise = np.random.default_rng(seed).normal(scale=noise_sd, size=(2, *widths.shape))
        samples = (steady + np.outer(course, extra)) * widths + noise[0] + 1j * noise[1]
        onset_s = 2.0 * np.arange(len(course))
        return Series(samples[np.newaxis], basis.axis, onset_s, 0.03, 2.0)

    return make


def labels_of(course):
    return ["active" if active else "rest" for active in course]


def glu_of(fit, over=""):
    rows = percent_changes(fit, SUMS, ("tNAA",)).rows
    return next(row for row in rows if (row.metabolite, row.over) == ("Glu", over))


def whitened(problem, theta):
    """Return data and columns of one spectrum without the noise's SD or what a spline takes."""
    point = problem.evaluate(theta)
    n_fit = len(problem.model.ppm)
    columns = -problem.linear_jacobian(point)[:n_fit]
    data = point.residual[:n_fit] + columns @ point.amplitudes
    return problem.noise_sd * data, problem.noise_sd * columns


def brute_force(series, fit, model, design, weights, theta):
    """Return cost and levels by dense least squares over every transient.

    Unknown are amplitudes at the design's first column and changes at each other one,
    in the coordinates of the design, not of its pseudo-spectra. Residuals: deviations
    from the mean over the contrasts' noise, and the mean over its own.
    """
    first, other = (fit.solution.joint.blocks[index].channels[0] for index in (0, 1))
    problem, noise = first.problem, other.problem.noise_sd
    axis = series.axis
    pseudo = reduce_design(design, weights).mixing @ series.samples[0]
    mean = fit_prepared(Fid(pseudo[0], axis), model)
    start = mean.found.solution.point.theta
    offset_hz = mean.result.offset_ppm * axis.spectrometer_frequency_mhz - start[COMMON_SHIFT]
    turn = mean.result.phase_rad - start[0]
    aligned = np.exp(-1j * (2 * np.pi * offset_hz * axis.time_s + turn))
    observed = []
    for samples in series.samples[0]:
        spectrum = problem.model.data_spectrum(Fid(samples * aligned, axis))
        own = Problem(problem.model, spectrum, noise, problem.stiffness, problem.ratio_rows)
        data, columns = whitened(own, theta)
        observed.append(data)
    observed = np.array(observed)
    share = weights / weights.sum()
    # What is zero is so in the mean over transients, whatever changes about it.
    has_mean = fit.solution.point.blocks[0].linear[: columns.shape[1]] != 0
    active = np.eye(columns.shape[1])[:, has_mean]
    curves = columns @ other.mapping + noise * other.fixed
    course = design.matrix[:, 1:]
    soft = problem.ratio_rows
    rows, values = [], []
    for n in range(len(course)):
        root = np.sqrt(share[n])
        deviation = course[n] - share @ course
        data_row = np.kron(deviation, curves) * (root / noise)
        soft_row = np.kron(deviation, other.problem.ratio_rows @ other.mapping) * root
        still = np.zeros((len(data_row) + len(soft_row), active.shape[1]))
        rows.append(np.hstack([still, np.vstack([data_row, soft_row])]))
        values += [(observed[n] - share @ observed) * (root / noise), np.zeros(len(soft_row))]
    at_mean = np.kron(share @ course, has_mean[:, np.newaxis] * other.mapping)
    mean_curves = columns @ active, columns @ at_mean
    rows.append(np.hstack(mean_curves) / problem.noise_sd)
    rows.append(soft @ np.hstack([active, at_mean]))
    values += [share @ observed / problem.noise_sd, np.zeros(len(soft))]
    matrix, target = np.vstack(rows), np.concatenate(values)
    found, *_ = np.linalg.lstsq(matrix, target)
    start, steps = active @ found[: active.shape[1]], found[active.shape[1] :]
    steps = steps.reshape(course.shape[1], -1) @ other.mapping.T
    start = start - ~has_mean * (share @ course @ steps)
    levels = start + design.levels[:, 1:] @ steps
    residual = target - matrix @ found
    return residual @ residual, levels[:, : len(fit.names)]


@pytest.mark.parametrize("kind", ["three bins", "smooth response"])
def test_equals_least_squares_over_all_transients(kind, model, make_series):
    time = np.arange(12) / 11
    series = make_series(time, glu=0.1, narrowing_hz=0.2)
    design = (
        bin_design(["a"] * 5 + ["b"] * 4 + ["c"] * 3)
        if kind == "three bins"
        else response_design("dose", time**2)
    )
    weights = np.linspace(0.5, 2.0, 12)
    fit = fit_series(series, model, design, weights)
    joint, theta = fit.solution.joint, fit.solution.point.theta
    cost, levels = brute_force(series, fit, model, design, weights, theta)
    for names in [("Glu",), ("Gln",), ("Tau",), ("GSH",), ("Cr", "PCr"), ("NAA", "NAAG")]:
        index = [fit.names.index(name) for name in names]
        expected, found = (rows[:, index].sum(axis=1) for rows in (levels, fit.amplitudes))
        # The ridge that keeps Cr and PCr apart moves the mean's amplitudes by 1e-4 of their SD.
        assert found == pytest.approx(expected, abs=3e-5)
        # Tangents in single precision, of amplitudes of 10.
        assert found[1:] - found[0] == pytest.approx(expected[1:] - expected[0], abs=1e-5)
    # What no design explains adds the same everywhere: both costs have one minimum.
    # Near enough that no amplitude comes to be zero: brute force does not know that bound.
    elsewhere = theta + 1e-4 * np.random.default_rng(2).normal(size=theta.size)
    elsewhere[:2] = theta[:2]
    other_cost, _ = brute_force(series, fit, model, design, weights, elsewhere)
    costs = [
        joint.evaluate(at).cost - np.sum((joint.prior.root @ (at - joint.prior.mean)) ** 2)
        for at in (theta, elsewhere)
    ]
    # Single precision of the tangents, in a difference between costs of 1e4.
    assert other_cost - cost == pytest.approx(costs[1] - costs[0], rel=1e-7, abs=1e-5)


def test_optimum_has_no_slope_in_any_parameter(model, make_series):
    course = np.repeat([0.0, 1.0], 6)
    fit = fit_series(
        make_series(course, glu=0.2, narrowing_hz=0.3), model, bin_design(labels_of(course))
    )
    joint, theta = fit.solution.joint, fit.solution.point.theta
    moved = theta + 0.02 * np.random.default_rng(4).normal(size=theta.size)
    there = joint.evaluate(moved)
    gradient = 2 * joint.normal_equations(there, np.ones(theta.size, dtype=bool))[1]
    numeric = np.empty(theta.size)
    for index, step in enumerate(1e-5 * np.eye(theta.size)):
        above, below = (joint.evaluate(moved + sign * step).cost for sign in (1, -1))
        numeric[index] = (above - below) / 2e-5
    # Rounding of a cost of 1e4 over a step of 1e-5, relative to the largest slope.
    assert gradient == pytest.approx(numeric, abs=1e-4 * np.abs(numeric).max())
    assert fit.solution.is_converged
    assert fit.status is FitStatus.CONVERGED


def test_order_of_transients_does_not_matter(model, make_series):
    course = np.repeat([0.0, 1.0, 0.0, 1.0], 4)
    series = make_series(course, glu=0.1)
    order = np.random.default_rng(3).permutation(course.size)
    mixed = replace(series, samples=series.samples[:, order], onset_s=series.onset_s[order])
    one = fit_series(series, model, bin_design(labels_of(course)))
    # The first label is the baseline, so that the baseline must be named again.
    labels = labels_of(course[order])
    design = bin_design(["rest", *labels])
    two = fit_series(mixed, model, replace(design, matrix=design.matrix[1:]))
    # Sums in another order, then a search that stops within 1e-3 of its tolerance.
    assert glu_of(two).percent == pytest.approx(glu_of(one).percent, abs=1e-5)
    assert glu_of(two).sd == pytest.approx(glu_of(one).sd, rel=1e-6)


def test_coordinates_of_the_design_do_not_matter(model, make_series):
    course = np.repeat([0.0, 1.0], 8)
    series = make_series(course, glu=0.1)
    bins = fit_series(series, model, bin_design(labels_of(course)))
    smooth = fit_series(series, model, response_design("active", course))
    assert glu_of(smooth).percent == pytest.approx(glu_of(bins).percent, abs=1e-5)  # rounding
    assert glu_of(smooth).sd == pytest.approx(glu_of(bins).sd, rel=1e-6)  # rounding


def test_what_changes_beyond_description_widens_all_changes_alike_in_any_coordinates(
    model, make_series
):
    """An artefact of the last of three bins; contrasts of other coordinates share it otherwise."""
    course = np.repeat([0.0, 1.0, 2.0], 5)
    series = make_series(course * 0, noise_sd=0.2)
    line = 3.0 * np.exp((2j * np.pi * series.axis.hz(3.4) - 15.0) * series.axis.time_s)
    series = replace(series, samples=series.samples + np.outer(course == 2, line))
    bins = bin_design([str(int(one)) for one in course])
    mixed = np.random.default_rng(7).normal(size=(3, 3))
    inverse = np.linalg.inv(mixed)
    turned = replace(
        bins,
        matrix=bins.matrix @ mixed,
        baseline=bins.baseline @ mixed,
        responses=tuple((name, row @ mixed) for name, row in bins.responses),
    )
    assert turned.matrix @ inverse == pytest.approx(bins.matrix)
    one, other = (fit_series(series, model, design) for design in (bins, turned))
    assert one.contrast_chi2 > 2
    assert other.contrast_chi2 == pytest.approx(one.contrast_chi2, rel=1e-4)
    assert glu_of(other).percent == pytest.approx(glu_of(one).percent, abs=1e-3)
    assert glu_of(other).sd == pytest.approx(glu_of(one).sd, rel=1e-4)
    for fit in (one, other):
        for block in fit.solution.joint.blocks[1:]:
            counted = block.channels[0].problem.noise_sd / fit.mean.noise_sd
            assert counted**2 == pytest.approx(fit.contrast_chi2)


def test_averages_with_their_weights_say_the_same_as_transients(model, make_series):
    course = np.repeat([0.0, 1.0, 2.0], [4, 6, 5])
    labels = [str(int(one)) for one in course]
    series = make_series(course, glu=0.1)
    means = np.array([series.samples[0, course == one].mean(axis=0) for one in range(3)])
    averages = replace(series, samples=means[np.newaxis], onset_s=np.arange(3.0))
    one = fit_series(series, model, bin_design(labels))
    two = fit_series(averages, model, bin_design(["0", "1", "2"]), np.array([4.0, 6.0, 5.0]))
    assert two.amplitudes == pytest.approx(one.amplitudes, rel=1e-5, abs=1e-4)  # rounding


@pytest.mark.parametrize("n_transients", [8, 800])
def test_as_many_spectra_are_fitted_as_the_design_has_columns(n_transients):
    course = np.arange(n_transients) % 2
    reduction = reduce_design(bin_design(labels_of(course)), np.ones(n_transients))
    assert reduction.mixing.shape == (2, n_transients)


def test_pseudo_spectra_are_the_mean_and_contrasts_of_the_same_noise():
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.5, 2.0, 9)
    design = bin_design(list("aaabbbccc"))
    reduction = reduce_design(design, weights)
    noise = reduction.mixing @ np.diag(1 / weights) @ reduction.mixing.T
    assert noise == pytest.approx(np.eye(3) / weights.sum(), abs=1e-12)  # rounding
    assert reduction.mixing[0] == pytest.approx(weights / weights.sum())
    beta = rng.normal(size=3)
    amplitudes = reduction.mixing @ design.matrix @ beta
    assert reduction.levels @ amplitudes == pytest.approx(beta)


def test_finds_change_and_narrowing_within_their_uncertainty(model, make_series):
    course = np.tile(np.repeat([0.0, 1.0], 8), 4)
    series = make_series(course, glu=0.1, narrowing_hz=0.3, noise_sd=0.8)
    fit = fit_series(series, model, bin_design(labels_of(course)))
    found = glu_of(fit)
    # Four SD: one in ten thousand fails by chance.
    assert found.percent == pytest.approx(10.0, abs=4 * found.sd)
    assert found.sd < 2.5
    lines, sd = fit.lines
    # Lines of 5 Hz and a Gaussian of g = 9/s^2.
    wide, narrow = (voigt_fwhm(hz, np.sqrt(9 / gaussian_rate(1.0))) for hz in (5.0, 4.7))
    assert lines[0] == pytest.approx([0.0, narrow - wide, 0.0], abs=4 * sd[0].max())
    assert sd[0, 1] < 0.05


def test_lines_move_as_they_did_in_each_bin(model, make_series):
    """A shift of 0.06 Hz and a phase of 0.02 rad in the second bin, less half in the third."""
    course = np.repeat([0.0, 1.0, -0.5], 8)
    series = make_series(course, noise_sd=0.2, narrowing_hz=0.1)
    moved = np.exp(1j * np.outer(course, 2 * np.pi * 0.06 * series.axis.time_s + 0.02))
    series = replace(series, samples=series.samples * moved)
    fit = fit_series(series, model, bin_design([f"{one:g}" for one in course]))
    values, sd = fit.lines
    base, *widths = (voigt_fwhm(hz, np.sqrt(9 / gaussian_rate(1.0))) for hz in (5.0, 4.9, 5.05))
    expected = [[0.06, widths[0] - base, 0.02], [-0.03, widths[1] - base, -0.01]]
    # Four SD: one in ten thousand fails by chance.
    assert (np.abs(values - expected) < 4 * sd).all()
    # Of steps of 0.06 Hz, 0.1 Hz and 0.02 rad.
    assert (sd < [0.006, 0.015, 0.001]).all()


def test_narrowing_does_not_pass_for_glutamate(model, make_series):
    """Twenty series of 320 transients with 3 % more Glu and 0.3 Hz narrower lines."""
    course = np.tile(np.repeat([0.0, 1.0], 40), 4)
    design = bin_design(labels_of(course))
    rows = []
    for seed in range(20):
        changed = make_series(course, seed=seed, glu=0.03, narrowing_hz=0.3, noise_sd=3.0)
        steady = make_series(course, seed=seed, noise_sd=3.0)
        one, other = (glu_of(fit_series(series, model, design)) for series in (changed, steady))
        rows.append((one.percent, one.sd, one.percent - other.percent))
    percent, sd, paired = np.array(rows).T
    # The noise is the same in both, so that their difference shows the bias almost bare.
    assert paired.mean() == pytest.approx(3.0, abs=0.3)  # what is promised
    # Twenty draws know an SD to 16 %: three of that.
    assert percent.std() == pytest.approx(sd.mean(), rel=0.48)
    # Of 20 intervals of 95 %, 16 or more cover in all but one of 400 draws.
    assert (np.abs(percent - 3.0) < 1.96 * sd).sum() >= 16


@pytest.mark.parametrize("noise_sd", [0.05, 1.5])
def test_a_wider_field_does_not_pass_for_a_change(model, make_series, noise_sd):
    """The second half is multiplied by a Gaussian decay of 2 Hz, and nothing else changes.

    Were lines wider as Lorentzians alone, creatine would rise and Glx over tNAA fall by 3 %.
    """
    course = np.arange(40) // 20
    rows = []
    for seed in range(4):
        series = make_series(course, seed=seed, noise_sd=noise_sd)
        signal = make_series(course, seed=seed, noise_sd=0.0).samples
        decay = np.exp(-gaussian_rate(2.0) * np.outer(course, series.axis.time_s**2))
        wider = replace(series, samples=series.samples + signal * (decay - 1))
        fits = [fit_series(one, model, bin_design(labels_of(course))) for one in (wider, series)]
        changes = [percent_changes(fit, SUMS, ("tNAA",)).rows for fit in fits]
        found = [{(row.metabolite, row.over): row.percent for row in one} for one in changes]
        wanted = ("Glx", "tNAA"), ("tCr", ""), ("tNAA", "")
        rows.append([found[0][one] - found[1][one] for one in wanted])
        start, end = (
            voigt_fwhm(5.0, np.sqrt(9 / gaussian_rate(1.0) + square)) for square in (0, 4)
        )
        width, sd = (each[0, 1] for each in fits[0].lines)
        # First order, of 0.6 Hz; noise as above.
        assert width == pytest.approx(end - start, abs=0.03 + 4 * sd)
    assert np.mean(rows, axis=0) == pytest.approx(0.0, abs=0.2)


def test_narrowing_of_what_no_model_describes_does_not_pass_for_glutamate(model, make_series):
    """Broad lines that the baseline takes up are narrower in a better field, too."""
    course = np.arange(40) // 10 % 2
    series = make_series(course, narrowing_hz=0.3, noise_sd=0.01)
    time_s = series.axis.time_s
    hump = np.zeros(time_s.size, dtype=complex)
    for ppm in (2.15, 2.45, 3.5):
        hump -= 40 * np.exp(2j * np.pi * series.axis.hz(ppm) * time_s - (60 * time_s) ** 2)
    widths = np.exp(0.3 * np.pi * np.outer(course, time_s))
    series = replace(series, samples=series.samples + hump * widths)
    fit = fit_series(series, model, bin_design(labels_of(course)))
    assert glu_of(fit).percent == pytest.approx(0.0, abs=0.03)


def test_ratio_changes_as_its_parts_do(model, make_series):
    course = np.repeat([0.0, 1.0], 6)
    fit = fit_series(make_series(course, glu=0.1), model, bin_design(labels_of(course)))
    rows = {(row.metabolite, row.over): row for row in percent_changes(fit, SUMS, ("tNAA",)).rows}
    glu, naa = rows["Glu", ""].percent, rows["tNAA", ""].percent
    expected = 100 * ((1 + glu / 100) / (1 + naa / 100) - 1)
    assert rows["Glu", "tNAA"].percent == pytest.approx(expected)
    for row in rows.values():
        limits = row.percent - 1.96 * row.sd, row.percent + 1.96 * row.sd
        assert (row.low95, row.high95) == pytest.approx(limits)
    assert "NAA" not in {metabolite for metabolite, _ in rows}


def test_what_has_no_twin_in_the_basis_set_is_reported_by_itself(basis, make_series):
    kept = [index for index, name in enumerate(basis.names) if name != "NAAG"]
    alone = prepare(basis.chosen(kept), FitOptions(baseline_ed_per_ppm=1.5))
    course = np.repeat([0.0, 1.0], 4)
    fit = fit_series(make_series(course), alone, bin_design(labels_of(course)))
    rows = {row.metabolite: row for row in percent_changes(fit, SUMS).rows}
    assert rows["NAA"].percent == pytest.approx(rows["tNAA"].percent)
    assert not {"Cr", "PCr"} & set(rows)


def test_a_denominator_that_was_not_fitted_is_left_out(model, make_series):
    course = np.repeat([0.0, 1.0], 4)
    fit = fit_series(make_series(course), model, bin_design(labels_of(course)))
    rows = percent_changes(fit, SUMS | {"tLac": ("Lac",)}, ("tNAA", "tLac")).rows
    assert {row.over for row in rows} == {"", "tNAA"}


def test_uncertainty_of_a_change_is_that_of_its_derivative(model, make_series):
    course = np.repeat([0.0, 1.0], 6)
    fit = fit_series(make_series(course, glu=0.1), model, bin_design(labels_of(course)))
    changes = percent_changes(fit, SUMS, ("tNAA",))
    step = 1e-6 * np.sqrt(np.diag(fit.covariance))
    slopes = []
    for index in range(fit.state.size):
        sides = []
        for sign in (1, -1):
            state = fit.state.copy()
            state[index] += sign * step[index]
            moved = percent_changes(replace(fit, state=state), SUMS, ("tNAA",))
            sides.append(np.array([row.percent for row in moved.rows]))
        slopes.append((sides[0] - sides[1]) / (2 * step[index]))
    numeric = np.array(slopes).T @ fit.covariance @ np.array(slopes)
    scale = np.sqrt(np.outer(np.diag(numeric), np.diag(numeric)))
    # Central differences of a smooth ratio over a millionth of an SD: rounding only.
    assert changes.covariance / scale == pytest.approx(numeric / scale, abs=1e-5)


def test_changes_are_as_unsure_as_noise_and_the_line_shapes_that_they_follow(model, make_series):
    """The law of total variance, with contrasts fitted anew where a line shape is moved."""
    course = np.repeat([0.0, 1.0], 6)
    series = make_series(course, glu=0.5, narrowing_hz=1.0, noise_sd=0.05)
    design = bin_design(labels_of(course))
    fit = fit_series(series, model, design)
    joint, theta = fit.solution.joint, fit.solution.point.theta
    mean = reduce_design(design, np.ones(course.size)).mixing[0] @ series.samples[0]
    known = fit_prepared(Fid(mean, series.axis), model).found.uncertainty
    slopes = []
    for step in 1e-4 * np.eye(theta.size)[known.free]:
        above, below = (joint.evaluate(theta + sign * step).blocks[1].linear for sign in (1, -1))
        slopes.append((above - below) / 2e-4)
    of_mean, n_free = known.covariance, len(slopes)
    to_changes = np.vstack([slopes, np.zeros((len(of_mean) - n_free, len(slopes[0])))])
    to_both = np.hstack([np.eye(len(of_mean))[:, n_free:], to_changes])
    expected = to_both.T @ of_mean @ to_both
    columns = joint.evaluate(theta).blocks[1].design
    expected[-len(slopes[0]) :, -len(slopes[0]) :] += np.linalg.inv(columns.T @ columns)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    # What noise adds to the slopes of changes that are nearly nothing.
    assert fit.covariance / scale == pytest.approx(expected / scale, abs=0.1)


def test_lipids_change_each_by_itself_and_in_any_phase(model, make_series, basis):
    course = np.repeat([0.0, 1.0], 6)
    series = make_series(course, noise_sd=0.4, mm=0.0)
    decay = np.exp(-((3.0 * basis.axis.time_s) ** 2))
    start = np.array([3.0, 3.0, 4.0])
    change = np.array([2.0 * np.exp(2j), -1.5, 1.0j])
    names = [name for name in basis.names if name.startswith("Lip")]
    lines = np.array([basis.fid(name) for name in names]) * decay
    moved = start @ lines + np.outer(course, change @ lines)
    fit = fit_series(
        replace(series, samples=series.samples + moved), model, bin_design(labels_of(course))
    )
    places = [fit.names.index(name) for name in names]
    to_change = (fit.to_amplitudes[1] - fit.to_amplitudes[0])[places]
    sd = np.sqrt(np.diag(to_change @ fit.covariance @ to_change.T))
    # Four SD: one in ten thousand fails by chance.
    assert (np.abs(to_change @ fit.state - change.real) < 4 * sd).all()
    assert sd.max() < 0.2
    assert fit.contrast_chi2 < 1.2


def test_macromolecules_stay_and_zeros_stay_zero(model, make_series):
    course = np.repeat([0.0, 1.0], 6)
    fit = fit_series(make_series(course, glu=0.3, mm=0.0), model, bin_design(labels_of(course)))
    broad = [kind is Kind.MACROMOLECULE for kind in fit.mean.kinds]
    assert fit.amplitudes[1, broad] == pytest.approx(fit.amplitudes[0, broad])
    zero = fit.mean.amplitudes == 0
    assert zero.any()
    assert (fit.amplitudes[1, zero] == fit.amplitudes[0, zero]).all()


def test_what_cannot_change_has_no_change_of_zero_alone_or_in_a_ratio(model, make_series):
    """Zero in the mean, but lifted a little by the joint search."""
    course = np.repeat([0.0, 1.0], 6)
    fit = fit_series(make_series(course), model, bin_design(labels_of(course)))
    held = [fit.names.index(name) for name in ("Gln", "Tau", "NAA", "NAAG")]
    levels = fit.to_amplitudes.copy()
    levels[1, held] = levels[0, held]
    changes = percent_changes(replace(fit, to_amplitudes=levels), SUMS, ("tNAA", "tCr"))
    known = {(row.metabolite, row.over) for row in changes.rows if np.isfinite(row.sd)}
    assert not {name for name, _ in known} & {"Gln", "Tau", "tNAA"}
    assert {over for _, over in known} == {"", "tCr"}
    assert {("Glu", "tCr"), ("Glx", ""), ("tCr", "")} <= known
    assert all(row.sd > 0 for row in changes.rows if np.isfinite(row.percent))


def test_what_is_negative_at_rest_has_no_change_in_percent_nor_what_is_over_it(model, make_series):
    course = np.repeat([0.0, 1.0], 6)
    fit = fit_series(make_series(course), model, bin_design(labels_of(course)))
    negative = [fit.names.index(name) for name in ("Tau", "NAA", "NAAG")]
    levels = fit.to_amplitudes.copy()
    levels[0, negative] *= -1
    changes = percent_changes(replace(fit, to_amplitudes=levels), SUMS, ("tNAA", "tCr"))
    known = {(row.metabolite, row.over) for row in changes.rows if np.isfinite(row.percent)}
    assert {name for name, _ in known}.isdisjoint({"Tau", "tNAA"})
    assert {over for _, over in known} == {"", "tCr"}


def test_noise_alone_gives_nan_and_not_zero(model, make_series):
    series = make_series(np.repeat([0.0, 1.0], 4))
    noise = np.random.default_rng(6).normal(size=(2, *series.samples.shape))
    nothing = replace(series, samples=noise[0] + 1j * noise[1])
    fit = fit_series(nothing, model, bin_design(["a"] * 4 + ["b"] * 4))
    assert fit.status is FitStatus.FAILED
    assert np.isnan(fit.amplitudes).all()
    rows = percent_changes(fit, SUMS).rows
    assert "Glx" in [row.metabolite for row in rows]
    assert np.isnan([(row.percent, row.sd) for row in rows]).all()


def test_what_the_design_cannot_explain_is_flagged(model, make_series, basis):
    course = np.repeat([0.0, 1.0], 8)
    series = make_series(course, noise_sd=0.2)
    line = 3.0 * np.exp((2j * np.pi * basis.axis.hz(3.4) - 15.0) * basis.axis.time_s)
    artefact = replace(series, samples=series.samples + np.outer(course, line))
    fit = fit_series(artefact, model, bin_design(labels_of(course)))
    (said,) = [flag.message for flag in fit.flags if flag.code == "SERIES_RESIDUAL"]
    assert f"chi-squared of differences between transients is {fit.contrast_chi2:.2f}" in said
    # Twice the artefact leaves four times the square.
    double = replace(series, samples=series.samples + np.outer(2 * course, line))
    ratio = (fit_series(double, model, bin_design(labels_of(course))).contrast_chi2 - 1) / (
        fit.contrast_chi2 - 1
    )
    assert ratio == pytest.approx(4.0, rel=0.15)
    # It counts as noise of the changes.
    clean = fit_series(series, model, bin_design(labels_of(course)))
    assert glu_of(fit).sd > 1.5 * glu_of(clean).sd


def test_a_joint_search_that_ends_early_is_said(model, make_series, monkeypatch):
    def early(*how):
        return replace(solve_joint(*how), predicted_decrease=3.0)

    monkeypatch.setattr(series_of_fit, "solve_joint", early)
    course = np.repeat([0.0, 1.0], 6)
    fit = fit_series(make_series(course), model, bin_design(labels_of(course)))
    assert fit.mean.status is FitStatus.CONVERGED
    assert fit.status is FitStatus.NOT_CONVERGED
    (said,) = [flag.message for flag in fit.flags if flag.code == "SERIES_NOT_CONVERGED"]
    assert "lower chi-squared by 3, expected less than" in said


def test_what_is_negative_at_one_time_or_misfits_is_named(model, make_series):
    course = np.repeat([0.0, 1.0], 6)
    fit = fit_series(make_series(course), model, bin_design(labels_of(course)))
    nothing = replace(fit, to_amplitudes=np.zeros_like(fit.to_amplitudes))
    assert not series_doubts(replace(nothing, contrast_chi2=1.4), fit.solution)
    (said,) = series_doubts(replace(nothing, contrast_chi2=1.6), fit.solution)
    assert said.code == "SERIES_RESIDUAL"
    nothing.to_amplitudes[1, fit.names.index("Tau"), fit.state.argmax()] = -1.0
    (said,) = series_doubts(nothing, fit.solution)
    assert said.code == "BELOW_ZERO"
    assert said.message.startswith("Tau would be negative")


@pytest.fixture
def water_tail(basis):
    """Return the tail of badly suppressed water, (n_points,)."""
    place = 2j * np.pi * basis.axis.hz(4.3)
    return 60 * np.exp(2j + (place - 60) * basis.axis.time_s)


def test_an_end_that_misfits_but_does_not_change_says_as_much_of_changes(
    model, make_series, water_tail
):
    course = np.repeat([0.0, 1.0], 8)
    series = make_series(course, noise_sd=0.4)
    spoilt = replace(series, samples=series.samples + water_tail)
    clean, dirty = (
        fit_series(one, model, bin_design(labels_of(course))) for one in (series, spoilt)
    )
    assert "ENDS" in [flag.code for flag in dirty.flags]
    # Without that end the SD would be a seventh larger.
    assert glu_of(dirty).sd == pytest.approx(glu_of(clean).sd, rel=0.05)
    assert glu_of(dirty).percent == pytest.approx(glu_of(clean).percent, abs=0.1)


def test_an_end_that_changes_beyond_description_is_left_out_of_changes(
    model, make_series, water_tail
):
    course = np.repeat([0.0, 1.0], 8)
    series = make_series(course, noise_sd=0.4)
    still, moving = (
        replace(series, samples=series.samples + np.outer(size, water_tail))
        for size in (course**0, 1 + course / 2)
    )
    still, moving = (
        fit_series(one, model, bin_design(labels_of(course))) for one in (still, moving)
    )
    assert "SERIES_ENDS" not in [flag.code for flag in still.flags]
    flag = next(flag for flag in moving.flags if flag.code == "SERIES_ENDS")
    assert "only 0.20 to 3.79 ppm" in flag.message


def test_events_hold_the_transients_that_start_within_them():
    onset_s = np.arange(0.0, 20.0, 2.0)
    inside = in_events(onset_s, np.array([4.0, 14.0]), np.array([4.0, 2.0]))
    assert onset_s[inside].tolist() == [4.0, 6.0, 14.0]


def test_onsets_at_the_edges_of_events_belong_however_both_were_rounded():
    onset_s, number = np.arange(200) * 0.7, np.arange(20)
    starts_s, durations_s = np.round((10 * number + 5) * 0.7, 1), np.full(20, 3.5)
    inside = in_events(onset_s, starts_s, durations_s)
    assert inside.tolist() == (np.arange(200) // 5 % 2 == 1).tolist()


def test_smooth_response_is_the_events_folded_with_an_exponential():
    onset_s, step_s = np.arange(0.0, 60.0, 0.5), 0.001
    course = smooth_response(onset_s, np.array([5.0, 30.0]), np.array([10.0, 20.0]), 4.0)
    fine_s = np.arange(0.0, 60.0, step_s)
    box = in_events(fine_s, np.array([5.0, 30.0]), np.array([10.0, 20.0])).astype(float)
    kernel = np.exp(-fine_s / 4.0) / 4.0
    folded = np.fft.irfft(np.fft.rfft(box, 2 * box.size) * np.fft.rfft(kernel, 2 * box.size))
    expected = step_s * folded[: box.size][:: round(0.5 / step_s)]
    # The sum over steps of 1 ms stands for an integral over kernels of 4 s.
    assert course == pytest.approx(expected, abs=5e-4)


def test_other_events_are_neither_event_nor_rest():
    inside = np.array([1, 1, 0, 0, 0, 0], dtype=bool)
    cue = np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    design = event_design("pain", inside, [cue])
    reduction = reduce_design(design, np.ones(6))
    # Levels 7 in the event, 9 in the other one, 4 at rest.
    amplitudes = reduction.mixing @ np.array([7.0, 7.0, 9.0, 9.0, 4.0, 4.0])
    assert reduction.levels @ amplitudes == pytest.approx([4.0, 7.0])


def test_a_response_that_never_comes_near_its_height_is_refused():
    course = smooth_response(np.arange(50.0), np.array([10.0]), np.array([20.0]), 2e4)
    with pytest.raises(ConfigError, match=r"reaches 0\.00.* of its height"):
        response_design("pain", course)


def test_a_response_without_time_constant_is_an_error():
    with pytest.raises(ConfigError, match="time constant"):
        smooth_response(np.arange(3.0), np.zeros(1), np.ones(1), 0.0)


def test_rest_is_the_baseline_of_events_even_where_a_scan_begins_within_one():
    design = event_design("pain", np.array([True, True, False, False]))
    reduction = reduce_design(design, np.ones(4))
    amplitudes = reduction.mixing @ np.array([7.0, 7.0, 4.0, 4.0])
    assert reduction.levels @ amplitudes == pytest.approx([4.0, 7.0])
    assert design.responses[0][0] == "pain"


@pytest.mark.parametrize("inside", [np.zeros(4, dtype=bool), np.ones(4, dtype=bool)])
def test_events_that_hold_all_or_nothing_are_an_error(inside):
    with pytest.raises(ConfigError, match="some within and some outside"):
        event_design("pain", inside)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]), "not independent"),
        (np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 2.0]]), "constant"),
    ],
)
def test_designs_that_cannot_be_fitted_are_errors(matrix, words):
    design = replace(bin_design(["a", "b", "b"]), matrix=matrix)
    with pytest.raises(ConfigError, match=words):
        reduce_design(design, np.ones(3))


@pytest.mark.parametrize("weights", [np.ones(2), np.array([1.0, 0.0, 1.0]), np.full(3, np.nan)])
def test_weights_that_are_none_are_errors(weights):
    with pytest.raises(ConfigError, match="weights"):
        reduce_design(bin_design(["a", "b", "b"]), weights)


def test_one_bin_is_an_error():
    with pytest.raises(ConfigError, match="one bin"):
        bin_design(["a", "a"])


def test_coils_are_combined_first(model, make_series):
    series = make_series(np.array([0.0, 1.0]))
    coils = replace(series, samples=np.repeat(series.samples, 2, axis=0))
    with pytest.raises(DataError, match="combine"):
        fit_series(coils, model, bin_design(["a", "b"]))


@pytest.mark.real_data
def test_real_transients_that_only_repeat_do_not_change(real_data, truth):
    """Sixteen transients of one 7 T scan: what differs between them is noise and instability."""
    folder = real_data / "raw_7T_steam"
    scan, water = (read_series(folder / name) for name in ("svs.nii.gz", "mrsref.nii.gz"))
    series = preprocess(scan, water, BinPlan(None), PreprocessOptions()).transients
    protocol = protocol_for("steam", series.axis, echo_time_s=series.echo_time_s)
    names = (*truth, "GABA", "Asp", "sIns", "Lac")
    model = prepare(with_macromolecules(simulate_basis(protocol, names)), FitOptions())
    for parts in (np.arange(16) // 8, np.arange(16) % 2):
        fit = fit_series(series, model, bin_design([str(one) for one in parts]))
        assert fit.status is FitStatus.CONVERGED
        names = ("Glu", "Gln", "Glx", "Ins", "tNAA", "tCr")
        rows = [
            row
            for row in percent_changes(fit, SUMS, ("tNAA",)).rows
            if row.metabolite in names and np.isfinite(row.sd)
        ]
        # Alone and over tNAA, which has no ratio to itself.
        assert len(rows) == 11
        for row in rows:
            # Three SD: of 22 values one in 17 runs would lie beyond, and these are fixed.
            assert abs(row.percent) < 3 * row.sd
