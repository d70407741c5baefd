"""Priors of the non-linear parameters: their units and their bounds."""

import numpy as np
import pytest

from glxflow.fit import FitOptions
from glxflow.fit.groups import Group
from glxflow.fit.prior import leaves, prior_of
from glxflow.spectrum import Kind

GROUPS = (Group("NAA", (0,), Kind.METABOLITE), Group("MM09", (1,), Kind.MACROMOLECULE))
THREE = (*GROUPS, Group("Glu", (2,), Kind.METABOLITE))


@pytest.mark.parametrize("f0_mhz", [123.25, 297.2])
def test_shifts_are_known_in_ppm_and_searched_in_hz(f0_mhz):
    prior = prior_of(GROUPS, f0_mhz, FitOptions(shift_sd_ppm=0.012), (0.1, 0.0))
    sd = dict(zip(prior.names, prior.sd, strict=True))
    assert sd["shift_NAA"] == pytest.approx(0.012 * f0_mhz)
    assert sd["shift_MM09"] == pytest.approx(0.008 * f0_mhz)
    high = dict(zip(prior.names, prior.high, strict=True))
    # Together they reach as far as the family of line shapes does.
    assert high["shift_hz"] + high["shift_NAA"] == pytest.approx(0.05 * f0_mhz)
    limited = np.isfinite(prior.low)
    assert (prior.low < prior.mean)[limited].all()
    assert (prior.mean < prior.high)[limited].all()


def test_the_width_that_a_shim_adds_is_known_as_the_documentation_says():
    """Lorentzian width of the shim, common to all: 0.7 ± 0.5 Hz (docs/methods/fit.md)."""
    prior = prior_of(GROUPS, 123.25, FitOptions(), (0.1, 0.0))
    index = prior.names.index("lorentzian_hz")
    assert (prior.mean[index], prior.sd[index]) == (0.7, 0.5)


def test_what_descent_would_push_over_its_bound_leaves_it():
    prior = prior_of(GROUPS, 123.25, FitOptions(), (0.1, 0.0))
    vary = np.isfinite(prior.low)
    for bound, sign in ((prior.low, 1.0), (prior.high, -1.0)):
        theta = np.where(vary, bound, 0.0)
        assert prior.stuck(theta)[vary].all()
        uphill_inside = np.full(int(vary.sum()), sign)
        assert leaves(prior, theta, vary, uphill_inside).all()
        assert not leaves(prior, theta, vary, -uphill_inside).any()
    assert not prior.stuck(prior.mean).any()


def test_one_unknown_moves_all_widths_together():
    """Against the covariance as a sum of what is independent and what is common."""
    by_t2 = (-0.3, 0.0, 0.05)
    prior = prior_of(THREE, 123.25, FitOptions(width_log_sd=0.2), by_t2)
    limited = np.isfinite(prior.sd)
    common = np.zeros(prior.sd.size)
    for name, moved in zip(("NAA", "MM09", "Glu"), by_t2, strict=True):
        common[prior.names.index(f"width_{name}")] = moved
    covariance = np.diag(prior.sd[limited] ** 2) + np.outer(common, common)[limited][:, limited]
    kept = prior.precision[limited][:, limited]
    assert kept @ covariance == pytest.approx(np.eye(limited.sum()), abs=1e-10)
    assert not prior.precision[~limited].any()
    assert not prior.precision[:, ~limited].any()
    assert prior.root.shape == (limited.sum(), limited.size)
    assert prior.root.T @ prior.root == pytest.approx(prior.precision)
