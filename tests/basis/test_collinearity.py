"""The report of what cannot be told apart."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.basis.collinearity import collinear_pairs
from glxflow.spectrum import Axis, BasisSet, Kind


@pytest.fixture
def lines():
    """Return a maker of basis sets with one long-lived line a component."""

    def make(**shifts_ppm):
        axis = Axis(4096, 5e-4, 123.25, 4.65)
        fids = [np.exp(2j * np.pi * axis.hz(ppm) * axis.time_s) for ppm in shifts_ppm.values()]
        kinds = (Kind.METABOLITE,) * len(fids)
        return BasisSet(tuple(shifts_ppm), kinds, np.array(fids), axis, 0.03, 0.0, "lines")

    return make


def test_correlation_of_two_lorentzians_is_as_calculated(lines):
    basis = lines(A=3.0, B=3.0 + 5 / 123.25)
    (pair,) = collinear_pairs(basis, ppm_range=(0, 4.5), linewidth_hz=5.0, limit=0.1)
    # Overlap of absorption Lorentzians of FWHM w at distance d: 1 / (1 + (d / w)^2).
    assert pair.correlation == pytest.approx(0.5, abs=0.01)  # the tails end at 4.5 ppm


def test_equal_shapes_correlate_fully_whatever_their_scale(lines):
    basis = lines(A=3.0, B=3.0, C=1.0)
    scaled = replace(basis, fids=basis.fids * np.array([[1], [-7], [1]]))
    (pair,) = collinear_pairs(scaled, ppm_range=(0.2, 4.2), linewidth_hz=5.0, limit=0.9)
    assert (pair.first, pair.second) == ("A", "B")
    assert pair.correlation == pytest.approx(-1)


def test_lines_outside_the_range_do_not_count(lines):
    basis = lines(A=8.0, B=8.0)
    assert not collinear_pairs(basis, ppm_range=(0.2, 4.2), linewidth_hz=5.0, limit=1.01)
