import math

import numpy as np
import pytest

from glxflow.quantify import estimates
from glxflow.spectrum import FitStatus

AMPLITUDES = {
    "Glu": 9.0,
    "Gln": 3.0,
    "Cr": 4.0,
    "PCr": 4.0,
    "NAA": 10.0,
    "NAAG": 0.0,
    "GPC": 1.0,
    "PCh": 0.5,
    "MM09": 2.0,
}


@pytest.fixture
def covariance():
    """A covariance with strong correlations, from a random factor."""
    factor = np.random.default_rng(12).normal(size=(len(AMPLITUDES), len(AMPLITUDES)))
    return 0.01 * factor @ factor.T


def by_name(fit, scaling=None):
    return {estimate.metabolite: estimate for estimate in estimates(fit, scaling)}


def test_lists_metabolites_and_sums_and_no_macromolecules(fit_of):
    names = list(by_name(fit_of(AMPLITUDES)))
    assert names == [
        *(name for name in AMPLITUDES if name != "MM09"),
        "Glx",
        "tNAA",
        "tCr",
        "tCho",
    ]


def test_gaba_alone_is_no_gaba_plus(fit_of):
    assert "GABA+" not in by_name(fit_of({"GABA": 1.0, "Cr": 8.0}))
    found = by_name(fit_of({"GABA": 1.0, "Cr": 8.0, "MM30co": 0.8}))
    assert found["GABA+"].amplitude == pytest.approx(1.8)


def test_uncertainty_of_sums_and_ratios_is_that_of_random_draws(fit_of, covariance):
    table = by_name(fit_of(AMPLITUDES, covariance))
    draws = np.random.default_rng(13).multivariate_normal(
        list(AMPLITUDES.values()), covariance, size=200_000
    )
    column = dict(zip(AMPLITUDES, draws.T, strict=True))
    glx = column["Glu"] + column["Gln"]
    creatine = column["Cr"] + column["PCr"]
    # 200,000 draws know an SD to 0.2 %; second-order terms of the ratio are 1 %.
    assert table["Glx"].sd == pytest.approx(glx.std(), rel=0.01)
    assert table["Glx"].ratio_tcr_sd == pytest.approx((glx / creatine).std(), rel=0.03)
    assert table["Glx"].ratio_tcr == pytest.approx(1.5)


def test_denominator_has_ratio_one_without_uncertainty(fit_of, covariance):
    total = by_name(fit_of(AMPLITUDES, covariance))["tCr"]
    assert total.ratio_tcr == 1.0
    assert total.ratio_tcr_sd == pytest.approx(0.0, abs=1e-9)  # rounding


def test_bounds_of_sums_use_the_noise_covariance(fit_of, covariance):
    table = by_name(fit_of(AMPLITUDES, covariance))
    assert table["Glx"].crlb == pytest.approx(table["Glx"].sd / 2)


def test_amplitude_at_zero_gets_an_upper_limit(fit_of):
    estimate = by_name(fit_of(AMPLITUDES))["NAAG"]
    assert estimate.limit95 == pytest.approx(1.96 * 0.1)  # half-normal quantile of SD 0.1
    assert "AT_ZERO" in [flag.code for flag in estimate.flags]
    assert math.isnan(by_name(fit_of(AMPLITUDES))["Glu"].limit95)


def test_missing_denominator_is_nan_with_a_reason(fit_of):
    table = by_name(fit_of({"Glu": 9.0, "NAA": 10.0}))
    assert math.isnan(table["Glu"].ratio_tcr)
    assert "NO_TCR" in [flag.code for flag in table["Glu"].flags]
    assert table["Glu"].ratio_tnaa == pytest.approx(0.9)
    assert "PART_MISSING" in [flag.code for flag in table["tNAA"].flags]


def test_nothing_is_divided_by_what_is_negative(fit_of):
    table = by_name(fit_of(AMPLITUDES | {"Cr": -3.0, "PCr": -4.0}))
    assert math.isnan(table["Glu"].ratio_tcr)
    assert math.isnan(table["Glu"].ratio_tcr_sd)
    assert "NO_TCR" in [flag.code for flag in table["Glu"].flags]


def test_pairs_that_cannot_be_told_apart_point_to_their_sum(fit_of):
    covariance = np.eye(len(AMPLITUDES)) * 0.01
    covariance[2, 3] = covariance[3, 2] = -0.009
    flags = by_name(fit_of(AMPLITUDES, covariance))["Cr"].flags
    (said,) = [flag.message for flag in flags if flag.code == "INSEPARABLE"]
    assert said == "Cr and PCr are correlated by -0.90: report tCr"


@pytest.mark.parametrize("correlation", [-0.5, 0.9])
def test_pairs_that_do_not_trade_places_can_be_told_apart(fit_of, correlation):
    covariance = np.eye(len(AMPLITUDES)) * 0.01
    covariance[2, 3] = covariance[3, 2] = 0.01 * correlation
    flags = by_name(fit_of(AMPLITUDES, covariance))["Cr"].flags
    assert "INSEPARABLE" not in [flag.code for flag in flags]


def test_failed_fit_gives_nan_and_says_failed(fit_of):
    nothing = dict.fromkeys(AMPLITUDES, math.nan)
    n = len(nothing)
    table = by_name(fit_of(nothing, np.full((n, n), np.nan), FitStatus.FAILED))
    assert math.isnan(table["Glx"].amplitude)
    assert math.isnan(table["Glx"].sd)
    assert [flag.code for flag in table["Glx"].flags] == ["FAILED"]


@pytest.mark.parametrize(("data_sd", "is_doubted"), [(0.02, False), (0.13, False), (0.17, True)])
def test_what_the_data_say_less_of_than_was_believed_before_is_said(fit_of, data_sd, is_doubted):
    """Lactate is expected at 0.08 +- 0.15 of creatine, here 8: precisions add up."""
    amplitudes = AMPLITUDES | {"Lac": 0.6}
    covariance = 1e-4 * np.eye(len(amplitudes))
    covariance[-1, -1] = 8.0**2 / (data_sd**-2 + 0.15**-2)
    flags = {flag.code: flag for flag in by_name(fit_of(amplitudes, covariance))["Lac"].flags}
    assert ("PRIOR" in flags) == is_doubted
    if is_doubted:
        assert "0.08 ± 0.15 of tCr" in flags["PRIOR"].message
