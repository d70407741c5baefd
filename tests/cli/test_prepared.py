from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glxflow.cli.prepared import Prepared, scaling_of
from glxflow.spectrum import Axis, Series


@pytest.fixture
def prepared():
    """A session without a water reference."""
    series = Series(np.ones((1, 1, 16)), Axis(16, 5e-4, 123.25, 4.65), [0.0], 0.03, 2.0)
    return Prepared(series, {"Flags": []}, None, header=None, inputs=(Path("scan.nii.gz"),))


def test_a_scan_without_water_is_not_scaled(prepared):
    assert scaling_of(prepared, fit=None).startswith("no water reference: ratios only")


def test_a_reference_that_was_refused_is_not_called_absent(prepared):
    flags = [
        {"code": "faint_transients", "message": "Too faint."},
        {"code": "water_coils_differ", "message": "Another coil order."},
    ]
    words = scaling_of(replace(prepared, record={"Flags": flags}), fit=None)
    assert words.startswith("the water reference is not used: ratios only")
    assert "Another coil order." in words
    assert "Too faint." not in words
