"""Direct evaluation in the full Hilbert space: slow, plain, and independent of the package.

Matrix exponentials of Kronecker products of spin operators, one a pulse step and
one a sampling interval. Tests and the benchmark compare the package with it.
"""

from functools import reduce

import numpy as np
from scipy.linalg import expm

_X = np.array([[0, 1], [1, 0]], dtype=complex) / 2
_Y = np.array([[0, -1j], [1j, 0]]) / 2
_Z = np.array([[1, 0], [0, -1]], dtype=complex) / 2


def operators(n_spins, single):
    """Return the operator of each spin in the product space, (n_spins, 2^n, 2^n)."""
    return np.array(
        [
            reduce(np.kron, [single if spin == k else np.eye(2) for spin in range(n_spins)])
            for k in range(n_spins)
        ]
    )


class DirectSystem:
    """A spin group in the rotating frame of a carrier."""

    def __init__(self, shifts_ppm, couplings_hz, carrier_ppm, f0_mhz, extra_hz=0.0):
        n_spins = len(shifts_ppm)
        self.shifts_ppm = np.asarray(shifts_ppm)
        self.x, self.y, self.z = (operators(n_spins, single) for single in (_X, _Y, _Z))
        offsets_hz = (self.shifts_ppm - carrier_ppm) * f0_mhz + extra_hz
        self.hamiltonian = 2 * np.pi * np.einsum("k,kij->ij", offsets_hz, self.z)
        for i, j in zip(*np.nonzero(couplings_hz), strict=True):
            self.hamiltonian += (
                2
                * np.pi
                * couplings_hz[i, j]
                * sum(operator[i] @ operator[j] for operator in (self.x, self.y, self.z))
            )
        self.density = self.z.sum(axis=0)
        magnetic = np.real(np.diag(self.density))
        self.coherence = np.rint(magnetic[:, np.newaxis] - magnetic).astype(int)

    def turn(self, angle_deg, is_hit=None):
        """Apply an instant pulse about x to all spins, or to those hit."""
        is_hit = np.ones(len(self.shifts_ppm)) if is_hit is None else np.asarray(is_hit, float)
        self._apply(expm(-1j * np.deg2rad(angle_deg) * np.einsum("k,kij->ij", is_hit, self.x)))

    def shaped(self, waveform_hz, duration_s, positions_hz, order):
        """Apply a shaped pulse at each position, keep one order, and average the positions."""
        step_s = duration_s / len(waveform_hz)
        before, total = self.density, 0
        for position_hz in positions_hz:
            free = self.hamiltonian + 2 * np.pi * position_hz * self.z.sum(axis=0)
            propagator = np.eye(len(free))
            for b1_hz in waveform_hz:
                rf = b1_hz.real * self.x.sum(axis=0) + b1_hz.imag * self.y.sum(axis=0)
                propagator = expm(-1j * step_s * (free + 2 * np.pi * rf)) @ propagator
            total = total + (propagator @ before @ propagator.conj().T) * (self.coherence == order)
        self.density = total / len(positions_hz)

    def keep(self, order):
        """Keep one coherence order, as crushers do."""
        self.density = self.density * (self.coherence == order)

    def wait(self, time_s):
        """Evolve freely."""
        self._apply(expm(-1j * self.hamiltonian * time_s))

    def acquire(self, n_points, dwell_s):
        """Return the signal; a proton along y gives 1."""
        raising = (self.x + 1j * self.y).sum(axis=0)
        step = expm(-1j * self.hamiltonian * dwell_s)
        signal = np.empty(n_points, complex)
        for point in range(n_points):
            signal[point] = np.trace(raising @ self.density) * -4j / len(self.density)
            self._apply(step)
        return signal

    def _apply(self, propagator):
        self.density = propagator @ self.density @ propagator.conj().T
