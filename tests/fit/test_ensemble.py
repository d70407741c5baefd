"""Members against fits that were made from scratch, and bins against their own fits."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.fit import ensemble, fit_prepared, prepare
from glxflow.fit.ensemble import candidate_of, fit_ensemble
from glxflow.fit.sensitivity import baseline_alternatives
from glxflow.fit.shim import Shim
from glxflow.spectrum import Fid, Kind


@pytest.fixture
def ensemble_of(model):
    def make(fid, fids=(), others=()):
        fit = fit_prepared(fid, model)
        data = [(one,) for one in (fid, *fids)]
        return fit, fit_ensemble(fit, (fid,), data, np.random.default_rng(1), others)

    return make


def member(ensemble, label, choice=""):
    return next(one for one in ensemble.members if one.label == label and choice in one.choice)


def over_creatine(names, amplitudes):
    glu, creatine, phosphocreatine = (amplitudes[names.index(one)] for one in ("Glu", "Cr", "PCr"))
    return glu / (creatine + phosphocreatine)


def glutamate(ensemble, amplitudes):
    return amplitudes[:, ensemble.names.index("Glu")]


def test_at_least_a_dozen_models_differ_in_one_choice_each(ensemble_of, make_fid):
    _, ensemble = ensemble_of(make_fid())
    assert len(ensemble.members) >= 12
    choices = {one.choice for one in ensemble.members}
    assert {"baseline", "macromolecule ratios", "shift prior", "width prior", "range"} <= choices
    for choice in choices:
        weights = [one.weight for one in ensemble.members if one.choice == choice]
        # The model of the fit itself has the rest, of which an equal share is certain.
        assert min(weights) > 0
        assert sum(weights) < 1


@pytest.mark.parametrize(("label", "position"), [("half dimension", 0), ("double dimension", 1)])
def test_baseline_members_are_the_baseline_alternatives(
    ensemble_of, model, make_fid, label, position
):
    fid = make_fid()
    fit, ensemble = ensemble_of(fid)
    other = baseline_alternatives(fid, model, fit)[position]
    found = glutamate(ensemble, member(ensemble, label).amplitudes)[0]
    sd = np.sqrt(other.covariance[other.names.index("Glu"), other.names.index("Glu")])
    # The weight of the data against the priors comes from another prefit.
    assert found == pytest.approx(other.amplitudes[other.names.index("Glu")], abs=0.1 * sd)


def test_a_range_member_is_the_fit_of_that_range(ensemble_of, model, basis, make_fid):
    fid = make_fid()
    _, ensemble = ensemble_of(fid)
    options = replace(model.options, ppm_range=(1.8, 4.2))
    other = fit_prepared(fid, prepare(basis, options)).result
    found = over_creatine(ensemble.names, member(ensemble, "1.8-4.2 ppm").amplitudes[0])
    expected = over_creatine(other.names, other.amplitudes)
    glu = other.names.index("Glu")
    sd = expected * np.sqrt(other.covariance[glu, glu]) / other.amplitudes[glu]
    # Knots of the spline lie elsewhere, and the prefits differ.
    assert found == pytest.approx(expected, abs=0.2 * sd)


def test_bins_follow_the_average_as_their_own_fits_do(ensemble_of, model, basis, make_fid):
    average, other = make_fid(seed=2), make_fid(seed=3)
    time_s = average.axis.time_s
    line = np.exp(-np.pi * 5.0 * time_s - (3.0 * time_s) ** 2)
    noise = 0.3 * (other.samples - average.samples)
    near = Fid(average.samples + 0.5 * basis.fid("Glu") * line + noise, average.axis)
    fit, ensemble = ensemble_of(average, [near])
    own = fit_prepared(near, model).result
    glu = own.names.index("Glu")
    sd = np.sqrt(own.covariance[glu, glu])
    followed = glutamate(ensemble, ensemble.amplitudes)
    assert followed[0] == pytest.approx(fit.result.amplitudes[glu])
    assert own.amplitudes[glu] - followed[0] > 0.3  # there is something to follow
    # Second order, and another active set: small beside the uncertainty.
    assert followed[1] == pytest.approx(own.amplitudes[glu], abs=0.1 * sd)


def test_another_way_of_processing_joins_by_name(ensemble_of, model, make_fid):
    fid, other = make_fid(), make_fid(seed=9)
    alternative = fit_prepared(other, model)
    candidate = candidate_of(alternative, (other,), [(other,)], "processing", "otherwise")
    fit, ensemble = ensemble_of(fid, others=[candidate])
    found = member(ensemble, "otherwise", "processing").amplitudes
    assert found[0] == pytest.approx(alternative.result.amplitudes)
    assert ensemble.names == fit.result.names
    # In the order that is asked for, and no number of what it does not have.
    (asked,) = candidate.amplitudes(("Gln", "Lac", "Glu"))
    own = dict(zip(fit.result.names, alternative.result.amplitudes, strict=True))
    assert asked == pytest.approx([own["Gln"], np.nan, own["Glu"]], nan_ok=True)


def test_a_failed_fit_has_no_ensemble(model):
    noise = np.random.default_rng(8).normal(size=(2, model.axis.n_points))
    fid = Fid(noise[0] + 1j * noise[1], model.axis)
    fit = fit_prepared(fid, model)
    assert fit_ensemble(fit, (fid,), [(fid,)], np.random.default_rng(1)) is None


def test_weak_lines_are_forbidden_and_the_rest_stays_linked(make_fid, ensemble_of):
    _, ensemble = ensemble_of(make_fid())
    found = member(ensemble, "without weak lines").amplitudes[0]
    names = ensemble.names
    expected = found[names.index("MM20")]
    assert found[names.index("MM27")] == pytest.approx(0, abs=1e-3 * expected)
    assert found[names.index("MM30")] > 0.3 * expected


def test_another_minimum_that_fits_as_well_is_a_member(ensemble_of, model, basis, truth):
    """A narrow line with a shoulder: one search ends with equal shares of the shim's Gaussians."""
    time_s = basis.axis.time_s
    shim = Shim(fwhm_hz=4.0, log_ratio=0.3, split=-1.0, log_odds=-1.5).at(time_s).values
    kinds = zip(basis.names, basis.kinds, strict=True)
    amounts = [truth.get(name, 2.0 * (kind is Kind.MACROMOLECULE)) for name, kind in kinds]
    own_hz = model.lorentzian_hz[: len(amounts)]
    widths_hz = own_hz + 0.6 * (own_hz > 0)
    signal = np.array(amounts) @ (basis.fids * np.exp(-np.pi * np.outer(widths_hz, time_s)) * shim)
    noise = np.random.default_rng(1).normal(scale=0.2, size=(2, time_s.size))
    fit, ensemble = ensemble_of(Fid(signal + noise[0] + 1j * noise[1], basis.axis))
    other = member(ensemble, "other minimum", "line shape")
    own = fit.result.amplitudes[ensemble.names.index("Glu")]
    # Glu is 9: read as 8.7, and by the shoulder as 8.9.
    assert glutamate(ensemble, other.amplitudes)[0] > own + 0.1


def test_a_spectrum_of_one_minimum_has_no_other(ensemble_of, make_fid):
    _, ensemble = ensemble_of(make_fid())
    assert "line shape" not in {one.choice for one in ensemble.members}


def test_what_is_zero_in_the_average_stays_zero_in_bins(make_fid, model, basis):
    fid = make_fid(noise_sd=0.4)
    line = np.exp(-np.pi * 5.0 * fid.axis.time_s - (3.0 * fid.axis.time_s) ** 2)
    without = Fid(fid.samples - 3.0 * basis.fid("Tau") * line, fid.axis)
    fit = fit_prepared(without, model)
    place = fit.result.names.index("Tau")
    assert fit.result.amplitudes[place] == 0
    less, more = (Fid(without.samples + n * basis.fid("Tau") * line, fid.axis) for n in (-1, 1))
    own = candidate_of(fit, (without,), [(one,) for one in (less, without, more)])
    followed = own.amplitudes(fit.result.names)
    assert (followed[:, place] == 0).all()
    # Nor do others move as if it could.
    assert followed[1] == pytest.approx(fit.result.amplitudes)


def test_what_is_at_a_bound_follows_nothing(model, make_fid):
    fid = make_fid()
    fit = fit_prepared(fid, model)
    solution = fit.found.solution
    free = solution.free.copy()
    free[model.prior.names.index("width_Ins")] = False
    held = replace(fit, found=replace(fit.found, solution=replace(solution, free=free)))
    whole, fewer = (
        candidate_of(one, fid, [fid]).optimum.spectra[0].slopes.shape[1] for one in (fit, held)
    )
    assert fewer == whole - 1


def test_models_are_compared_where_all_trust_the_data_by_the_noise_of_the_data(model, make_fid):
    fid = make_fid(noise_sd=0.4)
    hump = 4.0 * np.exp((2j * np.pi * fid.axis.hz(2.75) - 30.0) * fid.axis.time_s)
    bent = Fid(fid.samples - hump, fid.axis)
    own, narrow = (
        candidate_of(fit_prepared(bent, one), (bent,), [(bent,)])
        for one in (model, model.reweighted(np.where(model.ppm < 1.8, 0.05, 1.0)))
    )
    (seen,) = own.optimum.spectra
    assert seen.problem.noise_sd > 2 * seen.view.noise_sd
    assert seen.view.noise_sd == pytest.approx(0.4 * np.sqrt(model.n_kept), rel=0.1)
    scores = ensemble._scores([own, narrow])
    # Stretches of 0.15 ppm from 1.8 to 4.2.
    assert scores.shape == (2, 16)
