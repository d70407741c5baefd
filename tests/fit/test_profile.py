"""Profile intervals against normal ones, closed forms, and lmfit's search of its own."""

from dataclasses import replace

import lmfit
import numpy as np
import pytest
from scipy.stats import chi2

from glxflow.fit import Fit, fit_prepared, profile
from glxflow.fit.block import Block
from glxflow.fit.found import Found
from glxflow.fit.joint import Joint
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.profile import CHI2_95, profile_interval
from glxflow.fit.solver import solve_fast
from glxflow.fit.uncertainty import uncertainty
from glxflow.spectrum import Fid


def weights(fit, *names):
    return np.array([float(name in names) for name in fit.result.names])


def test_a_well_known_amplitude_has_a_normal_interval(model, make_fid):
    fit = fit_prepared(make_fid(), model)
    found = profile_interval(fit, weights(fit, "Glu", "Gln"))
    # Widths and shifts trade with amplitudes beyond first order: a seventh of the half width.
    assert found.low95 == pytest.approx(found.value - 1.96 * found.sd, abs=0.3 * found.sd)
    assert found.high95 == pytest.approx(found.value + 1.96 * found.sd, abs=0.3 * found.sd)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(5.0, 3.04, 9.0), (2.1, 0.14, 6.1), (1.9, 0.0, 5.9), (0.0, 0.0, 4.0)],
)
def test_limits_are_where_the_profile_crosses_however_near_zero(value, low, high):
    """A profile that rises as a normal one of SD 1 below and as one of SD 4 / 1.96 above."""

    def excess(candidate):
        return (candidate - value) / 4 - 1 if candidate > value else (value - candidate) / 1.96 - 1

    assert profile._low(excess, value, 1.0) == pytest.approx(low, abs=0.01)
    assert profile._high(excess, value, 1.0) == pytest.approx(high, abs=0.01)
    assert profile._high(lambda _: -1.0, value, 1.0) == np.inf


def test_no_value_is_held_twice(model, make_fid, monkeypatch):
    """From another start it may end in another minimum, and on the limit's other side."""
    held, real = [], profile._held

    def counted(optimum, weights, target):
        held.append((*weights, target))
        return real(optimum, weights, target)

    monkeypatch.setattr(profile, "_held", counted)
    fit = fit_prepared(make_fid(), model)
    profile_interval(fit, weights(fit, "Glu"), weights(fit, "Cr", "PCr"))
    assert len(held) == len(set(held)) > 4


def test_an_interval_about_what_is_no_minimum_is_not_given(model, make_fid):
    fit = fit_prepared(make_fid(), model)
    problem, solution = fit.found.problem, fit.found.solution
    theta = solution.point.theta.copy()
    theta[problem.prior.names.index("log_gaussian")] += 0.3
    beside = replace(solution, point=problem.evaluate(theta))
    assert beside.point.cost > solution.point.cost + 10
    found = profile_interval(
        replace(fit, found=replace(fit.found, solution=beside)), weights(fit, "Glu")
    )
    assert np.isnan([found.low95, found.high95]).all()


def test_a_ratio_is_profiled_as_it_is_estimated(model, make_fid):
    fit = fit_prepared(make_fid(), model)
    found = profile_interval(fit, weights(fit, "Glu"), weights(fit, "Cr", "PCr"))
    assert found.value == pytest.approx(9.0 / 8.5, abs=3 * found.sd)  # the truth, within 3 SD
    assert found.low95 < found.value < found.high95
    # A ratio to itself is known.
    itself = profile_interval(fit, weights(fit, "Cr"), weights(fit, "Cr"))
    assert itself.value == pytest.approx(1.0)
    assert itself.sd == pytest.approx(0.0, abs=1e-9)  # rounding
    assert (itself.low95, itself.high95) == pytest.approx((1.0, 1.0))


def test_near_zero_the_interval_is_an_upper_limit(model, basis, make_fid):
    fid = make_fid(noise_sd=0.4)
    line = np.exp(-np.pi * 5.0 * fid.axis.time_s - (3.0 * fid.axis.time_s) ** 2)
    without = Fid(fid.samples - 1.5 * basis.fid("Tau") * line, fid.axis)
    fit = fit_prepared(without, model)
    found = profile_interval(fit, weights(fit, "Tau"))
    assert found.low95 == 0.0
    assert found.high95 < found.value + 2.5 * found.sd
    assert 0.3 * found.sd < found.high95


def test_a_held_sum_has_its_value_and_costs_more(model, make_fid):
    fit = fit_prepared(make_fid(), model)
    row = np.zeros(len(model.response))
    row[: len(fit.result.names)] = weights(fit, "Glu", "Gln")
    problem, best = fit.found.problem, fit.found.solution
    block = Block.of(problem).held(1e3 * row, 1e3 * 12.0)
    held = solve_joint(Joint([block], problem.prior), best.point.theta, best.free)
    found = held.point.blocks[0].linear
    assert row @ found == pytest.approx(12.0, rel=1e-5)  # a finite strength
    assert held.point.cost > best.point.cost


def test_a_failed_fit_has_no_interval(model):
    noise = np.random.default_rng(8).normal(size=(2, model.axis.n_points))
    fit = fit_prepared(Fid(noise[0] + 1j * noise[1], model.axis), model)
    found = profile_interval(fit, np.ones(len(model.names)))
    assert np.isnan([found.value, found.low95, found.high95]).all()


def test_limits_are_those_of_lmfit_with_every_amplitude_a_parameter(model, make_fid):
    """Of a problem in which but a few line shapes vary, so that lmfit takes seconds."""
    free = ("phase_rad", "shift_hz", "lorentzian_hz", "shift_Glu", "width_Glu")
    fit = fit_prepared(make_fid(), model)
    prior = fit.found.problem.prior
    held = ~np.isin(prior.names, free)
    # Held by a narrow prior about their optimum.
    best = fit.found.solution.point.theta
    narrow = replace(
        prior,
        mean=np.where(held, best, prior.mean),
        sd=np.where(held, 1e-6, prior.sd),
        common=np.where(held, 0.0, prior.common),
    )
    problem = fit.found.problem.with_model(replace(fit.found.problem.model, prior=narrow))
    solution = solve_fast(problem, best, ~held, 1e-9)
    known = uncertainty(problem, solution.point, solution.free, fit.result.noise_sd)
    result = replace(fit.result, amplitudes=solution.point.amplitudes[: len(fit.result.names)])
    # The variance of the curvature alone: lmfit knows of no error of the macromolecules.
    rows = np.hstack(
        [problem.fixed_jacobian(solution.point)[:, ~held], problem.linear_jacobian(solution.point)]
    )
    inverse = np.linalg.inv(rows.T @ rows)[int((~held).sum()) :, int((~held).sum()) :]
    n = len(result.names)
    simple = Fit(
        replace(result, covariance=inverse[:n, :n]),
        Found(problem, solution, known, fit.found.alignment),
    )
    found = profile_interval(simple, weights(fit, "Glu"))

    minimizer, parameters = everything(problem, solution.point, np.flatnonzero(~held))
    outcome = minimizer.minimize(method="leastsq", params=parameters)
    name = f"a{fit.result.names.index('Glu')}"
    limits = lmfit.conf_interval(
        minimizer,
        outcome,
        p_names=[name],
        sigmas=[0.95],
        prob_func=lambda best, new: chi2.cdf(new.chisqr - best.chisqr, 1),
    )[name]
    assert chi2.ppf(0.95, 1) == pytest.approx(CHI2_95, abs=2e-3)  # three digits of 3.8415
    # Both stop their root finding at about a hundredth of an SD.
    assert found.low95 == pytest.approx(limits[0][1], abs=0.03 * found.sd)
    assert found.high95 == pytest.approx(limits[2][1], abs=0.03 * found.sd)


def everything(problem, point, varying):
    """Return lmfit's problem with the chosen line shapes and all amplitudes as parameters."""
    parameters = lmfit.Parameters()
    for index in varying:
        parameters.add(f"t{index}", value=point.theta[index])
    signed = problem.model.is_signed
    for index, amplitude in enumerate(point.amplitudes):
        if amplitude != 0:
            low = -np.inf if signed[index] else 0.0
            parameters.add(f"a{index}", value=amplitude, min=low)

    def residual(params):
        theta, amplitudes = point.theta.copy(), np.zeros(point.amplitudes.size)
        for name, parameter in params.items():
            target = theta if name[0] == "t" else amplitudes
            target[int(name[1:])] = parameter.value
        at = problem.evaluate(theta)
        n_fit = at.whitened.shape[1]
        observed = at.residual[:n_fit] + at.amplitudes @ at.whitened
        priors = at.residual[n_fit + len(problem.ratio_rows) :]
        return np.concatenate(
            [observed - amplitudes @ at.whitened, problem.ratio_rows @ amplitudes, priors]
        )

    return lmfit.Minimizer(residual, parameters, scale_covar=False), parameters
