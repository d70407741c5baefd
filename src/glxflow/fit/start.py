"""Where a fit starts: noise, phase and frequency offset of a spectrum."""

import numpy as np

from glxflow.errors import DataError
from glxflow.spectrum import BasisSet, ComplexArray, Fid, RealArray

LARGEST_OFFSET_PPM = 0.4
"""Frequency offsets up to here are found; beyond, NAA would be taken for lipid."""

_TYPICAL = {
    "NAA": 12.0,
    "NAAG": 1.5,
    "Cr": 4.5,
    "PCr": 4.5,
    "GPC": 1.0,
    "PCh": 0.6,
    "Ins": 6.5,
    "Glu": 10.0,
    "Gln": 3.0,
}
"""Typical concentrations that weight the template, mM (de Graaf 2019)."""

_TEMPLATE_WIDTH_HZ = 5.0
_DEAD_TIME_S = 0.01
_BAND_PPM = (1.55, 4.1)
_FLANK = 0.15


def noise_sd(fid: Fid) -> float:
    """Return the SD of the noise in the real spectrum, from where no signal is.

    The outer eighth of the spectrum on either side is taken, a straight line
    removed from each, and the quieter side used.

    Raises
    ------
    DataError
        If the data hold no noise, as simulated data may.
    """
    spectrum = fid.spectrum
    n_side = spectrum.size // 8
    sides = (spectrum[:n_side], spectrum[-n_side:])
    quietest = min(_detrended_sd(side) for side in sides)
    if not quietest > 1e-9 * np.abs(spectrum).max():
        raise DataError(
            "the outer eighths of the spectrum hold no noise, so no uncertainty can be given. "
            "Was the signal zero-filled, filtered or simulated without noise? Use the raw data."
        )
    return quietest


def _detrended_sd(values: ComplexArray) -> float:
    """Return the SD per channel about a straight line."""
    position = np.linspace(-1.0, 1.0, values.size)
    design = np.stack([np.ones_like(position), position], axis=1)
    coefficients, *_ = np.linalg.lstsq(design.astype(np.complex128), values, rcond=None)
    residual = values - design @ coefficients
    return float(np.sqrt(np.sum(np.abs(residual) ** 2) / (2 * (values.size - 2))))


def template(basis: BasisSet) -> ComplexArray:
    """Return a typical brain signal, (n_points,): what a spectrum is aligned with."""
    weights = np.array([_TYPICAL.get(name, 0.0) for name in basis.names])
    if not weights.any():
        raise DataError(
            f"the basis set holds none of {', '.join(_TYPICAL)}, so that no spectrum can be "
            "aligned with it. Use a basis set of brain metabolites."
        )
    broadening = max(_TEMPLATE_WIDTH_HZ - basis.linewidth_hz, 0.0)
    signal: ComplexArray = weights @ basis.fids * np.exp(-np.pi * broadening * basis.axis.time_s)
    return signal


def offset_and_phase(fid: Fid, reference: ComplexArray) -> tuple[float, float, float]:
    """Return the frequency offset (Hz), the phase (rad) and how well the template then fits.

    Matched filter: one Fourier transform of data times conjugate template holds
    the overlap at every offset. The first 10 ms are left out, since broad
    baseline and lipid have decayed after them.

    Parameters
    ----------
    fid : Fid
        The data.
    reference : (n_points,) complex ndarray
        What `template` returns, on the same axis.

    Returns
    -------
    offset_hz, phase_rad, overlap : float
        Overlap is the correlation with the template at the best offset, 0 to 1.
    """
    axis = fid.axis
    late = axis.time_s >= _DEAD_TIME_S
    samples = _in_band(fid)
    matched = np.conj(reference) * samples * late
    n_fine = 8 * axis.n_points
    overlap = np.fft.fft(matched, n_fine)
    frequency_hz = np.fft.fftfreq(n_fine, axis.dwell_time_s)
    allowed = np.abs(frequency_hz) <= LARGEST_OFFSET_PPM * axis.spectrometer_frequency_mhz
    best = int(np.flatnonzero(allowed)[np.abs(overlap[allowed]).argmax()])
    norm = np.linalg.norm(reference[late]) * np.linalg.norm(samples[late])
    return float(frequency_hz[best]), float(np.angle(overlap[best])), abs(overlap[best]) / norm


def _in_band(fid: Fid) -> ComplexArray:
    """Return the signal between lipid and water, where the landmarks are at any offset."""
    low, high = _BAND_PPM
    edge = (fid.axis.ppm - (low + high) / 2) / ((high - low) / 2)
    # A flat top with cosine flanks: a sharp edge would ring through the whole signal.
    taper = np.clip((1.0 - np.abs(edge)) / _FLANK, 0.0, 1.0)
    window = np.sin(np.pi / 2 * taper) ** 2
    band: ComplexArray = np.fft.ifft(np.fft.ifftshift(fid.spectrum * window))
    return band


def shifted(fid: Fid, offset_hz: float) -> Fid:
    """Return the data with a frequency offset taken off."""
    time_s: RealArray = fid.axis.time_s
    return Fid(fid.samples * np.exp(-2j * np.pi * offset_hz * time_s), fid.axis)
