"""The spline through even samples, beside that of scipy."""

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

from glxflow.basis.spline import interpolate

ROUNDING = 1e-11
"""The amplification of rounding by splines of degree 9 between their first samples."""


def signals(n_points: int) -> np.ndarray:
    """Return noise, in which no sample follows from its neighbours."""
    rng = np.random.default_rng(n_points)
    noise: np.ndarray = rng.normal(size=(2, n_points)) + 1j * rng.normal(size=(2, n_points))
    return noise


# Blocks have 32 rows: below one, exactly some, and one more.
@pytest.mark.parametrize("n_points", [12, 32, 33, 64, 1000])
@pytest.mark.parametrize("degree", [3, 9])
def test_spline_is_that_of_scipy(n_points: int, degree: int) -> None:
    samples = signals(n_points)
    places = np.linspace(0, n_points - 1, 777)
    expected = make_interp_spline(np.arange(n_points), samples, k=degree, axis=1)(places)
    found = interpolate(samples, places, degree)
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def test_spline_passes_through_the_samples() -> None:
    samples = signals(100)
    found = interpolate(samples, np.arange(100.0), 9)
    np.testing.assert_allclose(found, samples, rtol=0, atol=1e-12)  # rounding


def test_spline_of_a_polynomial_of_its_degree_is_the_polynomial() -> None:
    places = np.linspace(0, 49, 301)
    samples = (((np.arange(50.0) - 25) / 25) ** 9).astype(np.complex128)
    found = interpolate(samples[np.newaxis], places, 9)[0]
    np.testing.assert_allclose(found, ((places - 25) / 25) ** 9, rtol=0, atol=ROUNDING)
