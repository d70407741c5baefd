from dataclasses import replace

import numpy as np
import pytest

from glxflow.fit import FitOptions, prepare
from glxflow.fit.prior import SHARED
from glxflow.fit.shapes import shapes_of
from glxflow.fit.widths import broadening_hz, lorentzian_hz, narrowed, uncertain_by_t2
from glxflow.spectrum import Kind


def test_what_a_fit_gives_back_is_what_was_taken_off_a_line(basis):
    width_hz = broadening_hz(basis)[:, np.newaxis]
    gaussian = np.exp(-((np.pi * width_hz * basis.axis.time_s) ** 2) / (4 * np.log(2)))
    # Beyond 0.1 s nothing is left of a line of 20 Hz.
    early = basis.axis.time_s < 0.1
    rebuilt = (narrowed(basis) * gaussian)[:, early]
    lines = [kind is not Kind.METABOLITE for kind in basis.kinds]
    assert rebuilt[lines] == pytest.approx(basis.fids[lines][:, early], abs=1e-9)


def test_measured_macromolecules_keep_their_width(basis):
    measured = replace(basis, gaussian_hz=())
    assert np.array_equal(narrowed(measured), measured.fids)


def test_measured_macromolecules_are_broadened_less_than_a_line_gets_back(basis):
    """Nothing was taken off them: they are broadened a little, and metabolites not at all."""
    measured = replace(basis, gaussian_hz=())
    is_broad = np.array([kind is not Kind.METABOLITE for kind in basis.kinds])
    of_measured, of_lines = broadening_hz(measured), broadening_hz(basis)
    assert of_measured[is_broad] == pytest.approx(0.05 * basis.axis.spectrometer_frequency_mhz)
    assert (of_measured < of_lines)[is_broad].all()
    assert not of_measured[~is_broad].any()


def test_a_narrow_line_gets_back_four_fifths_of_its_own_width(basis):
    is_broad = np.array([kind is not Kind.METABOLITE for kind in basis.kinds])
    narrow = replace(basis, gaussian_hz=tuple(5.0 * is_broad))
    assert broadening_hz(narrow) == pytest.approx(4.0 * is_broad)


def test_widths_lie_half_way_from_a_usual_to_the_published_t2(metabolites):
    width_hz = dict(zip(metabolites.names, lorentzian_hz(metabolites), strict=True))
    # Wyss 2018, grey matter (mean of two regions) and white: NAA 258 and 343 ms, glutamate 128.5
    # and 124 ms, glutamine 110.5 and 168 ms.
    for name, grey_s, white_s in (
        ("NAA", 0.258, 0.343),
        ("Glu", 0.1285, 0.124),
        ("Gln", 0.1105, 0.168),
    ):
        t2_s = np.sqrt(grey_s * white_s)
        assert width_hz[name] == pytest.approx(1 / (np.pi * np.sqrt(t2_s * 0.14))), name


def test_at_7_t_the_times_are_those_of_7_t(metabolites):
    axis = replace(metabolites.axis, spectrometer_frequency_mhz=297.2)
    at_7_t = dict(
        zip(metabolites.names, lorentzian_hz(replace(metabolites, axis=axis)), strict=True)
    )
    assert at_7_t["NAA"] == pytest.approx(1 / (np.pi * np.sqrt(0.155 * 0.14)))


def test_how_much_of_published_differences_holds_is_one_unknown(metabolites, model):
    moved = dict(zip(metabolites.names, uncertain_by_t2(metabolites), strict=True))
    # By 0.3 SD of the share: NAA decays more slowly than usual, and its lines are narrower.
    assert moved["NAA"] == pytest.approx(0.3 * np.log(0.14 / np.sqrt(0.258 * 0.343)))
    assert moved["Glu"] == pytest.approx(0.3 * np.log(0.14 / np.sqrt(0.1285 * 0.124)))
    common = dict(zip(model.prior.names, model.prior.common, strict=True))
    assert common["width_NAA"] == pytest.approx(moved["NAA"])
    assert common["width_Glu"] == pytest.approx(moved["Glu"])
    assert {common[name] for name in common if "MM" in name or "shift" in name} == {0.0}


def test_macromolecules_have_no_lorentzian_width(basis):
    model = prepare(basis, FitOptions())
    theta = model.prior.mean.copy()
    gamma = shapes_of(model, theta).gamma_per_s
    assert not gamma[model.is_broad].any()
    theta[SHARED.index("lorentzian_hz")] += 1.0
    wider = shapes_of(model, theta).gamma_per_s - gamma
    assert wider == pytest.approx(np.where(model.is_broad, 0.0, np.pi))


def test_what_shares_a_width_shares_its_t2(basis):
    model = prepare(basis, FitOptions())
    gamma = shapes_of(model, model.prior.mean).gamma_per_s
    own_hz = dict(zip(basis.names, lorentzian_hz(basis), strict=True))
    common_hz = model.prior.mean[SHARED.index("lorentzian_hz")]
    # That of the first, which has the most signal.
    for first, other in (("NAA", "NAAG"), ("GPC", "PCh")):
        width = np.pi * (own_hz[first] + common_hz)
        assert gamma[[model.names.index(one) for one in (first, other)]] == pytest.approx(width)


def test_the_width_of_a_broad_line_is_its_own_and_the_shims_as_gaussians_add(basis):
    model = prepare(basis, FitOptions())
    theta = model.prior.mean.copy()
    values = {"log_gaussian": np.log(9.0), "log_ratio": 0.0, "split": 0.0, "log_odds": 0.0}
    theta[[SHARED.index(name) for name in values]] = list(values.values())
    width_hz = shapes_of(model, theta).fwhm_hz()[model.is_broad]
    expected = np.hypot(9.0, model.broadening_hz[model.is_broad])
    assert width_hz == pytest.approx(expected, rel=1e-3)
