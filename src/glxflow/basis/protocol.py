"""What a pulse sequence does to the spins: pulses, delays, and the coherences it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

from glxflow.errors import BasisError
from glxflow.spectrum import Axis


@dataclass(frozen=True, slots=True)
class Sequence1H:
    """One kind of sequence, with ideal pulses.

    Attributes
    ----------
    angles_deg : tuple of float
        Flip angle of each pulse.
    phases_deg : tuple of float
        Phase of each pulse; 0 is x.
    orders : tuple of int
        Coherence order kept after each pulse.
    split : tuple of float
        Share of TE of each delay after a pulse where only TE is known.
    te_delays : tuple of bool
        Which delays count towards TE (a mixing time does not).
    """

    angles_deg: tuple[float, ...]
    phases_deg: tuple[float, ...]
    orders: tuple[int, ...]
    split: tuple[float, ...]
    te_delays: tuple[bool, ...]


SEQUENCES = {
    # TE1 = 0.4 TE is what vendor PRESS has at short TE; TE alone does not define PRESS.
    "press": Sequence1H(
        angles_deg=(90, 180, 180),
        phases_deg=(90, 0, 90),
        orders=(-1, 1, -1),
        split=(0.2, 0.5, 0.3),
        te_delays=(True, True, True),
    ),
    "steam": Sequence1H(
        angles_deg=(90, 90, 90),
        # The third pulse is phased so that the stimulated echo is positive.
        phases_deg=(90, 90, 270),
        orders=(1, 0, -1),
        split=(0.5, 0.0, 0.5),
        te_delays=(True, False, True),
    ),
    "slaser": Sequence1H(
        angles_deg=(90, 180, 180, 180, 180),
        phases_deg=(90, 0, 0, 0, 0),
        orders=(-1, 1, -1, 1, -1),
        split=(0.125, 0.25, 0.25, 0.25, 0.125),
        te_delays=(True,) * 5,
    ),
    # SPECIAL localises one axis by inversion before excitation: a spin echo remains.
    "special": Sequence1H(
        angles_deg=(90, 180),
        phases_deg=(90, 0),
        orders=(1, -1),
        split=(0.5, 0.5),
        te_delays=(True, True),
    ),
}


@dataclass(frozen=True, slots=True)
class Protocol:
    """A sequence with its timings and the axis to sample on.

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
    """

    sequence: str
    delays_s: tuple[float, ...]
    axis: Axis
    is_assumed: bool = False

    def __post_init__(self) -> None:
        known = SEQUENCES.get(self.sequence)
        if known is None:
            raise BasisError(
                f"sequence {self.sequence!r} is unknown. Known are {', '.join(SEQUENCES)}."
            )
        if len(self.delays_s) != len(known.split) or min(self.delays_s) < 0:
            raise BasisError(
                f"{self.sequence} has {len(known.split)} delays after its pulses, each 0 ms or "
                f"more; {_ms(self.delays_s)} ms were given."
            )

    @property
    def echo_time_s(self) -> float:
        """Echo time, in s: the delays without the mixing time."""
        counted = SEQUENCES[self.sequence].te_delays
        return sum(delay for delay, counts in zip(self.delays_s, counted, strict=True) if counts)

    @property
    def description(self) -> str:
        """The protocol in words, for tables and pages."""
        origin = "default split of TE" if self.is_assumed else "as given"
        return (
            f"{self.sequence} with ideal pulses, TE {1000 * self.echo_time_s:g} ms, delays "
            f"{_ms(self.delays_s)} ms ({origin}), "
            f"{self.axis.spectrometer_frequency_mhz:.4f} MHz"
        )


def protocol_for(
    sequence: str,
    axis: Axis,
    *,
    echo_time_s: float | None,
    delays_s: Sequence[float] | None = None,
    mixing_time_s: float = 0.01,
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
    mixing_time_s : float
        TM of STEAM where no delays are given, in s.

    Raises
    ------
    BasisError
        If the delays do not add up to the echo time (1 us allowed), their number
        is not the sequence's, or neither they nor the echo time are known.
    """
    if delays_s is None:
        if echo_time_s is None:
            raise BasisError(f"{sequence}: neither the echo time nor the delays are given.")
        known = SEQUENCES.get(sequence) or SEQUENCES["press"]
        shares = zip(known.split, known.te_delays, strict=True)
        assumed = tuple(
            share * echo_time_s if counts else mixing_time_s for share, counts in shares
        )
        return Protocol(sequence, assumed, axis, is_assumed=True)
    protocol = Protocol(sequence, tuple(delays_s), axis)
    if echo_time_s is not None and abs(protocol.echo_time_s - echo_time_s) > 1e-6:
        raise BasisError(
            f"the delays {_ms(delays_s)} ms add up to TE {1000 * protocol.echo_time_s:g} ms, "
            f"but TE is {1000 * echo_time_s:g} ms. Correct one of them."
        )
    return protocol


def _ms(delays_s: Sequence[float]) -> str:
    """Return delays in ms for a message."""
    return ", ".join(f"{1000 * delay:g}" for delay in delays_s)
