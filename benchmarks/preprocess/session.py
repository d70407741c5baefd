"""A simulated raw session with known truth, for the benchmarks of preprocessing."""

from types import SimpleNamespace

import numpy as np

from glxflow.spectrum import Axis, Series

AXIS = Axis(2048, 5e-4, 123.25, 4.65)

# (ppm, area, width in Hz): singlets, the strongest of Glx and myo-inositol, macromolecules.
LINES = (
    (2.008, 3.0, 5.0),
    (3.027, 2.2, 5.0),
    (3.913, 1.45, 6.0),
    (3.20, 1.3, 5.5),
    (2.30, 0.45, 6.0),
    (2.34, 0.6, 6.0),
    (2.38, 0.45, 6.0),
    (3.74, 0.7, 6.0),
    (3.52, 0.6, 6.0),
    (3.61, 0.6, 6.0),
    (0.91, 1.5, 30.0),
    (1.4, 1.0, 30.0),
    (2.05, 1.2, 30.0),
)


def lines(table: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    """Return a sum of Lorentzian lines in time."""
    return sum(
        area * np.exp((2j * np.pi * AXIS.hz(ppm) - np.pi * width) * AXIS.time_s)
        for ppm, area, width in table
    )


def session(
    rng: np.random.Generator,
    *,
    n_coils: int,
    n_transients: int,
    snr: float = 8.0,
    drift_hz: float = 3.0,
) -> SimpleNamespace:
    """Return series, water and truth; `snr` is NAA over noise of one combined transient."""
    signal = np.broadcast_to(lines(LINES), (n_transients, AXIS.n_points))
    return received(rng, signal, n_coils=n_coils, snr=snr, drift_hz=drift_hz)


def received(
    rng: np.random.Generator, signal: np.ndarray, *, n_coils: int, snr: float, drift_hz: float
) -> SimpleNamespace:
    """Return what coils receive of clean decays, (n_transients, n_points), that drift and turn."""
    n_transients = len(signal)
    sensitivity = rng.normal(size=(n_coils, 2)) @ [1, 1j]
    index = np.arange(n_coils)
    correlation = 0.5 ** np.abs(index[:, np.newaxis] - index)
    mixing = rng.uniform(0.5, 2.0, size=(n_coils, 1)) * np.linalg.cholesky(correlation)
    covariance = mixing @ mixing.conj().T
    best = np.sqrt(np.real(sensitivity.conj() @ np.linalg.solve(covariance, sensitivity)))
    height = np.abs(np.fft.fft(lines(LINES[:1]))).max()
    noise_sd = height * best / (snr * np.sqrt(AXIS.n_points))
    offset_hz = drift_hz * np.linspace(0, 1, n_transients) + rng.normal(
        scale=0.5, size=n_transients
    )
    phase_rad = rng.normal(scale=0.3, size=n_transients)
    residual = lines(((4.66, 20.0, 7.0), (4.72, 7.0, 15.0)))
    transients = (signal + 1j * residual) * np.exp(
        1j * (2 * np.pi * np.outer(offset_hz, AXIS.time_s) + phase_rad[:, np.newaxis])
    )
    samples = np.empty((n_coils, n_transients, AXIS.n_points), dtype=np.complex128)
    for transient, decay in enumerate(transients):
        white = rng.normal(size=(n_coils, AXIS.n_points, 2)) @ [noise_sd, 1j * noise_sd]
        samples[:, transient] = np.outer(sensitivity, decay) + mixing @ white
    water = np.outer(sensitivity, 3e3 * lines(((4.66, 1.0, 7.0),)))[:, np.newaxis]
    onset_s = np.arange(n_transients) * 2.0
    return SimpleNamespace(
        series=Series(samples, AXIS, onset_s, 0.03, 2.0),
        water=Series(water, AXIS, np.zeros(1), 0.03, 2.0),
        offset_hz=offset_hz,
        sensitivity=sensitivity,
        covariance=covariance,
    )
