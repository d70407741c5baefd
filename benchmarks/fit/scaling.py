"""CPU time a spectrum from 1 to 1,000 spectra, and of 52 spectra with the start of the process.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/scaling.py`` (about two minutes).
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitOptions, fit_prepared, prepare
from glxflow.spectrum import Fid

SCENE = Scene((3.0, 9.0), (50.0, 100.0), True)
N_SCENES = 50
N_STUDY = 52

# What a process does that fits the spectra of a study: imports, basis set, model, fits.
_STUDY = """
import sys
import numpy as np
from glxflow.fit import FitOptions, fit_prepared, prepare
from glxflow.spectrum import Axis, BasisSet, Fid, Kind
kept = np.load(sys.argv[1])
axis = Axis(int(kept["n_points"]), *map(float, kept["axis"]))
kinds = tuple(Kind(kind) for kind in kept["kinds"].tolist())
basis = BasisSet(tuple(kept["names"].tolist()), kinds, kept["fids"], axis, 0.035, 0.0, "kept")
model = prepare(basis, FitOptions(baseline_ed_per_ppm=1.5))
for samples in kept["data"]:
    fit_prepared(Fid(samples, axis), model)
"""


def noisy(scenes: np.ndarray, number: int) -> np.ndarray:
    """Return one of the spectra with a little more noise: no two are the same."""
    rng = np.random.default_rng(number)
    samples = scenes[number % len(scenes)]
    noise = 0.1 * np.abs(samples[-200:]).std() * rng.normal(size=(2, samples.size))
    noisy_samples: np.ndarray = samples + noise[0] + 1j * noise[1]
    return noisy_samples


def study(scenes: np.ndarray) -> float:
    """Return CPU seconds of a process that fits 52 spectra, with its start."""
    axis = axis_3t()
    basis = with_macromolecules(metabolite_basis(axis))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.npz"
        np.savez(
            path,
            names=np.array(basis.names),
            kinds=np.array([kind.value for kind in basis.kinds]),
            fids=basis.fids,
            n_points=axis.n_points,
            axis=[axis.dwell_time_s, axis.spectrometer_frequency_mhz, axis.reference_ppm],
            data=np.array([noisy(scenes, number) for number in range(N_STUDY)]),
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", _STUDY, str(path)], check=True, env=os.environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=1000)
    arguments = parser.parse_args()
    metabolites = metabolite_basis(axis_3t())
    scenes = np.array(
        [
            make_spectrum(metabolites, SCENE, np.random.default_rng(seed))[0].samples
            for seed in range(N_SCENES)
        ]
    )
    start = time.process_time()
    model = prepare(with_macromolecules(metabolites), FitOptions(baseline_ed_per_ppm=1.5))
    prepared = time.process_time() - start
    print(f"prepare the model: {1000 * prepared:.0f} ms CPU")
    spent, shown = 0.0, 1
    for number in range(arguments.spectra):
        fid = Fid(noisy(scenes, number), metabolites.axis)
        start = time.process_time()
        fit_prepared(fid, model)
        spent += time.process_time() - start
        if number + 1 in (shown, arguments.spectra):
            each, whole = 1000 * spent / (number + 1), 1000 * (spent + prepared) / (number + 1)
            print(
                f"{number + 1} spectra: {each:.1f} ms CPU each, {whole:.1f} ms with the model",
                flush=True,
            )
            shown *= 10
    print(f"{N_STUDY} spectra in one process with its start: {study(scenes):.2f} s CPU")


if __name__ == "__main__":
    main()
