"""Protocols: what a sequence needs, and what is refused."""

import numpy as np
import pytest

from glxflow.basis.protocol import Protocol, protocol_for
from glxflow.basis.pulses import editing_pulse, press_localisation
from glxflow.errors import BasisError


def test_echo_time_alone_gives_a_stated_split(axis_4khz):
    protocol = protocol_for("press", axis_4khz, echo_time_s=0.030)
    assert protocol.delays_s == pytest.approx((0.006, 0.015, 0.009))  # TE1 = 0.4 TE
    assert "default split" in protocol.description


def test_mixing_time_does_not_count_as_echo_time(axis_4khz):
    protocol = protocol_for("steam", axis_4khz, echo_time_s=0.020, mixing_time_s=0.012)
    assert protocol.delays_s == (0.010, 0.012, 0.010)
    assert protocol.echo_time_s == pytest.approx(0.020)


@pytest.mark.parametrize("sequence", ["press", "slaser", "special", "megapress", "steam"])
def test_default_splits_add_up_to_the_echo_time_and_refocus(sequence, axis_4khz):
    edit_ppm = 1.9 if sequence == "megapress" else np.nan
    protocol = protocol_for(sequence, axis_4khz, echo_time_s=0.068, edit_ppm=edit_ppm)
    assert protocol.echo_time_s == pytest.approx(0.068)
    # An echo forms where the time spent at order -1 equals that at +1.
    phase = sum(
        pulse.order * delay
        for pulse, delay in zip(protocol.pulses, protocol.delays_s, strict=True)
    )
    assert phase == pytest.approx(0, abs=1e-12)


def test_delays_that_contradict_the_echo_time_are_refused(axis_4khz):
    with pytest.raises(BasisError, match=r"6, 15, 9 ms add up to TE 30 ms, but TE is 35 ms"):
        protocol_for("press", axis_4khz, echo_time_s=0.035, delays_s=(0.006, 0.015, 0.009))


def test_neither_echo_time_nor_delays_is_refused(axis_4khz):
    with pytest.raises(BasisError, match="neither the echo time nor the delays"):
        protocol_for("press", axis_4khz, echo_time_s=None)


def test_wrong_number_of_delays_is_refused(axis_4khz):
    with pytest.raises(BasisError, match="press has 3 delays"):
        Protocol("press", (0.01, 0.02), axis_4khz)


def test_unknown_sequence_is_refused(axis_4khz):
    with pytest.raises(BasisError, match=r"'prss' is unknown. Known are press"):
        protocol_for("prss", axis_4khz, echo_time_s=0.03)


def test_echo_time_shorter_than_the_pulses_is_refused(axis_4khz):
    with pytest.raises(BasisError, match=r"press: 1.6 ms after pulse 1 are 1.00 ms too short"):
        protocol_for("press", axis_4khz, echo_time_s=0.008, localisation=press_localisation())


@pytest.mark.parametrize(
    ("sequence", "edit_ppm", "message"),
    [("megapress", np.nan, "needs the carrier"), ("press", 1.9, "has no carrier")],
)
def test_editing_frequency_must_suit_the_sequence(sequence, edit_ppm, message, axis_4khz):
    with pytest.raises(BasisError, match=message):
        protocol_for(sequence, axis_4khz, echo_time_s=0.068, edit_ppm=edit_ppm)


def test_steam_has_nothing_to_shape(axis_4khz):
    with pytest.raises(BasisError, match="no refocusing pulse to shape"):
        protocol_for("steam", axis_4khz, echo_time_s=0.02, localisation=press_localisation())


def test_editing_pulses_need_their_room(axis_4khz):
    with pytest.raises(BasisError, match="too short for the pulses"):
        protocol_for(
            "megapress", axis_4khz, echo_time_s=0.03, edit_ppm=1.9, editing=editing_pulse()
        )
