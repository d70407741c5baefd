import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.quantify import water_amplitude
from glxflow.spectrum import Axis, Fid

AXIS = Axis(2048, 5e-4, 123.25, 4.65)


def water(noise_sd, seed=1, width_hz=6.0):
    time_s = AXIS.time_s
    signal = 500 * np.exp((2j * np.pi * 7 - np.pi * width_hz) * time_s - (12 * time_s) ** 2)
    eddy = np.exp(1j * 2.0 * np.exp(-time_s / 0.05))
    noise = np.random.default_rng(seed).normal(scale=noise_sd, size=(2, 2048))
    return Fid(signal * eddy + noise[0] + 1j * noise[1], AXIS)


def test_amplitude_is_that_of_the_echo_top_in_spite_of_eddy_currents():
    found = water_amplitude(water(0.0))
    assert found.value == pytest.approx(500, rel=1e-6)  # the model is exact


@pytest.mark.parametrize("width_hz", [6.0, 40.0])
def test_amplitude_scatters_as_its_sd_says(width_hz):
    """Of broad lines eight points are fitted, by a parabola that takes three of them."""
    found = [water_amplitude(water(2.0, seed, width_hz)) for seed in range(300)]
    scatter = np.std([one.value for one in found], ddof=1)
    # 300 draws know an SD to 4 %; allow three of that.
    assert scatter == pytest.approx(np.sqrt(np.mean([one.sd**2 for one in found])), rel=0.13)
    assert np.mean([one.value for one in found]) == pytest.approx(500, abs=4 * scatter / 300**0.5)


@pytest.mark.parametrize(
    ("share", "apart_hz", "width_hz"), [(0.3, 12.0, 6.0), (0.45, 15.0, 6.0), (0.25, 25.0, 14.0)]
)
def test_a_shoulder_of_the_shim_does_not_move_the_amplitude(share, apart_hz, width_hz):
    time_s = AXIS.time_s
    shim = np.exp(-((np.pi * width_hz * time_s) ** 2) / (4 * np.log(2)))
    beat = 1 - share + share * np.exp(2j * np.pi * apart_hz * time_s)
    assert water_amplitude(Fid(500 * beat * shim, AXIS)).value == pytest.approx(500, rel=0.01)


@pytest.mark.parametrize("width_hz", [30.0, 60.0])
def test_water_of_broad_lines_has_an_amplitude(width_hz):
    broad = Fid(500 * np.exp(-np.pi * width_hz * AXIS.time_s), AXIS)
    assert water_amplitude(broad).value == pytest.approx(500, rel=1e-6)


def test_a_dead_first_point_is_left_out():
    samples = water(0.0).samples
    damped = np.concatenate([[0.3 * samples[0]], samples[1:]])
    assert water_amplitude(Fid(damped, AXIS)).value == pytest.approx(500, rel=1e-6)


def test_empty_water_is_an_error():
    with pytest.raises(DataError, match="water reference"):
        water_amplitude(Fid(np.zeros(2048), AXIS))
