"""A second generator, written by someone who had seen neither the first one nor the fit's priors.

Its macromolecules are twice as large, broader, and scatter by line; metabolites decay by
their own T2 instead of a common width; shims have a second component. It shares nothing
with `glxflow.fit`, `glxflow.basis.macromolecules` or `generator`.
"""

import numpy as np

from glxflow.spectrum import BasisSet, ComplexArray, Fid, RealArray

# Concentration (mM) and T2 (s), after Wyss 2018 (doi:10.1002/mrm.27067) where measured.
_METABOLITES = {
    "NAA": (10.5, 0.258), "NAAG": (1.3, 0.118), "Cr": (4.5, 0.146), "PCr": (4.0, 0.146),
    "Glu": (10.5, 0.129), "Gln": (2.7, 0.111), "GABA": (1.6, 0.089), "GSH": (1.5, 0.089),
    "GPC": (1.2, 0.248), "PCh": (0.6, 0.248), "Ins": (6.8, 0.237), "sIns": (0.35, 0.116),
    "Tau": (1.7, 0.113), "Asp": (2.2, 0.101), "Asc": (1.0, 0.115), "Glc": (1.0, 0.103),
    "Gly": (0.7, 0.092), "Lac": (0.8, 0.105), "PE": (1.6, 0.103), "Ala": (0.5, 0.11),
}  # fmt: skip

# Chemical shift (ppm), height over that at 0.92 ppm, FWHM (Hz at 3 T).
_MACROMOLECULES = (
    (0.92, 1.00, 22), (1.21, 0.55, 24), (1.39, 0.75, 24), (1.67, 0.60, 30), (2.04, 1.10, 34),
    (2.26, 0.55, 26), (2.56, 0.20, 22), (2.70, 0.22, 18), (2.99, 0.50, 22), (3.21, 0.40, 30),
    (3.60, 0.25, 30), (3.75, 0.50, 30), (3.86, 0.35, 20), (4.03, 0.25, 25),
)  # fmt: skip
_MACROMOLECULES_OVER_TCR = 2.5


def make_other(basis: BasisSet, rng: np.random.Generator) -> tuple[Fid, dict[str, float]]:
    """Return a noisy signal at SNR 50-100 and 3-9 Hz, and its true concentrations."""
    axis = basis.axis
    time_s = axis.time_s
    truth = {name: mm * (1 + rng.uniform(-0.2, 0.2)) for name, (mm, _) in _METABOLITES.items()}
    creatine = truth["Cr"] + truth["PCr"]
    width_hz, snr = rng.uniform(3, 9), rng.uniform(50, 100)
    lorentzian_hz = 1 / (np.pi * _METABOLITES["Cr"][1])
    remaining = (width_hz - 0.5346 * lorentzian_hz) ** 2 - 0.2166 * lorentzian_hz**2
    line = _gaussian(float(np.sqrt(max(remaining, 0.04))), time_s) * _shim(time_s, width_hz, rng)
    metabolites = np.zeros(time_s.size, dtype=np.complex128)
    for name, (_, t2_s) in _METABOLITES.items():
        rate = np.exp(rng.normal(0, 0.15)) / t2_s + np.pi * abs(rng.normal(0, 0.3))
        decay = np.exp((2j * np.pi * rng.normal(0, 0.5) - rate) * time_s)
        metabolites += truth[name] * basis.fid(name) * decay
    metabolites *= line
    sign = basis.fid("Cr")[0] / abs(basis.fid("Cr")[0])
    others = np.zeros(time_s.size, dtype=np.complex128)
    for ppm, amplitude, envelope in _others(time_s, creatine, truth["NAA"], width_hz, rng):
        others += amplitude * np.exp(2j * np.pi * axis.hz(ppm) * time_s) * envelope
    spectrum = np.fft.fft(metabolites / sign)
    ppm_of = axis.reference_ppm + np.fft.fftfreq(axis.n_points, axis.dwell_time_s) / (
        axis.hz(axis.reference_ppm + 1.0)
    )
    height = spectrum.real[np.abs(ppm_of - 2.01) < 0.1].max()
    noise = rng.normal(size=(2, time_s.size)) * height / snr / np.sqrt(time_s.size)
    signal = (metabolites + sign * others * line) * np.exp(
        1j * (rng.uniform(-0.26, 0.26) + 2 * np.pi * rng.uniform(-4, 4) * time_s)
    )
    return Fid(
        _delayed(signal, rng.normal(0, 3e-5), axis.dwell_time_s) + noise[0] + 1j * noise[1], axis
    ), truth


def _others(
    time_s: RealArray, creatine: float, naa: float, width_hz: float, rng: np.random.Generator
) -> list[tuple[float, complex, ComplexArray]]:
    """Return place, amplitude and decay of macromolecules, lipids and water."""
    total = _MACROMOLECULES_OVER_TCR * creatine * (1 + rng.uniform(-0.15, 0.15))
    lines: list[tuple[float, complex, ComplexArray]] = []
    for ppm, height, fwhm_hz in _MACROMOLECULES:
        own_hz = fwhm_hz * np.exp(rng.normal(0, 0.08))
        area = total * height * np.exp(rng.normal(0, 0.15)) * own_hz / _MACROMOLECULES[0][2]
        lines.append((ppm + rng.normal(0, 0.005), area, _gaussian(own_hz, time_s)))
    lipid, lipid_hz = rng.uniform(0, 12), rng.uniform(18, 30)
    lines.append((1.28 + rng.normal(0, 0.015), lipid, _gaussian(lipid_hz, time_s)))
    lines.append((0.90 + rng.normal(0, 0.015), 0.27 * lipid, _gaussian(lipid_hz + 4, time_s)))
    for _ in range(2):
        water_hz = rng.uniform(8, 14)
        area = rng.uniform(0.5, 2.5) * 3 * naa * water_hz / width_hz
        turned = area * np.exp(1j * rng.uniform(-np.pi, np.pi))
        lines.append((4.65 + rng.normal(0, 0.025), turned, np.exp(-np.pi * water_hz * time_s)))
    return lines


def _gaussian(fwhm_hz: float, time_s: RealArray) -> ComplexArray:
    """Return the decay of a Gaussian line."""
    return np.exp(-((np.pi * fwhm_hz * time_s) ** 2) / (4 * np.log(2))).astype(np.complex128)


def _shim(time_s: RealArray, width_hz: float, rng: np.random.Generator) -> ComplexArray:
    """Return the decay of a field with a second part, away from the first."""
    part = rng.uniform(0.05, 0.2)
    offset_hz = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.2) * width_hz
    shape: ComplexArray = 1 - part + part * np.exp(2j * np.pi * offset_hz * time_s)
    return shape


def _delayed(signal: ComplexArray, delay_s: float, dwell_s: float) -> ComplexArray:
    """Return the signal as if sampled later: a phase that is linear in frequency."""
    frequency_hz = np.fft.fftfreq(2 * signal.size, dwell_s)
    spectrum = np.fft.fft(signal, 2 * signal.size) * np.exp(2j * np.pi * frequency_hz * delay_s)
    late: ComplexArray = np.fft.ifft(spectrum)[: signal.size]
    return late
