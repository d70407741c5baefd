"""Pulse sequences as data: pulses, the coherences that gradients keep, and the timing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pulse:
    """One pulse, and the delay after it.

    Attributes
    ----------
    angle_deg : float
        Flip angle, about x: phases only turn the signal of a pathway as a whole.
    order : int
        Coherence order that gradients keep after it.
    share : float
        Part of TE of the delay after it, where only TE is known.
    axis : int or None
        Which axis it localises by refocusing; None where it does not.
    is_editing : bool
        Whether it inverts only the spins near the editing frequency.
    counts : bool
        Whether the delay after it is part of TE; a mixing time is not.
    """

    angle_deg: float
    order: int
    share: float
    axis: int | None = None
    is_editing: bool = False
    counts: bool = True


SEQUENCES = {
    # TE1 = 0.4 TE is what vendor PRESS has at short TE; TE alone does not define PRESS.
    "press": (
        Pulse(90, -1, 0.2),
        Pulse(180, 1, 0.5, axis=0),
        Pulse(180, -1, 0.3, axis=1),
    ),
    "steam": (
        Pulse(90, 1, 0.5),
        Pulse(90, 0, 0.0, counts=False),
        Pulse(90, -1, 0.5),
    ),
    "slaser": (
        Pulse(90, -1, 0.125),
        Pulse(180, 1, 0.25, axis=0),
        Pulse(180, -1, 0.25, axis=0),
        Pulse(180, 1, 0.25, axis=1),
        Pulse(180, -1, 0.125, axis=1),
    ),
    # SPECIAL localises one axis by inversion before excitation: a spin echo remains.
    "special": (
        Pulse(90, 1, 0.5),
        Pulse(180, -1, 0.5, axis=0),
    ),
    # Gradients around an editing pulse keep only coherences that it does not invert.
    "megapress": (
        Pulse(90, -1, 5 / 68),
        Pulse(180, 1, 17 / 68, axis=0),
        Pulse(180, 1, 17 / 68, is_editing=True),
        Pulse(180, -1, 17 / 68, axis=1),
        Pulse(180, -1, 12 / 68, is_editing=True),
    ),
}
"""Sequences by name; each begins with an ideal excitation."""
