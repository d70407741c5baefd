import numpy as np
import pytest

from glxflow.preprocess.water import water_poles, without_water

F0_MHZ, DWELL_S = 123.25, 5e-4


def decay(ppm, area, width_hz, n_points=2048):
    time_s = np.arange(n_points) * DWELL_S
    return area * np.exp((2j * np.pi * (ppm - 4.65) * F0_MHZ - np.pi * width_hz) * time_s)


@pytest.fixture
def water():
    return decay(4.66, 60.0, 6.0) * np.exp(0.7j) + decay(4.72, 20.0, 15.0)


def test_known_water_is_removed_and_metabolites_stay(session_axis, metabolites, water):
    rng = np.random.default_rng(1)
    noise = 0.05 * (rng.normal(size=(2048, 2)) @ [1, 1j])
    left = without_water(metabolites + water + noise, session_axis)
    error = np.fft.fft(left - metabolites - noise)
    ppm = np.fft.fftfreq(2048, DWELL_S) / F0_MHZ + 4.65
    spectrum = np.abs(np.fft.fft(metabolites))
    in_range = (ppm > 0.2) & (ppm < 4.0)
    # Water was 20 times NAA's area: what is left is below 1 % of NAA under the metabolites.
    assert np.abs(error[in_range]).max() < 0.01 * spectrum.max()


def test_without_water_nothing_is_taken_from_the_metabolites(session_axis, metabolites):
    left = without_water(metabolites, session_axis)
    np.testing.assert_allclose(left, metabolites, atol=2e-3 * np.abs(metabolites[0]))


@pytest.mark.parametrize("filled", [slice(0, 0), slice(0, 1), slice(1000, 2048)])
def test_a_signal_without_any_line_stays_as_it_is(session_axis, filled):
    signal = np.zeros((2, 2048), dtype=complex)
    signal[:, filled] = 1.0
    np.testing.assert_array_equal(without_water(signal, session_axis), signal)


@pytest.mark.parametrize("area", [0.0, 2.0])
def test_noise_is_not_carried_back_to_the_first_sample(session_axis, metabolites, area):
    weak = decay(4.68, area, 8.0)
    errors = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        signal = metabolites + 0.1 * (rng.normal(size=(2048, 2)) @ [1, 1j])
        left = without_water(signal + weak, session_axis)
        errors.append(abs(left[0] - signal[0]) / abs(metabolites[0]))
    # Of two in a hundred it was more than a tenth, up to all of the signal.
    assert max(errors) < (0.05 if area else 1e-12)


def test_removal_is_linear_in_the_transients(session_axis, metabolites, water):
    rng = np.random.default_rng(2)
    strength = rng.uniform(0.5, 1.5, size=(6, 1))
    transients = metabolites + strength * water
    left = without_water(transients, session_axis)
    mean_left = without_water(transients.mean(axis=0), session_axis)
    # With common lines, cleaning the mean and averaging the clean are one thing.
    np.testing.assert_allclose(left.mean(axis=0), mean_left, atol=1e-8 * np.abs(water).max())


def test_poles_are_those_of_the_line(session_axis):
    found = water_poles(decay(4.66, 1.0, 6.0), session_axis)
    truth = np.exp((2j * np.pi * 0.01 * F0_MHZ - np.pi * 6.0) * DWELL_S)
    # A single line without noise is recovered to the ripple of the low pass.
    assert np.abs(found - truth).min() < 1e-6
