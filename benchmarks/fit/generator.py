"""Spectra of known truth for the fit's benchmarks, made without any code of the fit.

Metabolites come from the density-matrix basis set; macromolecules, lipid, water,
line shapes and their scatter are written out here and share no prior, constant
or function with `glxflow.fit` or `glxflow.basis.macromolecules`.
"""

from dataclasses import dataclass

import numpy as np

from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.spectrum import Axis, BasisSet, ComplexArray, Fid

MEAN_MM = {
    "NAA": 9.5, "NAAG": 1.6, "Cr": 4.2, "PCr": 3.8, "GPC": 1.0, "PCh": 0.6, "Glu": 8.8,
    "Gln": 2.9, "GABA": 1.4, "GSH": 1.6, "Ins": 5.5, "sIns": 0.35, "Tau": 1.5, "Asp": 1.8,
    "Asc": 0.9, "Glc": 1.0, "Lac": 0.7, "PE": 1.2, "Ala": 0.4, "Gly": 0.6,
}  # fmt: skip
"""Concentrations about which spectra scatter by 15 %."""

# Peaks of a metabolite-nulled spectrum: chemical shift, FWHM (ppm), protons x mM.
_MACROMOLECULES = (
    (0.91, 0.13, 9.5), (1.21, 0.15, 7.0), (1.39, 0.17, 8.0), (1.67, 0.15, 7.5),
    (1.90, 0.12, 2.5), (2.05, 0.15, 11.0), (2.26, 0.16, 5.0), (2.56, 0.14, 1.5),
    (2.70, 0.12, 1.2), (2.99, 0.15, 5.0), (3.21, 0.14, 2.5), (3.62, 0.18, 2.0),
    (3.75, 0.16, 3.5), (3.86, 0.14, 2.0), (3.96, 0.10, 1.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """What a spectrum is made like.

    Attributes
    ----------
    width_hz : tuple of float
        Range of the line width, in Hz.
    snr : tuple of float
        Range of NAA height over noise SD; the height is that of a Lorentzian line of the
        same width. Its own line is 9 to 28 % higher, and between 16 % lower and 35 %
        higher where it is realistic.
    is_realistic : bool
        Whether shifts, widths, macromolecules, lipid, water and shim scatter.
    """

    width_hz: tuple[float, float]
    snr: tuple[float, float]
    is_realistic: bool


def axis_3t() -> Axis:
    """Return a usual axis: 3 T, 2 kHz, 2048 points."""
    return Axis(2048, 5e-4, 123.25, 4.65)


def metabolite_basis(axis: Axis, echo_time_s: float = 0.035) -> BasisSet:
    """Return the metabolites' responses to PRESS."""
    return simulate_basis(protocol_for("press", axis, echo_time_s=echo_time_s), tuple(MEAN_MM))


def make_spectrum(
    basis: BasisSet, scene: Scene, rng: np.random.Generator
) -> tuple[Fid, dict[str, float]]:
    """Return a noisy signal and its true concentrations."""
    axis = basis.axis
    truth = {name: MEAN_MM[name] * rng.normal(1.0, 0.15) for name in basis.names}
    width_hz = rng.uniform(*scene.width_hz)
    share = rng.uniform(0.35, 0.75)
    lorentz_hz = share * width_hz
    gauss_hz = width_hz * np.sqrt(max((1 - 0.5346 * share) ** 2 - 0.2166 * share**2, 0.01))
    spread = 1.0 if scene.is_realistic else 0.0
    time = axis.time_s
    metabolites = np.zeros(axis.n_points, dtype=np.complex128)
    for name in basis.names:
        rate = np.pi * lorentz_hz * np.exp(rng.normal(0.0, 0.15 * spread))
        shift_hz = rng.normal(0.0, 0.004 * spread) * axis.spectrometer_frequency_mhz
        line = np.exp(-rate * time + 2j * np.pi * shift_hz * time)
        metabolites += truth[name] * basis.fid(name) * line
    signal = metabolites + _macromolecules(axis, rng, spread)
    signal *= np.exp(-((np.pi * gauss_hz * time) ** 2) / (4 * np.log(2)))
    if scene.is_realistic:
        signal *= _shim(time, width_hz, rng)
        signal += _lipid(axis, rng) + _water(axis, rng)
    naa = np.abs(np.fft.fft(truth["NAA"] * 3 * np.exp(-np.pi * width_hz * time))).max()
    noise_sd = naa / rng.uniform(*scene.snr) / np.sqrt(axis.n_points)
    frequency = axis.frequency_hz
    spectrum = np.fft.fftshift(np.fft.fft(signal))
    phase = rng.normal(0.0, 0.5) + 2 * np.pi * frequency * rng.normal(0.0, 10e-6)
    signal = np.fft.ifft(np.fft.ifftshift(spectrum * np.exp(1j * phase)))
    signal *= np.exp(2j * np.pi * rng.normal(0.0, 2.0) * time)
    noise = rng.normal(size=(2, axis.n_points)) * noise_sd
    return Fid(signal + noise[0] + 1j * noise[1], axis), truth


def _macromolecules(axis: Axis, rng: np.random.Generator, spread: float) -> ComplexArray:
    """Return macromolecules of scattered amplitude, mixture, width and position."""
    total = np.zeros(axis.n_points, dtype=np.complex128)
    scale = 1.0 + spread * rng.normal(0.0, 0.15)
    for ppm, fwhm_ppm, amplitude in _MACROMOLECULES:
        height = max(amplitude * scale * (1 + spread * rng.normal(0.0, 0.15)), 0.0)
        width_hz = fwhm_ppm * np.exp(spread * rng.normal(0, 0.1)) * axis.spectrometer_frequency_mhz
        place_hz = axis.hz(ppm + spread * rng.normal(0.0, 0.01))
        decay = (np.pi * width_hz * axis.time_s) ** 2 / (4 * np.log(2))
        total -= height * np.exp(2j * np.pi * place_hz * axis.time_s - decay)
    return total


def _shim(time_s: np.ndarray, width_hz: float, rng: np.random.Generator) -> ComplexArray:
    """Return the decay of a field with a second, smaller part beside the main one."""
    part = rng.uniform(0.0, 0.25)
    offset_hz = rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.0) * width_hz
    shape = 1 - part + part * np.exp(2j * np.pi * offset_hz * time_s)
    result: ComplexArray = shape * np.exp(-2j * np.pi * part * offset_hz * time_s)
    return result


def _lipid(axis: Axis, rng: np.random.Generator) -> ComplexArray:
    """Return lipid at 1.3 and 0.9 ppm, with a phase of its own."""
    strength = rng.exponential(6.0)
    phase = np.exp(1j * rng.normal(0.0, 0.3))
    total = np.zeros(axis.n_points, dtype=np.complex128)
    for ppm, share, width_hz in ((1.29, 1.0, 16.0), (0.90, 0.35, 18.0)):
        place_hz = axis.hz(ppm + rng.normal(0.0, 0.02))
        total -= (
            strength * share * np.exp((2j * np.pi * place_hz - np.pi * width_hz) * axis.time_s)
        )
    return total * phase


def _water(axis: Axis, rng: np.random.Generator) -> ComplexArray:
    """Return what water suppression and removal leave: lines of any phase about 4.65 ppm."""
    total = np.zeros(axis.n_points, dtype=np.complex128)
    for _ in range(3):
        place_hz = axis.hz(4.65 + rng.normal(0.0, 0.05))
        height = rng.exponential(12.0) * np.exp(2j * np.pi * rng.uniform())
        width_hz = rng.uniform(5.0, 20.0)
        total += height * np.exp((2j * np.pi * place_hz - np.pi * width_hz) * axis.time_s)
    return total
