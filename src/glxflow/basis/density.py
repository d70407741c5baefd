"""Density-matrix simulation of one spin group.

The free Hamiltonian conserves Mz, and gradients keep one coherence order, so a
density matrix is a diagonal of blocks between levels of Mz. Crushers filter
each refocused axis: positions are averaged axis by axis instead of on a grid.
"""

from dataclasses import replace

import numpy as np

from glxflow.basis.blocks import Blocks, Levels, evolved, rotated
from glxflow.basis.hamiltonian import eigensystems, free_hamiltonian
from glxflow.basis.protocol import EDITED_PPM, Protocol
from glxflow.basis.sequences import Pulse
from glxflow.basis.shaped import ideal_propagator, shaped_propagators
from glxflow.basis.spins import SpinGroup
from glxflow.spectrum import Axis, ComplexArray, RealArray

_UNSEEN = 1e-10


def simulate_group(group: SpinGroup, protocol: Protocol) -> ComplexArray:
    """Return the signal of one spin group after a sequence.

    Parameters
    ----------
    group : SpinGroup
        Coupled protons.
    protocol : Protocol
        Sequence, pulses, delays and axis.

    Returns
    -------
    (n_points,) complex ndarray
        Signal from the echo on. All pulses are about x, and a proton along y
        gives 1: at the echo it is -1 for PRESS, 1/2 for STEAM.
    """
    # All pulses are given in the frame of the carrier; 0 Hz is moved back at the end.
    frame = replace(protocol.axis, reference_ppm=protocol.carrier_ppm)
    offsets_hz = (group.shifts_ppm - frame.reference_ppm) * frame.spectrometer_frequency_mhz
    offsets_hz += group.offset_hz
    levels = Levels.of(offsets_hz.size)
    systems = eigensystems(free_hamiltonian(group, offsets_hz), levels)
    propagators: dict[tuple[float, bool], ComplexArray] = {}

    density = levels.equilibrium()
    for index, (pulse, delay_s) in enumerate(
        zip(protocol.pulses, protocol.free_delays_s, strict=True)
    ):
        kind = (pulse.angle_deg, pulse.is_editing)
        if kind not in propagators:
            propagators[kind] = levels.sorted(_propagators(group, protocol, index, offsets_hz))
        density = rotated(
            density,
            propagators[kind],
            levels,
            pulse.order,
            is_averaged=protocol.ends_axis(index),
        )
        density = evolved(density, systems, delay_s)
    signal = _signal(density, systems, levels, frame)
    offset_hz = protocol.axis.hz(protocol.carrier_ppm)
    moved: ComplexArray = signal * np.exp(2j * np.pi * offset_hz * frame.time_s)
    return group.scale * moved


def _propagators(
    group: SpinGroup, protocol: Protocol, index: int, offsets_hz: RealArray
) -> ComplexArray:
    """Return one pulse's matrices about x, (1 or n_positions, 2^n, 2^n)."""
    pulse, shape = protocol.pulses[index], protocol.shape_of(index)
    if shape is None:
        return ideal_propagator(pulse.angle_deg, _is_hit(group, pulse, protocol.edit_ppm))
    if pulse.is_editing:
        carrier_ppm = protocol.edit_ppm - protocol.carrier_ppm
        carrier_hz = carrier_ppm * protocol.axis.spectrometer_frequency_mhz
        return shaped_propagators(group, shape.shifted(carrier_hz), offsets_hz[np.newaxis])
    return shaped_propagators(group, shape, offsets_hz + protocol.position_hz[:, np.newaxis])


def _is_hit(group: SpinGroup, pulse: Pulse, edit_ppm: float) -> list[bool]:
    """Tell which spins an ideal pulse turns: all, or those that it edits."""
    if not pulse.is_editing:
        return [True] * group.shifts_ppm.size
    return [bool(abs(shift - edit_ppm) < EDITED_PPM) for shift in group.shifts_ppm]


def _signal(
    density: Blocks,
    systems: list[tuple[RealArray, RealArray]],
    levels: Levels,
    axis: Axis,
) -> ComplexArray:
    """Return the trace of the evolving density matrix with the detected -i F+."""
    n_states = sum(len(energies) for energies, _ in systems)
    amplitudes, frequencies = [], []
    for upper, block in density.blocks.items():
        lower = upper + density.order
        (energies, states), (other_energies, other_states) = systems[upper], systems[lower]
        detected = other_states.T @ levels.raising(lower) @ states
        seen = (states.T @ block.mean(axis=0) @ other_states) * detected.T
        amplitudes.append(seen.ravel() * -4j / n_states)
        frequencies.append((other_energies[np.newaxis] - energies[:, np.newaxis]).ravel())
    amplitude, frequency = np.concatenate(amplitudes), np.concatenate(frequencies)
    is_seen = np.abs(amplitude) > _UNSEEN
    return sum_of_lines(amplitude[is_seen], frequency[is_seen], axis)


def sum_of_lines(
    amplitudes: ComplexArray, angular_frequencies: RealArray, axis: Axis
) -> ComplexArray:
    """Return sum_k a_k exp(i w_k t), (n_points,), as one matrix product.

    Times are a coarse plus a fine grid, so that 2 sqrt(n_points) exponentials a
    line are computed instead of n_points.
    """
    n_fine = int(np.ceil(np.sqrt(axis.n_points)))
    n_coarse = int(np.ceil(axis.n_points / n_fine))
    step = 1j * angular_frequencies * axis.dwell_time_s
    fine = np.exp(np.outer(step, np.arange(n_fine)))
    coarse = np.exp(np.outer(np.arange(n_coarse) * n_fine, step)) * amplitudes
    total: ComplexArray = (coarse @ fine).ravel()[: axis.n_points]
    return total
