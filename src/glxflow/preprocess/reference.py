"""Put a spectrum on the ppm scale and into phase by its three known singlets.

NAA, creatine and choline stand at shifts that no disease moves (Govindaraju 2000,
doi:10.1002/1099-1492(200005)13:3<129::AID-NBM619>3.0.CO;2-V); one comb of
them is fitted as a whole, so that no single line decides.
"""

from dataclasses import dataclass, replace

import numpy as np

from glxflow.preprocess.band import SINGLETS, band_signal, band_spectra
from glxflow.spectrum import Axis, ComplexArray, RealArray

COMB_PPM = {"NAA": 2.008, "Cr": 3.027, "Cho": 3.212, "Cr CH2": 3.913}
"""Chemical shifts of the singlets; choline is the mean of its two main lines."""

_HEIGHTS = (1.0, 0.7, 0.5, 0.4)
_GROUPS = ((0,), (1, 3), (2,))
_WIDTHS_HZ = (2.5, 4.0, 5.5, 7.5, 10.0, 13.0, 17.0)
_REACH_PPM = 0.35
_FINER = 8
_NEARBY_PPM = 0.04
_N_NEARBY = 17

LEAST_MATCH = 0.5
"""Share of the energy between 1.8 and 4.2 ppm that the comb must explain."""

MOST_TURNED_DEG = 20.0
"""Between the phase of the comb and that by singlets of free heights, above which it is doubted.

On simulated spectra of adults' brains (lines of 2-15 Hz, SNR 10 and 60) it reaches 15 degrees.
"""

CONJUGATED_RATIO = 2.0
"""How much better the comb must fit the mirrored spectrum to call data conjugated."""


@dataclass(frozen=True, slots=True)
class CombFit:
    """Where a comb of singlets fits best.

    Attributes
    ----------
    offset_ppm : float
        How far the spectrum stands too high, in ppm.
    phase_rad : float
        Its zero-order phase, in radians.
    match : float
        Share of the energy in the window that the comb explains, 0 to 1.
    """

    offset_ppm: float
    phase_rad: float
    match: float


def fit_comb(fid: ComplexArray, axis: Axis) -> CombFit:
    """Return offset and phase of a spectrum relative to its known singlets.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        An averaged free induction decay without much residual water.
    axis : Axis
        Its axes.
    """
    coarse = _fitted_within(fid, axis)
    # The window goes with the singlets: 0.3 ppm too low, NAA is out of it at first.
    moved = replace(axis, reference_ppm=axis.reference_ppm - coarse.offset_ppm)
    fine = _fitted_within(fid, moved)
    return replace(fine, offset_ppm=coarse.offset_ppm + fine.offset_ppm)


def _fitted_within(fid: ComplexArray, axis: Axis) -> CombFit:
    """Return the best comb for what a spectrum holds in the window."""
    band = band_signal(fid, axis, SINGLETS)
    energy = float((np.abs(band) ** 2).sum()) * axis.n_points
    if energy == 0:
        return CombFit(0.0, 0.0, 0.0)
    # The inner product with the comb at every offset at once is a Fourier
    # transform of their product in time, finely sampled by zero-filling.
    products = _combs(axis).conj() * band * axis.n_points
    offset_ppm, overlap = _near_zero(products, axis)
    width, place = np.unravel_index(np.abs(overlap).argmax(), overlap.shape)
    step, best = _summit(overlap[width], int(place))
    match = min(float(np.abs(best) ** 2) / energy, 1.0)
    spacing_ppm = float(offset_ppm[1] - offset_ppm[0])
    return CombFit(float(offset_ppm[place]) + step * spacing_ppm, float(np.angle(best)), match)


def _summit(overlap: ComplexArray, place: int) -> tuple[float, complex]:
    """Return where between grid points an overlap is largest, in steps, and its value there."""
    if not 0 < place < overlap.size - 1:
        return 0.0, complex(overlap[place])
    left, top, right = np.abs(overlap[place - 1 : place + 2])
    curvature = left - 2 * top + right
    step = float((left - right) / (2 * curvature)) if curvature < 0 else 0.0
    slope = (overlap[place + 1] - overlap[place - 1]) / 2
    bend = overlap[place + 1] - 2 * overlap[place] + overlap[place - 1]
    return step, complex(overlap[place] + step * slope + step**2 / 2 * bend)


def phase_of_free_heights(fid: ComplexArray, axis: Axis, comb: CombFit) -> float:
    """Return the phase by singlets of any height less that by the comb, in radians.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        An averaged free induction decay without much residual water.
    axis : Axis
        Its axes.
    comb : CombFit
        Where the comb fits best.

    Notes
    -----
    Where heights are not those of a healthy adult's brain the comb fits best off its place and
    turned: choline of a tumour, 15 Hz wide, by -2.5 Hz and -47 degrees.
    """
    singlets = [np.linalg.qr(columns) for columns in _singlets(axis)]
    best = -1.0
    heights: ComplexArray = np.ones(len(_GROUPS), dtype=np.complex128)
    for nearby_ppm in np.linspace(-_NEARBY_PPM, _NEARBY_PPM, _N_NEARBY):
        offset_hz = (comb.offset_ppm + nearby_ppm) * axis.spectrometer_frequency_mhz
        turn = np.exp(-1j * (2 * np.pi * offset_hz * axis.time_s + comb.phase_rad))
        spectrum = band_spectra(fid * turn, axis, SINGLETS)
        spectrum = spectrum / np.linalg.norm(spectrum)
        for unit, triangle in singlets:
            overlap = unit.conj().T @ spectrum
            explained = float(np.linalg.norm(overlap))
            if explained > best:
                best, heights = explained, np.asarray(np.linalg.solve(triangle, overlap))
    return float(np.angle((np.abs(heights) * heights).sum()))


def is_conjugated(fid: ComplexArray, axis: Axis) -> bool:
    """Tell whether the singlets stand mirrored at the carrier, as in conjugated data.

    Parameters
    ----------
    fid : (n_points,) complex ndarray
        An averaged free induction decay.
    axis : Axis
        Its axes.

    Notes
    -----
    A wrong "yes" would stop good data, so the mirrored comb must explain a fair
    share of its window and twice as much, in energy, as the right one.
    """
    power = np.sum(np.abs(band_spectra(fid, axis, SINGLETS)) ** 2)
    mirrored = np.conj(fid)
    mirrored_power = np.sum(np.abs(band_spectra(mirrored, axis, SINGLETS)) ** 2)
    right = fit_comb(fid, axis).match * power
    wrong = fit_comb(mirrored, axis)
    return bool(
        wrong.match > LEAST_MATCH and wrong.match * mirrored_power > CONJUGATED_RATIO * right
    )


def _combs(axis: Axis) -> ComplexArray:
    """Return combs of several widths in time, of unit norm inside the window."""
    lines_hz = np.array([axis.hz(ppm) for ppm in COMB_PPM.values()])
    lines = np.asarray(_HEIGHTS) @ np.exp(2j * np.pi * np.outer(lines_hz, axis.time_s))
    combs = lines * np.exp(-np.pi * np.outer(_WIDTHS_HZ, axis.time_s))
    inside = band_spectra(combs, axis, SINGLETS)
    return np.asarray(combs / np.linalg.norm(inside, axis=1, keepdims=True))


def _singlets(axis: Axis) -> ComplexArray:
    """Return NAA, creatine and choline of each width in the window, of unit norm, as columns."""
    place_hz = np.array([axis.hz(ppm) for ppm in COMB_PPM.values()])
    lines = np.asarray(_HEIGHTS)[:, np.newaxis] * np.exp(
        2j * np.pi * np.outer(place_hz, axis.time_s)
    )
    parts = np.stack([lines[list(group)].sum(axis=0) for group in _GROUPS])
    decays = np.exp(-np.pi * np.outer(_WIDTHS_HZ, axis.time_s))
    inside = band_spectra(decays[:, np.newaxis] * parts, axis, SINGLETS)
    unit = inside / np.linalg.norm(inside, axis=2, keepdims=True)
    return np.asarray(unit.transpose(0, 2, 1))


def _near_zero(products: ComplexArray, axis: Axis) -> tuple[RealArray, ComplexArray]:
    """Return offsets within reach, in ppm, and the spectra of products on them."""
    n_filled = _FINER * axis.n_points
    frequency_hz = np.fft.fftfreq(n_filled, axis.dwell_time_s)
    offset_ppm = frequency_hz / axis.spectrometer_frequency_mhz
    near = np.abs(offset_ppm) <= _REACH_PPM
    order = np.argsort(offset_ppm[near])
    overlap = np.fft.fft(products, n=n_filled, axis=1)[:, near]
    return offset_ppm[near][order], overlap[:, order]
