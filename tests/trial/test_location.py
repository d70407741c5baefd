"""The randomisation test of two groups, where rounding could decide."""

import numpy as np

from glxflow.trial.location import randomisation


def test_exact_p_is_the_same_however_far_values_lie_from_zero():
    rng = np.random.default_rng(0)
    is_first, block = np.arange(8) < 4, np.full(8, "all")
    for _ in range(20):
        # Multiples of a power of two are shifted without rounding.
        values = np.round(rng.normal(size=8) * 1024) / 1024
        p = [
            randomisation("x", values + shift, is_first, block, 100, rng)["p"]
            for shift in (0.0, 2.0**10, 2.0**20)
        ]
        assert p[0] == p[1] == p[2]


def test_ties_that_rounding_parts_stay_ties():
    rng = np.random.default_rng(1)
    is_first, block = np.arange(8) < 4, np.full(8, "all")
    for _ in range(20):
        # Tenths have ties; 1e5 beside them rounds the values to 1e-11.
        values = np.round(rng.normal(size=8), 1)
        p = [
            randomisation("x", values + shift, is_first, block, 100, rng)["p"]
            for shift in (0.0, 1e5)
        ]
        assert p[0] == p[1]
