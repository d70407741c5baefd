"""Simulated 3 T PRESS TE 35 ms brain 1H-MR spectra with known truth.

One scan is the sum of metabolites, macromolecules, lipid and residual water,
all seen through one shim envelope, then offset, phased and noisy.
Concentrations are log-normal about grey/white-matter means (CV 10 % for the
large, 15 % for the small metabolites). Every metabolite has its own T2 (90 to
260 ms, 15 % scatter), which acts as Lorentzian width only (the signal at t = 0
is the truth, with no T2 loss over TE), and its own shift (SD 0.5 Hz, 0.004
ppm). The shim is the field of a Gaussian-weighted voxel with a linear and a
quadratic term along three axes, of which the mean field is zero and the decay
is known in closed form; quadratic over linear is N(0, 0.2) per axis (skewness
SD about 0.5); it is scaled so that the NAA methyl line, T2 included, has a
full width at half maximum drawn uniformly from 3-9 Hz. Macromolecules are 14
Gaussian lines after the consensus naming of Cudalbu et al. 2021 (M0.94 of
13 mM protons at TE 35 ms; common scale 15 %, each area 12 %, width 8 %,
position 0.008 ppm). Lipid is three lines at 0.89, 1.28 and 2.04 ppm (ratio
0.3 : 1 : 0.15, log-normal of median 3 mM protons and sigma 0.8, shift SD 0.03
ppm, phase SD 25 degrees). Residual water is four Lorentzian lines within SD 6
Hz of 4.65 ppm, 4-15 Hz wide, together 0.5-5 times the NAA methyl area
(log-uniform), common phase arbitrary and SD 40 degrees between lines. The
offset is N(0, 2 Hz), the zero-order phase N(0, 10 degrees); no first-order
phase. White complex noise gives the NAA peak height (NAA alone, in phase) over
the SD of the real spectrum uniform in 50-100. All numbers are rounded, from
memory of the literature; areas in protons are scaled to the basis by its NAA
methyl singlet (three protons).
"""

import numpy as np

# name: mean concentration (mM), CV, T2 at 3 T (ms)
METABOLITES = {
    "NAA": (10.0, 0.10, 260),
    "NAAG": (1.3, 0.15, 210),
    "Cr": (4.5, 0.10, 155),
    "PCr": (3.8, 0.10, 155),
    "GPC": (1.1, 0.15, 220),
    "PCh": (0.6, 0.15, 220),
    "Glu": (9.0, 0.10, 180),
    "Gln": (2.4, 0.15, 165),
    "GABA": (1.4, 0.15, 90),
    "GSH": (1.3, 0.15, 120),
    "Ins": (6.0, 0.10, 200),
    "sIns": (0.35, 0.15, 180),
    "Tau": (1.4, 0.15, 120),
    "Asp": (2.0, 0.15, 110),
    "Asc": (1.0, 0.15, 110),
    "Glc": (1.2, 0.15, 110),
    "Lac": (0.7, 0.15, 240),
    "PE": (1.4, 0.15, 110),
    "Ala": (0.3, 0.15, 190),
    "Gly": (0.7, 0.15, 150),
}
# position (ppm), area relative to M0.94, full width at half maximum (ppm)
MACROMOLECULES = np.array(
    [
        (0.92, 1.00, 0.145),
        (1.21, 0.40, 0.140),
        (1.39, 0.75, 0.165),
        (1.67, 0.60, 0.190),
        (2.04, 1.25, 0.200),
        (2.26, 0.65, 0.180),
        (2.56, 0.12, 0.110),
        (2.70, 0.18, 0.120),
        (2.99, 0.50, 0.140),
        (3.21, 0.45, 0.150),
        (3.62, 0.30, 0.130),
        (3.75, 0.50, 0.140),
        (3.87, 0.40, 0.130),
        (4.03, 0.45, 0.180),
    ]
)
# position (ppm), relative area, full width at half maximum (ppm)
LIPIDS = np.array([(0.89, 0.30, 0.13), (1.28, 1.00, 0.13), (2.04, 0.15, 0.13)])

SNR = (50.0, 100.0)
NAA_WIDTH_HZ = (3.0, 9.0)
SHIFT_SD_HZ, T2_CV = 0.5, 0.15
CURVATURE_SD = 0.2
M094_AREA, MM_SCALE_CV = 13.0, 0.15  # mM protons
MM_AREA_CV, MM_WIDTH_CV, MM_SHIFT_SD_PPM = 0.12, 0.08, 0.008
LIPID_MEDIAN, LIPID_SIGMA = 3.0, 0.8  # mM protons
LIPID_SHIFT_SD_PPM, LIPID_PHASE_SD_DEG = 0.03, 25.0
WATER_PPM, WATER_LINES, WATER_SHIFT_SD_HZ = 4.65, 4, 6.0
WATER_WIDTH_HZ, WATER_OVER_NAA = (4.0, 15.0), (0.5, 5.0)
WATER_PHASE_SD_DEG = 40.0
OFFSET_SD_HZ, PHASE_SD_DEG = 2.0, 10.0
ZERO_FILL = 8


def lognormal(rng, cv, size=None):
    """Positive random factor(s) of mean 1 and the given CV."""
    sigma = np.sqrt(np.log1p(np.square(cv)))
    return np.exp(rng.normal(0.0, sigma, size) - sigma**2 / 2)


def spectrum(fid):
    """Zero-filled spectrum, frequency ascending; the DFT is not normalised."""
    fid = np.concatenate([fid[:1] / 2, fid[1:]])  # no constant under the lines
    return np.fft.fftshift(np.fft.fft(fid, ZERO_FILL * fid.size))


def line_width(fid, dwell):
    """Full width at half maximum (Hz) of the one line in `fid`."""
    s = spectrum(fid).real
    top = int(np.argmax(s))
    half = s[top] / 2
    lo = top - int(np.argmax(s[top::-1] < half))
    hi = top + int(np.argmax(s[top:] < half))
    left = lo + (half - s[lo]) / (s[lo + 1] - s[lo])
    right = hi - (half - s[hi]) / (s[hi - 1] - s[hi])
    return (right - left) / (s.size * dwell)


def proton_amplitude(naa, axis):
    """Signed amplitude of one proton in the basis, from the NAA methyl line."""
    t = np.asarray(axis.time_s)
    window = np.hanning(t.size)
    ppm = np.linspace(1.98, 2.04, 241)
    f = (ppm - axis.reference_ppm) * axis.spectrometer_frequency_mhz
    height = np.abs(np.exp(-2j * np.pi * np.outer(f, t)) @ (naa * window))
    return np.sign(naa[0].real) * height.max() / window.sum() / 3.0


def shim_decay(t, slope, curvature):
    """Decay of a Gaussian-weighted voxel in a field a x + b (x^2 - 1).

    x ~ N(0, 1) independently along each axis; a = `slope` in rad/s,
    b = `slope` * `curvature`. This is the characteristic function of the
    field: 1 at t = 0, mean frequency zero.
    """
    a, b = slope[:, None] * t, (slope * curvature)[:, None] * t
    q = 1.0 - 2j * b  # real part 1: the principal root is the right one
    return np.prod(np.exp(-(a**2) / (2 * q) - 1j * b) / np.sqrt(q), axis=0)


def draw_shim(rng, t, dwell, naa_t2, width):
    """Shim decay that gives an NAA singlet of T2 `naa_t2` the wanted width."""
    slope = np.abs(rng.normal(1.0, 0.4, 3))
    slope /= np.sqrt(np.sum(slope**2))
    curvature = rng.normal(0.0, CURVATURE_SD, 3)
    lo, hi = 0.0, 2 * np.pi * width  # SD of the field, rad/s
    for _ in range(16):
        mid = (lo + hi) / 2
        line = shim_decay(t, mid * slope, curvature) * np.exp(-t / naa_t2)
        lo, hi = (mid, hi) if line_width(line, dwell) < width else (lo, mid)
    return shim_decay(t, (lo + hi) / 2 * slope, curvature)


def gaussian_lines(t, hz, area, width_hz):
    """Sum of Gaussian lines; `width_hz` is the full width at half maximum."""
    rate = (np.pi * np.asarray(width_hz)) ** 2 / (4 * np.log(2))
    return area @ np.exp(2j * np.pi * np.outer(hz, t) - np.outer(rate, t**2))


def simulate(fids, axis, rng):
    """All parts of one scan as a dict; parts are before offset and phase."""
    t = np.asarray(axis.time_s)
    mhz = axis.spectrometer_frequency_mhz
    proton = proton_amplitude(fids["NAA"], axis)

    def to_hz(ppm):
        return (ppm - axis.reference_ppm) * mhz

    # Metabolites
    truth = {m: float(METABOLITES[m][0] * lognormal(rng, METABOLITES[m][1])) for m in fids}
    t2 = {m: METABOLITES[m][2] * 1e-3 * lognormal(rng, T2_CV) for m in fids}
    width = rng.uniform(*NAA_WIDTH_HZ)
    shim = draw_shim(rng, t, axis.dwell_time_s, t2["NAA"], width)
    lines = {}
    for m, fid in fids.items():
        shift = rng.normal(0.0, SHIFT_SD_HZ)
        lines[m] = truth[m] * fid * shim * np.exp((2j * np.pi * shift - 1 / t2[m]) * t)

    # Macromolecules
    ppm, area, fwhm = MACROMOLECULES.T
    n = ppm.size
    area = area * M094_AREA * lognormal(rng, MM_SCALE_CV) * lognormal(rng, MM_AREA_CV, n)
    fwhm = fwhm * lognormal(rng, MM_WIDTH_CV, n)
    ppm = ppm + rng.normal(0.0, MM_SHIFT_SD_PPM, n)
    mm = proton * shim * gaussian_lines(t, to_hz(ppm), area, fwhm * mhz)

    # Lipid
    ppm, area, fwhm = LIPIDS.T
    area = area * LIPID_MEDIAN * np.exp(rng.normal(0.0, LIPID_SIGMA))
    ppm = ppm + rng.normal(0.0, LIPID_SHIFT_SD_PPM)
    turn = np.exp(1j * np.deg2rad(rng.normal(0.0, LIPID_PHASE_SD_DEG)))
    lipid = proton * turn * shim * gaussian_lines(t, to_hz(ppm), area, fwhm * mhz)

    # Residual water
    total = 3 * truth["NAA"] * np.exp(rng.uniform(*np.log(WATER_OVER_NAA)))
    phase = rng.uniform(-np.pi, np.pi) + np.deg2rad(
        rng.normal(0.0, WATER_PHASE_SD_DEG, WATER_LINES)
    )
    area = total * rng.dirichlet(np.ones(WATER_LINES)) * np.exp(1j * phase)
    hz = to_hz(WATER_PPM) + rng.normal(0.0, WATER_SHIFT_SD_HZ, WATER_LINES)
    rate = np.pi * rng.uniform(*WATER_WIDTH_HZ, WATER_LINES)
    water = proton * shim * (area @ np.exp(np.outer(2j * np.pi * hz - rate, t)))

    # Noise: the SD of the real spectrum is sqrt(n) times that of one channel
    snr = rng.uniform(*SNR)
    height = np.max(np.sign(proton) * spectrum(lines["NAA"]).real)
    noise = height / snr / np.sqrt(t.size) * (rng.normal(size=(2, t.size)).T @ [1, 1j])
    offset, turn = rng.normal(0.0, OFFSET_SD_HZ), np.deg2rad(rng.normal(0.0, PHASE_SD_DEG))
    clean = sum(lines.values()) + mm + lipid + water
    return {
        "signal": clean * np.exp(1j * (2 * np.pi * offset * t + turn)) + noise,
        "truth": truth,
        "lines": lines,
        "mm": mm,
        "lipid": lipid,
        "water": water,
        "noise": noise,
        "shim": shim,
        "width": width,
        "snr": snr,
        "offset": offset,
        "turn": turn,
        "proton": proton,
    }


def make(fids, axis, rng):
    """Noisy signal (n_points,) and the true concentration of each metabolite."""
    scan = simulate(fids, axis, rng)
    return scan["signal"], scan["truth"]


def mean_macromolecules(axis):
    """Upright macromolecules without their scatter, proton-mM."""
    mhz = axis.spectrometer_frequency_mhz
    ppm, area, fwhm = MACROMOLECULES.T
    hz = (ppm - axis.reference_ppm) * mhz
    return gaussian_lines(np.asarray(axis.time_s), hz, M094_AREA * area, fwhm * mhz)
