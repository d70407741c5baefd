"""Co-edited macromolecules beside GABA."""

import numpy as np
import pytest

from glxflow.basis.coedited import COEDITED, with_coedited
from glxflow.spectrum import Axis, BasisSet, Kind


@pytest.mark.parametrize("bandwidth_hz", [1200, 2000, 5000])
def test_their_area_is_that_of_gaba_at_any_bandwidth(bandwidth_hz):
    axis = Axis(2048, 1 / bandwidth_hz, 123.25, 4.65)
    # Two lines of half a proton inside of 2.8-3.2 ppm, and more outside.
    gaba = sum(
        protons * np.exp(2j * np.pi * axis.hz(ppm) * axis.time_s)
        for ppm, protons in ((2.95, 0.5), (3.07, 0.5), (2.28, 2.0))
    )
    difference = BasisSet(
        ("GABA",), (Kind.METABOLITE,), gaba[np.newaxis], axis, 0.068, 0.0, "closed form"
    )
    added = with_coedited(difference).fid(COEDITED)
    # Sides of the 5 Hz wide lines beyond the range hold 1 %.
    assert abs(added[0]) == pytest.approx(0.99, abs=0.01)
