"""The default macromolecules and lipids."""

import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from glxflow.basis.macromolecules import gaussian_lines, with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.constants import load
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


def test_they_turn_with_the_metabolites(basis):
    turn = np.exp(1j)
    before = few_lines(basis)
    turned = with_macromolecules(replace(before, fids=turn * before.fids))
    expected = with_macromolecules(before)
    assert turned.names == expected.names
    assert turned.fids == pytest.approx(turn * expected.fids, abs=1e-9)


def test_the_widths_that_a_fit_may_take_off_are_those_of_the_lines(basis):
    whole = with_macromolecules(basis)
    axis = whole.axis
    for name in ("MM09", "MM36", "Lip13a"):
        row = whole.names.index(name)
        # A Gaussian of 1 Hz decays to half within 2 ln 2 / pi s.
        half_s = 2 * np.log(2) / (np.pi * whole.gaussian_hz[row])
        size = np.abs(whole.fids[row])
        assert np.interp(half_s, axis.time_s, size) == pytest.approx(size[0] / 2, rel=1e-3)


def test_they_are_added_once(basis):
    once = with_macromolecules(basis)
    assert with_macromolecules(once) is once
    assert {Kind.MACROMOLECULE, Kind.LIPID} <= set(once.kinds)
    assert "default macromolecules" in once.notes[-2]
    assert "default lipids" in once.notes[-1]


def few_lines(basis):
    """Return the four components that other programs add: lines below 2.3 ppm and one at 3.0."""
    lines = {"MM09": [(0.9, 3.0)], "MM12": [(1.2, 2.0)], "MM20": [(2.08, 1.3), (3.0, 0.4)]}
    # PRESS inverts metabolites, so that these are upside down as well.
    fids = [
        -sum(
            gaussian_lines([{"ppm": ppm, "fwhm_ppm": 0.15, "amplitude": area}], basis.axis)
            for ppm, area in one
        )
        for one in lines.values()
    ]
    added = replace(
        basis,
        names=tuple(lines),
        kinds=(Kind.MACROMOLECULE,) * len(lines),
        fids=np.array(fids),
        notes=(),
    )
    return basis.joined(added)


def test_a_few_lines_give_way_to_the_defaults_with_a_note(basis):
    complete = with_macromolecules(few_lines(basis))
    assert "MM23" in complete.names
    assert any("MM09, MM12, MM20 left out" in note for note in complete.notes)


def test_signal_that_a_few_lines_lack_is_counted_without_the_offset_of_their_start(basis):
    """Of the line at 3.0 ppm 5.8 % is above 3.1 (Gaussian, 1.57 SD), of 6.7 protons in all."""
    complete = with_macromolecules(few_lines(basis.chosen([0])))
    (share,) = re.findall(r"left out: (\S+) % of their signal", " ".join(complete.notes))
    assert float(share) == pytest.approx(100 * 0.058 * 0.4 / 6.7, abs=0.1)  # one digit is shown


def test_the_default_lines_are_what_the_script_makes_of_the_tables(capsys):
    script = Path(__file__).parents[2] / "benchmarks" / "fit" / "mean_macromolecules.py"
    runpy.run_path(str(script), run_name="__main__")
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed == load("macromolecules")["macromolecules"]["components"]
