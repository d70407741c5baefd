import numpy as np
import pytest

from glxflow.fit.lineshape import gaussian_rate
from glxflow.fit.shim import Shim

TIME_S = np.arange(1, 400) * 5e-4
UNEVEN = Shim(fwhm_hz=6.0, log_ratio=0.7, split=-0.6, log_odds=0.4)


def spectrum(shim, lorentzian_hz=0.0):
    """Return frequencies and the line that a decay stands for."""
    time_s = np.arange(20_000) * 1e-4
    decay = shim.at(time_s).values * np.exp(-np.pi * lorentzian_hz * time_s)
    decay[0] /= 2  # the first point counts half in a sum that stands for an integral
    line = np.fft.fftshift(np.fft.fft(decay, 1 << 19).real)
    return np.fft.fftshift(np.fft.fftfreq(1 << 19, 1e-4)), line


def test_two_equal_gaussians_in_one_place_are_one():
    shim = Shim(fwhm_hz=5.0, log_ratio=0.0, split=0.0, log_odds=1.0)
    assert shim.at(TIME_S).values == pytest.approx(np.exp(-gaussian_rate(5.0) * TIME_S**2))


def test_the_field_is_positive_and_its_mean_is_zero():
    frequency, line = spectrum(UNEVEN)
    assert line.min() > -1e-6 * line.max()
    # Beside a width of 6 Hz.
    assert np.sum(frequency * line) / line.sum() == pytest.approx(0.0, abs=1e-3)


def test_which_gaussian_is_the_first_makes_no_difference():
    other = Shim(fwhm_hz=6.0, log_ratio=-0.7, split=0.6, log_odds=-0.4)
    assert UNEVEN.at(TIME_S).values == pytest.approx(other.at(TIME_S).values)


def test_shape_is_the_same_at_every_width():
    wider = Shim(fwhm_hz=12.0, log_ratio=0.7, split=-0.6, log_odds=0.4)
    assert wider.at(TIME_S / 2).values == pytest.approx(UNEVEN.at(TIME_S).values)


@pytest.mark.parametrize("lorentzian_hz", [0.0, 3.0])
@pytest.mark.parametrize(
    "shim", [UNEVEN, Shim(fwhm_hz=4.0, log_ratio=0.0, split=0.0, log_odds=0.0)]
)
def test_full_width_is_that_of_the_transformed_decay(shim, lorentzian_hz):
    frequency, line = spectrum(shim, lorentzian_hz)
    above = frequency[line > line.max() / 2]
    # Two points of a grid of 0.02 Hz.
    assert shim.full_width_hz(lorentzian_hz) == pytest.approx(above[-1] - above[0], abs=0.04)


def test_slopes_are_the_derivatives_of_the_decay():
    def changed(step):
        return (
            Shim(
                fwhm_hz=UNEVEN.fwhm_hz * np.exp(step[0]),
                log_ratio=UNEVEN.log_ratio + step[1],
                split=UNEVEN.split + step[2],
                log_odds=UNEVEN.log_odds + step[3],
            )
            .at(TIME_S)
            .values
        )

    at_times = UNEVEN.at(TIME_S)
    first, second = at_times.slopes, at_times.curvature()
    decay, steps = at_times.values, 1e-4 * np.eye(4)
    # Of central differences the error is the square of the step, and rounding over its square.
    for row in range(4):
        numeric = (changed(steps[row]) - changed(-steps[row])) / 2e-4
        assert first[row] * decay == pytest.approx(numeric, abs=1e-7)
        for column in range(4):
            up, down = steps[row] + steps[column], steps[row] - steps[column]
            numeric = (changed(up) - changed(down) - changed(-down) + changed(-up)) / 4e-8
            assert second[row, column] * decay == pytest.approx(numeric, abs=1e-5)
