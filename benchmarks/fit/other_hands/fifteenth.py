"""Simulated brain 1H-MR spectra with known truth (PRESS, TE 35 ms, 3 T).

Notes
-----
Metabolite FIDs (unit: one proton per unit concentration = 1 at t = 0) are
scaled with typical normal-brain concentrations (mM; NAA 11.5, tCr 8.2, Glu
9.5, Ins 6.2, tCho 1.6 ...) with a mean-preserving log-normal scatter of 10 %
(main metabolites) or 15 % (minor ones). Each decays with its own literature T2
(100-260 ms at 3 T, scattered by 12 %) plus an extra Lorentzian of up to 20 %
of the line width common to all and a metabolite jitter of 0.25 Hz (SD); lines
are shifted by 0.30 Hz (SD, shared by Cr/PCr, GPC/PCh, NAA/NAAG, Glu/Gln) and
0.15 Hz (SD, each). T2 acts from t = 0 only: the truth is the concentration as
seen at TE. The shim is a field distribution of a Gaussian and a broader
(1.0-1.6 x) side lobe (10-30 % of the spins, displaced by 0.3-0.8 FWHM to
either side), mean zero, scaled such that an NAA singlet without jitter has a
full width of 3-9 Hz (uniform). It acts on everything. Macromolecules: 20
lines at the positions of the consensus (Cudalbu 2021: 0.92, 1.21, 1.39, 1.67,
2.04, 2.26, 2.56, 2.70, 2.99, 3.21, 3.62, 3.75, 3.86, 4.03 ppm ...), intrinsic
Voigt widths 17-35 Hz upfield (Lorentzian part 7 Hz), MM0.92 of 26 proton-mM;
scatter: 12 % common, 10 % per line, 0.008 ppm, 6 % in width. Lipid at 1.30
ppm (median 3 proton-mM, log-normal sigma 0.9, at most 25) with 0.89, 2.03,
2.25, 2.78 and 5.33 ppm, phase SD 10 degrees. Residual water: 3 lines near
4.65 ppm (SD 5 Hz, 4-15 Hz Lorentzian), together 0.5-4 times the NAA singlet's
area, each with a phase SD of 0.7 rad. Common frequency offset 1.5 Hz (SD) and
zero-order phase 8 degrees (SD). White complex noise: height of the NAA peak
alone over the noise SD in the real spectrum (plain FFT) uniform in 50-100.
"""

import numpy as np

TWO_PI = 2.0 * np.pi
LN2 = np.log(2.0)

# name: (mean concentration in mM, scatter, T2 in ms)
METABOLITES = {
    "NAA": (11.5, 0.10, 260.0),
    "NAAG": (1.6, 0.15, 190.0),
    "Cr": (4.3, 0.10, 155.0),
    "PCr": (3.9, 0.10, 155.0),
    "GPC": (1.0, 0.12, 215.0),
    "PCh": (0.6, 0.15, 215.0),
    "Glu": (9.5, 0.10, 150.0),
    "Gln": (2.6, 0.15, 140.0),
    "GABA": (1.6, 0.15, 110.0),
    "GSH": (1.4, 0.15, 120.0),
    "Ins": (6.2, 0.10, 170.0),
    "sIns": (0.35, 0.15, 160.0),
    "Tau": (1.5, 0.15, 125.0),
    "Asp": (2.2, 0.15, 115.0),
    "Asc": (1.0, 0.15, 125.0),
    "Glc": (1.2, 0.15, 115.0),
    "Lac": (0.7, 0.15, 200.0),
    "PE": (1.4, 0.15, 130.0),
    "Ala": (0.4, 0.15, 150.0),
    "Gly": (0.7, 0.15, 130.0),
}
FAMILY = {"PCr": "Cr", "PCh": "GPC", "NAAG": "NAA", "Gln": "Glu"}

# position in ppm, intrinsic full width in Hz at 3 T, area in proton-mM at TE 35
MACROMOLECULES = np.array(
    [
        (0.92, 17.0, 26.0),
        (1.21, 17.0, 7.0),
        (1.39, 20.0, 14.0),
        (1.67, 20.0, 9.5),
        (1.95, 17.0, 4.0),
        (2.04, 19.0, 20.0),
        (2.26, 23.0, 12.0),
        (2.56, 21.0, 3.0),
        (2.70, 20.0, 3.0),
        (2.99, 19.0, 9.0),
        (3.21, 25.0, 8.0),
        (3.62, 24.0, 7.0),
        (3.75, 22.0, 10.0),
        (3.86, 22.0, 9.0),
        (4.03, 25.0, 6.0),
        (4.22, 30.0, 7.0),
        (4.40, 35.0, 5.0),
        (6.90, 60.0, 8.0),
        (7.30, 60.0, 6.0),
        (8.20, 70.0, 14.0),
    ]
)
MM_LORENTZIAN = 7.0  # Hz, the T2 part of the intrinsic width

# position in ppm, full width in Hz, area relative to the methylene line
LIPID = np.array(
    [
        (1.30, 24.0, 1.00),
        (0.89, 22.0, 0.28),
        (2.03, 24.0, 0.13),
        (2.25, 24.0, 0.07),
        (2.78, 22.0, 0.04),
        (5.33, 24.0, 0.07),
    ]
)
LIPID_LORENTZIAN = 9.0


def _hertz(ppm, axis):
    """Frequency of a chemical shift (higher ppm is positive)."""
    return (ppm - axis.reference_ppm) * axis.spectrometer_frequency_mhz


def _gaussian(width, time):
    """Decay of a Gaussian line of full width `width` (Hz)."""
    return np.exp(-((np.pi * width * time) ** 2) / (4.0 * LN2))


def _voigt_lines(ppm, width, area, lorentzian, axis):
    """Sum of upright Voigt lines of total full width `width`."""
    time = np.asarray(axis.time_s)[:, None]
    # Olivero and Longbothum: width = 0.5346 L + sqrt(0.2166 L^2 + G^2)
    gauss2 = (width - 0.5346 * lorentzian) ** 2 - 0.2166 * lorentzian**2
    decay = _gaussian(np.sqrt(np.maximum(gauss2, 0.0)), time)
    decay = decay * np.exp(-np.pi * lorentzian * time)
    return (np.exp(1j * TWO_PI * _hertz(ppm, axis) * time) * decay) @ area


def _full_width(decay, axis):
    """Full width at half height (Hz) of the real spectrum of one line."""
    n_fft = 8 * decay.size
    fid = decay.astype(complex)
    fid[0] *= 0.5
    spectrum = np.fft.fftshift(np.fft.fft(fid, n_fft)).real
    peak = int(np.argmax(spectrum))
    half = 0.5 * spectrum[peak]
    left = peak - int(np.argmax(spectrum[peak::-1] < half))
    right = peak + int(np.argmax(spectrum[peak:] < half))
    low = left + (half - spectrum[left]) / (spectrum[left + 1] - spectrum[left])
    high = right - (half - spectrum[right]) / (spectrum[right - 1] - spectrum[right])
    return (high - low) / (n_fft * axis.dwell_time_s)


def _shim(rng, width, lorentzian, axis):
    """Decay by the asymmetric field distribution; NAA gets `width` (Hz)."""
    time = np.asarray(axis.time_s)
    share = rng.uniform(0.10, 0.30)
    displaced = rng.uniform(0.3, 0.8) * rng.choice([-1.0, 1.0])
    broader = rng.uniform(1.0, 1.6)

    def decay(scale):
        main = np.exp(-1j * TWO_PI * share * displaced * scale * time)
        side = np.exp(1j * TWO_PI * (1.0 - share) * displaced * scale * time)
        return (1.0 - share) * main * _gaussian(scale, time) + share * side * _gaussian(
            broader * scale, time
        )

    low, high = 0.0, width
    for _ in range(22):
        middle = 0.5 * (low + high)
        line = decay(middle) * np.exp(-np.pi * lorentzian * time)
        if _full_width(line, axis) < width:
            low = middle
        else:
            high = middle
    return decay(0.5 * (low + high))


def _scatter(rng, sigma, size=None):
    """Log-normal factor of mean one."""
    return np.exp(sigma * rng.standard_normal(size) - 0.5 * sigma**2)


def mean_macromolecules(axis):
    """Upright macromolecules (intrinsic widths, no shim) without scatter."""
    ppm, width, area = MACROMOLECULES.T
    return _voigt_lines(ppm, width, area, MM_LORENTZIAN, axis)


def make(fids, axis, rng):
    """Return a noisy complex signal and the true concentrations."""
    time = np.asarray(axis.time_s)
    sign = 1.0 if fids["NAA"][0].real >= 0.0 else -1.0
    target = rng.uniform(3.0, 9.0)
    extra = rng.uniform(0.0, 0.2) * target
    shim = _shim(rng, target, 1e3 / (np.pi * METABOLITES["NAA"][2]) + extra, axis)

    truth, signal, naa, family_shift = {}, 0.0, None, {}
    for name, fid in fids.items():
        mean, sigma, t2 = METABOLITES.get(name, (1.0, 0.15, 150.0))
        truth[name] = float(mean * _scatter(rng, sigma))
        family = FAMILY.get(name, name)
        if family not in family_shift:
            family_shift[family] = 0.30 * rng.standard_normal()
        shift = family_shift[family] + 0.15 * rng.standard_normal()
        broad = 1e3 / (np.pi * t2) * _scatter(rng, 0.12) + extra
        broad = max(broad + 0.25 * rng.standard_normal(), 0.5)
        line = np.exp((1j * TWO_PI * shift - np.pi * broad) * time)
        part = truth[name] * np.asarray(fid) * line * shim
        signal = signal + part
        if name == "NAA":
            naa = part

    ppm, width, area = MACROMOLECULES.T
    n_mm = ppm.size
    signal = signal + sign * shim * _voigt_lines(
        ppm + 0.008 * rng.standard_normal(n_mm),
        width * _scatter(rng, 0.06, n_mm),
        area * _scatter(rng, 0.10, n_mm) * _scatter(rng, 0.12),
        MM_LORENTZIAN,
        axis,
    )

    ppm, width, area = LIPID.T
    amount = min(3.0 * np.exp(0.9 * rng.standard_normal()), 25.0)
    lipid = _voigt_lines(
        ppm + 0.01 * rng.standard_normal(),
        width * _scatter(rng, 0.10),
        amount * area * _scatter(rng, 0.15, ppm.size),
        LIPID_LORENTZIAN,
        axis,
    )
    lipid = lipid * np.exp(1j * np.deg2rad(10.0) * rng.standard_normal())
    signal = signal + sign * shim * lipid

    total = 3.0 * METABOLITES["NAA"][0] * np.exp(rng.uniform(np.log(0.5), np.log(4.0)))
    for share in rng.dirichlet(np.full(3, 2.0)):
        hertz = _hertz(4.65, axis) + 5.0 * rng.standard_normal()
        rate = np.pi * rng.uniform(4.0, 15.0)
        angle = 0.7 * rng.standard_normal()
        water = np.exp((1j * TWO_PI * hertz - rate) * time + 1j * angle)
        signal = signal + sign * total * share * shim * water

    offset = 1.5 * rng.standard_normal()
    phase = np.deg2rad(8.0) * rng.standard_normal()
    signal = signal * np.exp(1j * (TWO_PI * offset * time + phase))

    height = np.max(sign * np.fft.fft(naa, 4 * time.size).real)
    sd = height / rng.uniform(50.0, 100.0) / np.sqrt(time.size)
    noise = rng.standard_normal(time.size) + 1j * rng.standard_normal(time.size)
    return signal + sd * noise, truth
