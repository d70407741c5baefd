"""Co-edited macromolecules beside GABA."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.basis.coedited import COEDITED, refuse_exchanged, with_coedited
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.errors import BasisError
from glxflow.spectrum import Axis, BasisSet, Kind

AXIS = Axis(1024, 5e-4, 123.25, 4.65)


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
    both = with_coedited(difference)
    spectra = np.fft.fftshift(np.fft.fft(both.fids * np.exp(-np.pi * 5 * axis.time_s)), axes=1)
    spectra -= both.fids[:, :1] / 2
    inside = (axis.ppm > 2.8) & (axis.ppm < 3.2)
    areas = dict(zip(both.names, spectra[:, inside].sum(axis=1), strict=True))
    assert areas[COEDITED] == pytest.approx(areas["GABA"], rel=1e-2)
    # A proton begins at 1; of a line 0.14 ppm wide a tenth lies beyond.
    assert abs(both.fid(COEDITED)[0]) == pytest.approx(1.07, abs=0.05)


@pytest.mark.parametrize("width_hz", [2.0, 5.0])
def test_their_amplitude_does_not_depend_on_the_width_of_the_set(width_hz, conditions):
    on, off = conditions
    difference = replace(on, fids=on.fids - off.fids)
    damping = np.exp(-np.pi * width_hz * AXIS.time_s)
    damped = replace(difference, fids=difference.fids * damping, linewidth_hz=width_hz)
    one, other = (with_coedited(each).fid(COEDITED) for each in (difference, damped))
    assert other == pytest.approx(one, rel=1e-9)


@pytest.fixture
def conditions():
    """Return the basis sets of ON and OFF."""
    return tuple(
        simulate_basis(
            protocol_for("megapress", AXIS, echo_time_s=0.068, edit_ppm=edit_ppm), ("NAA", "GABA")
        )
        for edit_ppm in (1.9, 7.5)
    )


@pytest.mark.parametrize("sign", [1, -1j])
def test_on_and_off_in_each_others_place_are_refused_in_any_phase(conditions, sign):
    on, off = (replace(one, fids=sign * one.fids) for one in conditions)
    refuse_exchanged(on, off)
    with pytest.raises(BasisError, match=r"GABA has -\d\.\d+ protons .* Exchange --basis"):
        refuse_exchanged(off, on)


def test_on_and_off_are_told_apart_where_naa_is_simulated_without_the_editing_pulse(conditions):
    on, off = conditions
    fids = on.fids.copy()
    fids[0] = off.fid("NAA")
    on = replace(on, fids=fids)
    refuse_exchanged(on, off)
    with pytest.raises(BasisError, match="Exchange"):
        refuse_exchanged(off, on)
