"""Spin systems: chemical shifts and couplings of brain metabolites, from cited data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from glxflow.constants import load
from glxflow.errors import BasisError
from glxflow.spectrum import RealArray

EXCHANGEABLE_ABOVE_PPM = 6.3
"""Lone protons above this shift exchange with water and are not seen; coupled NH are kept."""

_ZEEMAN_STATES = {"P31": (-0.5, 0.5), "N14": (-1.0, 0.0, 1.0)}
"""Magnetic quantum numbers of the heteronuclei that 1H pulses never touch."""


@dataclass(frozen=True, slots=True)
class SpinGroup:
    """Protons coupled to each other and to nothing else.

    Attributes
    ----------
    name : str
        Name within the molecule.
    scale : float
        Number of such groups: equivalent uncoupled protons are one spin with a
        scale, anomer fractions are scales.
    shifts_ppm : (n_spins,) ndarray
        Chemical shifts, in ppm.
    couplings_hz : (n_spins, n_spins) ndarray
        Scalar couplings, upper triangle, in Hz.
    offset_hz : (n_spins,) ndarray
        Shift by passive heteronuclei in one of their Zeeman states, in Hz.
    """

    name: str
    scale: float
    shifts_ppm: RealArray
    couplings_hz: RealArray
    offset_hz: RealArray


def metabolite_names() -> tuple[str, ...]:
    """Return the metabolites of the default basis set, in the order of the data file."""
    entries = load("spin_systems")["metabolites"]
    return tuple(name for name, entry in entries.items() if entry["in_default_set"])


def spin_groups(metabolite: str) -> list[SpinGroup]:
    """Return the visible spin groups of a metabolite, one a Zeeman state of its heteronuclei.

    Raises
    ------
    BasisError
        If the metabolite is not in the data file.
    """
    entries = load("spin_systems")["metabolites"]
    if metabolite not in entries:
        raise BasisError(
            f"metabolite {metabolite!r} has no spin system. Known are {', '.join(entries)}."
        )
    return [
        group
        for entry in entries[metabolite]["groups"]
        if _is_visible(entry)
        for group in _ensemble(entry)
    ]


def _is_visible(entry: Mapping[str, Any]) -> bool:
    """Tell whether a group is more than a lone proton that exchanges with water."""
    shifts = list(entry["spins"].values())
    return len(shifts) > 1 or shifts[0] < EXCHANGEABLE_ABOVE_PPM


def _ensemble(entry: Mapping[str, Any]) -> Iterator[SpinGroup]:
    """Yield a group in every combination of its passive nuclei's states."""
    labels = list(entry["spins"])
    shifts = np.array(list(entry["spins"].values()), dtype=np.float64)
    couplings = _coupling_matrix(labels, entry.get("J", []))
    passive = entry.get("passive", {})
    states = list(product(*(_ZEEMAN_STATES[nucleus] for nucleus in passive)))
    for state in states:
        offset = np.zeros(len(labels))
        for quantum_number, nucleus in zip(state, passive.values(), strict=True):
            for label, coupling_hz in nucleus["J"].items():
                offset[labels.index(label)] += quantum_number * coupling_hz
        yield SpinGroup(entry["name"], entry["scale"] / len(states), shifts, couplings, offset)


def _coupling_matrix(labels: Sequence[str], couplings: Sequence[Sequence[Any]]) -> RealArray:
    """Return couplings as an upper triangle, in Hz."""
    matrix = np.zeros((len(labels), len(labels)))
    for one, other, value in couplings:
        first, second = sorted((labels.index(one), labels.index(other)))
        matrix[first, second] = value
    return matrix
