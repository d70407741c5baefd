"""Who shares shift and width, and which lipids may have any phase."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.spectrum import BasisSet, Kind, RealArray, spectrum_of

TIED = (("Cr", "PCr"), ("GPC", "PCh", "Cho"), ("NAA", "NAAG"))
"""Substances that no 3 T spectrum tells apart: they share shift and width."""

_LIPID_END_PPM = 1.6
_NO_SIGNAL = 1e-9
COLLINEAR_WIDTH_HZ = 5.0
LARGEST_CORRELATION = 0.99
"""Two components whose lines of this width correlate more are one to the data."""


@dataclass(frozen=True, slots=True)
class Group:
    """Components that share one shift and one width.

    Attributes
    ----------
    name : str
        Of the group: its first component, or `Lip`.
    members : tuple of int
        Indices of the components.
    kind : Kind
        Decides the priors.
    """

    name: str
    members: tuple[int, ...]
    kind: Kind


def far_lipids(basis: BasisSet) -> tuple[int, ...]:
    """Return the lipids upfield of the metabolites of interest: they may have any phase."""
    peaks_ppm = basis.axis.ppm[np.abs(spectrum_of(basis.fids)).argmax(axis=1)]
    return tuple(
        index
        for index, kind in enumerate(basis.kinds)
        if kind is Kind.LIPID and peaks_ppm[index] < _LIPID_END_PPM
    )


def collinear_pairs(basis: BasisSet) -> tuple[tuple[str, str], ...]:
    """Return the metabolites that cannot be told apart and are not known to be so."""
    chosen = [index for index, kind in enumerate(basis.kinds) if kind is Kind.METABOLITE]
    fids = basis.fids[chosen] * np.exp(-np.pi * COLLINEAR_WIDTH_HZ * basis.axis.time_s)
    size = np.linalg.norm(fids, axis=1, keepdims=True)
    # Creatine has no signal in the difference of an edited scan, but for rounding.
    fids /= np.where(size > _NO_SIGNAL * size.max(), size, np.inf)
    alike = np.triu(np.abs(fids.conj() @ fids.T) > LARGEST_CORRELATION, 1)
    pairs = [
        (basis.names[chosen[one]], basis.names[chosen[two]]) for one, two in np.argwhere(alike)
    ]
    return tuple(pair for pair in pairs if not any(set(pair) <= set(tie) for tie in TIED))


def groups_of(
    names: Sequence[str], kinds: Sequence[Kind], quadrature_of: tuple[int, ...]
) -> tuple[Group, ...]:
    """Return who shares shift and width, metabolites first."""
    groups = []
    taken: set[str] = set()
    for name, kind in zip(names, kinds, strict=True):
        if kind is not Kind.METABOLITE or name in taken:
            continue
        tied = next((tie for tie in TIED if name in tie), (name,))
        # In the order of the tie, whatever that of the basis set: the first decides for all.
        members = tuple(names.index(other) for other in tied if other in names)
        taken.update(tied)
        groups.append(Group(names[members[0]], members, kind))
    groups += [
        Group(name, (index,), kind)
        for index, (name, kind) in enumerate(zip(names, kinds, strict=True))
        if kind is Kind.MACROMOLECULE
    ]
    lipids = tuple(index for index, kind in enumerate(kinds) if kind is Kind.LIPID)
    if lipids:
        quadratures = tuple(range(len(names), len(names) + len(quadrature_of)))
        groups.append(Group("Lip", lipids + quadratures, Kind.LIPID))
    return tuple(groups)


def shared(values: RealArray, groups: tuple[Group, ...]) -> RealArray:
    """Return values with that of a group's first member for all of the group."""
    result = values.copy()
    for group in groups:
        result[list(group.members)] = values[group.members[0]]
    return result


def membership(groups: tuple[Group, ...], n_columns: int) -> RealArray:
    """Return the matrix of which column belongs to which group."""
    matrix = np.zeros((len(groups), n_columns))
    for row, group in enumerate(groups):
        matrix[row, list(group.members)] = 1.0
    return matrix
