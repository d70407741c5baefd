"""What the record of a fit says of each spectrum: amplitudes, lines and curves."""

from typing import Any

import numpy as np

from glxflow.fit.point import Fitted
from glxflow.fit.prior import COMMON_SHIFT
from glxflow.fit.problem import Problem
from glxflow.fit.start import Alignment
from glxflow.spectrum import RealArray


def of_spectrum(
    problem: Problem, point: Fitted, found: Alignment, baseline: RealArray
) -> dict[str, Any]:
    """Return the fields of `FitResult` that a spectrum has by its optimum.

    Parameters
    ----------
    problem : Problem
        The spectrum with its model.
    point : Fitted
        Its optimum.
    found : Alignment
        What was taken off the data before the search.
    baseline : (n_fit,) ndarray
        Rotated, in signal units.
    """
    model, shapes, n = problem.model, point.shapes, len(problem.model.names)
    f0_mhz = model.axis.spectrometer_frequency_mhz
    return {
        "names": model.names,
        "kinds": model.kinds,
        "amplitudes": point.amplitudes[:n],
        "shift_ppm": (shapes.shift_hz[:n] - point.theta[COMMON_SHIFT]) / f0_mhz,
        "linewidth_hz": shapes.fwhm_hz()[:n],
        "phase_rad": float(np.angle(np.exp(1j * (found.phase_rad + point.theta[0])))),
        "delay_s": 1e-6 * float(point.theta[1]),
        "offset_ppm": (found.offset_hz + float(point.theta[COMMON_SHIFT])) / f0_mhz,
        "ppm": model.ppm,
        "trusted_ppm": model.trusted_ppm,
        "data": model.curve(problem.noise_sd * point.data),
        "baseline": model.curve(baseline),
        "components": _component_curves(problem, point),
        "baseline_ed": float(problem.shares.sum()) / model.spline.width_ppm,
    }


def _component_curves(problem: Problem, point: Fitted) -> RealArray:
    """Return the fitted curves, (n_components, n_fit); lipid in quadrature joins its own."""
    model = problem.model
    weights = problem.noise_sd * point.amplitudes[:, np.newaxis]
    curves = model.curve(weights * point.spectra)
    for extra, index in enumerate(model.quadrature_of, start=len(model.names)):
        curves[index] += curves[extra]
    return curves[: len(model.names)]
