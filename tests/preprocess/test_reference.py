import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.preprocess.band import SINGLETS, band_mask
from glxflow.preprocess.reference import (
    LEAST_MATCH,
    MOST_TURNED_DEG,
    fit_comb,
    is_conjugated,
    phase_of_free_heights,
)
from glxflow.spectrum import Axis


@pytest.mark.parametrize("offset_ppm", [-0.3, -0.017, 0.0, 0.17])
@pytest.mark.parametrize("phase_rad", [-2.5, 0.0, 1.0])
def test_a_known_offset_and_phase_are_found(session_axis, metabolites, offset_ppm, phase_rad):
    offset_hz = offset_ppm * session_axis.spectrometer_frequency_mhz
    moved = metabolites * np.exp(1j * (2 * np.pi * offset_hz * session_axis.time_s + phase_rad))
    base, found = fit_comb(metabolites, session_axis), fit_comb(moved, session_axis)
    # Beside what the neighbours do to the unmoved spectrum, only the window's edges differ.
    assert found.offset_ppm - base.offset_ppm == pytest.approx(offset_ppm, abs=0.0005)
    turn = np.exp(1j * (found.phase_rad - base.phase_rad - phase_rad))
    assert np.angle(turn) == pytest.approx(0, abs=0.005)
    assert abs(base.offset_ppm) < 0.004


@pytest.mark.parametrize("snr", [5.0, 20.0])
def test_conjugation_is_told_at_low_signal_to_noise(session_axis, metabolites, snr):
    rng = np.random.default_rng(1)
    height = np.abs(np.fft.fft(metabolites)).max()
    for _ in range(20):
        noise = rng.normal(size=(2048, 2)) @ [1, 1j] * height / (snr * 2048**0.5)
        assert not is_conjugated(metabolites + noise, session_axis)
    assert is_conjugated((metabolites + noise).conj(), session_axis) is (snr > 10)


def test_noise_is_neither_recognised_nor_called_conjugated(session_axis):
    rng = np.random.default_rng(2)
    for _ in range(20):
        noise = rng.normal(size=(2048, 2)) @ [1, 1j]
        assert fit_comb(noise, session_axis).match < LEAST_MATCH
        assert not is_conjugated(noise, session_axis)


def test_zeros_match_nothing(session_axis):
    assert fit_comb(np.zeros(2048), session_axis).match == 0


def test_a_spectrum_that_misses_the_metabolites_is_an_error():
    elsewhere = Axis(2048, 5e-4, 123.25, 40.0)
    with pytest.raises(DataError, match=r"only 0 points .* between 1.8 and 4.2 ppm"):
        band_mask(elsewhere, SINGLETS)


def wide(axis, heights, width_hz=15.0):
    place_hz = [axis.hz(ppm) for ppm in (2.008, 3.027, 3.913, 3.212)]
    decays = np.exp(np.outer(2j * np.pi * np.array(place_hz) - np.pi * width_hz, axis.time_s))
    return np.asarray(heights) @ decays


def test_free_heights_agree_with_the_comb_in_a_healthy_brain(session_axis, metabolites):
    for spectrum in (metabolites, wide(session_axis, (1.0, 0.7, 0.45, 0.5))):
        comb = fit_comb(spectrum, session_axis)
        turned_rad = phase_of_free_heights(spectrum, session_axis, comb)
        assert abs(np.degrees(turned_rad)) < 10


def test_a_comb_that_is_turned_by_other_heights_is_noticed(session_axis):
    # NAA and creatine low, choline high and wide: the truth has phase 0.
    tumour = wide(session_axis, (0.2, 0.4, 0.26, 1.2))
    comb = fit_comb(tumour, session_axis)
    turned_rad = phase_of_free_heights(tumour, session_axis, comb)
    assert abs(np.degrees(comb.phase_rad)) > MOST_TURNED_DEG
    assert abs(np.degrees(comb.phase_rad + turned_rad)) < 10
