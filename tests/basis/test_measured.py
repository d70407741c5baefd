"""Macromolecules from a nulled spectrum whose parts are known."""

import re

import numpy as np
import pytest

from glxflow.basis.macromolecules import gaussian_lines, with_macromolecules
from glxflow.basis.measured import measured_macromolecules, with_measured
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.errors import BasisError
from glxflow.spectrum import Axis, Fid, Kind

AXIS = Axis(1024, 5e-4, 127.7, 4.65)
# Positions between the nodes of the analysis, and widths that it does not hold.
LINES = [(0.92, 0.15, 3.0), (1.22, 0.17, 1.5), (1.43, 0.17, 2.0), (1.68, 0.14, 1.8)]
LINES += [(2.06, 0.18, 3.0), (2.27, 0.18, 1.6), (2.98, 0.17, 1.2), (3.78, 0.2, 2.0)]


@pytest.fixture(scope="module")
def metabolites():
    return simulate_basis(
        protocol_for("press", AXIS, echo_time_s=0.03), ["NAA", "Cr", "Glu", "Ins", "GPC"]
    )


def truth():
    return gaussian_lines([{"ppm": p, "fwhm_ppm": w, "amplitude": a} for p, w, a in LINES], AXIS)


def residual():
    """Return an inverted NAA and an upright creatine CH2, as inversion leaves them."""
    damping = np.exp(-np.pi * 6 * AXIS.time_s)
    return sum(
        amplitude * np.exp(2j * np.pi * AXIS.hz(ppm) * AXIS.time_s) * damping
        for ppm, amplitude in [(2.008, -0.5), (3.915, 0.6)]
    )


def nulled_spectrum(phase, offset_ppm, times=1.0):
    """Return macromolecules with so many times the residual, and noise."""
    rng = np.random.default_rng(20260301)
    noise = rng.normal(scale=0.02, size=(2, AXIS.n_points))
    turn = np.exp(1j * phase + 2j * np.pi * offset_ppm * 127.7 * AXIS.time_s)
    return Fid((truth() + times * residual()) * turn + noise[0] + 1j * noise[1], AXIS)


@pytest.fixture(scope="module")
def measured(metabolites):
    return measured_macromolecules(nulled_spectrum(0.7, 0.01), metabolites, 6.0)


def spectrum(fid):
    inside = (AXIS.ppm > 0.5) & (AXIS.ppm < 4.0)
    return np.fft.fftshift(np.fft.fft(fid))[inside].real


def test_macromolecules_are_found_without_the_metabolites(measured):
    # PRESS inverts the metabolites, and the macromolecules go with them.
    found, expected = -spectrum(measured.fids.sum(axis=0)), spectrum(truth())
    correlation = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
    # The baseline may take a little of the broadest parts: 2 % of the norm is 0.9998.
    assert correlation > 0.995
    # NAA's residual would be a notch of 0.5 protons, 20 times as narrow as the lines.
    assert np.abs(found - expected).max() < 0.1 * expected.max()


def test_a_fit_gets_lines_of_the_measured_ratio(metabolites, measured):
    complete = with_macromolecules(with_measured(metabolites, measured))
    areas = {name: np.abs(complete.fid(name)[0]) for name in complete.names}
    one = areas["MM09"] / 3.0
    # Neighbours at 1.43 and 1.68 overlap by a tenth of their area at the border.
    assert (areas["MM12"] + areas["MM14"]) / one == pytest.approx(3.5, rel=0.12)
    assert areas["MM17"] / one == pytest.approx(1.8, rel=0.25)
    between = [areas[name] for name in ("MM19", "MM20", "MM23") if name in areas]
    assert sum(between) / one == pytest.approx(4.6, rel=0.12)


def test_phase_and_offset_are_taken_off(metabolites, measured):
    upright = measured_macromolecules(nulled_spectrum(0.0, 0.0), metabolites, 6.0)
    one, other = spectrum(upright.fids.sum(axis=0)), spectrum(measured.fids.sum(axis=0))
    correlation = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert correlation > 0.999  # what noise leaves
    assert "phase 4" in measured.notes[0]  # 0.7 rad is 40 degrees


def test_measured_macromolecules_replace_the_default_ones(metabolites, measured):
    basis = with_measured(with_macromolecules(metabolites), measured)
    assert [
        n for n, k in zip(basis.names, basis.kinds, strict=True) if k is Kind.MACROMOLECULE
    ] == [*measured.names]
    assert "Lip09" in basis.names
    assert any("metabolite-nulled" in note for note in basis.notes)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_scan_whose_metabolites_are_not_nulled_is_refused(metabolites, sign):
    # Of a brain NAA is some four times the macromolecules at 0.9 ppm.
    lines = [(2.008, 9.0), (3.027, 6.0), (3.21, 4.0), (3.915, 4.0)]
    damping = np.exp(-np.pi * 6 * AXIS.time_s)
    whole = sum(a * np.exp(2j * np.pi * AXIS.hz(p) * AXIS.time_s) for p, a in lines) * damping
    fid = Fid(nulled_spectrum(0.0, 0.0).samples + sign * whole, AXIS)
    with pytest.raises(BasisError, match=r"limit 20 %\): metabolites are not nulled"):
        measured_macromolecules(fid, metabolites, 6.0)


def share_of(times):
    """Return the norm of the narrow lines over that of the macromolecules, 0.2 to 4.2 ppm."""
    inside = (AXIS.ppm >= 0.2) & (AXIS.ppm <= 4.2)
    narrow, broad = (
        np.linalg.norm(np.fft.fftshift(np.fft.fft(fid))[inside])
        for fid in (times * residual(), truth())
    )
    return narrow / broad


@pytest.mark.parametrize("share", [0.12, 0.25])
def test_the_share_of_metabolites_is_that_of_the_narrow_lines_and_decides(metabolites, share):
    fid = nulled_spectrum(0.0, 0.0, times=share / share_of(1.0))
    try:
        said = measured_macromolecules(fid, metabolites, 6.0).notes[0]
    except BasisError as error:
        said = str(error)
    found = re.search(r"narrow lines of metabolites (?:are )?(\d+) %", said)
    # Broad lines and the baseline take a part of the feet of narrow ones.
    assert int(found[1]) == pytest.approx(100 * share, rel=0.15)
    assert ("not nulled" in said) == (share > 0.2)


def test_another_axis_is_refused(metabolites):
    other = Axis(1024, 4e-4, 127.7, 4.65)
    with pytest.raises(BasisError, match="not on the axis"):
        measured_macromolecules(Fid(truth(), other), metabolites, 6.0)
