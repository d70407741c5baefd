import numpy as np
import pytest

from glxflow.trial.multiplicity import benjamini_hochberg, holm

P = np.array([0.004, 0.02, 0.03, 0.2])
SHUFFLE = [3, 2, 0, 1]


@pytest.mark.parametrize(("adjust", "key"), [(holm, "holm"), (benjamini_hochberg, "bh")])
def test_adjusted_p_values_are_those_of_r(adjust, key, answers):
    expected = np.array(answers("reference_extras")["A"][key])
    assert adjust(P) == pytest.approx(expected, rel=1e-12)  # rounding
    assert adjust(P[SHUFFLE]) == pytest.approx(expected[SHUFFLE], rel=1e-12)
