"""Scores against the conditional normal distribution, run lengths against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.fit import fit_prepared
from glxflow.fit.joint import Joint
from glxflow.fit.optimum import View, optimum_of
from glxflow.fit.predictive import blocks_of, predictive_scores, predictive_weights, run_length
from glxflow.fit.uncertainty import residual_of

FLAT = 1e7


def test_scores_are_log_densities_of_the_conditional_normal(model, make_fid):
    fit = fit_prepared(make_fid(), model)
    problem, point, free = fit.found.problem, fit.found.solution.point, fit.found.solution.free
    blocks = blocks_of(model.ppm, (model.ppm > 2.0) & (model.ppm < 2.6))
    joint, view = Joint.of(problem), View(None, problem.noise_sd)
    optimum = optimum_of(joint, joint.evaluate(point.theta), free, [view])
    scores = predictive_scores(optimum.spectra[0], optimum.inverse, blocks)

    # The covariance of the data itself: noise, spline and parameters with their priors.
    kept = 1 - problem.shares
    spread = np.ones(len(model.ppm))
    spread[: kept.size] = 1 / np.maximum(kept, 1 / FLAT)
    jacobian, linear = problem.fixed_jacobian(point)[:, free], problem.linear_jacobian(point)
    rows = np.hstack([jacobian, linear[:, point.amplitudes != 0]])
    size = np.sqrt(np.sum(rows**2, axis=0))
    unit = rows[: len(model.ppm)] / size
    unit[: kept.size] /= np.sqrt(np.maximum(kept, 1 / FLAT))[:, np.newaxis]
    prior_rows = rows[len(model.ppm) :] / size
    prior = np.linalg.inv(prior_rows.T @ prior_rows + np.eye(size.size) / FLAT)
    turned = model.rotation @ (np.diag(spread) + unit @ prior @ unit.T) @ model.rotation.T
    data = turned @ residual_of(problem, point)
    for number in (0, 2):
        inside = blocks == number
        rest = ~inside
        gain = np.linalg.solve(turned[np.ix_(rest, rest)], turned[np.ix_(rest, inside)]).T
        left = data[inside] - gain @ data[rest]
        covariance = turned[np.ix_(inside, inside)] - gain @ turned[np.ix_(rest, inside)]
        misfit = left @ np.linalg.solve(covariance, left)
        # The scale of these residuals is that of the noise.
        variance = max(misfit / inside.sum(), 1.0)
        log_density = -0.5 * (
            np.linalg.slogdet(covariance)[1] + misfit / variance + inside.sum() * np.log(variance)
        )
        # Flat priors of finite width, and cancellation in an ill-conditioned covariance.
        assert scores[number] == pytest.approx(log_density, abs=0.05)


@pytest.fixture
def scores_of(model, make_fid):
    """Return a function that scores the stretches of a spectrum with its residual changed."""
    fit = fit_prepared(make_fid(), model)
    problem, best = fit.found.problem, fit.found.solution
    joint, view = Joint.of(problem), View(None, problem.noise_sd)
    optimum = optimum_of(joint, joint.evaluate(best.point.theta), best.free, [view])
    blocks = blocks_of(model.ppm, model.weight == 1)

    def score(factor, noise=1.0):
        seen = optimum.spectra[0]
        changed = replace(
            seen,
            residual=factor * seen.residual,
            view=View(None, noise * problem.noise_sd),
        )
        return predictive_scores(changed, optimum.inverse, blocks)

    return score, np.bincount(blocks[blocks >= 0].astype(int))


def test_a_residual_above_the_noise_counts_by_the_logarithm_of_its_scale(scores_of):
    score, sizes = scores_of
    assert score(10.0) - score(20.0) == pytest.approx(sizes * np.log(2))
    # The noise is that of the data, whatever weight the problem gives them.
    assert score(2.0, noise=1 / 3) == pytest.approx(score(6.0))


def test_a_residual_below_the_noise_counts_by_its_square(scores_of):
    score, sizes = scores_of
    none = score(0.0)
    half_misfit = 100 * (none - score(0.1))
    assert none - score(0.2) == pytest.approx(0.04 * half_misfit)
    # Maximised over a scale of the noise or more, on a grid of thousandths.
    scale = np.exp(np.arange(0.0, 5.0, 1e-3))[:, np.newaxis]
    for factor in (0.5, 1.0, 3.0):
        expected = none - sizes * np.log(scale) - factor**2 * half_misfit / scale**2
        assert score(factor) == pytest.approx(expected.max(axis=0), abs=1e-4)


def test_blocks_cover_the_trusted_range_evenly():
    ppm = np.linspace(0.2, 4.2, 801)
    blocks = blocks_of(ppm, (ppm >= 1.8) & (ppm <= 3.3))
    assert (blocks[(ppm < 1.79) | (ppm > 3.31)] == -1).all()
    sizes = np.bincount(blocks[blocks >= 0].astype(int))
    assert sizes.size == 10
    assert np.ptp(sizes) <= 1  # the last point of the range joins the last block


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.8])
def test_run_length_is_that_of_an_autoregressive_series(persistence):
    rng = np.random.default_rng(4)
    series = np.zeros(40_000)
    for index, noise in enumerate(rng.normal(size=series.size - 1), start=1):
        series[index] = persistence * series[index - 1] + noise
    expected = (1 + persistence) / (1 - persistence)
    assert run_length(series) == pytest.approx(expected, rel=0.1)  # 5 SD of the estimate


def test_equal_scores_share_the_weight():
    weights = predictive_weights(np.zeros((3, 12)), np.random.default_rng(5))
    assert weights == pytest.approx(np.full(3, 1 / 3))


def test_weights_are_the_likelihoods_of_all_blocks_in_the_mean_over_draws():
    """Two blocks share by a uniform number, so that the mean is an integral of a logistic."""
    for scores in ([0.1] * 12, [4.0, 0.0], [0.0, 6.0]):
        total = 2 * max(scores)
        expected = (
            1 / (1 + np.exp(-1.2))
            if len(scores) == 12
            else (np.log1p(np.exp(total)) - np.log(2)) / total
        )
        both = np.array([[0.0] * len(scores), scores])
        weight = predictive_weights(both, np.random.default_rng(9))[1]
        # Four fifths are shared equally; 500 draws.
        assert weight == pytest.approx(0.4 + 0.2 * expected, abs=0.003)


def test_one_stretch_does_not_decide_between_models():
    scores = np.zeros((2, 15))
    scores[1, 3] = 8.0
    everywhere = predictive_weights(
        np.stack([np.zeros(15), np.ones(15)]), np.random.default_rng(6)
    )
    once = predictive_weights(scores, np.random.default_rng(6))
    assert 0.5 < once[1] < everywhere[1] < 0.6 + 1e-9  # four fifths are shared equally


def test_the_interval_of_the_spread_reaches_every_alternative():
    worst = predictive_weights(
        np.array([[0.0] * 9, [0.0] * 9, [-50.0] * 9]), np.random.default_rng(7)
    )
    assert worst[2] > 1 / 1.96**2
