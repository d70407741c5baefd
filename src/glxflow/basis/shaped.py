"""Propagators of shaped pulses under couplings, for many positions at once.

Strang splitting: coupling acts in K steps, and between them shift, gradient and
radio frequency act exactly, as products of 2 x 2 rotations of each spin; one
Kronecker product a chunk brings them to all spins.

References
----------
Strang G. SIAM J Numer Anal 1968;5:506-517. doi:10.1137/0705041
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt

from glxflow.basis.blocks import Levels
from glxflow.basis.hamiltonian import coupling_hamiltonian, eigensystems, level_propagators
from glxflow.basis.pulses import ShapedPulse
from glxflow.basis.spins import SpinGroup
from glxflow.spectrum import ComplexArray, RealArray

Rotation = tuple[ComplexArray, ComplexArray]
"""Cayley-Klein parameters (a, b) of the rotation [[a, b], [-b*, a*]]."""


def shaped_propagators(
    group: SpinGroup, pulse: ShapedPulse, offsets_hz: RealArray
) -> ComplexArray:
    """Return the propagator of a pulse at each position, in the product basis.

    Parameters
    ----------
    group : SpinGroup
        Coupled protons.
    pulse : ShapedPulse
        Waveform and duration.
    offsets_hz : (n_positions, n_spins) ndarray
        Offset of each spin from the frame in which the waveform is given, by
        its shift and the gradient, in Hz.

    Returns
    -------
    (n_positions, 2**n_spins, 2**n_spins) complex ndarray
        Unitary matrices over the whole pulse.
    """
    n_positions, n_spins = offsets_hz.shape
    n_states = 2**n_spins
    propagator = np.tile(np.eye(n_states, dtype=np.complex128), (n_positions, 1, 1))
    if n_spins == 1:
        return _on_all_spins(_rotation(pulse, offsets_hz, 0, 1), propagator)
    levels = Levels.of(n_spins)
    systems = eigensystems(coupling_hamiltonian(group), levels)
    n_chunks = pulse.n_chunks
    chunk_s = pulse.duration_s / n_chunks
    half, full = (level_propagators(systems, levels, time) for time in (chunk_s / 2, chunk_s))
    propagator = _coupled(half, propagator)
    for chunk in range(n_chunks):
        rotation = _rotation(pulse, offsets_hz, chunk, n_chunks)
        propagator = _on_all_spins(rotation, propagator)
        propagator = _coupled(half if chunk == n_chunks - 1 else full, propagator)
    return propagator


def ideal_propagator(angle_deg: float, is_hit: Sequence[bool]) -> ComplexArray:
    """Return the matrix of an instant pulse about x on the spins it hits, (1, 2^n, 2^n)."""
    half = np.deg2rad(angle_deg) / 2
    turned = np.array([[np.cos(half), -1j * np.sin(half)], [-1j * np.sin(half), np.cos(half)]])
    spared = np.eye(2, dtype=np.complex128)
    rotations = [(turned if hit else spared)[np.newaxis] for hit in is_hit]
    return reduce(_kron, rotations)


def _rotation(
    pulse: ShapedPulse, offsets_hz: RealArray, chunk: int, n_chunks: int
) -> ComplexArray:
    """Return the exact rotation of each spin over one chunk, (n_positions, n_spins, 2, 2)."""
    n_steps = pulse.waveform_hz.size
    bounds = np.linspace(0, n_steps, n_chunks + 1)
    start, stop = bounds[chunk], bounds[chunk + 1]
    a, b = np.ones(offsets_hz.shape, complex), np.zeros(offsets_hz.shape, complex)
    for step in range(int(start), int(np.ceil(stop - 1e-9))):
        # A step that a chunk border cuts counts for its share in each chunk.
        share = min(stop, step + 1) - max(start, step)
        step_s = share * pulse.duration_s / n_steps
        c, d = _step(offsets_hz, complex(pulse.waveform_hz[step]), step_s)
        a, b = c * a - d * b.conj(), c * b + d * a.conj()
    rotation: ComplexArray = np.stack(
        [np.stack([a, b], axis=-1), np.stack([-b.conj(), a.conj()], axis=-1)], axis=-2
    )
    return rotation


def _step(offsets_hz: RealArray, b1_hz: complex, step_s: float) -> Rotation:
    """Return the rotation of one step about the effective field."""
    effective_hz = np.sqrt(offsets_hz**2 + abs(b1_hz) ** 2)
    half_angle = np.pi * effective_hz * step_s
    # sinc keeps the axis defined where the effective field vanishes.
    sine_over_field = np.pi * step_s * np.sinc(half_angle / np.pi)
    a = np.cos(half_angle) - 1j * offsets_hz * sine_over_field
    b = -1j * np.conj(b1_hz) * sine_over_field
    return a, b


def _on_all_spins(rotation: ComplexArray, propagator: ComplexArray) -> ComplexArray:
    """Apply one rotation a spin: two Kronecker factors cost less than their product."""
    n_positions, n_spins = rotation.shape[:2]
    n_states = propagator.shape[1]
    first, second = (
        reduce(_kron, np.moveaxis(part, 1, 0), np.ones((n_positions, 1, 1), complex))
        for part in np.split(rotation, [n_spins // 2], axis=1)
    )
    rows = first @ propagator.reshape(n_positions, first.shape[1], -1)
    pairs = rows.reshape(n_positions, first.shape[1], second.shape[1], n_states)
    applied: ComplexArray = (second[:, np.newaxis] @ pairs).reshape(propagator.shape)
    return applied


def _kron(first: ComplexArray, second: ComplexArray) -> ComplexArray:
    """Return the Kronecker product at each position."""
    size = first.shape[1] * second.shape[1]
    product: ComplexArray = np.einsum("pij,pkl->pikjl", first, second).reshape(-1, size, size)
    return product


def _coupled(
    blocks: Sequence[tuple[npt.NDArray[np.int64], ComplexArray]], propagator: ComplexArray
) -> ComplexArray:
    """Apply the coupling, a block of equal Mz at a time."""
    coupled = np.empty_like(propagator)
    for block, evolution in blocks:
        coupled[:, block] = evolution @ propagator[:, block]
    return coupled
