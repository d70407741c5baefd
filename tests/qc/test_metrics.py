import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glxflow.qc.metrics import (
    METRICS,
    baseline_sensitivity_percent,
    frequency_drift_hz,
    relative_sd_percent,
    share_percent,
    water_residual,
)


def test_every_metric_says_what_it_is_and_what_to_do():
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.description.endswith(".")
        assert metric.remedy.endswith(".")
        assert metric.when_missing
        assert not metric.when_missing.endswith(".")  # it ends a sentence of its own


def test_drift_of_a_straight_line_is_nine_tenths_of_its_span():
    # Uniform offsets: the 5th and 95th percentile are 90 % of the span apart, exactly.
    assert frequency_drift_hz(np.linspace(-4.0, 6.0, 301)) == pytest.approx(9.0, rel=1e-12)


def test_drift_ignores_one_wild_transient():
    offsets = np.zeros(100)
    offsets[17] = 500.0
    assert frequency_drift_hz(offsets) == 0.0


@given(st.floats(-1e3, 1e3), st.permutations(list(range(12))))
def test_drift_depends_on_neither_the_carrier_nor_the_order(carrier_hz, order):
    offsets = np.array([0.1, 4.0, -2.0, 7.5, 0.0, 1.0, 2.0, 3.0, -5.0, 6.0, 8.0, 9.0])
    # Rounding of a sum with 1e3 is 1e-13, far below the tolerance.
    moved = frequency_drift_hz(offsets[order] + carrier_hz)
    assert moved == pytest.approx(frequency_drift_hz(offsets), abs=1e-9)


def test_drift_of_one_average_is_not_computable():
    assert math.isnan(frequency_drift_hz(np.array([1.0])))
    assert math.isnan(frequency_drift_hz(np.array([1.0, np.nan])))


def test_water_residual_is_read_at_the_water_line_only():
    ppm = np.linspace(0, 6, 601)
    magnitude = np.zeros(601)
    magnitude[np.abs(ppm - 2.0).argmin()] = 100.0
    magnitude[np.abs(ppm - 4.7).argmin()] = 30.0
    assert water_residual(magnitude, ppm, water_ppm=4.65, naa_height=10.0) == 3.0


def test_water_residual_needs_water_in_the_spectrum_and_an_naa_peak():
    ppm = np.linspace(0, 4.2, 300)
    assert math.isnan(water_residual(np.ones(300), ppm, water_ppm=4.65, naa_height=1.0))
    wide = np.linspace(0, 6, 300)
    assert math.isnan(water_residual(np.ones(300), wide, water_ppm=4.65, naa_height=0.0))


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
