import numpy as np
import pytest

from glxflow.fit.lineshape import (
    LARGEST_LOG_RATIO,
    LARGEST_SHIFT_PPM,
    LARGEST_SPLIT,
    gaussian_rate,
    lineshape,
    lineshape_family,
    voigt_fwhm,
    voigt_slopes,
)
from glxflow.fit.shim import Shim

TIME_S = np.arange(500) * 5e-4
F0_MHZ = 123.25


@pytest.mark.parametrize(("own_hz", "bandwidth_hz"), [(0.0, 2e3), (20.0, 2e3), (20.0, 12e3)])
def test_family_rebuilds_shapes_it_was_not_trained_on(own_hz, bandwidth_hz):
    time_s = np.arange(0.25 * bandwidth_hz) / bandwidth_hz
    family = lineshape_family(time_s, F0_MHZ)
    rng = np.random.default_rng(5)
    for _ in range(50):
        shim = Shim(
            fwhm_hz=rng.uniform(0.5, 13.0),
            log_ratio=rng.uniform(-0.9, 0.9) * LARGEST_LOG_RATIO,
            split=rng.uniform(-0.9, 0.9) * LARGEST_SPLIT,
            log_odds=rng.uniform(-1.0, 1.0),
        )
        shape = {
            "gamma_per_s": np.pi * rng.uniform(0.5, 18.0, 1),
            "shift_hz": rng.uniform(-1, 1, 1) * 0.9 * LARGEST_SHIFT_PPM * F0_MHZ,
            "g_per_s2": gaussian_rate(own_hz),
        }
        at_nodes = shim.at(family.node_s).values * lineshape(family.node_s, **shape)
        rebuilt = at_nodes @ family.interpolant.T
        # Far below the noise, which at SNR 100 is a hundredth of the highest line.
        assert np.abs(rebuilt - shim.at(time_s).values * lineshape(time_s, **shape)).max() < 4e-4


def test_family_needs_few_nodes():
    assert lineshape_family(TIME_S, F0_MHZ).node_s.size <= 20


@pytest.mark.parametrize(("lorentzian", "gaussian"), [(4.0, 0.001), (0.001, 6.0), (3.0, 5.0)])
def test_voigt_width_is_that_of_the_transformed_decay(lorentzian, gaussian):
    time_s = np.arange(200_000) * 1e-4
    decay = lineshape(
        time_s, np.array([np.pi * lorentzian]), np.zeros(1), gaussian_rate(gaussian)
    )[0]
    decay[0] /= 2  # the first point counts half in a sum that stands for an integral
    line = np.fft.fftshift(np.fft.fft(decay, 1 << 20).real)
    frequency = np.fft.fftshift(np.fft.fftfreq(1 << 20, 1e-4))
    above = frequency[line > line.max() / 2]
    # Grid of 0.01 Hz on either side, and 0.02 % of the formula.
    assert voigt_fwhm(np.array([lorentzian]), gaussian)[0] == pytest.approx(
        above[-1] - above[0], abs=0.025
    )


def test_voigt_slopes_are_those_of_the_width():
    step = 1e-4
    by_lorentzian = voigt_fwhm(3 + step, 5.0) - voigt_fwhm(3 - step, 5.0)
    by_square = voigt_fwhm(3, np.sqrt(25 + step)) - voigt_fwhm(3, np.sqrt(25 - step))
    # Central differences: their error is of the order of the square of the step.
    expected = np.array([by_lorentzian, by_square]) / (2 * step)
    assert voigt_slopes(3.0, 5.0) == pytest.approx(expected, abs=1e-7)
