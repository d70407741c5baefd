"""Simulated 3 T brain 1H PRESS spectra (TE 35 ms) with known truth.

Notes
-----
One 50/50 grey/white voxel is simulated with apparent (TE-weighted) concentrations scattered
log-normally by 10 % (singlets, Glu, Ins) to 15 % (the weak ones); every metabolite decays with
its own T2 (NAA 270, tCr 155, tCho 230, Glu 165, Ins 190, GABA 90, GSH 110 ms ..., 10 %
scatter; values in the range of the 3 T literature, from memory) during the acquisition only,
so that the truth is the amplitude at the echo, and is shifted by 0.004 ppm SD (clipped at 2.5
SD; Cr/PCr, GPC/PCh and NAA/NAAG move mostly together). The shim line is the field histogram of
a soft-edged voxel with residual first- and second-order terms and a one-sided susceptibility
tail (skewed, either side), plus a mesoscopic Lorentzian; its scale is solved so that an NAA
singlet, T2 included, has a FWHM drawn from U(3, 9) Hz. Macromolecules follow the nomenclature
of the consensus (Cudalbu 2021): M0.92 to M4.20 as Voigt lines, T2 22-40 ms and Gaussian 8-24
Hz before the shim, the methyls at 0.92/1.21/1.39 with their (effective) J evolution over TE +
t; M0.92 has 16 proton-mM (half the NAA singlet), with 12 % common and 12 % individual scatter
of area, 8 % of width, 0.005 ppm of position; two broad pedestals and amide/aromatic lines are
added. Scalp lipid (0.90, 1.29, 2.03, 2.8, 5.3 ppm; 22-38 Hz; off by 4 Hz SD, 25 degrees SD)
has an exponential amplitude of mean 0.3 M0.92 areas at 1.29 ppm, at most 1. Residual water is
4 lines within about 10 Hz around 4.67 ppm, 4-25 Hz wide, of mixed phase, with a total area of
0.5-6 NAA singlets. All is moved by 1.5 Hz SD (at most 4) and rotated by 10 degrees SD (at most
25); white noise gives an SNR from U(50, 100), being the height of the clean NAA peak alone
over the SD of the real unfiltered spectrum.
"""

import numpy as np

TE = 0.035

# for each name its concentration in mM, its CV and its T2 in ms
METABOLITES = {
    "NAA": (10.5, 0.10, 270),
    "NAAG": (1.6, 0.15, 190),
    "Cr": (4.6, 0.10, 155),
    "PCr": (3.8, 0.10, 155),
    "GPC": (1.1, 0.10, 230),
    "PCh": (0.55, 0.12, 230),
    "Glu": (9.0, 0.10, 165),
    "Gln": (2.4, 0.13, 150),
    "GABA": (1.5, 0.13, 90),
    "GSH": (1.3, 0.12, 110),
    "Ins": (6.2, 0.10, 190),
    "sIns": (0.28, 0.15, 160),
    "Tau": (1.4, 0.14, 115),
    "Asp": (2.2, 0.15, 110),
    "Asc": (1.0, 0.15, 110),
    "Glc": (1.2, 0.15, 100),
    "Lac": (0.7, 0.15, 200),
    "PE": (1.5, 0.14, 125),
    "Ala": (0.3, 0.15, 150),
    "Gly": (0.7, 0.15, 140),
}
PAIRS = {"PCr": "Cr", "PCh": "GPC", "NAAG": "NAA"}  # these share most of their shift jitter

# ppm, area at TE 35 over M0.92, T2 / ms, Gaussian FWHM / Hz, effective J of methyls / Hz
MACROMOLECULES = [
    (0.92, 1.00, 40, 8, 4.5),
    (1.21, 0.38, 32, 11, 6.4),
    (1.39, 0.80, 32, 11, 7.0),
    (1.67, 0.48, 28, 18, 0),
    (2.04, 1.15, 26, 16, 0),
    (2.26, 0.72, 26, 20, 0),
    (2.56, 0.20, 24, 18, 0),
    (2.70, 0.28, 26, 15, 0),
    (2.99, 0.58, 24, 17, 0),
    (3.21, 0.45, 24, 19, 0),
    (3.62, 0.28, 24, 19, 0),
    (3.75, 0.42, 24, 20, 0),
    (3.86, 0.36, 24, 20, 0),
    (4.03, 0.38, 22, 22, 0),
    (4.20, 0.28, 22, 24, 0),
    # pedestals of the unresolved protein background
    (1.80, 0.20, 15, 75, 0),
    (3.75, 0.25, 15, 85, 0),
    # aromatic and amide protons
    (6.85, 0.25, 20, 30, 0),
    (7.30, 0.30, 20, 35, 0),
    (7.80, 0.20, 18, 45, 0),
    (8.25, 0.40, 18, 50, 0),
]
M092_AREA = 16.0  # proton-mM

# (ppm, area relative to the methylene peak, FWHM / Hz)
LIPIDS = [(0.90, 0.25, 26), (1.29, 1.00, 28), (2.03, 0.12, 30), (2.80, 0.03, 30), (5.30, 0.06, 30)]


def _normal(rng, sd, limit=2.5):
    """One normal deviate of SD `sd`, clipped at `limit` SD."""
    return sd * float(np.clip(rng.standard_normal(), -limit, limit))


def _field_distribution(rng):
    """Return u and the FID of a field distribution of unit SD, by frequency x time."""
    edge = np.linspace(-1.15, 1.15, 21)
    x, y, z = np.meshgrid(edge, edge, edge, indexing="ij")
    weight = np.exp(
        -(x**8 + y**8 + z**8) - 0.4 * (x**2 + y**2 + z**2)
    )  # soft PRESS slices, larger at the centre
    linear = rng.standard_normal(3)
    second = rng.standard_normal(5) * rng.uniform(0.3, 0.7)
    field = linear[0] * x + linear[1] * y + linear[2] * z
    field = field + second[0] * x * y + second[1] * x * z + second[2] * y * z
    field = field + second[3] * (x**2 - y**2) + second[4] * (2 * z**2 - x**2 - y**2) / 2
    # air/tissue interface below the voxel (sinus, ear canal): its field falls off into the voxel
    field = field + rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 2.5) * np.exp(
        -(z + 1.15) / rng.uniform(0.4, 0.8)
    )
    counts, bins = np.histogram(field.ravel(), bins=400, weights=weight.ravel())
    p = counts / counts.sum()
    nu = (bins[1:] + bins[:-1]) / 2
    sd = np.sqrt(np.sum(p * nu**2) - np.sum(p * nu) ** 2)
    median = nu[np.searchsorted(np.cumsum(p), 0.5)]
    nu = (nu - median) / sd
    u = np.linspace(0, 12, 3001)
    return u, np.exp(2j * np.pi * np.outer(u, nu)) @ p


def _fwhm(fid, dwell):
    """FWHM (Hz) of the real spectrum of a one-line FID."""
    n = 8 * len(fid)
    damped = fid.copy()
    damped[0] *= 0.5
    spec = np.fft.fftshift(np.fft.fft(damped, n)).real
    k = int(np.argmax(spec))
    half = spec[k] / 2
    right = k + int(np.argmax(spec[k:] < half))
    left = k - int(np.argmax(spec[k::-1] < half))
    r = right - (half - spec[right]) / (spec[right - 1] - spec[right])
    s = left + (half - spec[left]) / (spec[left + 1] - spec[left])
    return (r - s) / (n * dwell)


def _shim(rng, time, dwell, target, t2_naa):
    """Return the decay common to all signals, so that NAA has the FWHM `target` (Hz)."""
    u, curve = _field_distribution(rng)
    t2_width = 1 / (np.pi * t2_naa)
    lorentz = rng.uniform(0.1, 0.4) * max(target - t2_width, 0)  # mesoscopic R2'
    low, high = 0.01, 8.0
    for _ in range(30):
        scale = (low + high) / 2
        macro = np.interp(scale * time, u, curve.real) + 1j * np.interp(
            scale * time, u, curve.imag
        )
        decay = macro * np.exp(-np.pi * lorentz * time)
        if _fwhm(decay * np.exp(-time / t2_naa), dwell) > target:
            high = scale
        else:
            low = scale
    return decay


def _voigt(time, freq, lorentz, gauss):
    """FID of unit area; widths are FWHM in Hz."""
    return np.exp(
        2j * np.pi * freq * time
        - np.pi * lorentz * time
        - (np.pi * gauss * time) ** 2 / (4 * np.log(2))
    )


def make(fids, axis, rng):
    """Simulate one spectrum.

    Parameters
    ----------
    fids : dict of str to ndarray
        Ideal complex FID of each metabolite per unit concentration.
    axis : object
        n_points, dwell_time_s, spectrometer_frequency_mhz, reference_ppm, time_s.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    signal : ndarray
        Noisy complex FID, shape (n_points,).
    truth : dict of str to float
        Concentration of each metabolite (amplitude at the echo).
    """
    time, dwell, mhz, n = (
        np.asarray(axis.time_s),
        axis.dwell_time_s,
        axis.spectrometer_frequency_mhz,
        axis.n_points,
    )

    def hertz(ppm):
        return (ppm - axis.reference_ppm) * mhz

    unknown = set(fids) - set(METABOLITES)
    if unknown:
        raise KeyError(f"no concentration for {sorted(unknown)}")
    # signal of one proton per mM, from the undamped NAA singlet (3 H), with its sign
    window = np.hanning(n)
    singlet = (
        np.sum(window * fids["NAA"] * np.exp(-2j * np.pi * hertz(2.008) * time)) / window.sum()
    )
    sign = 1.0 if fids["NAA"][0].real >= 0 else -1.0
    proton = sign * abs(singlet) / 3

    # metabolites
    truth, t2, shift = {}, {}, {}
    for name, (mean, cv, t2_ms) in METABOLITES.items():
        truth[name] = mean * np.exp(_normal(rng, cv) - cv**2 / 2)
        t2[name] = 1e-3 * t2_ms * np.exp(_normal(rng, 0.10))
        shift[name] = _normal(rng, 0.004)
    for name, partner in PAIRS.items():
        shift[name] = shift[partner] + 0.35 * shift[name]
    shim = _shim(rng, time, dwell, rng.uniform(3, 9), t2["NAA"])
    parts = {
        name: truth[name]
        * fid
        * np.exp(2j * np.pi * shift[name] * mhz * time - time / t2[name])
        * shim
        for name, fid in fids.items()
    }
    signal = np.sum(list(parts.values()), axis=0)

    # macromolecules: own T2 and dispersion of shifts, on top of the shim
    common = np.exp(_normal(rng, 0.12))
    for ppm, area, t2_ms, gauss, j in MACROMOLECULES:
        freq = hertz(ppm + _normal(rng, 0.005))
        width = np.exp(_normal(rng, 0.08))
        line = _voigt(time, freq, width / (np.pi * 1e-3 * t2_ms), width * gauss)
        line = line * np.cos(np.pi * j * (TE + time)) / np.cos(np.pi * j * TE)
        signal = (
            signal + M092_AREA * common * area * np.exp(_normal(rng, 0.12)) * proton * line * shim
        )

    # lipid from outside the voxel: it does not know the voxel's shim
    lipid = (
        M092_AREA
        * min(rng.exponential(0.3), 1.0)
        * proton
        * np.exp(1j * _normal(rng, np.deg2rad(25)))
    )
    off, width = _normal(rng, 4.0), rng.uniform(0.85, 1.25)
    for ppm, area, fwhm in LIPIDS:
        area = area * np.exp(_normal(rng, 0.15))
        signal = signal + lipid * area * _voigt(
            time, hertz(ppm) + off, 0.4 * width * fwhm, 0.8 * width * fwhm
        )

    # residual water: what the suppression leaves of regions of different T1, B1 and field
    total = 3 * truth["NAA"] * proton * np.exp(rng.uniform(np.log(0.5), np.log(6.0)))
    for k, share in enumerate(rng.dirichlet([4, 2, 2, 1])):
        phase = _normal(rng, 1.0) if k == 0 else rng.uniform(-np.pi, np.pi)
        freq = hertz(4.67) + _normal(rng, 5.0, 2.0)
        signal = signal + total * share * np.exp(1j * phase) * _voigt(
            time, freq, rng.uniform(4, 25), 0
        )

    # noise from the height of NAA alone, in phase (zero-filled: none is lost between points)
    spec = np.fft.fft(sign * parts["NAA"], 8 * n).real
    near = np.abs(np.fft.fftfreq(8 * n, dwell) - hertz(2.008)) < 0.1 * mhz
    sigma = spec[near].max() / rng.uniform(50, 100) / np.sqrt(n)
    phase, offset = _normal(rng, np.deg2rad(10)), _normal(rng, 1.5)
    signal = signal * np.exp(1j * (phase + 2 * np.pi * offset * time))
    signal = signal + sigma * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    return signal, {name: float(truth[name]) for name in fids}


def mean_macromolecules(axis):
    """Return the upright macromolecules up to 4.2 ppm without their scatter, in proton-mM."""
    time, mhz = np.asarray(axis.time_s), axis.spectrometer_frequency_mhz
    total = np.zeros(time.size, dtype=complex)
    for ppm, area, t2_ms, gauss, j in MACROMOLECULES:
        if ppm > 4.5:
            continue
        freq = (ppm - axis.reference_ppm) * mhz
        line = _voigt(time, freq, 1 / (np.pi * 1e-3 * t2_ms), gauss)
        total += area * line * np.cos(np.pi * j * (TE + time)) / np.cos(np.pi * j * TE)
    return M092_AREA * total
