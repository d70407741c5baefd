import math

import pytest

from glxflow.cli.scan_results import used_percent


def test_transients_that_could_not_be_read_count_as_acquired():
    part = {"n_used": 9, "n_rejected": 1}
    assert used_percent(part | {"n_acquired": 20}) == pytest.approx(45)
    assert used_percent(part) == pytest.approx(90)


def test_one_average_of_the_scanner_has_no_share():
    assert math.isnan(used_percent({"n_used": 1, "n_rejected": 0, "n_acquired": 1}))
