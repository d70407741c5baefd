import numpy as np
import pytest
from scipy.interpolate import BSpline

from glxflow.fit.baseline import KNOTS_PER_PPM, spline_space, uniform_splines

PPM = np.linspace(0.2, 4.2, 300)


@pytest.fixture
def space():
    return spline_space(PPM, np.ones(PPM.size))


def test_modes_are_orthonormal(space):
    n_modes = space.modes.shape[1]
    # Rounding of a QR and an eigendecomposition of 63 columns.
    assert np.abs(space.modes.T @ space.modes - np.eye(n_modes)).max() < 1e-11


@pytest.mark.parametrize("ed", [0.8, 1.0, 1.5, 2.0, 5.0])
def test_stiffness_gives_the_effective_dimension_asked_for(space, ed):
    shares = space.shares(space.stiffness(ed))
    assert shares.sum() / space.width_ppm == pytest.approx(ed, rel=1e-6)  # root finder's


def test_straight_lines_pass_the_stiffest_baseline_unchanged(space):
    line = 3.0 - 0.7 * PPM
    shares = space.shares(1e12)
    smoothed = space.modes @ (shares * (space.modes.T @ line))
    assert np.abs(smoothed - line).max() < 1e-8  # rounding


@pytest.mark.parametrize("end_weight", [1.0, 0.05])
def test_modes_give_the_penalised_least_squares_spline(end_weight):
    """Against the normal equations of Eilers & Marx, solved without any rotation."""
    weight = np.where(PPM > 3.8, end_weight, 1.0)
    space = spline_space(PPM, weight)
    stiffness = space.stiffness(3.0)
    data = np.random.default_rng(3).normal(size=PPM.size)
    step = 4.0 / (KNOTS_PER_PPM * 4)
    knots = PPM[0] + step * np.arange(-3, KNOTS_PER_PPM * 4 + 4)
    design = BSpline.design_matrix(np.clip(PPM, 0.2, 4.2 - 1e-12), knots, 3).toarray()
    rough = np.diff(np.eye(design.shape[1]), n=2, axis=0)
    weighted = design.T * weight**2
    coefficients = np.linalg.solve(
        weighted @ design + stiffness * rough.T @ rough, weighted @ data
    )
    smoothed = space.modes @ (space.shares(stiffness) * (space.modes.T @ (weight * data)))
    # The condition of the design.
    assert smoothed == pytest.approx(weight * (design @ coefficients), abs=1e-7)


def test_splines_are_those_of_scipy():
    position = np.linspace(0.0, 7.0, 50)
    knots = np.arange(-3.0, 11.0)
    inside = np.minimum(position, 7.0 - 1e-12)  # scipy wants the last point inside
    expected = BSpline.design_matrix(inside, knots, 3).toarray()
    assert uniform_splines(position, 7) == pytest.approx(expected, abs=1e-9)  # the nudge above
