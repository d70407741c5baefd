import numpy as np
import pytest

from glxflow.preprocess.metrics import fwhm_hz, noise_sd, snr, water_residual
from glxflow.spectrum import Axis


def line(axis, ppm, width_hz, area=1.0):
    return area * np.exp((2j * np.pi * axis.hz(ppm) - np.pi * width_hz) * axis.time_s)


@pytest.mark.parametrize("width_hz", [3.0, 6.0, 12.0])
@pytest.mark.parametrize("phase_rad", [0.0, 2.0])
def test_a_lorentzian_has_its_width(session_axis, width_hz, phase_rad):
    fid = line(session_axis, 2.008, width_hz) * np.exp(1j * phase_rad)
    # The polynomial between the lines is 2 % of a line's height beside one of 12 Hz.
    assert fwhm_hz(fid, session_axis) == pytest.approx(width_hz, rel=0.05)


def test_noise_is_that_of_the_real_spectrum(session_axis):
    rng = np.random.default_rng(1)
    fid = 0.3 * (rng.normal(size=(2048, 2)) @ [1, 1j]) + line(session_axis, 2.0, 5.0, 50.0)
    # 0.3 per channel and sample; a median over 800 values is within 5 %.
    assert noise_sd(fid, session_axis) == pytest.approx(0.3 * 2048**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("bandwidth_hz", "f0_mhz"), [(1200, 123.25), (1000, 123.25), (2000, 297.2)]
)
def test_a_narrow_band_has_its_downfield_end_for_noise(bandwidth_hz, f0_mhz):
    axis = Axis(1024, 1 / bandwidth_hz, f0_mhz, 4.65)
    rng = np.random.default_rng(6)
    noise = 0.3 * (rng.normal(size=(1024, 2)) @ [1, 1j])
    found = noise_sd(line(axis, 2.0, 5.0, 50.0) + noise, axis)
    assert found == pytest.approx(0.3 * 32, rel=0.2)


def test_noise_is_told_next_to_the_signals_where_a_filter_damps_the_ends():
    axis = Axis(4096, 1 / 12000, 297.2, 4.65)
    rng = np.random.default_rng(5)
    spectrum = np.fft.fftshift(np.fft.fft(rng.normal(size=(4096, 2)) @ [1, 1j]))
    spectrum *= np.clip(1.75 - 1.5 * np.abs(np.linspace(-1, 1, 4096)), 0.2, 1.0)
    fid = np.fft.ifft(np.fft.ifftshift(spectrum))
    assert noise_sd(fid, axis) == pytest.approx(4096**0.5, rel=0.08)


def test_signal_to_noise_is_height_over_noise(session_axis):
    rng = np.random.default_rng(2)
    clean = line(session_axis, 2.008, 5.0)
    height = np.abs(np.fft.fft(clean)).max()
    sd = height / (50 * 2048**0.5)
    found = snr(clean + sd * (rng.normal(size=(2048, 2)) @ [1, 1j]), session_axis)
    # 4 % for the estimate of the noise, 2 % for noise on the peak, 3 % for the polynomial.
    assert found == pytest.approx(50, rel=0.12)


def test_signal_to_noise_does_not_see_a_tail_of_water(session_axis):
    rng = np.random.default_rng(3)
    fid = line(session_axis, 2.008, 5.0) + 0.005 * (rng.normal(size=(2048, 2)) @ [1, 1j])
    watery = fid + line(session_axis, 4.66, 8.0, 20.0)
    assert snr(watery, session_axis) == pytest.approx(snr(fid, session_axis), rel=0.05)


def test_residual_water_is_relative_to_naa(session_axis):
    fid = line(session_axis, 2.008, 5.0) + line(session_axis, 4.68, 5.0, 0.5)
    # Equal widths: heights are as the areas, up to half a bin of sampling.
    assert water_residual(fid, session_axis) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(("ppm", "is_water"), [(4.56, True), (4.8, True), (4.3, False)])
def test_residual_water_is_looked_for_near_water_only(session_axis, ppm, is_water):
    fid = line(session_axis, 2.008, 5.0) + line(session_axis, ppm, 5.0, 0.5)
    assert (water_residual(fid, session_axis) > 0.4) == is_water


def test_what_cannot_be_known_is_nan():
    narrow = Axis(512, 1 / 500, 123.25, 3.0)  # 1 to 5 ppm: no region without signal
    fid = np.exp((2j * np.pi * narrow.hz(2.008) - 15) * narrow.time_s)
    assert np.isnan(noise_sd(fid, narrow))
    assert np.isnan(snr(fid, narrow))
    assert np.isnan(fwhm_hz(np.zeros(512), narrow))
