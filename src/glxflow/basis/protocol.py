"""What a scan did to the spins: a sequence with its timing, pulses and sampling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.basis.pulses import Localisation, ShapedPulse
from glxflow.basis.sequences import SEQUENCES, Pulse
from glxflow.errors import BasisError
from glxflow.spectrum import Axis, RealArray

EDITED_PPM = 0.4
"""Distance from its carrier up to which an ideal editing pulse inverts a spin."""

_USUAL_MIXING_S, _LONGEST_MIXING_S = 0.01, 5.0


@dataclass(frozen=True, slots=True)
class Protocol:
    """A sequence with its timings, pulses and the axis to sample on.

    Attributes
    ----------
    sequence : str
        A key of `SEQUENCES`.
    delays_s : tuple of float
        Times between the centres of pulses and to the echo, in s.
    axis : Axis
        Axes of the simulated signal; its spectrometer frequency is the field.
    is_assumed : bool
        Whether the delays are the default split of TE rather than known.
    localisation : Localisation or None
        Shaped refocusing pulses; None for ideal ones.
    edit_ppm : float
        Carrier of the editing pulses, in ppm; NaN where there are none.
    editing : ShapedPulse or None
        Shaped editing pulse; None for an ideal one.
    is_mixing_assumed : bool
        Whether the sequence has a mixing time that is not known.

    Raises
    ------
    BasisError
        If the sequence is unknown, the number of delays is not its own, the
        pulses do not fit into the delays, or an editing frequency is missing or
        not wanted.
    """

    sequence: str
    delays_s: tuple[float, ...]
    axis: Axis
    is_assumed: bool = False
    localisation: Localisation | None = None
    edit_ppm: float = np.nan
    editing: ShapedPulse | None = None
    is_mixing_assumed: bool = False

    def __post_init__(self) -> None:
        if self.sequence not in SEQUENCES:
            raise BasisError(
                f"sequence {self.sequence!r} is unknown. Known are {', '.join(SEQUENCES)}."
            )
        if len(self.delays_s) != len(self.pulses) or min(self.delays_s) < 0:
            raise BasisError(
                f"{self.sequence} has {len(self.pulses)} delays after its pulses, each 0 ms or "
                f"more; {_ms(self.delays_s)} ms were given."
            )
        self._check_pulses()

    def _check_pulses(self) -> None:
        """Refuse pulses that the sequence has not, or that do not fit."""
        has_editing = any(pulse.is_editing for pulse in self.pulses)
        if has_editing != bool(np.isfinite(self.edit_ppm)):
            wanted = "needs the" if has_editing else "has no"
            raise BasisError(f"{self.sequence} {wanted} carrier of editing pulses (--edit-ppm).")
        if self.localisation and not any(pulse.axis is not None for pulse in self.pulses):
            raise BasisError(
                f"{self.sequence} has no refocusing pulse to shape. Use ideal pulses."
            )
        for index, free_s in enumerate(self.free_delays_s):
            if free_s < 0:
                raise BasisError(
                    f"{self.sequence}: {1e3 * self.delays_s[index]:g} ms after pulse {index + 1} "
                    f"are {-1e3 * free_s:.2f} ms too short for the pulses around them. Give a "
                    "longer TE or other delays, or use ideal pulses."
                )

    @property
    def pulses(self) -> tuple[Pulse, ...]:
        """The pulses of the sequence."""
        return SEQUENCES[self.sequence]

    @property
    def carrier_ppm(self) -> float:
        """Chemical shift that is on resonance with the pulses, in ppm."""
        return self.localisation.carrier_ppm if self.localisation else self.axis.reference_ppm

    @property
    def position_hz(self) -> RealArray:
        """Offset of each simulated position under a slice gradient, in Hz."""
        return self.localisation.position_hz if self.localisation else np.zeros(1)

    @property
    def free_delays_s(self) -> tuple[float, ...]:
        """Times between the end of a pulse and the start of the next, in s."""
        halves = [
            shape.duration_s / 2 if (shape := self.shape_of(index)) else 0.0
            for index in range(len(self.pulses))
        ]
        return tuple(
            # Rounding must not turn a delay that is just long enough into a negative one.
            round(delay - before - after, 12)
            for delay, before, after in zip(self.delays_s, halves, [*halves[1:], 0.0], strict=True)
        )

    def shape_of(self, index: int) -> ShapedPulse | None:
        """Return the shape of one pulse, None where it is ideal."""
        pulse = self.pulses[index]
        if pulse.is_editing:
            return self.editing
        return self.localisation.pulse if self.localisation and pulse.axis is not None else None

    def ends_axis(self, index: int) -> bool:
        """Tell whether no later pulse localises the axis of this one."""
        axis = self.pulses[index].axis
        return axis is not None and all(later.axis != axis for later in self.pulses[index + 1 :])

    @property
    def echo_time_s(self) -> float:
        """Echo time, in s: the delays without the mixing time."""
        return sum(
            delay for delay, pulse in zip(self.delays_s, self.pulses, strict=True) if pulse.counts
        )

    @property
    def assumption(self) -> str:
        """What is assumed beside the split of TE, and what to do; empty where nothing is."""
        if not self.is_mixing_assumed:
            return ""
        return (
            f"the mixing time is assumed to be {1000 * _USUAL_MIXING_S:g} ms, as no header states "
            "it (MixingTime): the amplitudes of coupled spins depend on it; give --delays "
            "TE/2,TM,TE/2"
        )

    @property
    def description(self) -> str:
        """The protocol in words, for tables and pages."""
        origin = "default split of TE" if self.is_assumed else "as given"
        if self.is_mixing_assumed:
            origin += ", mixing time assumed"
        edited = f", edited at {self.edit_ppm:g} ppm" if np.isfinite(self.edit_ppm) else ""
        return (
            f"{self.sequence} with {'shaped' if self.localisation else 'ideal'} pulses{edited}, "
            f"TE {1000 * self.echo_time_s:g} ms, delays {_ms(self.delays_s)} ms ({origin}), "
            f"{self.axis.spectrometer_frequency_mhz:.4f} MHz"
        )


def protocol_for(
    sequence: str,
    axis: Axis,
    *,
    echo_time_s: float | None,
    delays_s: Sequence[float] | None = None,
    mixing_time_s: float | None = None,
    localisation: Localisation | None = None,
    edit_ppm: float = np.nan,
    editing: ShapedPulse | None = None,
) -> Protocol:
    """Return a protocol from its delays, or from TE alone by the stated default split.

    Parameters
    ----------
    sequence : str
        A key of `SEQUENCES`.
    axis : Axis
        Axes to sample on.
    echo_time_s : float or None
        Echo time, in s; may be None where the delays are given.
    delays_s : sequence of float, optional
        Times between pulse centres and to the echo, in s.
    mixing_time_s : float, optional
        TM of STEAM where no delays are given, in s; 10 ms, and said so, when omitted.
    localisation, edit_ppm, editing
        As in `Protocol`.

    Raises
    ------
    BasisError
        If the delays do not add up to the echo time (1 us allowed), their number
        is not the sequence's, neither they nor the echo time are known, or the
        mixing time is not between 0 and 5 s.
    """
    if delays_s is None:
        if echo_time_s is None:
            raise BasisError(f"{sequence}: neither the echo time nor the delays are given.")
        pulses = SEQUENCES.get(sequence, ())
        has_mixing = not all(pulse.counts for pulse in pulses)
        mixing_s = _checked_mixing_s(mixing_time_s) if has_mixing else 0.0
        assumed = tuple(
            pulse.share * echo_time_s if pulse.counts else mixing_s for pulse in pulses
        )
        is_mixing_assumed = has_mixing and mixing_time_s is None
        return Protocol(
            *(sequence, assumed, axis, True, localisation, edit_ppm, editing, is_mixing_assumed)
        )
    protocol = Protocol(sequence, tuple(delays_s), axis, False, localisation, edit_ppm, editing)
    if echo_time_s is not None and abs(protocol.echo_time_s - echo_time_s) > 1e-6:
        raise BasisError(
            f"the delays {_ms(delays_s)} ms add up to TE {1000 * protocol.echo_time_s:g} ms, "
            f"but TE is {1000 * echo_time_s:g} ms. Correct one of them."
        )
    return protocol


def _checked_mixing_s(mixing_time_s: float | None) -> float:
    """Return the mixing time, in s: the usual one where none is known."""
    if mixing_time_s is None:
        return _USUAL_MIXING_S
    if not 0 < mixing_time_s <= _LONGEST_MIXING_S:
        raise BasisError(
            f"the mixing time is {mixing_time_s:g} s, expected above 0 and up to "
            f"{_LONGEST_MIXING_S:g} s. Correct MixingTime in the sidecar (in s), or give --delays."
        )
    return mixing_time_s


def _ms(delays_s: Sequence[float]) -> str:
    """Return delays in ms for a message."""
    return ", ".join(f"{1000 * delay:g}" for delay in delays_s)
