import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.fit.noise import expected_signal, noise_doubts, noise_sd
from glxflow.spectrum import SIGNAL_PPM, Axis, Fid

AXIS = Axis(4096, 1 / 12000, 297.2, 4.65)
SIGMA = 0.3


def noise(axis=AXIS, seed=1):
    rng = np.random.default_rng(seed)
    return SIGMA * (rng.normal(size=axis.n_points) + 1j * rng.normal(size=axis.n_points))


def test_noise_is_that_of_the_real_spectrum_beside_strong_lines():
    line = 50 * np.exp((2j * np.pi * AXIS.hz(2.008) - 30) * AXIS.time_s)
    expected = SIGMA * np.sqrt(AXIS.n_points)
    found = [noise_sd(Fid(line + noise(seed=seed), AXIS)) for seed in range(8)]
    assert np.mean(found) == pytest.approx(expected, rel=0.05)


def test_noise_is_told_next_to_the_signals_where_a_filter_damps_the_ends():
    damping = np.clip(1.75 - 1.5 * np.abs(np.linspace(-1, 1, AXIS.n_points)), 0.2, 1.0)
    spectrum = np.fft.fftshift(np.fft.fft(noise())) * damping
    fid = Fid(np.fft.ifft(np.fft.ifftshift(spectrum)), AXIS)
    assert noise_sd(fid) == pytest.approx(SIGMA * np.sqrt(AXIS.n_points), rel=0.1)


@pytest.mark.parametrize("beyond_ppm", [-1.5, 1.5])
def test_an_artefact_beside_the_signals_is_no_noise(beyond_ppm):
    place = SIGNAL_PPM[int(beyond_ppm > 0)] + beyond_ppm
    line = 50 * np.exp((2j * np.pi * AXIS.hz(place) - 30) * AXIS.time_s)
    expected = SIGMA * np.sqrt(AXIS.n_points)
    assert noise_sd(Fid(line + noise(), AXIS)) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("n_points", [1024, 2048])
def test_the_quieter_of_two_sides_is_not_less_than_the_noise(n_points):
    axis = Axis(n_points, 1 / 2000, 123.2, 4.65)
    found = [noise_sd(Fid(noise(axis, seed=seed), axis)) for seed in range(1500)]
    # One has an SD of 4 % with 1024 points, the mean of 1500 of 0.1; the smaller alone is 2.6 low.
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(SIGMA * np.sqrt(n_points), rel=4e-3)


def test_of_unlike_sides_the_quieter_one_is_the_noise():
    axis = Axis(2048, 1 / 2000, 123.2, 4.65)
    found = []
    for seed in range(300):
        spectrum = np.fft.fftshift(np.fft.fft(noise(axis, seed=seed)))
        louder = np.where(axis.ppm > axis.reference_ppm, 3 * spectrum, spectrum)
        found.append(noise_sd(Fid(np.fft.ifft(np.fft.ifftshift(louder)), axis)))
    # One has an SD of 3 %, the mean of 300 of 0.2; chance makes it no smaller than it is.
    assert np.mean(found) == pytest.approx(SIGMA * np.sqrt(2048), rel=6e-3)


@pytest.mark.parametrize("bandwidth_hz", [1000, 1200, 2000, 6000])
def test_a_narrow_band_has_its_ends_for_noise(bandwidth_hz):
    axis = Axis(1024, 1 / bandwidth_hz, 123.2, 4.65)
    assert noise_sd(Fid(noise(axis), axis)) == pytest.approx(SIGMA * 32, rel=0.15)


def test_an_expected_signal_explains_what_the_true_one_does():
    """Signals fill a tenth of the band; the regressor is their slope by a Gaussian width."""
    inside = np.abs(np.arange(AXIS.n_points) - AXIS.n_points // 2) < AXIS.n_points // 20

    def in_band(samples):
        return np.fft.fftshift(np.fft.fft(samples))[inside]

    share = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        spectrum = np.zeros(AXIS.n_points, dtype=complex)
        spectrum[inside] = rng.normal(size=(inside.sum(), 2)).view(complex)[:, 0]
        signal = 100 * np.fft.ifft(np.fft.ifftshift(spectrum)) * np.exp(-20 * AXIS.time_s)
        fid = Fid(signal + noise(seed=100 + seed), AXIS)
        for samples in (fid.samples, expected_signal(fid, SIGMA**2, inside.mean())):
            found, true = (in_band(AXIS.time_s**2 * one) for one in (samples, signal))
            share.append(np.vdot(found, true).real / np.vdot(found, found).real)
    of_noisy, of_expected = np.reshape(share, (8, 2)).mean(axis=0)
    assert of_noisy < 0.1
    # What is left is by the scatter of the power, which is read from 240 samples.
    assert of_expected == pytest.approx(1.0, abs=0.15)


def test_of_noise_no_signal_is_expected():
    expected = expected_signal(Fid(noise(), AXIS), SIGMA**2, 1.0)
    assert np.sum(np.abs(expected) ** 2) < 1e-3 * AXIS.n_points * SIGMA**2


def test_a_signal_without_noise_is_refused():
    line = np.exp((2j * np.pi * AXIS.hz(2.008) - 30) * AXIS.time_s)
    with pytest.raises(DataError, match="holds no noise where no signal is"):
        noise_sd(Fid(line, AXIS))


@pytest.mark.parametrize("broadening_hz", [1.3, 2.0, 5.0])
def test_apodised_signals_are_doubted(broadening_hz):
    samples = noise() * np.exp(-np.pi * broadening_hz * AXIS.time_s)
    (flag,) = noise_doubts(Fid(samples, AXIS))
    assert flag.code == "APODISED"


@pytest.mark.parametrize("left", [1e-8, 0.0])
def test_of_noise_that_a_filter_took_away_no_ratio_is_printed(left):
    samples = noise() * np.where(AXIS.time_s < AXIS.time_s[-1] / 2, 1.0, left)
    (flag,) = noise_doubts(Fid(samples, AXIS))
    assert "is more than 100 times that of the last" in flag.message


@pytest.mark.parametrize("n_points", [512, 1024, 4096])
def test_signals_as_acquired_are_not(n_points):
    axis = Axis(n_points, 5e-4, 123.2, 4.65)
    line = 50 * np.exp((2j * np.pi * axis.hz(2.008) - 10) * axis.time_s)
    for seed in range(20):
        assert not list(noise_doubts(Fid(line + noise(axis, seed), axis)))


@pytest.mark.parametrize("f0_mhz", [63.9, 123.2, 297.2])
@pytest.mark.parametrize("bandwidth_hz", [1000, 1200, 2000, 2500])
def test_signals_in_the_ends_of_a_narrow_band_are_no_apodisation(f0_mhz, bandwidth_hz):
    axis = Axis(2048, 1 / bandwidth_hz, f0_mhz, 4.65)
    inside = (ppm for ppm in (0.9, 1.3, 2.0, 6.8, 7.8, 8.2) if axis.ppm[0] < ppm < axis.ppm[-1])
    line = sum(50 * np.exp((2j * np.pi * axis.hz(ppm) - 40) * axis.time_s) for ppm in inside)
    for seed in range(5):
        assert not list(noise_doubts(Fid(line + noise(axis, seed), axis)))
