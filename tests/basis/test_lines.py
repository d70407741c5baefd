"""Macromolecules of a basis set as lines, against mixtures of known lines."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.basis.lines import gaussian, in_lines
from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.spectrum import Axis, Kind

AXIS = Axis(2048, 5e-4, 123.25, 4.65)
# Between the nodes of the analysis, of widths that it does not hold; 3.6 ppm and above as one.
LINES = {
    "MM09": (0.93, 0.15, 3.0), "MM12": (1.22, 0.17, 1.5), "MM14": (1.42, 0.17, 2.0),
    "MM17": (1.68, 0.16, 1.8), "MM20": (2.04, 0.17, 3.0), "MM23": (2.27, 0.18, 1.6),
    "MM30": (2.98, 0.17, 1.2), "MM38": (3.76, 0.15, 2.0),
}  # fmt: skip


@pytest.fixture(scope="module")
def metabolites():
    return simulate_basis(protocol_for("press", AXIS, echo_time_s=0.03), ["NAA", "Cr", "Glu"])


def with_own(metabolites, fids, names=("Mac",)):
    """Return the basis set with macromolecules of these decays; PRESS inverts, so do they."""
    return metabolites.joined(
        replace(
            metabolites,
            names=names,
            kinds=(Kind.MACROMOLECULE,) * len(names),
            fids=-np.array(fids),
            notes=(),
        )
    )


def decays():
    return [area * gaussian(ppm, width, AXIS) for ppm, width, area in LINES.values()]


def lines_of(basis):
    return [n for n, kind in enumerate(basis.kinds) if kind is Kind.MACROMOLECULE]


def test_lines_add_up_to_the_spectrum_they_were(metabolites):
    whole = with_own(metabolites, [sum(decays())])
    apart = in_lines(whole, -1.0)
    total, expected = apart.fids[lines_of(apart)].sum(axis=0), whole.fid("Mac")
    # Together they have the protons of the default ones, less those of lines of next to nothing.
    defaults = with_macromolecules(metabolites)
    protons = np.abs(defaults.fids[lines_of(defaults), 0]).sum()
    assert np.abs(total[0]) == pytest.approx(protons, rel=0.005)
    total = total * np.abs(expected[0] / total[0])
    assert np.linalg.norm(total - expected) < 0.02 * np.linalg.norm(expected)
    assert any("Mac taken apart into lines" in note for note in apart.notes)


def test_lines_keep_the_ratio_they_had(metabolites):
    apart = in_lines(with_own(metabolites, [sum(decays())]), -1.0)
    areas = {name: np.abs(apart.fid(name)[0]) for name in LINES}
    scale = areas["MM20"] / 3.0
    for name, (_, _, area) in LINES.items():
        # Overlapping neighbours share a tenth at their border.
        assert areas[name] / scale == pytest.approx(area, rel=0.15), name


def test_lines_may_turn_out_narrower_but_not_by_more_than_they_are(metabolites):
    apart = in_lines(with_own(metabolites, [sum(decays())]), -1.0)
    widths_ppm = np.array(apart.gaussian_hz)[lines_of(apart)] / AXIS.spectrometer_frequency_mhz
    assert (widths_ppm >= 0.1 - 1e-9).all()
    assert (widths_ppm <= 0.19 + 1e-9).all()


def test_components_of_one_spectrum_are_taken_together(metabolites):
    whole = in_lines(with_own(metabolites, [sum(decays())]), -1.0)
    parts = in_lines(
        with_own(metabolites, [sum(decays()[:4]), sum(decays()[4:])], ("MM1", "MM2")), -1.0
    )
    assert parts.names == whole.names
    assert parts.fids == pytest.approx(whole.fids, abs=1e-9)
    # One spectrum tells their shares; how far to trust the ratio of parts, nobody says.
    assert whole.share_sd == pytest.approx(0.2)
    assert parts.share_sd == pytest.approx(0.25)
    assert with_macromolecules(metabolites).share_sd == pytest.approx(0.25)


def test_known_lines_stay_as_they_are(metabolites):
    complete = with_macromolecules(metabolites)
    assert in_lines(complete, -1.0) is complete


def test_what_is_no_sum_of_broad_lines_stays_whole_with_a_note(metabolites):
    narrow = np.exp((2j * np.pi * AXIS.hz(2.0) - 15.0) * AXIS.time_s)
    whole = in_lines(with_own(metabolites, [narrow]), -1.0)
    assert "Mac" in whole.names
    assert any("no sum of broad lines" in note for note in whole.notes)


def test_a_fit_gets_lines_beside_the_metabolites(metabolites):
    complete = with_macromolecules(with_own(metabolites, [sum(decays())]))
    assert complete.names[: len(metabolites.names)] == metabolites.names
    assert "Mac" not in complete.names
    assert {"MM09", "MM38", "Lip09"} <= set(complete.names)


def test_lines_turn_with_the_metabolites(metabolites):
    whole, turn = with_own(metabolites, [sum(decays())]), np.exp(1j)
    turned = with_macromolecules(replace(whole, fids=turn * whole.fids))
    expected = with_macromolecules(whole)
    assert turned.names == expected.names
    assert turned.fids == pytest.approx(turn * expected.fids, abs=1e-6)


def test_macromolecules_on_the_other_side_are_turned_to_the_metabolites(metabolites):
    right = with_macromolecules(with_own(metabolites, [sum(decays())]))
    wrong = with_macromolecules(with_own(metabolites, [-sum(decays())]))
    assert wrong.names == right.names
    assert wrong.fids == pytest.approx(right.fids, abs=1e-9)
    assert any("point the other way" in note for note in wrong.notes)
