"""A reference with less noise, to read the frequency of transients by.

A few damped lines make a Hankel matrix of low rank, noise one of full rank: the first
singular vectors keep the lines (Barkhuijsen 1987, doi:10.1016/0022-2364(87)90023-0).
"""

import numpy as np

from glxflow.preprocess.band import ALIGNMENT, band_mask, band_spectra
from glxflow.spectrum import Axis, ComplexArray

_N_LINES = 8
_WIDER = 1.25


def quieted(reference: ComplexArray, axis: Axis) -> ComplexArray:
    """Return the strongest lines of a decay between 1.7 and 4.2 ppm, (n_points,).

    Frequency is read from late samples above all, where a reference is mostly noise
    even when it is the mean of a hundred transients.

    Parameters
    ----------
    reference : (n_points,) complex ndarray
        A decay to compare others with.
    axis : Axis
        Its axes.

    Notes
    -----
    What eight lines cannot describe is lost, for all transients alike: that costs
    precision, and turns no difference between two of them.
    """
    window = np.flatnonzero(band_mask(axis, ALIGNMENT))
    # Room on both sides, where lines near an edge of the window go on.
    n_slow = min(int(_WIDER * window.size), axis.n_points)
    first = min(max(window[0] - (n_slow - window.size) // 2, 0), axis.n_points - n_slow)
    place = slice(first, first + n_slow)
    spectrum = np.zeros(axis.n_points, dtype=np.complex128)
    spectrum[window] = band_spectra(reference, axis, ALIGNMENT)
    slow = np.fft.ifft(np.fft.ifftshift(spectrum[place]))
    lines = np.zeros_like(slow)
    # The second half of an acquisition holds next to no signal.
    lines[: n_slow // 2] = _strongest_lines(slow[: n_slow // 2])
    spectrum[place] = np.fft.fftshift(np.fft.fft(lines))
    return np.asarray(np.fft.ifft(np.fft.ifftshift(spectrum)))


def _strongest_lines(samples: ComplexArray) -> ComplexArray:
    """Return the signal whose Hankel matrix is the nearest of low rank, on average."""
    n_columns = (samples.size + 1) // 2
    hankel = np.lib.stride_tricks.sliding_window_view(samples, n_columns)
    left, strength, right = np.linalg.svd(hankel, full_matrices=False)
    matrix = (left[:, :_N_LINES] * strength[:_N_LINES]) @ right[:_N_LINES]
    total = np.zeros_like(samples)
    for row, values in enumerate(matrix):
        total[row : row + n_columns] += values
    # How many elements of the matrix stand for a sample: 1, 2, ..., and down again.
    count = np.convolve(np.ones(len(matrix)), np.ones(n_columns))
    mean: ComplexArray = total / count
    return mean
