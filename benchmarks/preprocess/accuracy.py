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
from glxflow.preprocess.band import ALIGNMENT, band_spectra
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
    """Print the RMS error of the frequency of single transients."""
    print(f"frequency RMS error of a transient in Hz, {N_SESSIONS} sessions each, SNR 8")
    for n_transients in (16, 64, 300):
        for drift_hz in (3.0, 20.0):
            errors = []
            for seed in range(N_SESSIONS):
                made = session(
                    np.random.default_rng(seed),
                    n_coils=1,
                    n_transients=n_transients,
                    drift_hz=drift_hz,
                )
                found = align(made.series.samples[0], AXIS).offset_hz
                errors.append(np.std(found - made.offset_hz))
            rms = np.sqrt(np.mean(np.square(errors)))
            print(f"{n_transients:4d} transients, drift {drift_hz:4.0f} Hz: {rms:.3f}")


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
    """Print the Cramer-Rao bound of the frequency at SNR 8, with the phase unknown."""
    fid = lines(LINES)
    jacobian = np.stack([2j * np.pi * AXIS.time_s * fid, 1j * fid])
    height = np.abs(np.fft.fft(lines(LINES[:1]))).max()
    spectrum_sd = height / 8
    whole = np.fft.fft(jacobian)
    for name, rows in (
        ("whole spectrum", whole),
        ("window", band_spectra(jacobian, AXIS, ALIGNMENT)),
    ):
        information = np.real(rows @ rows.conj().T) / spectrum_sd**2
        print(f"Cramer-Rao bound, {name}: {np.sqrt(np.linalg.inv(information)[0, 0]):.3f} Hz")


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
