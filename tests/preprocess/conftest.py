"""A maker of raw sessions with known truth, which owes nothing to the package's stages."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.spectrum import Axis, Series

F0_MHZ, DWELL_S, N_POINTS = 123.25, 5e-4, 2048
# (ppm, relative area, width in Hz): singlets, the strongest lines of Glx and myo-inositol,
# and broad macromolecules.
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


def lines(table: tuple[tuple[float, float, float], ...], shift_hz: float = 0.0) -> np.ndarray:
    """Return a sum of Lorentzian lines in time."""
    time_s = np.arange(N_POINTS) * DWELL_S
    return sum(
        area * np.exp((2j * np.pi * ((ppm - 4.65) * F0_MHZ + shift_hz) - np.pi * width) * time_s)
        for ppm, area, width in table
    )


@pytest.fixture
def session_axis() -> Axis:
    """Return the axis of the made sessions."""
    return Axis(N_POINTS, DWELL_S, F0_MHZ, 4.65)


@pytest.fixture
def metabolites() -> np.ndarray:
    """Return one clean decay, in phase and on the ppm scale."""
    return lines(LINES)


@pytest.fixture
def make_session(session_axis: Axis) -> Callable[..., SimpleNamespace]:
    """Return a maker of sessions: series, water, and the truth of each effect."""

    def make(rng: np.random.Generator, **changes: Any) -> SimpleNamespace:
        return _session(rng, session_axis, SimpleNamespace(**(_DEFAULTS | changes)))

    return make


MEGA_MM = {
    "NAA": 10.0,
    "Cr": 8.0,
    "PCh": 0.6,
    "GPC": 1.0,
    "Glu": 9.5,
    "Gln": 2.5,
    "GABA": 1.5,
    "Ins": 6.0,
    "GSH": 1.5,
    "NAAG": 1.2,
}


@pytest.fixture(scope="session")
def mega() -> SimpleNamespace:
    """Return clean decays of OFF and ON: MEGA-PRESS of TE 68 ms by density matrices.

    NAA has the area 3, as in `LINES`; macromolecules are edited at 3.0 ppm.
    """
    axis = Axis(N_POINTS, DWELL_S, F0_MHZ, 4.65)
    width = np.exp(-5 * np.pi * axis.time_s)
    share = np.array(list(MEGA_MM.values())) / MEGA_MM["NAA"]
    broad = lines(((0.91, 1.0, 25.0), (1.4, 0.7, 25.0)))
    edited = lines(((3.0, 0.25, 22.0),))
    # PRESS turns the signal over: a singlet starts at -1.
    off, on = (
        broad
        - width
        * (
            share
            @ simulate_basis(
                protocol_for("megapress", axis, echo_time_s=0.068, edit_ppm=edit_ppm),
                tuple(MEGA_MM),
            ).fids
        )
        for edit_ppm in (7.5, 1.9)
    )
    return SimpleNamespace(off=off, on=on + edited, axis=axis)


@pytest.fixture
def make_mega(
    make_session: Callable[..., SimpleNamespace], mega: SimpleNamespace
) -> Callable[..., SimpleNamespace]:
    """Return a maker of edited sessions: conditions in turn, OFF first, with their truth."""

    def make(
        rng: np.random.Generator,
        n_pairs: int = 16,
        on_offset_hz: float = 0.0,
        on_phase_rad: float = 0.0,
        **changes: Any,
    ) -> SimpleNamespace:
        turn = 2 * np.pi * on_offset_hz * mega.axis.time_s + on_phase_rad
        signal = np.stack([mega.off, mega.on * np.exp(1j * turn)] * n_pairs)
        made = make_session(rng, n_transients=2 * n_pairs, signal=signal, **changes)
        made.conditions = {
            label: Series(
                made.series.samples[:, start::2],
                mega.axis,
                made.series.onset_s[start::2],
                0.068,
                2.0,
            )
            for start, label in enumerate(("OFF", "ON"))
        }
        return made

    return make


_DEFAULTS: dict[str, Any] = {
    "n_coils": 8,
    "n_transients": 32,
    "snr": 8.0,  # NAA height over noise SD of one optimally combined transient
    "drift_hz": 3.0,
    "jitter_hz": 0.5,
    "phase_sd_rad": 0.3,
    "water_residual": 20.0,  # area, where NAA has 3
    "eddy_rad": 0.0,
    "repetition_s": 2.0,
    "signal": None,  # (n_transients, n_points) clean decays instead of equal ones
}


def _session(rng: np.random.Generator, axis: Axis, wanted: SimpleNamespace) -> SimpleNamespace:
    n_coils, n_transients = wanted.n_coils, wanted.n_transients
    sensitivity = rng.normal(size=(n_coils, 2)) @ [1, 1j]
    # Neighbouring coils share noise, as in a head array: correlation 0.5, then 0.25, ...
    index = np.arange(n_coils)
    correlation = 0.5 ** np.abs(index[:, np.newaxis] - index)
    spread = rng.uniform(0.5, 2.0, size=n_coils) * np.exp(2j * np.pi * rng.random(n_coils))
    mixing = spread[:, np.newaxis] * np.linalg.cholesky(correlation)
    covariance = mixing @ mixing.conj().T
    # The best combination has the signal to noise of the whitened sensitivity.
    best = np.sqrt(np.real(sensitivity.conj() @ np.linalg.solve(covariance, sensitivity)))

    clean = lines(LINES)
    height = np.abs(np.fft.fft(lines(LINES[:1]))).max()
    # One complex sample of unit-variance channels gives sqrt(n) in the real spectrum.
    noise_sd = height * best / (wanted.snr * np.sqrt(axis.n_points))

    offset_hz = wanted.drift_hz * np.linspace(0, 1, n_transients)
    offset_hz = offset_hz + rng.normal(scale=wanted.jitter_hz, size=n_transients)
    phase_rad = rng.normal(scale=wanted.phase_sd_rad, size=n_transients)
    eddy = wanted.eddy_rad * np.exp(-axis.time_s / 0.05)
    residual = lines(((4.66, wanted.water_residual, 7.0), (4.72, wanted.water_residual / 3, 15.0)))
    signal = clean if wanted.signal is None else wanted.signal
    transients = (signal + 1j * residual) * np.exp(
        1j * (2 * np.pi * np.outer(offset_hz, axis.time_s) + phase_rad[:, np.newaxis] + eddy)
    )
    shape = (n_coils, n_transients * axis.n_points)
    noise = mixing @ (noise_sd * rng.normal(size=shape) + 1j * noise_sd * rng.normal(size=shape))
    samples = sensitivity[:, np.newaxis, np.newaxis] * transients
    samples = samples + noise.reshape(n_coils, n_transients, axis.n_points)
    water = 3e3 * lines(((4.66, 1.0, 7.0),)) * np.exp(1j * eddy)
    reference = sensitivity[:, np.newaxis, np.newaxis] * water

    def series(values: np.ndarray) -> Series:
        onset_s = np.arange(values.shape[1]) * wanted.repetition_s
        return Series(values, axis, onset_s, 0.03, wanted.repetition_s)

    return SimpleNamespace(
        series=series(samples),
        water=series(reference),
        clean=clean,
        offset_hz=offset_hz,
        phase_rad=phase_rad,
        sensitivity=sensitivity,
        covariance=covariance * noise_sd**2 * 2,
        best_snr=wanted.snr,
        eddy_rad=eddy,
        remake=series,
    )
