import math
from types import SimpleNamespace

from glxflow.qc.metrics import (
    METRICS,
    baseline_sensitivity_percent,
    fit_metrics,
    relative_sd_percent,
    share_percent,
)


def test_every_metric_says_what_it_is_and_what_to_do():
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.description.endswith(".")
        assert metric.remedy.endswith(".")
        assert metric.when_missing
        assert not metric.when_missing.endswith(".")  # it ends a sentence of its own


def test_an_estimate_at_zero_has_no_relative_sd():
    assert math.isnan(relative_sd_percent(0.0, 0.3))
    assert math.isnan(relative_sd_percent(-2.0, 0.3))
    assert relative_sd_percent(2.0, 0.1) == 5.0


def test_the_width_in_ppm_does_not_depend_on_the_field():
    for f0_mhz in (60.0, 300.0):
        fit = SimpleNamespace(snr=30.0, fwhm_hz=0.05 * f0_mhz, reduced_chi2=1.1)
        found = fit_metrics(fit, spectrometer_frequency_mhz=f0_mhz)
        assert math.isclose(found["fwhm_ppm"], 0.05)
        assert (found["snr"], found["fwhm_hz"], found["reduced_chi2"]) == (
            30.0, 0.05 * f0_mhz, 1.1
        )  # fmt: skip


def test_share_of_a_stored_average_is_not_computable():
    assert math.isnan(share_percent(1, 1))
    assert share_percent(48, 64) == 75.0


def test_baseline_sensitivity_is_the_worst_alternative():
    assert baseline_sensitivity_percent(10.0, [9.5, 12.0]) == 20.0
    assert baseline_sensitivity_percent(10.0, [7.0, 12.0]) == 30.0
    assert math.isnan(baseline_sensitivity_percent(10.0, []))
    assert math.isnan(baseline_sensitivity_percent(0.0, [1.0]))


def test_baseline_sensitivity_does_not_depend_on_which_alternative_has_no_value():
    assert math.isnan(baseline_sensitivity_percent(10.0, [math.nan, 12.0]))
    assert math.isnan(baseline_sensitivity_percent(10.0, [12.0, math.nan]))
