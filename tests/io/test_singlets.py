"""Singlets against closed forms and simulated responses."""

import numpy as np
import pytest

from glxflow.basis.protocol import Protocol
from glxflow.basis.simulate import simulate_basis
from glxflow.io.singlets import REFERENCES, fitted_singlets, protons
from glxflow.spectrum import Axis

AXIS = Axis(1024, 5e-4, 127.7, 4.65)


@pytest.mark.parametrize("lorentzian_hz", [0.0, 2.0, 20.0])
@pytest.mark.parametrize("gaussian_hz", [0.0, 4.0, 10.0])
@pytest.mark.parametrize("off_ppm", [0.0, 0.013, -0.049])
def test_offset_and_amplitude_are_exact_for_any_width(lorentzian_hz, gaussian_hz, off_ppm):
    time_s = AXIS.time_s
    decay = np.pi * lorentzian_hz * time_s + (np.pi * gaussian_hz * time_s) ** 2 / (4 * np.log(2))
    creatine = sum(
        amplitude * np.exp(2j * np.pi * AXIS.hz(ppm + off_ppm) * time_s - decay)
        for ppm, amplitude in ((3.027, 3j), (3.913, 2j))
    )
    found = fitted_singlets(creatine, AXIS, "Cr")
    assert found.deviation_ppm == pytest.approx(off_ppm, abs=1e-6)  # where iterations stop
    assert found.lorentzian_hz == pytest.approx(lorentzian_hz, abs=1e-4)  # as above
    assert found.amplitudes == pytest.approx(np.array([3j, 2j, 0]), abs=1e-4)  # as above


def test_coupled_lines_beside_the_singlets_hardly_move_their_amplitude():
    basis = simulate_basis(Protocol("press", (0.006, 0.015, 0.009), AXIS), REFERENCES)
    for name in REFERENCES:
        found = fitted_singlets(basis.fid(name), AXIS, name)
        # 0.4 % for glycerophosphocholine, whose nitrogen splits the line; others less.
        assert abs(found.amplitudes[0]) / protons(name) == pytest.approx(1, rel=5e-3)
        assert abs(found.deviation_ppm) < 2e-4
