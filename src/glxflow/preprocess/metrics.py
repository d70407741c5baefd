"""Noise, signal to noise and line width of one spectrum, to show what each step did."""

import numpy as np

from glxflow.preprocess.band import ALIGNMENT, SINGLETS, band_mask, band_spectra
from glxflow.preprocess.outliers import robust_sd
from glxflow.spectrum import SIGNAL_PPM, Axis, ComplexArray, RealArray, spectrum_of

NAA_PPM = (1.9, 2.12)
"""Where the tallest line of a brain spectrum is looked for."""

_EDGE_SHARE = 0.05
_FEWEST_POINTS = 64
_LEAST_END_PPM = 7.5
_FINER = 8


def noise_sd(fid: ComplexArray, axis: Axis) -> float:
    """Return the SD of the noise in the real spectrum, in signal units of the spectrum.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        A free induction decay.
    axis : Axis
        Its axes.

    Returns
    -------
    float
        From the differences of neighbouring points below -1 and above 9.5 ppm, next to
        what brains have: receivers damp the ends of their band. Where the spectrum does
        not reach that far, from its downfield end; NaN where that is below 7.5 ppm.
    """
    spectrum = spectrum_of(fid)
    n_edge, n_side = round(_EDGE_SHARE * spectrum.size), spectrum.size // 8
    low, high = np.searchsorted(axis.ppm, SIGNAL_PPM)
    below = spectrum[max(low - n_side, n_edge) : low]
    above = spectrum[high : min(high + n_side, spectrum.size - n_edge)]
    if below.size + above.size < _FEWEST_POINTS and axis.ppm[-1] > _LEAST_END_PPM:
        above = spectrum[-n_side:]
    differences = []
    for side in (below, above):
        part = np.diff(side, n=2) / np.sqrt(6)
        differences += [part.real, part.imag]
    values = np.concatenate(differences)
    if values.size < _FEWEST_POINTS:
        return float("nan")
    return robust_sd(values)


def snr(fid: ComplexArray, axis: Axis) -> float:
    """Return the height of the NAA peak over the SD of the noise; higher is better.

    Taken from the magnitude without baseline, so that a spectrum without its phase
    or with residual water can be judged too; NaN where there is no noise to
    compare with.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        A free induction decay.
    axis : Axis
        Its axes.
    """
    sd = noise_sd(fid, axis)
    ppm = axis.ppm[band_mask(axis, SINGLETS)]
    in_band = (ppm >= NAA_PPM[0]) & (ppm <= NAA_PPM[1])
    if not in_band.any() or not sd > 0:
        return float("nan")
    return float(np.abs(band_spectra(fid, axis, SINGLETS)[in_band]).max()) / sd


def fwhm_hz(fid: ComplexArray, axis: Axis) -> float:
    """Return the full width at half height of the NAA line, in Hz; lower is better.

    Taken from the phased real spectrum without baseline; NaN where the line does
    not fall to its half on both sides. A figure for comparing steps: the fit gives
    the width without what lies under the line.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        A free induction decay.
    axis : Axis
        Its axes.
    """
    finer = Axis(
        _FINER * axis.n_points,
        axis.dwell_time_s,
        axis.spectrometer_frequency_mhz,
        axis.reference_ppm,
    )
    ppm = finer.ppm[band_mask(finer, ALIGNMENT)]
    spectrum = _between_lines(np.pad(fid, (0, finer.n_points - fid.size)), finer)
    near = np.flatnonzero((ppm >= NAA_PPM[0]) & (ppm <= NAA_PPM[1]))
    if near.size == 0:
        return float("nan")
    top = int(near[np.abs(spectrum[near]).argmax()])
    line = np.real(spectrum * np.exp(-1j * np.angle(spectrum[top])))
    half = line[top] / 2
    below = np.flatnonzero(line < half)
    left, right = below[below < top], below[below > top]
    if left.size == 0 or right.size == 0:
        return float("nan")
    width = _crossing(line, int(right[0]) - 1, half) - _crossing(line, int(left[-1]), half)
    return width * finer.bandwidth_hz / finer.n_points


def water_residual(fid: ComplexArray, axis: Axis) -> float:
    """Return the largest magnitude within 0.15 ppm of water over the NAA peak; lower is better.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        A free induction decay.
    axis : Axis
        Its axes.
    """
    magnitude = np.abs(spectrum_of(fid))
    ppm = axis.ppm
    water = np.abs(ppm - 4.68) <= 0.15
    peak = (ppm >= NAA_PPM[0]) & (ppm <= NAA_PPM[1])
    if not water.any() or not peak.any() or not magnitude[peak].max() > 0:
        return float("nan")
    return float(magnitude[water].max() / magnitude[peak].max())


def _between_lines(fid: ComplexArray, axis: Axis) -> ComplexArray:
    """Return a windowed spectrum less the polynomial through the half that is lowest.

    A polynomial through all points would rise into the lines and lower their feet: a
    line of 12 Hz would read 10 Hz.
    """
    spectrum = spectrum_of(fid)[band_mask(axis, ALIGNMENT)]
    size = np.abs(band_spectra(fid, axis, ALIGNMENT))
    low = size <= np.median(size)
    powers = np.vander(np.linspace(-1, 1, size.size), ALIGNMENT.order + 1)
    coefficients, *_ = np.linalg.lstsq(powers[low], spectrum[low], rcond=None)
    return np.asarray(spectrum - powers @ coefficients)


def _crossing(line: RealArray, index: int, level: float) -> float:
    """Return where a line crosses a level between a point and the next, as an index."""
    return index + float((level - line[index]) / (line[index + 1] - line[index]))
