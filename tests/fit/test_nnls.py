import numpy as np
import pytest
from scipy.optimize import nnls

from glxflow.fit.nnls import nnls_gram


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_the_classic_algorithm_from_any_start(seed):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(60, 15)) + 0.8 * rng.normal(size=(60, 1))
    data = design @ np.maximum(rng.normal(size=15), 0) + rng.normal(size=60)
    expected, _ = nnls(design, data)
    guess = rng.uniform(size=15) > 0.5
    found = nnls_gram(design.T @ design, design.T @ data, guess, np.zeros(15, dtype=bool))
    assert found == pytest.approx(expected, abs=1e-8)  # rounding of the normal equations


def test_signed_coefficients_may_be_negative():
    design = np.random.default_rng(2).normal(size=(40, 4))
    data = design @ np.array([-2.0, 1.0, -3.0, 0.5])
    signed = np.array([True, False, False, False])
    found = nnls_gram(design.T @ design, design.T @ data, ~signed, signed)
    restricted, _ = nnls(np.column_stack([-design[:, 0], design]), data)
    expected = np.array([restricted[1] - restricted[0], *restricted[2:]])
    assert found == pytest.approx(expected, abs=1e-8)  # rounding of the normal equations


@pytest.mark.parametrize("seed", range(10))
def test_units_of_the_columns_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(60, 15)) + 0.8 * rng.normal(size=(60, 1))
    data = design @ np.maximum(rng.normal(size=15), 0) + rng.normal(size=60)
    unit = 10.0 ** rng.uniform(-5.5, 5.5, size=15)
    guess, signed = np.zeros(15, dtype=bool), rng.uniform(size=15) > 0.8
    plain = nnls_gram(design.T @ design, design.T @ data, guess, signed)
    scaled = design * unit
    found = nnls_gram(scaled.T @ scaled, scaled.T @ data, guess, signed)
    assert found * unit == pytest.approx(plain, abs=1e-8)  # rounding of the normal equations
