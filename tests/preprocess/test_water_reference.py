from dataclasses import replace

import numpy as np
import pytest

from glxflow.preprocess.water_reference import LEAST_WATER, broad_hz, mean_water, tallest_line


@pytest.fixture
def water(session_axis):
    """One decay of 7 Hz with an eddy current, 2 Hz off its frequency."""
    time_s = session_axis.time_s
    return np.exp((4j - 7) * np.pi * time_s + 0.8j * np.exp(-time_s / 0.05))


def moved(water, axis, offset_hz, phase_rad):
    return water * np.exp(1j * (2 * np.pi * offset_hz * axis.time_s + phase_rad))


@pytest.mark.parametrize("spread_hz", [0.0, 3.0, 20.0])
def test_references_of_other_frequencies_average_to_one_of_them(water, session_axis, spread_hz):
    rng = np.random.default_rng(1)
    offset_hz = np.linspace(0, spread_hz, 8)
    references = np.array(
        [moved(water, session_axis, hz, hz + index) for index, hz in enumerate(offset_hz)]
    )
    noise = 1e-3 * (rng.normal(size=(8, water.size, 2)) @ [1, 1j])
    found = mean_water(references + noise, session_axis)
    assert found.left_out == ()
    # A water of SNR 1000 shows its frequency within hundredths of a Hz over 50 ms.
    np.testing.assert_allclose(found.offset_hz, offset_hz, atol=0.05)
    early = slice(0, 400)  # 5 % of the start are left after it
    np.testing.assert_allclose(found.samples[early], water[early], atol=0.005)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.6, 1.5, 3.0])
@pytest.mark.parametrize("n_references", [3, 8])
def test_a_reference_unlike_the_others_is_left_out(water, session_axis, level, n_references):
    references = np.tile(water, (n_references, 1))
    references[0] *= level
    found = mean_water(references, session_axis)
    assert found.left_out == (0,)
    np.testing.assert_allclose(found.samples, water)


@pytest.mark.parametrize("silent", [0, 1])
@pytest.mark.parametrize("level", [0.0, 0.01])
def test_of_two_references_the_one_with_signal_counts(water, session_axis, silent, level):
    references = np.tile(water, (2, 1))
    references[silent] *= level
    found = mean_water(references, session_axis)
    assert found.left_out == (silent,)
    np.testing.assert_allclose(found.samples, water)


def test_where_most_references_are_silent_the_rest_counts(water, session_axis):
    references = np.zeros((8, water.size), dtype=complex)
    references[2] = water
    found = mean_water(references, session_axis)
    assert found.left_out == (0, 1, 3, 4, 5, 6, 7)
    np.testing.assert_allclose(found.samples, water)


@pytest.mark.parametrize("n_references", [2, 4])
@pytest.mark.parametrize("level", [1.06, 1.24, 1.8])
def test_water_before_its_steady_state_is_left_out(water, session_axis, level, n_references):
    references = np.tile(water, (n_references, 1))
    references[0] *= level  # brain at TR 2 s: 1.24, at 1 s: 1.8
    found = mean_water(references, session_axis)
    assert found.left_out == (0,)
    assert found.unsaturated == pytest.approx(level**2)
    np.testing.assert_allclose(found.samples, water)


@pytest.mark.parametrize(("repetition_time_s", "n_used"), [(2.0, 1), (1.0, 2), (np.nan, 2)])
def test_what_the_repetition_cannot_explain_is_no_steady_state(
    water, session_axis, repetition_time_s, n_used
):
    # 2.8 times the energy: after a pause before 2 s at most 2.
    found = mean_water(np.outer((1.0, 0.6, 0.6), water), session_axis, repetition_time_s)
    assert np.isnan(found.unsaturated) == (n_used == 1)


@pytest.mark.parametrize("levels", [(1.04, 1, 1), (0.9, 1, 1), (1, 1.24, 1), (1.24,)])
def test_other_differences_between_references_tell_nothing_of_a_steady_state(
    water, session_axis, levels
):
    found = mean_water(np.outer(levels, water), session_axis)
    assert found.left_out == ()
    assert np.isnan(found.unsaturated)


@pytest.mark.parametrize("offset_ppm", [-2.3, 0.0, 2.3])
def test_water_is_known_wherever_it_stands(session_axis, metabolites, offset_ppm):
    offset_hz = offset_ppm * session_axis.spectrometer_frequency_mhz
    decay = np.exp((2j * np.pi * offset_hz - 10 * np.pi) * session_axis.time_s)
    # NAA has the area 3; water 700 times that of NAA, and suppressed to 15 times.
    samples = metabolites + np.array([[[2100.0]], [[45.0]]]) * decay
    unsuppressed, suppressed = (
        tallest_line(one[np.newaxis], session_axis).over_rest for one in samples
    )
    assert suppressed < LEAST_WATER < unsuppressed


@pytest.mark.parametrize(("level", "is_water"), [(700.0, True), (15.0, False)])
def test_water_is_known_at_a_low_field_where_it_is_wide_in_ppm(session_axis, level, is_water):
    axis = replace(session_axis, spectrometer_frequency_mhz=63.9)
    # Areas over that of NAA: creatine's CH3 has two thirds.
    areas = ((2.008, 1.0), (3.027, 0.67), (4.65, level))
    samples = sum(
        area * np.exp((2j * np.pi * axis.hz(ppm) - 16 * np.pi) * axis.time_s)
        for ppm, area in areas
    )
    assert (
        tallest_line(samples[np.newaxis, np.newaxis], axis).over_rest > LEAST_WATER
    ) is is_water


def test_water_is_known_at_a_high_field_where_it_is_wide_in_hz(session_axis):
    axis = replace(session_axis, spectrometer_frequency_mhz=297.2)
    water = np.exp((2j * np.pi * axis.hz(4.65) - 40 * np.pi) * axis.time_s)
    assert tallest_line(water[np.newaxis, np.newaxis], axis).over_rest > LEAST_WATER


@pytest.mark.parametrize("f0_mhz", [63.9, 123.25, 297.2])
@pytest.mark.parametrize("width_hz", [8.0, 30.0, 40.0, 60.0])
@pytest.mark.parametrize("shape", ["Gaussian", "Lorentzian"])
def test_broad_water_is_water(session_axis, f0_mhz, width_hz, shape):
    axis = replace(session_axis, spectrometer_frequency_mhz=f0_mhz)
    decay = np.exp(
        -((np.pi * width_hz * axis.time_s) ** 2) / (4 * np.log(2))
        if shape == "Gaussian"
        else -np.pi * width_hz * axis.time_s
    )
    noise = np.random.default_rng(3).normal(scale=1e-4, size=(2, axis.n_points))
    samples = decay + noise[0] + 1j * noise[1]
    assert tallest_line(samples[np.newaxis, np.newaxis], axis).over_rest > LEAST_WATER


@pytest.mark.parametrize(("width_hz", "is_broad"), [(8.0, False), (16.0, False), (50.0, True)])
def test_the_width_of_water_is_known(session_axis, width_hz, is_broad):
    water = np.exp(-np.pi * width_hz * session_axis.time_s)
    line = tallest_line(water[np.newaxis, np.newaxis], session_axis)
    assert (line.width_hz > broad_hz(session_axis)) is is_broad


@pytest.mark.parametrize(("width_hz", "is_broad"), [(20.0, False), (26.0, True)])
def test_a_gaussian_line_of_water_is_broad_from_23_hz_on(session_axis, width_hz, is_broad):
    decay = np.exp(-((np.pi * width_hz * session_axis.time_s) ** 2) / (4 * np.log(2)))
    line = tallest_line(decay[np.newaxis, np.newaxis], session_axis)
    assert (line.width_hz > broad_hz(session_axis)) is is_broad


def test_a_line_without_a_width_is_as_wide_as_the_window_makes_it(session_axis):
    line = tallest_line(np.ones((1, 1, session_axis.n_points)), session_axis)
    # A Hann window over 0.2 s has a full width of 2 / 0.2 s; the grid is 2.5 Hz.
    assert line.width_hz == pytest.approx(10.0, abs=2.5)


def test_the_coil_that_sees_water_best_has_the_say(water, session_axis):
    noise = np.random.default_rng(5).normal(size=(2, session_axis.n_points, 2)) @ [1, 1j]
    coils = np.stack([noise[0], 100 * water + noise[1]])
    alone, both = (tallest_line(one[:, np.newaxis], session_axis) for one in (coils[1:], coils))
    assert both == alone


def test_broad_remains_of_suppressed_water_are_no_reference(session_axis, metabolites):
    # NAA has the area 3, and the remains 15 times that: more than any of seven scans has.
    remains = 45.0 * np.exp(-np.pi * 40.0 * session_axis.time_s)
    line = tallest_line((metabolites + remains)[np.newaxis, np.newaxis], session_axis)
    assert line.over_rest < LEAST_WATER / 2
