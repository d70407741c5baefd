from collections.abc import Callable

import numpy as np
import pytest

from glxflow.spectrum import FitResult, FitStatus, Kind


@pytest.fixture
def fit_of() -> Callable[..., FitResult]:
    """Return a maker of fits with given amplitudes and covariance, without curves."""

    def make(
        amplitudes: dict[str, float],
        covariance: np.ndarray | None = None,
        status: FitStatus = FitStatus.CONVERGED,
    ) -> FitResult:
        n = len(amplitudes)
        covariance = np.eye(n) * 0.01 if covariance is None else covariance
        return FitResult(
            names=tuple(amplitudes),
            kinds=tuple(
                Kind.MACROMOLECULE if name.startswith("MM") else Kind.METABOLITE
                for name in amplitudes
            ),
            amplitudes=np.array(list(amplitudes.values())),
            covariance=covariance,
            noise_covariance=covariance / 4,
            shift_ppm=np.zeros(n),
            linewidth_hz=np.zeros(n),
            phase_rad=0.0,
            delay_s=0.0,
            offset_ppm=0.0,
            ppm=np.linspace(0.2, 4.2, 3),
            trusted_ppm=(0.2, 4.2),
            data=np.zeros(3),
            baseline=np.zeros(3),
            components=np.zeros((n, 3)),
            noise_sd=1.0,
            snr=50.0,
            fwhm_hz=5.0,
            reduced_chi2=1.0,
            baseline_ed=1.5,
            status=status,
        )

    return make
