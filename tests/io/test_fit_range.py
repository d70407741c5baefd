import pytest

from glxflow.io.fit_range import range_problem


# 3.9 - 1.8 and 4.05 - 1.95 are a little less than 2.1 as they are stored.
@pytest.mark.parametrize("ends", [(1.8, 3.9), (1.95, 4.05), (2.1, 4.2), (1.3, 3.4)])
def test_the_narrowest_range_may_be_anywhere(ends):
    assert range_problem(*ends) == ""


def test_a_range_that_holds_no_baseline_is_refused():
    assert "expected at least 2.1 ppm" in range_problem(1.9, 3.9)
