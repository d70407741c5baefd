"""Density-matrix simulation of one spin group under ideal pulses.

Everything happens in the eigenbasis of the free Hamiltonian, which conserves Mz:
a delay is an elementwise phase, a coherence filter is a mask, and only pulses
are matrix products.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from glxflow.basis.protocol import SEQUENCES, Protocol
from glxflow.basis.spins import SpinGroup
from glxflow.spectrum import Axis, ComplexArray, RealArray


def simulate_group(group: SpinGroup, protocol: Protocol) -> ComplexArray:
    """Return the signal of one spin group after a sequence with ideal pulses.

    Parameters
    ----------
    group : SpinGroup
        Coupled protons.
    protocol : Protocol
        Sequence, delays and axis.

    Returns
    -------
    (n_points,) complex ndarray
        Signal from the echo on; an isolated proton excited by one 90 degree
        pulse is 1 at t = 0.
    """
    sequence = SEQUENCES[protocol.sequence]
    energies, states, order = _eigensystem(group, protocol.axis)
    coherence = order[:, np.newaxis] - order[np.newaxis, :]
    frequency = energies[:, np.newaxis] - energies[np.newaxis, :]
    density = np.diag(order).astype(np.complex128)
    steps = zip(
        sequence.angles_deg, sequence.phases_deg, sequence.orders, protocol.delays_s, strict=True
    )
    for angle_deg, phase_deg, kept, delay_s in steps:
        rotation = states.T @ _pulse(len(group.shifts_ppm), angle_deg, phase_deg) @ states
        density = rotation @ density @ rotation.conj().T
        density *= (coherence == kept) * np.exp(-1j * frequency * delay_s)
    return group.scale * _signal(density, frequency, states, coherence, protocol.axis)


def _eigensystem(group: SpinGroup, axis: Axis) -> tuple[RealArray, RealArray, RealArray]:
    """Return energies (rad/s), eigenstates in the product basis, and Mz of each.

    Diagonalised a block of equal Mz at a time, so that degenerate states of
    different Mz do not mix and coherence orders stay defined.
    """
    n_spins = len(group.shifts_ppm)
    bits = np.arange(2**n_spins)[:, np.newaxis] >> np.arange(n_spins)[::-1] & 1
    spin_z = 0.5 - bits.astype(np.float64)
    hamiltonian = _hamiltonian(group, axis, spin_z)
    total_z = spin_z.sum(axis=1)
    energies, states = np.zeros(2**n_spins), np.zeros((2**n_spins, 2**n_spins))
    for level in np.unique(total_z):
        block = np.flatnonzero(total_z == level)
        within = np.ix_(block, block)
        energies[block], states[within] = np.linalg.eigh(hamiltonian[within])
    return energies, states, total_z


def _hamiltonian(group: SpinGroup, axis: Axis, spin_z: RealArray) -> RealArray:
    """Return the free Hamiltonian with strong coupling, (2^n, 2^n), in rad/s."""
    f0_mhz, reference_ppm = axis.spectrometer_frequency_mhz, axis.reference_ppm
    offsets_hz = (group.shifts_ppm - reference_ppm) * f0_mhz + group.offset_hz
    n_states, n_spins = spin_z.shape
    diagonal = spin_z @ offsets_hz
    diagonal += np.einsum("si,ij,sj->s", spin_z, group.couplings_hz, spin_z)
    hamiltonian = np.diag(diagonal)
    state = np.arange(n_states)
    for first, second in zip(*np.nonzero(group.couplings_hz), strict=True):
        # The flip-flop term J/2 (I+S- + I-S+) swaps two opposite spins.
        opposite = spin_z[:, first] != spin_z[:, second]
        flip = 1 << (n_spins - 1 - first) | 1 << (n_spins - 1 - second)
        hamiltonian[state[opposite], (state ^ flip)[opposite]] += (
            group.couplings_hz[first, second] / 2
        )
    return 2 * np.pi * hamiltonian


def _pulse(n_spins: int, angle_deg: float, phase_deg: float) -> ComplexArray:
    """Return the propagator of an ideal pulse on all spins, in the product basis."""
    half, phase = np.deg2rad(angle_deg) / 2, np.deg2rad(phase_deg)
    cosine, sine = np.cos(half), np.sin(half)
    single = np.array(
        [
            [cosine, -1j * sine * np.exp(-1j * phase)],
            [-1j * sine * np.exp(1j * phase), cosine],
        ]
    )
    return reduce(np.kron, [single] * n_spins)


def _signal(
    density: ComplexArray,
    frequency: RealArray,
    states: RealArray,
    coherence: RealArray,
    axis: Axis,
) -> ComplexArray:
    """Return the trace of the evolving density matrix with the detected F+."""
    n_states = len(states)
    n_spins = n_states.bit_length() - 1
    raising = np.zeros((n_states, n_states))
    state = np.arange(n_states)
    for spin in range(n_spins):
        down = state >> spin & 1 == 1
        raising[state[down] ^ (1 << spin), state[down]] = 1
    detected = states.T @ raising @ states
    seen = (coherence == -1) & (np.abs(density) > 1e-12)
    amplitudes = (density * detected.T)[seen] * 4 / n_states
    return sum_of_lines(amplitudes, -frequency[seen], axis)


def sum_of_lines(
    amplitudes: ComplexArray, angular_frequencies: Sequence[float] | RealArray, axis: Axis
) -> ComplexArray:
    """Return sum_k a_k exp(i w_k t), (n_points,), as one matrix product.

    Times are a coarse plus a fine grid, so that 2 sqrt(n_points) exponentials a
    line are computed instead of n_points.
    """
    n_fine = int(np.ceil(np.sqrt(axis.n_points)))
    n_coarse = int(np.ceil(axis.n_points / n_fine))
    step = 1j * np.asarray(angular_frequencies) * axis.dwell_time_s
    fine = np.exp(np.outer(step, np.arange(n_fine)))
    coarse = np.exp(np.outer(np.arange(n_coarse) * n_fine, step)) * amplitudes
    total: ComplexArray = (coarse @ fine).ravel()[: axis.n_points]
    return total
