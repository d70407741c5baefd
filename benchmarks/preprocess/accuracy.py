"""Compare frequencies and coil weights with the truth of simulated sessions, and on real coils.

Run: ``python benchmarks/preprocess/accuracy.py``. Real data are read from ../shared/data
beside the project where they are there.
"""

from pathlib import Path

import numpy as np
from session import AXIS, LINES, lines, session

from glxflow.io.bids import find_scans
from glxflow.io.nifti_mrs import read_series
from glxflow.preprocess.align import align
from glxflow.preprocess.band import ALIGNMENT, band_mask, band_spectra
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.coils import (
    coil_weights,
    combine,
    noise_covariance,
    strongest,
    water_covariance,
)
from glxflow.preprocess.pipeline import preprocess
from glxflow.preprocess.records import PreprocessOptions

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
TEST_DATA = Path(__file__).parents[2] / "test_data"
N_SESSIONS = 8


def frequencies() -> None:
    """Print the RMS error of the frequency of single transients beside its bound."""
    bound_hz = frequency_bound_hz(band_spectra(moves(), AXIS, ALIGNMENT))
    print("frequency RMS error of a transient in Hz, SNR 8, and its Cramer-Rao bound: frequencies")
    print("relative to their mean, in the window, with phase and baseline of each unknown")
    for n_transients, n_sessions in ((8, 64), (16, 64), (64, 24), (300, 8)):
        for drift_hz in (3.0, 20.0):
            errors = []
            for seed in range(n_sessions):
                made = session(
                    np.random.default_rng(seed),
                    n_coils=1,
                    n_transients=n_transients,
                    drift_hz=drift_hz,
                )
                found = align(made.series.samples[0], AXIS).offset_hz
                errors.append(np.std(found - made.offset_hz))
            rms = np.sqrt(np.mean(np.square(errors)))
            monte_carlo = rms / np.sqrt(2 * n_sessions * (n_transients - 1))
            least = bound_hz * np.sqrt(1 - 1 / n_transients)
            print(
                f"{n_transients:4d} transients, drift {drift_hz:3.0f} Hz: {rms:.3f} +- "
                f"{monte_carlo:.3f}, bound {least:.3f}"
            )


def moves() -> np.ndarray:
    """Return how a transient changes with its frequency and its phase, (2, n_points)."""
    fid = lines(LINES)
    return np.stack([2j * np.pi * AXIS.time_s * fid, 1j * fid])


def frequency_bound_hz(spectra: np.ndarray) -> float:
    """Return the Cramer-Rao bound at SNR 8 of the first of two changes, given as spectra."""
    height = np.abs(np.fft.fft(lines(LINES[:1]))).max()
    information = np.real(spectra @ spectra.conj().T) / (height / 8) ** 2
    return float(np.sqrt(np.linalg.inv(information)[0, 0]))


def coils() -> None:
    """Print the signal to noise of combination as a share of the optimum."""
    print(f"signal to noise over the optimum (worst of {N_SESSIONS}), 64 transients of SNR 8")
    for n_coils in (4, 8, 32):
        shares: dict[str, list[float]] = {"water": [], "metabolites": []}
        for seed in range(N_SESSIONS):
            made = session(np.random.default_rng(seed), n_coils=n_coils, n_transients=64)
            best = np.linalg.solve(made.covariance, made.sensitivity)
            for source, reference in (("water", made.water.samples), ("metabolites", None)):
                weights = coil_weights(made.series.samples, reference, AXIS).weights
                shares[source].append(_snr(weights, made) / _snr(best, made))
        print(f"{n_coils:3d} coils: " + ", ".join(f"{k} {min(v):.3f}" for k, v in shares.items()))


def _snr(weights: np.ndarray, made: object) -> float:
    """Return the true signal to noise of a combination."""
    noise = np.real(weights.conj() @ made.covariance @ weights)
    return float(np.abs(weights.conj() @ made.sensitivity) / np.sqrt(noise))


def bounds() -> None:
    """Print the Cramer-Rao bound of the frequency at SNR 8 and what each choice costs of it."""
    spectra = np.fft.fftshift(np.fft.fft(moves()), axes=-1)
    rows = {
        "whole spectrum": spectra,
        "1.7-4.2 ppm": spectra[:, band_mask(AXIS, ALIGNMENT)],
        "and a baseline of order 2": band_spectra(moves(), AXIS, ALIGNMENT),
    }
    for name, part in rows.items():
        print(f"Cramer-Rao bound, {name}: {frequency_bound_hz(part):.3f} Hz")


def eddy_gains() -> None:
    """Print how far the check of eddy currents moves on simulated sessions that all have them."""
    gains = []
    for scan in find_scans(TEST_DATA, None):
        if scan.mrsref is not None:
            found = preprocess(
                read_series(scan.svs),
                read_series(scan.mrsref),
                BinPlan(None),
                PreprocessOptions(eddy_current="never"),
            )
            gains.append(found.metrics["eddy_gain"])
    print(
        f"eddy-current check on {len(gains)} sessions of test_data: unexplained share changes by"
    )
    print(f"{-max(gains):+.1%} to {-min(gains):+.1%}")


def real_coils() -> None:
    """Print the signal to noise of real water of 32 coils under three kinds of weights."""
    water = read_series(DATA / "coils32_water" / "mrsref.nii.gz")
    noise, signal = noise_covariance(water.samples), water.samples[:, 0]
    candidates = {
        "signal-weighted": signal[:, :8].mean(axis=1),
        "SVD": np.linalg.svd(signal[:, :1024], full_matrices=False)[0][:, 0],
        "whitened SVD (glxflow)": strongest(water_covariance(water.samples), noise),
    }
    print("real water of 32 coils at 7 T: height over noise")
    for name, weights in candidates.items():
        height = np.abs(np.fft.fft(combine(water.samples, weights)[0])).max()
        sd = np.sqrt(np.real(weights.conj() @ noise @ weights) * signal.shape[1])
        print(f"{name:24s} {height / sd:10.0f}")


def real_steps() -> None:
    """Print what each step does to real raw 7T data."""
    folder = DATA / "raw_7T_steam"
    found = preprocess(
        read_series(folder / "svs.nii.gz"),
        read_series(folder / "mrsref.nii.gz"),
        BinPlan(None),
        PreprocessOptions(),
    )
    print("real raw 7T STEAM, 4 coils x 16 transients")
    for step in found.steps:
        print(f"- {step.method}: {step.details}")


def main() -> None:
    """Print every table."""
    bounds()
    frequencies()
    coils()
    eddy_gains()
    if DATA.is_dir():
        real_coils()
        real_steps()


if __name__ == "__main__":
    main()
