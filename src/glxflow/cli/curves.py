"""Turn the curves of fits into signals that a NIfTI-MRS file can hold."""

from collections.abc import Sequence

import numpy as np

from glxflow.spectrum import Axis, ComplexArray, FitResult


def curves_of(fits: Sequence[FitResult], axis: Axis) -> tuple[ComplexArray, list[str], Axis]:
    """Return data, fit, baseline, residual and components as signals in time.

    The real spectra of the fitted range are put back on the zero-filled axis;
    their inverse transform, doubled and causal, has them as its real spectrum.
    """
    full = Axis(
        2 * axis.n_points, axis.dwell_time_s, axis.spectrometer_frequency_mhz, axis.reference_ppm
    )
    labels = ["data", "fit", "baseline", "residual", *fits[0].names]
    spectra = np.zeros((len(labels), len(fits), full.n_points))
    for index, one in enumerate(fits):
        rows = np.searchsorted(full.ppm, one.ppm - 1e-9)
        stacked = np.vstack([one.data, one.fit, one.baseline, one.residual, one.components])
        spectra[:, index, rows] = stacked
    signals = np.fft.ifft(np.fft.ifftshift(spectra, axes=-1), axis=-1)
    signals[..., 1 : axis.n_points] *= 2
    signals[..., axis.n_points :] = 0
    return signals, labels, full
