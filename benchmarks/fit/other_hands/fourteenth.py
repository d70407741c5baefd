"""Independent generator of simulated brain 1H-MR spectra (3 T, PRESS TE 35 ms) with known truth.

Metabolites are the given ideal FIDs times adult-brain concentrations (mM; log-normal, 10 % for
the large pools, 15 % for the small ones, independent). T2 acts on the line widths only (T2
100-300 ms, 1-3 Hz of Lorentzian width, 8 % log-normal jitter); no amplitude is lost to T2, so the
truth is the amplitude. Each metabolite is shifted as a whole by a normal jitter of SD 0.3 Hz
(0.0024 ppm; at most 0.75 Hz). The shim is one frequency distribution common to everything but the
water: a two-piece Gaussian (half widths differing by an asymmetry of up to +-0.35) and a
displaced, broader sub-volume (4-14 % of the voxel, 0.6-1.2 widths away), of mean zero, scaled so
that the whole NAA singlet has a full width at half maximum drawn uniformly from 3-9 Hz.
Macromolecules are Voigt lines (7 Hz Lorentzian, 11-25 Hz Gaussian; M0.9 about 17-18 Hz in all
before the shim) in 15 groups at the consensus positions (Cudalbu 2021), M0.9 having an area of 16
proton mM (5.3 mM of CH3 as seen at TE 35); scatter: 12 % common, 8 % per group in area, 0.006 ppm
in position, 6 % in width. Lipid (1.28 ppm, with 24 % at 0.89 and 8 % at 2.03 ppm; 18-28 Hz wide)
has an exponential area of mean 4, at most 15, SD of the phase 10 deg. Residual water is three
Lorentzian lines (4-18 Hz) within about 0.05 ppm of 4.65 ppm, total area log-normal about 45, SD
of each line's phase 50 deg. All of it is offset by N(0, 1.5 Hz) (at most 4) and phased by N(0, 8
deg) (at most 20); no first-order phase, eddy currents or further baseline. White complex noise
gives an SNR uniform in 50-100: height of the NAA singlet alone over the SD of the noise in the
real spectrum, no zero filling or apodisation. One proton per unit concentration is 1 at t = 0.
"""

import numpy as np

# name: (mean concentration in mM, coefficient of variation, T2 in ms at 3 T)
METABOLITES = {
    "NAA": (10.8, 0.10, 250.0),
    "NAAG": (1.4, 0.15, 200.0),
    "Cr": (4.4, 0.10, 155.0),
    "PCr": (3.9, 0.10, 155.0),
    "GPC": (1.05, 0.12, 215.0),
    "PCh": (0.55, 0.15, 215.0),
    "Glu": (9.2, 0.10, 130.0),
    "Gln": (2.4, 0.15, 130.0),
    "GABA": (1.6, 0.15, 100.0),
    "GSH": (1.5, 0.15, 115.0),
    "Ins": (6.0, 0.10, 160.0),
    "sIns": (0.30, 0.15, 160.0),
    "Tau": (1.3, 0.15, 130.0),
    "Asp": (2.2, 0.15, 110.0),
    "Asc": (1.0, 0.15, 115.0),
    "Glc": (1.1, 0.15, 120.0),
    "Lac": (0.75, 0.15, 200.0),
    "PE": (1.2, 0.15, 115.0),
    "Ala": (0.35, 0.15, 150.0),
    "Gly": (0.65, 0.15, 150.0),
}

# group, position in ppm, Gaussian width (FWHM) in Hz, area relative to the M0.9 group
MACROMOLECULES = (
    ("0.9", 0.90, 11.0, 0.65),
    ("0.9", 0.945, 11.0, 0.35),
    ("1.2", 1.21, 16.0, 0.38),
    ("1.4", 1.38, 14.0, 0.42),
    ("1.4", 1.44, 14.0, 0.30),
    ("1.7", 1.67, 20.0, 0.55),
    ("1.7", 1.84, 22.0, 0.14),
    ("2.0", 2.04, 18.0, 1.05),
    ("2.0", 2.12, 20.0, 0.35),
    ("2.3", 2.26, 20.0, 0.70),
    ("2.6", 2.57, 16.0, 0.12),
    ("2.7", 2.70, 18.0, 0.22),
    ("3.0", 2.99, 18.0, 0.50),
    ("3.2", 3.20, 20.0, 0.35),
    ("3.6", 3.61, 20.0, 0.30),
    ("3.75", 3.75, 22.0, 0.55),
    ("3.9", 3.87, 20.0, 0.40),
    ("4.0", 4.01, 18.0, 0.30),
    ("4.2", 4.20, 18.0, 0.30),
    ("4.2", 4.33, 25.0, 0.25),
)
MM_AREA = 16.0  # proton mM of the M0.9 group
MM_LORENTZ_HZ = 7.0
# position in ppm, Gaussian width in Hz, share relative to the CH2 line
LIPID = ((1.28, 20.0, 1.0), (0.89, 18.0, 0.24), (2.03, 24.0, 0.08))


def _clipped(rng, sd, limit):
    """Return a zero-mean normal draw of the given SD, cut off at +-limit."""
    return float(np.clip(rng.normal(0.0, sd), -limit, limit))


def _line(axis, ppm, gauss_hz, lorentz_hz):
    """Return an upright Voigt line of unit area (1 at t = 0); widths are FWHM in Hz."""
    t = np.asarray(axis.time_s, dtype=float)
    f = (ppm - axis.reference_ppm) * axis.spectrometer_frequency_mhz
    decay = np.pi * lorentz_hz * t + (np.pi * gauss_hz * t) ** 2 / (4.0 * np.log(2.0))
    return np.exp(2j * np.pi * f * t - decay)


def _macromolecules(axis, factor, shift_ppm, width):
    """Return the macromolecules with a factor, shift and width factor per group."""
    signal = np.zeros(axis.n_points, dtype=complex)
    for group, ppm, gauss_hz, area in MACROMOLECULES:
        signal += (
            MM_AREA
            * area
            * factor[group]
            * _line(
                axis, ppm + shift_ppm[group], gauss_hz * width[group], MM_LORENTZ_HZ * width[group]
            )
        )
    return signal


def mean_macromolecules(axis):
    """Return the upright macromolecules without scatter.

    They have their own line widths only: no shim, offset or phase, and no lipid.

    Parameters
    ----------
    axis
        n_points, spectrometer_frequency_mhz, reference_ppm and time_s.

    Returns
    -------
    ndarray
        Complex signal (n_points,), positive at t = 0, where one proton per unit is 1.
    """
    groups = {row[0] for row in MACROMOLECULES}
    return _macromolecules(
        axis, dict.fromkeys(groups, 1.0), dict.fromkeys(groups, 0.0), dict.fromkeys(groups, 1.0)
    )


def _fwhm(x, y):
    """Return the full width at half maximum of a single-peaked curve."""
    above = np.flatnonzero(y >= 0.5 * y.max())
    i, j = above[0], above[-1]
    left = x[i] - (y[i] - 0.5 * y.max()) / (y[i] - y[i - 1]) * (x[i] - x[i - 1])
    right = x[j] + (y[j] - 0.5 * y.max()) / (y[j] - y[j + 1]) * (x[j + 1] - x[j])
    return right - left


def _shim(t, target_hz, lorentz_hz, rng):
    """Return the common shim decay; a line of `lorentz_hz` under it is `target_hz` wide."""
    skew = rng.uniform(-0.35, 0.35)
    share = rng.uniform(0.04, 0.14)
    away = rng.uniform(0.6, 1.2) * rng.choice((-1.0, 1.0))
    # distribution for a main width of 1, in units of that width
    x = np.linspace(-4.0, 4.0, 201)
    half = np.where(x < 0.0, 0.5 * (1.0 - skew), 0.5 * (1.0 + skew))
    main = np.exp(-np.log(2.0) * (x / half) ** 2)
    side = np.exp(-np.log(2.0) * ((x - away) / 0.7) ** 2)
    weight = (1.0 - share) * main / main.sum() + share * side / side.sum()
    x = x - (weight * x).sum()
    grid = np.arange(-20.0, 20.0, 0.08)
    low, high = 0.0, 1.5 * target_hz
    for _ in range(18):
        scale = 0.5 * (low + high)
        d = grid[:, None] - scale * x[None, :]
        curve = (1.0 / (d**2 + (0.5 * lorentz_hz) ** 2)) @ weight
        low, high = (scale, high) if _fwhm(grid, curve) < target_hz else (low, scale)
    return np.exp(2j * np.pi * t[:, None] * scale * x[None, :]) @ weight


def make(
    fids: dict[str, np.ndarray], axis, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, float]]:
    """Simulate one noisy spectrum.

    Parameters
    ----------
    fids
        Metabolite name to its ideal FID (n_points,) per unit concentration.
    axis
        n_points, dwell_time_s, spectrometer_frequency_mhz, reference_ppm and time_s.
    rng
        Source of all randomness.

    Returns
    -------
    signal, truth
        Noisy complex signal (n_points,) and the true concentration of each metabolite.
    """
    n = axis.n_points
    t = np.asarray(axis.time_s, dtype=float)
    sign = 1.0 if fids["NAA"][0].real >= 0.0 else -1.0
    # metabolites: own Lorentzian width, own shift
    lorentz = {m: 1e3 / (np.pi * METABOLITES[m][2]) * np.exp(rng.normal(0.0, 0.08)) for m in fids}
    shim = _shim(t, rng.uniform(3.0, 9.0), lorentz["NAA"], rng)
    truth, signal = {}, np.zeros(n, dtype=complex)
    for name, fid in fids.items():
        mean, cv, _ = METABOLITES[name]
        truth[name] = float(mean * np.exp(rng.normal(0.0, cv) - 0.5 * cv**2))
        decay = np.exp((2j * np.pi * _clipped(rng, 0.3, 0.75) - np.pi * lorentz[name]) * t)
        part = truth[name] * fid * decay
        signal += part
        if name == "NAA":
            naa = part * shim
    # macromolecules
    groups = list(dict.fromkeys(row[0] for row in MACROMOLECULES))
    total = np.exp(rng.normal(0.0, 0.12))
    factor = {g: total * np.exp(rng.normal(0.0, 0.08)) for g in groups}
    shift = {g: _clipped(rng, 0.006, 0.015) for g in groups}
    width = {g: np.exp(rng.normal(0.0, 0.06)) for g in groups}
    signal += sign * _macromolecules(axis, factor, shift, width)
    # lipid
    area = min(rng.exponential(4.0), 15.0) * np.exp(1j * np.deg2rad(rng.normal(0.0, 10.0)))
    moved, wide = _clipped(rng, 0.015, 0.03), rng.uniform(0.85, 1.15)
    for ppm, gauss_hz, share in LIPID:
        signal += sign * area * share * _line(axis, ppm + moved, gauss_hz * wide, 4.0)
    signal = signal * shim
    # residual water
    area = 45.0 * np.exp(np.clip(rng.normal(0.0, 0.6), -1.5, 1.5))
    for share in rng.dirichlet((3.0, 2.0, 1.0)):
        ppm = 4.65 + _clipped(rng, 0.02, 0.05)
        phase = np.exp(1j * np.deg2rad(rng.normal(0.0, 50.0)))
        signal += sign * area * share * phase * _line(axis, ppm, 0.0, rng.uniform(4.0, 18.0))
    # offset and phase of the whole, then noise from the height of the NAA singlet
    offset, phase = _clipped(rng, 1.5, 4.0), np.deg2rad(_clipped(rng, 8.0, 20.0))
    signal = signal * np.exp(1j * (2.0 * np.pi * offset * t + phase))
    freq = np.fft.fftfreq(8 * n, axis.dwell_time_s)
    near = np.abs(freq - (2.008 - axis.reference_ppm) * axis.spectrometer_frequency_mhz) < 20.0
    height = (sign * np.fft.fft(naa, 8 * n).real)[near].max()
    sd = height / rng.uniform(50.0, 100.0) / np.sqrt(n)  # SD of the real and of the imaginary part
    return signal + sd * (rng.normal(size=n) + 1j * rng.normal(size=n)), truth
