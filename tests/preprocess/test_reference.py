import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.preprocess.band import SINGLETS, band_mask
from glxflow.preprocess.reference import LEAST_MATCH, fit_comb, is_conjugated
from glxflow.spectrum import Axis


@pytest.mark.parametrize("offset_ppm", [-0.3, -0.017, 0.0, 0.17])
@pytest.mark.parametrize("phase_rad", [-2.5, 0.0, 1.0])
def test_a_known_offset_and_phase_are_found(session_axis, metabolites, offset_ppm, phase_rad):
    offset_hz = offset_ppm * session_axis.spectrometer_frequency_mhz
    moved = metabolites * np.exp(1j * (2 * np.pi * offset_hz * session_axis.time_s + phase_rad))
    base, found = fit_comb(metabolites, session_axis), fit_comb(moved, session_axis)
    # Beside what the neighbours do to the unmoved spectrum, only the window's edges differ.
    assert found.offset_ppm - base.offset_ppm == pytest.approx(offset_ppm, abs=0.004)
    turn = np.exp(1j * (found.phase_rad - base.phase_rad - phase_rad))
    assert np.angle(turn) == pytest.approx(0, abs=0.15)
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
