"""Responses of pure substances."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from glxflow.spectrum.arrays import ComplexArray, frozen_complex
from glxflow.spectrum.axis import Axis


class Kind(Enum):
    """What a basis function stands for; decides its priors and whether it is reported."""

    METABOLITE = "metabolite"
    MACROMOLECULE = "macromolecule"
    LIPID = "lipid"


SUMS = {
    "Glx": ("Glu", "Gln"),
    "tNAA": ("NAA", "NAAG"),
    "tCr": ("Cr", "PCr"),
    "tCho": ("GPC", "PCh"),
}
"""What is reported beside its parts, because the parts cannot be told apart well."""

_REPORTED = {"Ins": "mI", "sIns": "sI"}


def reported(name: str) -> str:
    """Return the name by which tables, figures and options call a component."""
    return _REPORTED.get(name, name)


@dataclass(frozen=True, slots=True)
class BasisSet:
    """Responses of pure substances to one pulse sequence.

    Attributes
    ----------
    names : tuple of str
        Standard abbreviations (`Glu`, `NAA`, `Ins`, ...), unique.
    kinds : tuple of Kind
        What each is. Macromolecules and lipids are scaled so that equal
        amplitudes are their expected ratio.
    fids : (n_components, n_points) complex ndarray
        Time-domain responses without decay beyond `linewidth_hz` and
        `gaussian_linewidth_hz`; one isolated proton is 1 at t = 0.
    axis : Axis
        Time, frequency and chemical-shift axes of the last dimension.
    echo_time_s : float
        Echo time, in s; NaN where the file does not know it.
    linewidth_hz : float
        Lorentzian width at half height that the responses already carry, in Hz.
    source : str
        Where it comes from, for a reader: file, or sequence and timings.
    notes : tuple of str
        What was changed on reading (conjugated, re-referenced, resampled).
    gaussian_hz : tuple of float
        Full width of each component that is one Gaussian line, 0 of any other, in Hz;
        empty where there is no such line.
    gaussian_linewidth_hz : float
        Gaussian width at half height that the metabolites' responses carry as well, in Hz.
    share_sd : float
        By how much the share that a macromolecule has of all of them may differ from its
        expected one, over that: published tables differ from their mean by a quarter.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    fids: ComplexArray
    axis: Axis
    echo_time_s: float
    linewidth_hz: float
    source: str
    notes: tuple[str, ...] = ()
    gaussian_hz: tuple[float, ...] = ()
    gaussian_linewidth_hz: float = 0.0
    share_sd: float = 0.25

    def __post_init__(self) -> None:
        object.__setattr__(self, "fids", frozen_complex(self.fids, "fids", 2))
        shape = (len(self.names), self.axis.n_points)
        if len(self.gaussian_hz) not in (0, shape[0]):
            raise ValueError(f"{len(self.gaussian_hz)} Gaussian widths of {shape[0]} components")
        if self.fids.shape != shape or len(self.kinds) != shape[0]:
            raise ValueError(f"fids have shape {self.fids.shape}, not {shape}")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"names are not unique: {self.names}")

    def fid(self, name: str) -> ComplexArray:
        """Return the response of one substance, (n_points,)."""
        response: ComplexArray = self.fids[self.names.index(name)]
        return response

    def chosen(self, kept: Sequence[int]) -> "BasisSet":
        """Return some of the components, by their places."""
        return replace(
            self,
            names=tuple(self.names[index] for index in kept),
            kinds=tuple(self.kinds[index] for index in kept),
            fids=self.fids[list(kept)],
            gaussian_hz=tuple(self.gaussian_hz[index] for index in kept if self.gaussian_hz),
        )

    def without(self, *kinds: Kind) -> "BasisSet":
        """Return the components that are of none of these kinds."""
        return self.chosen([index for index, kind in enumerate(self.kinds) if kind not in kinds])

    def joined(self, other: "BasisSet") -> "BasisSet":
        """Return these components and those of another set on the same axis, with its notes."""
        if other.axis != self.axis:
            raise ValueError(f"one basis set is on {self.axis}, the other on {other.axis}")
        both = (self, other)
        widths_hz = [one.gaussian_hz or (0.0,) * len(one.names) for one in both]
        return replace(
            self,
            names=(*self.names, *other.names),
            kinds=(*self.kinds, *other.kinds),
            fids=np.concatenate([self.fids, other.fids]),
            notes=(*self.notes, *other.notes),
            gaussian_hz=(*widths_hz[0], *widths_hz[1]),
        )
