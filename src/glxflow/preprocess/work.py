"""The signals of a session on their way through the steps, and the record of them."""

from collections.abc import Iterable

import numpy as np

from glxflow.preprocess import metrics
from glxflow.preprocess.records import WATER_NOT_USED
from glxflow.spectrum import Axis, BoolArray, ComplexArray, Flag, RealArray, Step


class Work:
    """What the steps hand to each other.

    Transients of an edited scan stand condition by condition, OFF before ON and
    partners in the same order: OFF has every singlet, and steps judge by it.
    """

    def __init__(self, axis: Axis, flags: Iterable[Flag] = (), *, n_conditions: int = 1) -> None:
        self.axis = axis
        # Where metabolites stand before they are referenced: figures are read off here.
        self.found_axis = axis
        self.n_conditions = n_conditions
        self.samples: ComplexArray = np.empty((0, 0), dtype=np.complex128)
        self.water: ComplexArray | None = None
        self.eddy_corrected = False
        self.rejected: BoolArray = np.zeros(0, dtype=bool)
        self.offset_hz: RealArray = np.full(1, np.nan)
        self.phase_rad: RealArray = np.full(1, np.nan)
        self.metrics: dict[str, float] = {}
        self.steps: list[Step] = []
        self.flags: list[Flag] = list(flags)

    @property
    def is_water_refused(self) -> bool:
        """Whether a flag says that the water reference is not used."""
        return any(flag.code in WATER_NOT_USED for flag in self.flags)

    def did(self, method: str, details: str) -> None:
        """Record a step with signal to noise and line width after it."""
        mean = self.mean()
        snr, width = metrics.snr(mean, self.found_axis), metrics.fwhm_hz(mean, self.found_axis)
        self.steps.append(
            Step(method, f"{details} After it: SNR {snr:.1f}, line width {width:.2f} Hz.")
        )

    def parts(self) -> list[slice]:
        """Return where the transients of each condition stand."""
        n_pairs = len(self.samples) // self.n_conditions
        return [
            slice(start * n_pairs, (start + 1) * n_pairs) for start in range(self.n_conditions)
        ]

    def mean(self, condition: int = 0) -> ComplexArray:
        """Return the average of the used transients of one condition."""
        part = self.parts()[condition]
        used: ComplexArray = self.samples[part][~self.rejected[part]].mean(axis=0)
        return used

    def with_partners(self, mask: BoolArray) -> BoolArray:
        """Return a mask of transients in which none is True without its partners."""
        pairs = np.asarray(mask.reshape(self.n_conditions, -1).any(axis=0))
        return np.tile(pairs, self.n_conditions)
