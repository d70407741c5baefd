"""The default macromolecules and lipids."""

import numpy as np
import pytest

from glxflow.basis.macromolecules import gaussian_lines, with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.spectrum import Axis, Kind


@pytest.fixture
def basis():
    axis = Axis(8192, 2.5e-4, 123.25, 4.65)
    return simulate_basis(protocol_for("press", axis, echo_time_s=0.03), ["Cr", "Glu"])


def test_a_gaussian_line_has_its_width_and_area(basis):
    axis = basis.axis
    fid = gaussian_lines([{"ppm": 1.21, "fwhm_ppm": 0.15, "amplitude": 2.0}], axis)
    damped = fid.copy()
    damped[0] /= 2
    spectrum = np.fft.fftshift(np.fft.fft(damped)).real
    bin_ppm = axis.ppm[1] - axis.ppm[0]
    assert axis.ppm[spectrum.argmax()] == pytest.approx(1.21, abs=bin_ppm)
    assert np.ptp(axis.ppm[spectrum > spectrum.max() / 2]) == pytest.approx(0.15, abs=2 * bin_ppm)
    # The sum of the spectrum is the first point times the number of points (halved above).
    assert spectrum.sum() / axis.n_points == pytest.approx(1.0, rel=1e-6)


def test_components_have_the_phase_of_the_metabolites(basis):
    whole = with_macromolecules(basis)
    is_added = [kind is not Kind.METABOLITE for kind in whole.kinds]
    assert (whole.fids[is_added, 0].real < 0).all()  # PRESS inverts, so do they
    assert np.abs(whole.fids[is_added, 0].imag).max() < 0.1  # the phase of glutamate's multiplets


def test_they_are_added_once(basis):
    once = with_macromolecules(basis)
    assert with_macromolecules(once) is once
    assert {Kind.MACROMOLECULE, Kind.LIPID} <= set(once.kinds)
    assert "default macromolecules" in once.notes[-2]
    assert "default lipids" in once.notes[-1]
