"""Where a fit starts: phase and frequency offset of a spectrum."""

from dataclasses import dataclass

import numpy as np

from glxflow.errors import DataError
from glxflow.fit.lineshape import gaussian_rate
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
_WIDTH_END_S = 0.2
_BAND_PPM = (1.55, 4.1)
_FLANK = 0.15
_LEAST_DETECTION = 8.0
_CLEARLY = 1.3
_FAR_PPM = 1.0


def template(basis: BasisSet) -> ComplexArray:
    """Return a typical brain signal, (n_points,): what a spectrum is aligned with."""
    weights = np.array([_TYPICAL.get(name, 0.0) for name in basis.names])
    if not weights.any():
        raise DataError(
            f"the basis set holds none of {', '.join(_TYPICAL)}, so that no spectrum can be "
            "aligned with it. Use a basis set of brain metabolites."
        )
    broadening = max(_TEMPLATE_WIDTH_HZ - basis.linewidth_hz, 0.0)
    time_s = basis.axis.time_s
    # Late in the signal, where a Gaussian line has decayed, only its rounding would grow.
    rate = gaussian_rate(basis.gaussian_linewidth_hz)
    narrowing = rate * np.minimum(time_s, _WIDTH_END_S) ** 2
    signal: ComplexArray = weights @ basis.fids * np.exp(narrowing - np.pi * broadening * time_s)
    return signal


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where the metabolites of a spectrum are.

    Attributes
    ----------
    offset_hz, phase_rad : float
        Frequency offset and zero-order phase of the data against the template.
    linewidth_hz : float
        Width of the lines: that of the template with the largest overlap.
    """

    offset_hz: float
    phase_rad: float
    linewidth_hz: float

    def aligned(self, fid: Fid) -> Fid:
        """Return a signal with its offset and phase taken away."""
        turn = -2j * np.pi * self.offset_hz * fid.axis.time_s - 1j * self.phase_rad
        return Fid(fid.samples * np.exp(turn), fid.axis)


@dataclass(frozen=True, slots=True)
class _Peak:
    """Where data and template overlap most.

    Attributes
    ----------
    offset_hz, phase_rad : float
        As of an `Alignment`.
    detection : float
        Height of the overlap over its noise.
    matched : (n_points,) complex ndarray
        Data times conjugate template, whose Fourier transform is the overlap.
    """

    offset_hz: float
    phase_rad: float
    detection: float
    matched: ComplexArray


def locate(fid: Fid, reference: ComplexArray, noise: float) -> Alignment | str:
    """Return where the metabolites are, or a sentence that says why they were not found.

    Parameters
    ----------
    fid : Fid
        The data.
    reference : (n_points,) complex ndarray
        What `template` returns, on the same axis.
    noise : float
        SD of the noise in the real spectrum.

    Raises
    ------
    DataError
        If the conjugated data fit better.
    """
    found, far = _peaks(fid, reference, noise, (LARGEST_OFFSET_PPM, _FAR_PPM))
    conjugate = Fid(np.conj(fid.samples), fid.axis)
    (mirrored,) = _peaks(conjugate, reference, noise, (LARGEST_OFFSET_PPM,))
    if mirrored.detection > _CLEARLY * max(found.detection, _LEAST_DETECTION):
        raise DataError(
            f"the conjugated data match brain metabolites {mirrored.detection:.0f} times the "
            f"noise, the data as given {found.detection:.0f} times: the sign of the frequency "
            "axis is wrong. Convert the raw data again with a current spec2nii."
        )
    if found.detection < _LEAST_DETECTION:
        return (
            f"no metabolites found: the best match is {found.detection:.1f} times the noise, "
            f"expected at least {_LEAST_DETECTION:g}. Look at the spectrum: is there signal?"
        )
    if far.detection > _CLEARLY * found.detection:
        offset_ppm = far.offset_hz / fid.axis.spectrometer_frequency_mhz
        return (
            f"the metabolites are {offset_ppm:+.2f} ppm from their place, expected within "
            f"{LARGEST_OFFSET_PPM:g} ppm. Correct the reference frequency of the data."
        )
    in_place = found.matched * np.exp(-2j * np.pi * found.offset_hz * fid.axis.time_s)
    return Alignment(
        offset_hz=found.offset_hz,
        phase_rad=found.phase_rad,
        linewidth_hz=_linewidth(in_place, np.abs(reference), fid.axis.time_s),
    )


def _peaks(
    fid: Fid, reference: ComplexArray, noise: float, reaches_ppm: tuple[float, ...]
) -> tuple[_Peak, ...]:
    """Return where data and template overlap most, within each of some largest offsets.

    Matched filter: one Fourier transform of data times conjugate template holds
    the overlap at every offset. The first 10 ms are left out, since broad
    baseline and lipid have decayed after them.

    Parameters
    ----------
    fid : Fid
        The data.
    reference : (n_points,) complex ndarray
        What `template` returns, on the same axis.
    noise : float
        SD of the noise in the real spectrum.
    reaches_ppm : tuple of float
        Largest offsets that are considered, in ppm.
    """
    axis = fid.axis
    late = axis.time_s >= _DEAD_TIME_S
    matched = np.conj(reference) * _in_band(fid) * late
    overlap = np.fft.fft(matched, 8 * axis.n_points)
    frequency_hz = np.fft.fftfreq(overlap.size, axis.dwell_time_s)
    height = np.abs(overlap)
    overlap_sd = noise / np.sqrt(axis.n_points) * np.linalg.norm(reference[late])
    found = []
    for reach_ppm in reaches_ppm:
        allowed = np.abs(frequency_hz) <= reach_ppm * axis.spectrometer_frequency_mhz
        best = int(np.where(allowed, height, -1.0).argmax())
        found.append(
            _Peak(
                offset_hz=float(frequency_hz[best]),
                phase_rad=float(np.angle(overlap[best])),
                detection=float(height[best] / overlap_sd),
                matched=matched,
            )
        )
    return tuple(found)


def _linewidth(matched: ComplexArray, size: RealArray, time_s: RealArray) -> float:
    """Return the width of the template whose overlap is largest over its norm, in Hz."""
    used = (time_s >= _DEAD_TIME_S) & (time_s <= _WIDTH_END_S)
    widths_hz = np.arange(_TEMPLATE_WIDTH_HZ - 3, 3.2 * _TEMPLATE_WIDTH_HZ)
    decays = np.exp(-np.pi * np.outer(widths_hz - _TEMPLATE_WIDTH_HZ, time_s[used]))
    overlap = np.abs(decays @ matched[used]) / np.sqrt(decays**2 @ size[used] ** 2)
    return float(widths_hz[overlap.argmax()])


def _in_band(fid: Fid) -> ComplexArray:
    """Return the signal between lipid and water, where the landmarks are at any offset."""
    low, high = _BAND_PPM
    edge = (fid.axis.ppm - (low + high) / 2) / ((high - low) / 2)
    # A flat top with cosine flanks: a sharp edge would ring through the whole signal.
    taper = np.clip((1.0 - np.abs(edge)) / _FLANK, 0.0, 1.0)
    window = np.sin(np.pi / 2 * taper) ** 2
    band: ComplexArray = np.fft.ifft(np.fft.ifftshift(fid.spectrum * window))
    return band
