"""Shaped pulses: unitary, selective, and equal to what they approximate."""

import numpy as np
import pytest

from glxflow.basis.pulses import (
    ShapedPulse,
    adiabatic_localisation,
    editing_pulse,
    press_localisation,
)
from glxflow.basis.shaped import ideal_propagator, shaped_propagators
from glxflow.basis.spins import SpinGroup, spin_groups


@pytest.fixture
def flip_probability():
    """Return the probability that a pulse inverts a lone spin, by offset."""
    lone = SpinGroup("H", 1.0, np.zeros(1), np.zeros((1, 1)), np.zeros(1))

    def probability(pulse, offsets_hz):
        propagators = shaped_propagators(lone, pulse, np.asarray(offsets_hz, float)[:, np.newaxis])
        return np.abs(propagators[:, 0, 1]) ** 2

    return probability


@pytest.mark.parametrize("name", ["Glu", "PE", "GABA"])
def test_propagators_are_unitary(name):
    group = spin_groups(name)[0]
    offsets_hz = np.linspace(-800, 800, 3)[:, np.newaxis] + group.shifts_ppm * 50
    for pulse in (press_localisation().pulse, adiabatic_localisation().pulse, editing_pulse()):
        propagators = shaped_propagators(group, pulse, offsets_hz)
        identity = propagators @ np.conj(np.swapaxes(propagators, 1, 2))
        # Products of some hundred rotations round to 1e-12.
        assert identity == pytest.approx(
            np.broadcast_to(np.eye(len(identity[0])), identity.shape), abs=1e-10
        )


def test_trace_of_the_density_matrix_is_kept():
    (group,) = spin_groups("Lac")
    pulse = press_localisation().pulse
    (propagator,) = shaped_propagators(group, pulse, np.zeros((1, 4)))
    density = np.diag(np.arange(16.0))
    rotated = propagator @ density @ propagator.conj().T
    assert np.trace(rotated) == pytest.approx(120, abs=1e-9)  # rounding


def test_a_hard_pulse_is_the_ideal_one():
    (group,) = spin_groups("Lac")
    hard = ShapedPulse(np.array([0.5e8 + 0j]), 1e-8, 0.0, 1)
    (shaped,) = shaped_propagators(group, hard, (group.shifts_ppm * 123.0)[np.newaxis])
    (ideal,) = ideal_propagator(180, [True] * 4)
    # In 10 ns the largest shift of 500 Hz turns a spin by 3e-5 rad.
    assert shaped == pytest.approx(ideal, abs=1e-4)


def test_refocusing_pulse_inverts_its_slice_and_spares_the_rest(flip_probability):
    pulse = press_localisation().pulse
    assert flip_probability(pulse, [0.0])[0] == pytest.approx(1, abs=1e-9)  # 180 degrees
    # Its bandwidth is the full width at half inversion or so; far off nothing happens.
    assert flip_probability(pulse, [-3000, 3000]).max() < 0.01
    half = flip_probability(pulse, [-550, 550])
    assert ((half > 0.3) & (half < 0.8)).all()


def test_adiabatic_pulse_inverts_its_whole_band_at_any_strength_above_threshold(flip_probability):
    pulse = adiabatic_localisation().pulse
    offsets_hz = np.linspace(-1400, 1400, 15)
    # 80 % of the band of 3500 Hz; adiabatic up to the ripple of truncation.
    assert flip_probability(pulse, offsets_hz).min() > 0.97
    stronger = ShapedPulse(1.2 * pulse.waveform_hz, pulse.duration_s, pulse.bandwidth_hz, 32)
    assert flip_probability(stronger, offsets_hz).min() > 0.97


def test_editing_pulse_inverts_its_carrier_only(flip_probability):
    pulse = editing_pulse().shifted(-340.0)
    on, near, far = flip_probability(pulse, [-340.0, -340.0 + 137.0, 0.0])
    assert on == pytest.approx(1, abs=1e-4)  # 180 degrees in steps of 12 degrees of phase
    # 3.0 ppm is 137 Hz from 1.9 ppm at 3 T: GABA's observed line must not be touched.
    assert near < 0.01
    assert far < 0.001
