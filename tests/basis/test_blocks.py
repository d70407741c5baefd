"""Density matrices in blocks against the same algebra on whole matrices."""

import numpy as np
import pytest
from scipy.stats import unitary_group

from glxflow.basis.blocks import Blocks, Levels, evolved, rotated
from glxflow.basis.hamiltonian import eigensystems, free_hamiltonian
from glxflow.basis.spins import spin_groups

N_SPINS = 3
LEVELS = Levels.of(N_SPINS)


def whole(density):
    """Return the full matrix of each position, levels sorted."""
    n_positions = len(next(iter(density.blocks.values())))
    matrix = np.zeros((n_positions, 8, 8), complex)
    for upper, block in density.blocks.items():
        matrix[:, LEVELS.slices[upper], LEVELS.slices[upper + density.order]] = block
    return matrix


def random_density(order, n_positions, seed):
    """Return blocks of random numbers."""
    rng = np.random.default_rng(seed)
    blocks = {}
    for upper, rows in enumerate(LEVELS.slices):
        lower = upper + order
        if 0 <= lower <= N_SPINS:
            columns = LEVELS.slices[lower]
            shape = (n_positions, rows.stop - rows.start, columns.stop - columns.start)
            blocks[upper] = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return Blocks(order, blocks)


def coherence():
    return np.rint(LEVELS.total_z[:, np.newaxis] - LEVELS.total_z).astype(int)


@pytest.mark.parametrize("before", [-1, 0, 1])
@pytest.mark.parametrize("after", [-1, 0, 1])
@pytest.mark.parametrize("is_averaged", [True, False])
def test_rotation_is_that_of_whole_matrices(before, after, is_averaged):
    density = random_density(before, 1, seed=before + 5)
    pulses = unitary_group.rvs(8, size=4, random_state=20260302)
    expected = pulses @ whole(density) @ np.conj(np.swapaxes(pulses, 1, 2))
    expected = expected * (coherence() == after)
    if is_averaged:
        expected = expected.mean(axis=0, keepdims=True)
    found = rotated(density, pulses, LEVELS, after, is_averaged=is_averaged)
    assert whole(found) == pytest.approx(expected, abs=1e-12)  # rounding


def test_rotation_is_linear():
    pulses = unitary_group.rvs(8, size=2, random_state=20260303)
    one, other = (random_density(1, 2, seed) for seed in (1, 2))
    both = Blocks(1, {key: 2 * one.blocks[key] - 3j * other.blocks[key] for key in one.blocks})
    parts = [
        whole(rotated(density, pulses, LEVELS, -1, is_averaged=False))
        for density in (one, other, both)
    ]
    assert parts[2] == pytest.approx(2 * parts[0] - 3j * parts[1], abs=1e-12)  # rounding


def test_free_evolution_keeps_norm_and_comes_back():
    (group,) = spin_groups("Asp")
    systems = eigensystems(free_hamiltonian(group, group.shifts_ppm * 123.0), LEVELS)
    density = random_density(-1, 1, seed=3)
    later = evolved(density, systems, 0.02)
    assert np.linalg.norm(whole(later)) == pytest.approx(np.linalg.norm(whole(density)))
    assert whole(evolved(later, systems, -0.02)) == pytest.approx(whole(density), abs=1e-12)


def test_levels_hold_the_binomial_numbers_of_states():
    assert [part.stop - part.start for part in LEVELS.slices] == [1, 3, 3, 1]
    assert LEVELS.total_z.tolist() == [1.5, 0.5, 0.5, 0.5, -0.5, -0.5, -0.5, -1.5]


def test_raising_operator_obeys_its_commutator():
    raising = np.zeros((8, 8))
    for level in range(N_SPINS):
        raising[LEVELS.slices[level], LEVELS.slices[level + 1]] = LEVELS.raising(level)
    # [F+, F-] = 2 Fz
    commutator = raising @ raising.T - raising.T @ raising
    assert commutator == pytest.approx(np.diag(2 * LEVELS.total_z))
