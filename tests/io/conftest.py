"""Fixtures of the input and output tests: a small basis set in closed form."""

import numpy as np
import pytest

from glxflow.spectrum import Axis, BasisSet, Kind

_LINES = {
    "Cr": {3.027: 3, 3.913: 2},
    "NAA": {2.008: 3, 2.6: 0.5},
    "Glu": {2.34: 2, 2.1: 2, 3.75: 1},
    "Ins": {3.52: 2, 3.61: 2, 3.27: 1, 4.05: 1},
    "MM09": {0.91: 3},
}


@pytest.fixture
def closed_form_basis():
    """Return damped lines at known shifts, in the package's sign; one proton is 1."""
    axis = Axis(1024, 4e-4, 127.7, 4.65)
    damping = np.exp(-np.pi * 1.5 * axis.time_s)
    fids = [
        sum(
            protons * np.exp(2j * np.pi * (ppm - 4.65) * 127.7 * axis.time_s)
            for ppm, protons in lines.items()
        )
        * damping
        for lines in _LINES.values()
    ]
    return BasisSet(
        names=tuple(_LINES),
        kinds=(Kind.METABOLITE,) * 4 + (Kind.MACROMOLECULE,),
        fids=np.array(fids),
        axis=axis,
        echo_time_s=0.03,
        linewidth_hz=1.5,
        source="lines in closed form",
    )
