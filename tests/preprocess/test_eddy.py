from dataclasses import replace

import numpy as np
import pytest

from glxflow.preprocess.eddy import gain, is_helpful, phase_deviation
from glxflow.preprocess.reference import COMB_PPM
from glxflow.spectrum import Fid


def decay(axis, offset_hz=3.0, width_hz=7.0):
    return np.exp((2j * np.pi * offset_hz - np.pi * width_hz) * axis.time_s + 0.8j)


def deviation_of(water, axis):
    return phase_deviation(Fid(water, axis), axis)


def test_a_pure_line_has_no_deviation(session_axis):
    assert np.abs(deviation_of(decay(session_axis), session_axis)).max() < 1e-6


def test_a_known_deviation_is_found_up_to_a_straight_line(session_axis):
    truth = 0.8 * np.exp(-session_axis.time_s / 0.04)
    found = deviation_of(decay(session_axis) * np.exp(1j * truth), session_axis)
    reliable = session_axis.time_s < 0.15  # water is above 4 % of its start there
    rest = (found - truth)[reliable]
    line = np.polyval(
        np.polyfit(session_axis.time_s[reliable], rest, 1), session_axis.time_s[reliable]
    )
    # Smoothing over 2 ms rounds the first samples, by the slope of 20 rad/s times 2 ms.
    np.testing.assert_allclose(rest, line, atol=0.04)


def test_noise_after_the_decay_is_not_written_into_the_metabolites(session_axis):
    rng = np.random.default_rng(1)
    noisy = decay(session_axis) + 0.005 * (rng.normal(size=(2048, 2)) @ [1, 1j])
    late = deviation_of(noisy, session_axis)[1000:]
    assert np.ptp(late) == 0


@pytest.mark.parametrize("n_empty", [1, 3, 40])
def test_samples_before_the_signal_hide_no_deviation(session_axis, n_empty):
    truth = 0.8 * np.exp(-session_axis.time_s / 0.04)
    water = decay(session_axis) * np.exp(1j * truth)
    late = np.concatenate([np.full(n_empty, 1e-6), water[:-n_empty]])
    expected = deviation_of(water, session_axis)
    found = deviation_of(late, session_axis)
    assert (found[:n_empty] == found[n_empty]).all()
    # The end of water's decay moves out by as many samples, and the line with it.
    np.testing.assert_allclose(found[n_empty:300], expected[: 300 - n_empty], atol=0.01)


@pytest.mark.parametrize("n_points", [700, 2048, 4096])
def test_the_spectra_may_be_shorter_or_longer_than_the_reference(session_axis, n_points):
    truth = 0.8 * np.exp(-session_axis.time_s / 0.04)
    water = Fid(decay(session_axis) * np.exp(1j * truth), session_axis)
    expected = phase_deviation(water, session_axis)
    found = phase_deviation(water, replace(session_axis, n_points=n_points))
    assert found.shape == (n_points,)
    n_both = min(n_points, session_axis.n_points)
    np.testing.assert_array_equal(found[:n_both], expected[:n_both])
    assert (found[n_both:] == expected[-1]).all()


def test_a_reference_of_another_dwell_time_has_no_phase_for_the_spectra(session_axis):
    water = Fid(decay(session_axis), session_axis)
    assert phase_deviation(water, replace(session_axis, dwell_time_s=4e-4)) is None


def test_gain_is_positive_where_the_correction_is_right(session_axis, metabolites):
    deviation = 2.0 * np.exp(-session_axis.time_s / 0.05)
    distorted = metabolites * np.exp(1j * deviation)
    assert gain(distorted, deviation, session_axis) > 0.02
    assert gain(metabolites, deviation, session_axis) < -0.02


def test_gain_is_the_share_of_what_was_unexplained(session_axis):
    # Singlets of one width and of the heights of the comb: a right correction explains all.
    pure = np.array([1.0, 0.7, 0.5, 0.4]) @ [
        np.exp((2j * np.pi * session_axis.hz(ppm) - np.pi * 5.5) * session_axis.time_s)
        for ppm in COMB_PPM.values()
    ]
    deviation = 0.5 * np.exp(-session_axis.time_s / 0.05)
    assert gain(pure * np.exp(1j * deviation), deviation, session_axis) > 0.9


def test_the_noise_of_the_phase_is_smoothed_over_2_ms(session_axis):
    water = decay(session_axis, width_hz=1.0)
    noise = 0.05 * np.random.default_rng(3).normal(size=water.size)
    found = deviation_of(water * np.exp(1j * noise), session_axis)[50:1500]
    # A Gaussian whose SD is 4 samples leaves 1 / sqrt(2 sqrt(pi) 4) of white noise.
    assert found.std() == pytest.approx(0.05 / np.sqrt(2 * np.sqrt(np.pi) * 4), rel=0.15)


def test_gain_of_an_unrecognised_spectrum_is_unknown(session_axis):
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(2048, 2)) @ [1, 1j]
    assert np.isnan(gain(noise, np.zeros(2048), session_axis))


@pytest.mark.parametrize(
    ("share", "n_coils", "expected"),
    [
        (0.1, 1, True),
        (0.0, 1, False),
        (0.0, 8, True),
        (-0.1, 8, False),
        (float("nan"), 8, False),
    ],
)
def test_the_decision_depends_on_where_the_data_come_from(share, n_coils, expected):
    assert is_helpful(share, n_coils) is expected
