import math

from glxflow.qc.metrics import (
    METRICS,
    baseline_sensitivity_percent,
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
    assert relative_sd_percent(2.0, 0.1) == 5.0


def test_share_of_a_stored_average_is_not_computable():
    assert math.isnan(share_percent(1, 1))
    assert share_percent(48, 64) == 75.0


def test_baseline_sensitivity_is_the_worst_alternative():
    assert baseline_sensitivity_percent(10.0, [9.5, 12.0]) == 20.0
    assert math.isnan(baseline_sensitivity_percent(10.0, []))
    assert math.isnan(baseline_sensitivity_percent(0.0, [1.0]))


def test_baseline_sensitivity_does_not_depend_on_which_alternative_has_no_value():
    assert math.isnan(baseline_sensitivity_percent(10.0, [math.nan, 12.0]))
    assert math.isnan(baseline_sensitivity_percent(10.0, [12.0, math.nan]))
