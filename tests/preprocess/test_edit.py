import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.preprocess.edit import choline_artefact, edit, split_alternating
from glxflow.spectrum import Series


def gaba(axis):
    """The outer lines of GABA at 3.01 ppm, inverted in OFF: what editing shows."""
    decays = [
        np.exp((2j * np.pi * (axis.hz(3.01) + step) - 7 * np.pi) * axis.time_s)
        for step in (-7.3, 7.3)
    ]
    return 0.15 * sum(decays)


@pytest.fixture
def conditions(session_axis, metabolites):
    """Return ON and OFF transients: NAA saturated in ON, GABA of opposite sign."""
    naa = 3.0 * np.exp((2j * np.pi * session_axis.hz(2.008) - 5 * np.pi) * session_axis.time_s)
    on = metabolites - naa + gaba(session_axis)
    off = metabolites - gaba(session_axis)
    return on, off


def series(fid, axis, rng, n_transients=64, offset_hz=0.0, phase_rad=0.0, noise=1e-3):
    turn = np.exp(1j * (2 * np.pi * offset_hz * axis.time_s + phase_rad))
    shape = (1, n_transients, axis.n_points, 2)
    samples = fid * turn + noise * (rng.normal(size=shape) @ [1, 1j])
    return Series(samples, axis, np.arange(n_transients) * 2.0, 0.068, 2.0)


@pytest.mark.parametrize("is_swapped", [False, True])
def test_the_difference_is_that_of_the_truth_whatever_the_order(
    session_axis, conditions, is_swapped
):
    rng = np.random.default_rng(1)
    parts = [
        series(conditions[0], session_axis, rng, offset_hz=1.2, phase_rad=0.15),
        series(conditions[1], session_axis, rng),
    ]
    found = edit(*(parts[::-1] if is_swapped else parts))
    truth = np.fft.fft(conditions[0] - conditions[1])
    error = np.fft.fft(found.difference.samples) - truth
    # Neighbours under choline bias its match by some hundredths of a Hz.
    assert np.abs(error).max() < 0.03 * np.abs(np.fft.fft(conditions[1])).max()
    assert found.offset_hz == pytest.approx(1.2, abs=0.1)


def test_alignment_takes_the_artefact_off_choline(session_axis, conditions):
    rng = np.random.default_rng(2)
    on = series(conditions[0], session_axis, rng, offset_hz=1.0, phase_rad=0.1)
    off = series(conditions[1], session_axis, rng)
    raw = choline_artefact(on.samples[0].mean(axis=0), off.samples[0].mean(axis=0), session_axis)
    assert raw > 0.2
    assert edit(on, off).choline_artefact < 0.05  # GABA's tails stay in the difference


def test_half_the_sum_keeps_what_is_not_edited(session_axis, conditions):
    rng = np.random.default_rng(3)
    found = edit(*(series(fid, session_axis, rng) for fid in conditions))
    mean = (conditions[0] + conditions[1]) / 2
    # Noise of 128 transients with an SD of 1e-3 each, and the match at choline.
    np.testing.assert_allclose(found.total.samples, mean, atol=5e-3 * np.abs(mean[0]))


def test_alternating_transients_are_split(session_axis, conditions):
    rng = np.random.default_rng(4)
    both = series(np.stack([*conditions] * 3), session_axis, rng, n_transients=6)
    even, odd = split_alternating(both)
    np.testing.assert_array_equal(even.onset_s, [0, 4, 8])
    np.testing.assert_array_equal(odd.samples, both.samples[:, 1::2])


def test_an_odd_number_of_transients_is_an_error(session_axis, conditions):
    with pytest.raises(DataError, match="5 transients cannot be pairs"):
        split_alternating(series(conditions[0], session_axis, np.random.default_rng(5), 5))


def test_two_equal_conditions_are_an_error(session_axis, conditions):
    rng = np.random.default_rng(6)
    with pytest.raises(DataError, match=r"NAA in one condition is (99|100)% of that"):
        edit(*(series(conditions[1], session_axis, rng) for _ in range(2)))


def test_conditions_of_different_length_are_an_error(session_axis, conditions):
    rng = np.random.default_rng(7)
    on, off = conditions
    with pytest.raises(DataError, match="4 transients in one condition and 3"):
        edit(series(on, session_axis, rng, 4), series(off, session_axis, rng, 3))
