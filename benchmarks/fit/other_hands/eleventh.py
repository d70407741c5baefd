"""Simulated brain 1H-MR spectra, 3 T PRESS TE 35 ms, with known truth.

Concentrations (mM, grey/white mixture) scatter log-normally by 11-15 % (11-12 % for
the strong, 14-15 % for the weak ones; a fifth to six tenths of the SD of some is
a shared grey/white factor).  Each metabolite has its own T2 (90-260 ms; 12 %
scatter), which acts as line width from the echo top onwards only: the truth is
the amplitude at t = 0 in units of ``fids``, i.e. with no exp(-TE/T2) to correct.
Each is jittered in shift (SD 0.003 ppm, cut at 2.5 SD) and gets 0-0.8 Hz of extra
Lorentzian width.  The shim is the field distribution over a soft-edged cuboid
voxel with random first-, second- and third-order terms, with T2' (Lorentzian)
and mesoscopic Gaussian blur (0.3-0.6 of its SD), scaled so that
the NAA singlet has a FWHM uniform in
3-9 Hz.  Macromolecules are 15 Voigt lines at the positions of the consensus
(Cudalbu 2021) and at 4.20 ppm, 0.10-0.16 ppm wide before shim; M0.92 has 14
proton-mM (NAA singlet: 30); scatter 15 % in common, 12 % each in area, 10 % in
width, 0.006 ppm in position.  Lipid: five lines with own offset (SD 2 Hz) and
phase (SD 15 deg), 1.30 ppm log-normal about 3 proton-mM (SD of log 0.8).  Residual
water: 3-5 Voigt lines, SD 0.04 ppm about 4.65, of random phases, 15-150 proton-mM
(log-uniform) in sum of moduli.  Frequency offset SD 1.5 Hz (cut at 2.5 SD), phase
SD 6 deg.  White noise: SNR uniform in 50-100, height of the NAA peak alone (in
phase, no apodisation) over the SD of the noise in the real spectrum.

Notes
-----
T2 after the usual 3 T values (Mlynarik 2001, Edden 2012, Ganji 2012, Wyss 2018);
areas of the macromolecules are my own reading of metabolite-nulled spectra.
"""

from __future__ import annotations

import numpy as np

# name: mean (mM), SD of log, loading on the grey/white factor, T2 (s)
METABOLITES: dict[str, tuple[float, float, float, float]] = {
    "NAA": (10.0, 0.11, 0.00, 0.260),
    "NAAG": (1.5, 0.14, -0.08, 0.200),
    "Cr": (4.4, 0.11, 0.05, 0.155),
    "PCr": (3.6, 0.11, 0.05, 0.155),
    "GPC": (1.15, 0.12, -0.05, 0.215),
    "PCh": (0.45, 0.14, -0.05, 0.215),
    "Glu": (9.0, 0.11, 0.06, 0.180),
    "Gln": (2.4, 0.14, 0.06, 0.170),
    "GABA": (1.3, 0.15, 0.04, 0.090),
    "GSH": (1.2, 0.14, 0.00, 0.115),
    "Ins": (6.0, 0.12, 0.00, 0.195),
    "sIns": (0.30, 0.15, 0.00, 0.170),
    "Tau": (1.3, 0.14, 0.04, 0.130),
    "Asp": (1.9, 0.15, 0.03, 0.110),
    "Asc": (0.9, 0.15, 0.00, 0.120),
    "Glc": (1.1, 0.15, 0.00, 0.100),
    "Lac": (0.7, 0.15, 0.00, 0.240),
    "PE": (1.3, 0.14, 0.00, 0.110),
    "Ala": (0.35, 0.15, 0.00, 0.150),
    "Gly": (0.7, 0.15, 0.00, 0.150),
}

# position (ppm), FWHM before shim (ppm), area relative to M0.92
MACROMOLECULES = np.array(
    [
        (0.92, 0.145, 1.00),
        (1.21, 0.140, 0.42),
        (1.39, 0.140, 0.85),
        (1.67, 0.140, 0.50),
        (2.04, 0.160, 1.20),
        (2.26, 0.160, 0.60),
        (2.56, 0.120, 0.15),
        (2.70, 0.110, 0.20),
        (2.99, 0.130, 0.55),
        (3.21, 0.130, 0.38),
        (3.62, 0.110, 0.25),
        (3.75, 0.130, 0.45),
        (3.86, 0.110, 0.35),
        (4.03, 0.120, 0.30),
        (4.20, 0.130, 0.28),
    ]
)
MM_AREA = 14.0  # of M0.92, proton-mM

# position (ppm), FWHM before shim (ppm), area relative to 1.30 ppm
LIPIDS = np.array(
    [
        (0.89, 0.120, 0.30),
        (1.30, 0.130, 1.00),
        (2.04, 0.140, 0.14),
        (2.25, 0.130, 0.07),
        (2.80, 0.150, 0.05),
    ]
)
NAA_PPM = 2.008


def _normal(rng: np.random.Generator, sd: float, size=None, cut: float = 2.5):
    """Draw normal deviates cut at `cut` standard deviations."""
    return sd * np.clip(rng.standard_normal(size), -cut, cut)


def _voigt(t, f, width, lorentz=0.4):
    """Return an FID of unit area: a Voigt line at f (Hz) of the given FWHM."""
    low = lorentz * width
    gauss = np.sqrt((width - 0.5346 * low) ** 2 - 0.2166 * low**2)
    decay = np.pi * low * t + (np.pi * gauss * t) ** 2 / (4 * np.log(2))
    return np.exp(2j * np.pi * f * t - decay)


def _shim(rng: np.random.Generator, n_bins: int = 241):
    """Return the dephasing by a random residual field, as a function of s * t.

    The field has unit SD over the voxel; s is the SD in Hz.
    """
    g = (np.arange(16) + 0.5) / 8 - 1  # soft edges: flat to 0.7, then cosine
    edge = np.where(np.abs(g) < 0.7, 1, np.cos((np.abs(g) - 0.7) / 0.3 * np.pi / 2))
    x, y, z = np.meshgrid(g, g, g, indexing="ij")
    w = edge[:, None, None] * edge[None, :, None] * edge[None, None, :]
    w = w / w.sum()
    first = [x, y, z]
    second = [z**2 - (x**2 + y**2) / 2, x * z, y * z, x**2 - y**2, x * y]
    third = [z * (2 * z**2 - 3 * x**2 - 3 * y**2), x * (x**2 - 3 * y**2), x * y * z]
    field = np.zeros_like(x)
    for terms, size in ((first, 0.3), (second, 1.0), (third, 0.3)):
        for term in terms:
            c = term - (w * term).sum()
            field += size * rng.standard_normal() ** 3 * c / np.sqrt((w * c**2).sum())
    field /= np.sqrt((w * field**2).sum())
    p, e = np.histogram(field, bins=n_bins, range=(-6, 6), weights=w)
    u = np.linspace(0, 4, 1601)  # by then the blur leaves nothing
    phi = np.exp(2j * np.pi * np.outer(u, (e[1:] + e[:-1]) / 2)) @ p
    meso, t2prime = rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.4)
    phi = phi * np.exp(-2 * (np.pi * meso * u) ** 2 - np.pi * t2prime * u)
    return lambda v: np.interp(v, u, phi.real) + 1j * np.interp(v, u, phi.imag)


def _spectrum(fid, zero_fill: int = 16):
    """Return the real spectrum (zero-filled; the same scale as a plain FFT)."""
    fid = fid.copy()
    fid[0] /= 2
    return np.fft.fftshift(np.fft.fft(fid, zero_fill * fid.size)).real


def _fwhm(fid, dwell: float) -> float:
    """Return the full width at half maximum (Hz) of an FID of one line."""
    y = _spectrum(fid)
    k, half = int(np.argmax(y)), y.max() / 2
    lo, hi = k, k
    while y[lo] > half:
        lo -= 1
    while y[hi] > half:
        hi += 1
    width = hi - lo - (half - y[lo]) / (y[lo + 1] - y[lo])
    return (width - (half - y[hi]) / (y[hi - 1] - y[hi])) / (y.size * dwell)


def make(
    fids: dict[str, np.ndarray], axis, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, float]]:
    """Return one noisy complex signal and the true concentrations (mM)."""
    t, mhz = np.asarray(axis.time_s), axis.spectrometer_frequency_mhz

    def hertz(ppm):
        return (ppm - axis.reference_ppm) * mhz

    # signal of one proton per unit concentration, from the NAA singlet (3 protons)
    demod = np.exp(-2j * np.pi * hertz(NAA_PPM) * t - np.pi * 4.0 * t)
    proton = abs((fids["NAA"] * demod).sum()) / np.exp(-np.pi * 4.0 * t).sum() / 3
    proton *= np.sign(fids["NAA"][0].real)

    # concentrations and decay of each metabolite
    tissue = _normal(rng, 1.0)
    truth, decay = {}, {}
    for name in fids:
        mean, sd, load, t2 = METABOLITES[name]
        own = _normal(rng, np.sqrt(sd**2 - load**2))
        truth[name] = float(mean * np.exp(load * tissue + own))
        r2 = np.exp(_normal(rng, 0.12)) / t2 + np.pi * rng.uniform(0, 0.8)
        decay[name] = np.exp(2j * np.pi * _normal(rng, 0.003) * mhz * t - r2 * t)

    # shim, scaled to the line width wanted of the NAA singlet
    target, phi = rng.uniform(3.0, 9.0), _shim(rng)
    lo, hi = 0.0, 12.0
    for _ in range(20):
        scale = (lo + hi) / 2
        wide = _fwhm(np.abs(decay["NAA"]) * phi(scale * t), axis.dwell_time_s) > target
        lo, hi = (lo, scale) if wide else (scale, hi)
    shim = phi(scale * t)
    signal = sum(truth[m] * fids[m] * decay[m] for m in fids) * shim
    naa = truth["NAA"] * fids["NAA"] * decay["NAA"] * shim

    common = MM_AREA * np.exp(_normal(rng, 0.15))
    for ppm, width, area in MACROMOLECULES:
        f = hertz(ppm + _normal(rng, 0.006))
        size = proton * common * area * np.exp(_normal(rng, 0.12))
        line = _voigt(t, f, width * mhz * np.exp(_normal(rng, 0.10)))
        signal = signal + size * line * shim

    common = 3.0 * np.exp(_normal(rng, 0.8)) * np.exp(1j * _normal(rng, np.radians(15)))
    shift = _normal(rng, 2.0)
    for ppm, width, area in LIPIDS:
        size = proton * common * area * np.exp(_normal(rng, 0.15))
        line = _voigt(t, hertz(ppm) + shift, width * mhz * np.exp(_normal(rng, 0.10)))
        signal = signal + size * line * shim

    n_water = int(rng.integers(3, 6))
    parts = rng.dirichlet(np.full(n_water, 2.0)) * np.exp(rng.uniform(*np.log([15, 150])))
    for part in parts:
        f = hertz(4.65 + _normal(rng, 0.04))
        line = _voigt(t, f, rng.uniform(4, 14), rng.uniform(0.2, 0.8))
        signal = signal + proton * part * np.exp(2j * np.pi * rng.random()) * line

    twist = 2j * np.pi * _normal(rng, 1.5) * t + 1j * np.radians(_normal(rng, 6.0))
    height = _spectrum(naa * np.sign(proton)).max()
    sigma = height / rng.uniform(50, 100) / np.sqrt(t.size)  # of either channel
    noise = rng.standard_normal(t.size) + 1j * rng.standard_normal(t.size)
    return signal * np.exp(twist) + sigma * noise, truth


def mean_macromolecules(axis):
    """Return the macromolecules without their scatter, of one upright proton-mM each unit."""
    t, mhz = np.asarray(axis.time_s), axis.spectrometer_frequency_mhz
    return MM_AREA * sum(
        area * _voigt(t, (ppm - axis.reference_ppm) * mhz, width * mhz)
        for ppm, width, area in MACROMOLECULES
    )
