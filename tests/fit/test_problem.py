from dataclasses import replace

import numpy as np
import pytest

from glxflow.fit.curvature import definite
from glxflow.fit.problem import Problem
from glxflow.fit.soft import ratio_rows
from glxflow.fit.solver import solve_fast
from glxflow.fit.uncertainty import uncertainty

MODES = ["free amplitudes", "ratios", "low noise", "weights", "zeros"]


def problem_in(mode, model, make_fid):
    """Return a problem and a point away from its optimum, in one of the modes of the fit."""
    # Beside so much noise the second derivatives by the phase show.
    spectrum = model.data_spectrum(make_fid(noise_sd=8.0 if mode == "noise" else 0.3))
    # PRESS starts at -1: the model is upright, the data are not yet.
    spectrum = -spectrum
    n_columns = len(model.response)
    if mode == "zeros":
        spectrum = spectrum - 1.5 * (model.curve(model.curves(unit(model))[6, 0]))
    if mode == "weights":
        model = model.reweighted(np.where(model.ppm < 1.6, 0.1, 1.0))
    stiffness = model.spline.stiffness(1.5)
    noise = {"low noise": 3.0, "noise": 180.0}.get(mode, 10.0)
    problem = Problem(model, spectrum, noise, stiffness, np.zeros((0, n_columns)))
    theta = model.prior.mean + 0.05 * np.random.default_rng(8).normal(size=model.prior.mean.size)
    if mode != "free amplitudes":
        rows = ratio_rows(replace(model, share_sd=0.2), problem.evaluate(theta))
        problem = problem.with_ratios(rows)
    return problem, theta


def unit(model):
    """Return line shapes that leave the basis functions as they are."""
    return np.ones((len(model.response), 1, model.node_s.size), dtype=complex)


@pytest.mark.parametrize("mode", MODES)
def test_gradient_is_that_of_the_cost(mode, model, make_fid):
    problem, theta = problem_in(mode, model, make_fid)
    point = problem.evaluate(theta)
    vary = np.ones(theta.size, dtype=bool)
    gradient = 2 * problem.quadratic(point, vary).gradient
    numeric = np.empty(theta.size)
    for index in range(theta.size):
        step = np.zeros(theta.size)
        step[index] = 1e-5
        numeric[index] = (
            problem.evaluate(theta + step).cost - problem.evaluate(theta - step).cost
        ) / 2e-5
    # Rounding of a cost of 1e5 over a step of 1e-5, relative to the largest slope.
    assert gradient == pytest.approx(numeric, abs=1e-4 * np.abs(numeric).max())


@pytest.mark.parametrize("mode", MODES)
def test_residual_moves_by_the_chain_rule(mode, model, make_fid):
    """By a line shape at fixed amplitudes, and by the amplitudes that follow it."""
    problem, theta = problem_in(mode, model, make_fid)
    point = problem.evaluate(theta)
    by_theta, by_amplitudes = problem.fixed_jacobian(point), problem.linear_jacobian(point)
    numeric, followed = np.empty_like(by_theta), np.empty_like(by_theta)
    for index, step in enumerate(1e-5 * np.eye(theta.size)):
        above, below = (problem.evaluate(theta + sign * step) for sign in (1, -1))
        numeric[:, index] = (above.residual - below.residual) / 2e-5
        followed[:, index] = by_amplitudes @ (above.amplitudes - below.amplitudes) / 2e-5
    # Slopes in single precision, relative to the largest of a parameter.
    size = np.abs(by_theta).max(axis=0)
    assert (by_theta + followed) / size == pytest.approx(numeric / size, abs=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_normal_matrix_is_that_of_rows_projected_off_the_amplitudes(mode, model, make_fid):
    problem, theta = problem_in(mode, model, make_fid)
    point = problem.evaluate(theta)
    rows = problem.fixed_jacobian(point)
    linear = problem.linear_jacobian(point)[:, point.amplitudes != 0]
    projected = rows - linear @ np.linalg.lstsq(linear, rows)[0]
    matrix = problem.quadratic(point, np.ones(theta.size, dtype=bool)).normal
    # Rounding in single precision.
    assert matrix == pytest.approx(projected.T @ projected, abs=3e-6 * np.abs(matrix).max())


# Without ratios an amplitude comes and goes within a step.
@pytest.mark.parametrize("mode", ["ratios", "low noise", "weights", "noise"])
def test_hessian_near_the_minimum_is_the_derivative_of_the_gradient(mode, model, make_fid):
    problem, theta = problem_in(mode, model, make_fid)
    vary = np.ones(theta.size, dtype=bool)
    solution = solve_fast(problem, theta, vary)
    theta, vary = solution.point.theta, solution.free
    exact = problem.quadratic(problem.evaluate(theta), vary)
    scale = np.sqrt(np.diag(exact.normal))
    numeric, smooth = np.empty_like(exact.hessian), np.empty(scale.size, dtype=bool)
    for row, index in enumerate(np.flatnonzero(vary)):
        step = np.zeros(theta.size)
        step[index] = 0.01 / scale[row]
        above, below = (problem.evaluate(theta + sign * step) for sign in (1, -1))
        slopes = [problem.quadratic(point, vary).gradient for point in (above, below)]
        numeric[row] = (slopes[0] - slopes[1]) / (2 * step[index])
        # Where an amplitude comes or goes within the step the gradient has a kink.
        smooth[row] = np.array_equal(above.amplitudes > 0, below.amplitudes > 0)
    assert smooth.mean() > 0.9
    exact_rows, numeric, scale_rows = exact.hessian[smooth], numeric[smooth], scale[smooth]
    off = np.abs(exact_rows - numeric) / np.outer(scale_rows, scale)
    # Single precision over a step of a hundredth SD. Gauss-Newton is farther off.
    assert off.max() < 1e-3
    assert (np.abs(exact.normal[smooth] - numeric) / np.outer(scale_rows, scale)).max() > 1e-2


def test_an_indefinite_hessian_gains_little_more_of_the_diagonal_than_it_needs():
    rng = np.random.default_rng(5)
    rows, turned = rng.normal(size=(9, 6)), np.linalg.qr(rng.normal(size=(6, 6)))[0]
    normal = rows.T @ rows
    root = np.sqrt(np.diag(normal))
    for least in (0.5, -0.005, -0.3, -2.0):
        eigenvalues = np.array([least, 1.0, 1.5, 2.0, 2.5, 3.0])
        hessian = np.outer(root, root) * ((turned * eigenvalues) @ turned.T)
        found = definite(hessian, normal)
        # In units of the diagonal, what was added is one number.
        added = (found - hessian) / np.outer(root, root)
        assert added == pytest.approx(added[0, 0] * np.eye(6), abs=1e-12)  # rounding
        # Each trial is four times the one before, and the first a hundredth.
        assert max(-least, 0.0) <= added[0, 0] <= max(-4.001 * least, 0.0101) * (least < 0)
    hopeless = np.outer(root, root) * ((turned * [-20.0, 1, 1, 1, 1, 1]) @ turned.T)
    assert definite(hopeless, normal) is normal


@pytest.mark.parametrize("mode", MODES)
def test_quadratic_of_some_parameters_is_a_part_of_that_of_all(mode, model, make_fid):
    problem, theta = problem_in(mode, model, make_fid)
    point = problem.evaluate(theta)
    vary = np.random.default_rng(3).random(theta.size) < 0.6
    whole = problem.quadratic(point, np.ones(theta.size, dtype=bool))
    some = problem.quadratic(point, vary)
    matrix, gradient = whole.normal, whole.gradient
    # Rounding.
    assert some.normal == pytest.approx(
        matrix[np.ix_(vary, vary)], abs=3e-6 * np.abs(matrix).max()
    )
    assert some.gradient == pytest.approx(gradient[vary], abs=1e-6 * np.abs(gradient).max())


@pytest.mark.parametrize("mode", MODES)
def test_gradient_alone_is_that_of_the_quadratic_model(mode, model, make_fid):
    problem, theta = problem_in(mode, model, make_fid)
    point = problem.evaluate(theta)
    for vary in (
        np.ones(theta.size, dtype=bool),
        np.random.default_rng(3).random(theta.size) < 0.6,
    ):
        gradient = problem.quadratic(point, vary).gradient
        # Rounding in single precision.
        assert problem.gradient(point, vary) == pytest.approx(
            gradient, abs=1e-6 * np.abs(gradient).max()
        )


def test_amplitudes_are_zero_where_data_would_make_them_negative(model, make_fid):
    problem, theta = problem_in("zeros", model, make_fid)
    amplitudes = problem.evaluate(theta).amplitudes[: len(model.names)]
    assert (amplitudes >= 0).all()
    assert (amplitudes == 0).any()


def test_whitening_is_the_root_of_the_weight_that_a_spline_leaves(model, make_fid):
    """A quadratic form in whitened rows is least squares minimised over the spline."""
    problem, theta = problem_in("free amplitudes", model, make_fid)
    point = problem.evaluate(theta)
    remainder = point.remainder
    spline = problem.baseline(remainder)
    modes = model.rotation.T @ model.spline.modes
    coefficients = modes.T @ spline
    penalty = problem.stiffness * np.sum(model.spline.roughness * coefficients**2)
    misfit = np.sum((remainder - spline) ** 2)
    whitened = problem.whiten(remainder)
    assert misfit + penalty == pytest.approx(whitened @ whitened, rel=1e-8)  # rounding


def test_reweighting_changes_coordinates_and_not_curves(model):
    weighted = model.reweighted(np.where(model.ppm < 1.6, 0.1, 1.0))
    plain = model.curve(model.curves(unit(model))[:, 0])
    again = weighted.curve(weighted.curves(unit(model))[:, 0])
    # Rounding, enlarged tenfold where the weight is a tenth.
    assert again == pytest.approx(plain, abs=1e-8 * np.abs(plain).max())


@pytest.mark.parametrize("tightening", [1.0, 1.5, 4.0])
def test_what_only_a_prior_tells_is_as_sure_as_it_was_however_tight_the_fit_holds_it(
    tightening, model, make_fid
):
    spectrum, n_columns = model.data_spectrum(make_fid()), len(model.response)
    believed_sd = np.random.default_rng(6).uniform(0.5, 2.0, size=n_columns)
    # Beside so much noise data say nothing.
    rows, noise = np.diag(1 / believed_sd), 1e6
    problem = Problem(model, spectrum, noise, model.spline.stiffness(1.5), rows)
    problem = problem.with_noise(tightening * noise)
    held = np.zeros(model.prior.mean.size, dtype=bool)
    known = uncertainty(problem, problem.evaluate(model.prior.mean), held, noise)
    sd = np.sqrt(np.diag(known.of_amplitudes(n_columns)))
    assert sd == pytest.approx(believed_sd, rel=1e-4)  # what data say nevertheless
    pull = np.abs(problem.ratio_rows).max(axis=0) * believed_sd
    assert pull == pytest.approx(np.where(model.is_broad, tightening, 1.0))
