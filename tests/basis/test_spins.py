"""Spin systems as the simulation sees them."""

import pytest

from glxflow.basis.spins import spin_groups


def test_exchanging_lone_protons_are_left_out_and_coupled_ones_kept():
    assert [group.name for group in spin_groups("Gln")] == ["chain"]
    aspartyl = next(group for group in spin_groups("NAA") if group.name == "asp")
    assert 7.8205 in aspartyl.shifts_ppm


def test_passive_nuclei_make_an_ensemble_of_their_states():
    groups = [group for group in spin_groups("PCh") if group.name == "CH2CH2"]
    assert len(groups) == 2 * 3  # phosphorus has two states, nitrogen three
    assert sum(group.scale for group in groups) == pytest.approx(1)
    assert sum(group.offset_hz for group in groups) == pytest.approx([0] * 4, abs=1e-12)
    # Half of both couplings, on each of the protons that they reach.
    assert max(group.offset_hz[0] for group in groups) == pytest.approx(6.298 / 2 + 2.68)


def test_couplings_are_an_upper_triangle():
    (group,) = spin_groups("Lac")
    assert group.couplings_hz[0, 1] == 6.933
    assert not group.couplings_hz[1, 0]
