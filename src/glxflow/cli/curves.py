"""Turn the curves of fits into signals that a NIfTI-MRS file can hold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glxflow.spectrum import Axis, FitResult


def curves_of(
    fits: Sequence[FitResult], axis: Axis
) -> tuple[NDArray[np.complex64], list[str], Axis]:
    """Return data, fit, baseline, residual and components as signals in time.

    The real spectra of the fitted range are put back on the zero-filled axis;
    their inverse transform, doubled and causal, has them as its real spectrum.
    """
    full = Axis(
        2 * axis.n_points, axis.dwell_time_s, axis.spectrometer_frequency_mhz, axis.reference_ppm
    )
    labels = ["data", "fit", "baseline", "residual", *fits[0].names]
    # As files hold them, and a fit at a time: those of 41 bins at once took 0.9 GB.
    signals = np.zeros((len(labels), len(fits), full.n_points), dtype=np.complex64)
    for index, one in enumerate(fits):
        rows = np.searchsorted(full.ppm, one.ppm - 1e-9)
        spectra = np.zeros((len(labels), full.n_points))
        spectra[:, rows] = [one.data, one.fit, one.baseline, one.residual, *one.components]
        causal = np.fft.ifft(np.fft.ifftshift(spectra, axes=-1), axis=-1)[:, : axis.n_points]
        causal[:, 1:] *= 2
        signals[:, index, : axis.n_points] = causal
    return signals, labels, full
