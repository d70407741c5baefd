from dataclasses import replace

import numpy as np
import pytest

from glxflow.fit import FitOptions, engine, fit_prepared, prepare
from glxflow.fit.doubts import bound_doubts, doubts
from glxflow.fit.engine import _confirmed, search
from glxflow.fit.groups import collinear_pairs
from glxflow.fit.prior import SHARED
from glxflow.fit.solver import solve_fast
from glxflow.spectrum import Fid, FitStatus


def codes(result):
    return {flag.code for flag in result.flags}


@pytest.fixture
def with_twin(basis):
    """Return a basis set that holds glutamate under a second name."""
    glutamate = basis.chosen([basis.names.index("Glu")])
    return basis.joined(replace(glutamate, names=("Twin",), fids=1.3 * glutamate.fids))


def test_twins_in_the_basis_set_are_named(with_twin, make_fid):
    result = fit_prepared(make_fid(), prepare(with_twin, FitOptions())).result
    (flag,) = (flag for flag in result.flags if flag.code == "COLLINEAR")
    assert "Glu and Twin" in flag.message


def test_sums_that_are_reported_anyway_are_no_doubt(basis):
    assert collinear_pairs(basis) == ()


def test_baseline_as_soft_as_allowed_is_named_where_the_data_chose_it(basis, make_fid):
    model = prepare(basis, FitOptions())
    fid = make_fid(noise_sd=0.4)
    hump_hz = model.axis.hz(2.9) + np.array([-90.0, 0.0, 90.0])[:, np.newaxis]
    decay = np.exp(-((np.pi * 60.0 * model.axis.time_s) ** 2) / (4 * np.log(2)))
    humps = np.array([1, -1, 1]) @ np.exp(2j * np.pi * hump_hz * model.axis.time_s) * decay
    bent = Fid(fid.samples + 60.0 * humps, fid.axis)
    assert "BASELINE_END" in codes(fit_prepared(bent, model).result)
    assert "BASELINE_END" not in codes(fit_prepared(fid, model).result)
    fixed = model.with_baseline(2.0)
    assert "BASELINE_END" not in codes(fit_prepared(bent, fixed).result)


def test_parameters_at_a_bound_are_named_in_words():
    (flag,) = bound_doubts(("log_gaussian", "shift_Lip", "width_NAA"))
    assert flag.message == (
        "the Gaussian width of the shim, the shift of the lipids, the width of NAA ended at a "
        "bound. Look for an artefact where that component lies, or a line too broad to fit; and "
        "for a line shape, phase or offset beyond the model, as a bad shim makes."
    )


@pytest.mark.parametrize("name", SHARED)
def test_no_parameter_of_all_lines_is_named_as_in_code(name):
    (flag,) = bound_doubts((name,))
    assert name not in flag.message
    assert "component" not in flag.message


def test_every_doubt_is_raised_beyond_its_limit_and_not_before(model, make_fid):
    fit = fit_prepared(make_fid(), model)
    solution = fit.found.solution

    def raised(solution=solution, **values):
        flags = doubts(replace(fit.result, **values), solution, model, 2.0)
        return {flag.code: flag.message for flag in flags}

    assert raised() == raised(snr=8.1, reduced_chi2=2.9) == {}
    for snr in (7.9, np.nan):
        (said,) = raised(snr=snr).items()
        assert said[0] == "LOW_SNR"
        assert f"SNR is {snr:.1f}, expected at least 8" in said[1]
    (said,) = raised(reduced_chi2=3.1).items()
    assert said[0] == "RESIDUAL"
    assert "chi-squared is 3.10, expected at most 3" in said[1]
    (said,) = raised(status=FitStatus.NOT_CONVERGED).items()
    assert said[0] == "NOT_CONVERGED"
    (said,) = raised(replace(solution, at_bound=("width_NAA", "shift_Glu"))).items()
    assert said[0] == "AT_BOUND"
    assert said[1].startswith("the width of NAA, the shift of Glu ended at a bound")


def test_doubtful_end_is_searched_from_other_starts(model, make_fid, monkeypatch):
    fit = fit_prepared(make_fid(6), model)
    best = fit.found.solution.point.theta
    at = model.prior.names.index("width_NAA")
    high = model.prior.high.copy()
    high[at] = best[at] - 0.02  # the minimum is out of reach, so that the end is at a bound
    bounded = replace(fit.found.problem.model, prior=replace(model.prior, high=high))
    problem = fit.found.problem.with_model(bounded)
    alone = solve_fast(problem, best, np.ones(best.size, dtype=bool))
    starts = []

    def counted(problem, start):
        starts.append(start)
        return search(problem, start)

    monkeypatch.setattr(engine, "search", counted)
    assert _confirmed(fit.found.problem, best, fit.found.solution, 5.0) is fit.found.solution
    assert not starts
    several = _confirmed(problem, best, alone, 5.0)
    assert starts
    assert "width_NAA" in alone.at_bound
    assert several.point.cost <= alone.point.cost


def test_a_lower_end_that_is_no_minimum_gives_way_to_one_that_is(model, make_fid, monkeypatch):
    fit = fit_prepared(make_fid(6), model)
    problem, found = fit.found.problem, fit.found.solution
    theta = found.point.theta.copy()
    at = model.prior.names.index("width_NAA")
    theta[at] += 2 * model.prior.sd[at]
    beside = replace(found, point=problem.evaluate(theta), at_bound=("width_NAA",))
    assert beside.point.cost > found.point.cost

    def early(_problem, _start):
        return replace(found, predicted_decrease=1.0)

    assert _confirmed(problem, theta, beside, 5.0).point.cost <= found.point.cost + 1e-3
    monkeypatch.setattr(engine, "search", early)
    assert _confirmed(problem, theta, beside, 5.0) is beside
