"""The free Hamiltonian of coupled protons, which conserves Mz, and its propagators."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glxflow.basis.blocks import Levels, System
from glxflow.basis.spins import SpinGroup
from glxflow.spectrum import ComplexArray, RealArray


def spin_z_states(n_spins: int) -> RealArray:
    """Return Iz of each spin in each product state, (2**n_spins, n_spins)."""
    bits = np.arange(2**n_spins)[:, np.newaxis] >> np.arange(n_spins)[::-1] & 1
    return 0.5 - bits.astype(np.float64)


def coupling_hamiltonian(group: SpinGroup) -> RealArray:
    """Return the scalar couplings with their flip-flop terms, (2^n, 2^n), in rad/s."""
    spin_z = spin_z_states(len(group.shifts_ppm))
    n_states, n_spins = spin_z.shape
    hamiltonian = np.diag(np.einsum("si,ij,sj->s", spin_z, group.couplings_hz, spin_z))
    state = np.arange(n_states)
    for first, second in zip(*np.nonzero(group.couplings_hz), strict=True):
        # The flip-flop term J/2 (I+S- + I-S+) swaps two opposite spins.
        opposite = spin_z[:, first] != spin_z[:, second]
        flip = 1 << (n_spins - 1 - first) | 1 << (n_spins - 1 - second)
        hamiltonian[state[opposite], (state ^ flip)[opposite]] += (
            group.couplings_hz[first, second] / 2
        )
    coupled: RealArray = 2 * np.pi * hamiltonian
    return coupled


def free_hamiltonian(group: SpinGroup, offsets_hz: RealArray) -> RealArray:
    """Return couplings and shifts, (2^n, 2^n), in rad/s.

    Parameters
    ----------
    group : SpinGroup
        Coupled protons.
    offsets_hz : (n_spins,) ndarray
        Offset of each spin from the rotating frame, in Hz.
    """
    spin_z = spin_z_states(len(offsets_hz))
    shifted: RealArray = coupling_hamiltonian(group) + np.diag(2 * np.pi * spin_z @ offsets_hz)
    return shifted


def eigensystems(hamiltonian: RealArray, levels: Levels) -> list[System]:
    """Return energies and eigenstates of each level of Mz.

    Diagonalised a level at a time, so that degenerate states of different Mz do
    not mix and coherence orders stay defined.
    """
    ordered = hamiltonian[np.ix_(levels.order, levels.order)]
    systems = (np.linalg.eigh(ordered[part, part]) for part in levels.slices)
    return [(energies, states) for energies, states in systems]


def level_propagators(
    systems: Sequence[System], levels: Levels, time_s: float
) -> list[tuple[npt.NDArray[np.int64], ComplexArray]]:
    """Return exp(-i H t) a level, each with the product states it acts on."""
    return [
        (levels.order[part], (states * np.exp(-1j * energies * time_s)) @ states.T)
        for part, (energies, states) in zip(levels.slices, systems, strict=True)
    ]
