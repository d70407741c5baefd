"""Density matrices of one coherence order, as blocks between levels of Mz."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glxflow.spectrum import ComplexArray, RealArray

System = tuple[RealArray, RealArray]
"""Energies (n,), in rad/s, and eigenstates (n, n) of one level."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The part of a density matrix that one coherence order leaves.

    Attributes
    ----------
    order : int
        Coherence order: level `upper` is connected to level ``upper + order``.
    blocks : mapping of int to (n_positions, n, m) complex ndarray
        Block by its upper level; level 0 is the highest Mz.
    """

    order: int
    blocks: Mapping[int, ComplexArray]


@dataclass(frozen=True, slots=True)
class Levels:
    """The product states of n spins, sorted by Mz from the highest.

    Attributes
    ----------
    order : (2**n,) ndarray of int
        Product state at each place.
    total_z : (2**n,) ndarray
        Mz of each, in that order.
    slices : tuple of slice
        Where each level lies.
    """

    order: npt.NDArray[np.int64]
    total_z: RealArray
    slices: tuple[slice, ...]

    @classmethod
    def of(cls, n_spins: int) -> "Levels":
        """Return the levels of n spins; level k has k spins down."""
        n_down = np.bitwise_count(np.arange(2**n_spins)).astype(np.int64)
        order = np.argsort(n_down, kind="stable")
        ends = np.cumsum(np.bincount(n_down))
        starts = np.concatenate([[0], ends[:-1]])
        slices = tuple(
            slice(int(start), int(end)) for start, end in zip(starts, ends, strict=True)
        )
        return cls(order, (n_spins / 2 - n_down[order]).astype(np.float64), slices)

    def sorted(self, matrices: ComplexArray) -> ComplexArray:
        """Return matrices (..., 2^n, 2^n) of the product basis with levels together."""
        ordered: ComplexArray = matrices[..., self.order[:, np.newaxis], self.order]
        return ordered

    def equilibrium(self) -> Blocks:
        """Return the density matrix Fz."""
        return Blocks(
            0,
            {
                level: np.diag(self.total_z[part]).astype(np.complex128)[np.newaxis]
                for level, part in enumerate(self.slices)
            },
        )

    def raising(self, upper: int) -> RealArray:
        """Return F+ from level ``upper + 1`` into level `upper`, (n_upper, n_lower)."""
        above, below = (self.order[self.slices[level]] for level in (upper, upper + 1))
        is_one_flip = np.bitwise_count(above[:, np.newaxis] ^ below) == 1
        return np.asarray(is_one_flip, dtype=np.float64)


def rotated(
    density: Blocks, propagator: ComplexArray, levels: Levels, order: int, *, is_averaged: bool
) -> Blocks:
    """Return the order that gradients keep of U rho U+, averaged over positions if asked.

    Parameters
    ----------
    density : Blocks
        Before the pulse; one position, or as many as the propagator has.
    propagator : (n_positions, 2**n, 2**n) complex ndarray
        The pulse, levels sorted.
    levels : Levels
        Where they lie.
    order : int
        Coherence order kept.
    is_averaged : bool
        Whether the signal of all positions is merged here.
    """
    n_positions = max(len(propagator), len(next(iter(density.blocks.values()))))
    columns = _span(levels, [upper + density.order for upper in density.blocks])
    half = np.empty((n_positions, len(levels.order), columns.stop - columns.start), complex)
    for upper, block in density.blocks.items():
        part = levels.slices[upper + density.order]
        place = slice(part.start - columns.start, part.stop - columns.start)
        half[:, :, place] = propagator[:, :, levels.slices[upper]] @ block
    other = np.conj(propagator[:, :, columns])
    blocks: dict[int, ComplexArray] = {}
    for upper, part in enumerate(levels.slices):
        lower = upper + order
        if 0 <= lower < len(levels.slices):
            rows, kept = half[:, part], other[:, levels.slices[lower]]
            if is_averaged:
                kept = np.broadcast_to(kept, (n_positions, *kept.shape[1:]))
                merged = np.tensordot(rows, kept, ([0, 2], [0, 2])).astype(np.complex128)
                blocks[upper] = merged[np.newaxis] / n_positions
            else:
                blocks[upper] = rows @ np.swapaxes(kept, 1, 2)
    return Blocks(order, blocks)


def _span(levels: Levels, indices: Sequence[int]) -> slice:
    """Return the places of neighbouring levels as one slice."""
    return slice(levels.slices[min(indices)].start, levels.slices[max(indices)].stop)


def evolved(density: Blocks, systems: Sequence[System], time_s: float) -> Blocks:
    """Return the density matrix after free evolution."""
    if time_s == 0:
        return density
    free = [(states * np.exp(-1j * energies * time_s)) @ states.T for energies, states in systems]
    return Blocks(
        density.order,
        {
            upper: free[upper] @ block @ free[upper + density.order].conj().T
            for upper, block in density.blocks.items()
        },
    )
