"""Which parameters are of one minimum, and where the other one is looked for."""

import numpy as np
import pytest

from glxflow.fit.minima import are_apart, may_hide_shoulder, shoulders, wide_lines
from glxflow.fit.prior import SHARED
from glxflow.fit.shim import Shim


@pytest.fixture
def theta(model):
    """Return the parameters of a field with a shoulder."""
    theta = model.prior.mean.copy()
    values = {"phase_rad": 0.3, "log_ratio": 0.4, "split": 0.9, "log_odds": -0.8, "shift_hz": 0.5}
    theta[[SHARED.index(name) for name in values]] = list(values.values())
    return theta


def of_shim(theta):
    return Shim(1.0, *(theta[SHARED.index(name)] for name in ("log_ratio", "split", "log_odds")))


def test_which_gaussian_of_the_shim_is_the_first_makes_no_other_minimum(model, theta):
    exchanged = theta.copy()
    exchanged[[SHARED.index(name) for name in ("log_ratio", "split", "log_odds")]] *= -1
    time_s = np.linspace(0.0, 0.5, 50)
    assert of_shim(exchanged).at(time_s).values == pytest.approx(of_shim(theta).at(time_s).values)
    assert not are_apart(model.prior, theta, exchanged)
    mirrored = theta.copy()
    mirrored[SHARED.index("split")] *= -1
    assert are_apart(model.prior, theta, mirrored)


@pytest.mark.parametrize("name", ["lorentzian_hz", "split", "log_odds"])
def test_a_difference_of_more_than_a_prior_sd_in_one_shape_is_another_minimum(name, model, theta):
    place = SHARED.index(name)
    for factor in (-1.1, -0.9, 0.9, 1.1):
        other = theta.copy()
        other[place] += factor * model.prior.sd[place]
        assert are_apart(model.prior, theta, other) == (abs(factor) > 1)


def test_the_other_minimum_is_looked_for_in_wide_lines_and_on_either_side(model, theta):
    prior = model.prior
    wide, (low, high) = wide_lines(prior, theta, 6.0), shoulders(prior, theta, 6.0)
    assert may_hide_shoulder(prior, wide)
    assert not may_hide_shoulder(prior, low)
    for one, other in ((wide, low), (wide, high), (low, high)):
        assert are_apart(prior, one, other)
    # The heavier Gaussian of the shoulder is narrower, and the mean of the field stays.
    for start in (wide, low, high):
        assert (start[[SHARED.index("phase_rad"), SHARED.index("shift_hz")]] == [0.3, 0.5]).all()
        assert (start[len(SHARED) :] == prior.mean[len(SHARED) :]).all()
    assert (
        of_shim(low).gaussians()[1].exponent()[2] < 0 < of_shim(high).gaussians()[1].exponent()[2]
    )
