"""A known change of Glx must come through preprocessing as it went in."""

import numpy as np
import pytest

from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.pipeline import preprocess
from glxflow.preprocess.records import PreprocessOptions

GLX = ((2.30, 0.45), (2.34, 0.6), (2.38, 0.45), (3.74, 0.7))
N_SESSIONS, N_TRANSIENTS = 16, 64


@pytest.fixture
def glx(session_axis):
    """Return what Glx contributes to the clean decay of the made sessions."""
    return sum(
        area * np.exp((2j * np.pi * session_axis.hz(ppm) - 6 * np.pi) * session_axis.time_s)
        for ppm, area in GLX
    )


def measured_change(found, clean, glx, axis):
    """Change of Glx between two bins by least squares, as a share, with its standard error.

    An oracle: it knows the clean spectra, and lets amplitude, phase, shift and width of the
    whole spectrum differ between the bins.
    """
    mask = (axis.ppm > 1.8) & (axis.ppm < 4.2)
    columns = [clean, 1j * clean, axis.time_s * clean, 1j * axis.time_s * clean, glx]

    def real_rows(fid):
        spectrum = np.fft.fftshift(np.fft.fft(fid))[mask]
        return np.concatenate([spectrum.real, spectrum.imag])

    design = np.stack([real_rows(column) for column in columns], axis=1)
    before, after = (np.asarray(fid) for fid in found.bins.samples[0])
    scale, *_ = np.linalg.lstsq(design, real_rows(before))
    solution, residual, *_ = np.linalg.lstsq(design, real_rows(after - before))
    variance = residual[0] / (len(design) - design.shape[1])
    error = np.sqrt(variance * np.linalg.inv(design.T @ design)[-1, -1])
    return solution[-1] / scale[0], error / scale[0]


@pytest.mark.parametrize("true_change", [0.0, 0.1])
def test_a_response_of_glx_keeps_its_size(
    make_session, session_axis, metabolites, glx, true_change
):
    response = np.repeat([0.0, true_change], N_TRANSIENTS // 2)[:, np.newaxis] * glx
    plan = BinPlan(float(N_TRANSIENTS), width_s=1e4)  # TR 2 s: the second half
    found = []
    for seed in range(N_SESSIONS):
        session = make_session(
            np.random.default_rng(seed),
            n_coils=2,
            n_transients=N_TRANSIENTS,
            snr=20.0,
            drift_hz=6.0,
            signal=metabolites + response,
        )
        cleaned = preprocess(session.series, session.water, plan, PreprocessOptions())
        found.append(measured_change(cleaned, metabolites, glx, session_axis))
    change, error = np.array(found).T
    standard_error = change.std(ddof=1) / N_SESSIONS**0.5
    # Unbiased within Monte-Carlo error, and at most a percent of the response's own scale.
    assert abs(change.mean() - true_change) < max(3 * standard_error, 0.01)
    # Residuals of alignment may widen the scatter beyond the noise, but not by half.
    assert change.std(ddof=1) < 1.5 * error.mean()
