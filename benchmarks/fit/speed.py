"""CPU time of one fit, by both solvers, as milliseconds and as a ratio of one run.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/speed.py``.
"""

import time
from collections.abc import Callable

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitOptions, fit_prepared, prepare
from glxflow.fit.engine import prefit
from glxflow.fit.noise import noise_sd
from glxflow.fit.reference import solve_lmfit
from glxflow.fit.solver import solve_fast
from glxflow.fit.start import locate

N_SPECTRA = 20
N_REPEATS = 3


def milliseconds(run: Callable[[], object], n_repeats: int = N_REPEATS) -> float:
    """Return the least CPU time of a call, in ms: other work on the machine only adds to it."""
    times = []
    for _ in range(n_repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def main() -> None:
    """Print the times of preparing, of a whole fit, and of its core by either solver."""
    basis = metabolite_basis(axis_3t())
    complete = with_macromolecules(basis)
    scene = Scene((3.0, 9.0), (50.0, 100.0), True)
    fids = [
        make_spectrum(basis, scene, np.random.default_rng(seed))[0] for seed in range(N_SPECTRA)
    ]
    print(f"prepare a model: {milliseconds(lambda: prepare(complete, FitOptions())):.0f} ms")
    model = prepare(complete, FitOptions())
    whole = np.array([milliseconds(lambda fid=fid: fit_prepared(fid, model)) for fid in fids])
    print(f"whole fit: median {np.median(whole):.0f} ms")
    fixed = model.with_baseline(1.5)
    study = np.array([milliseconds(lambda fid=fid: fit_prepared(fid, fixed)) for fid in fids])
    print(f"whole fit with a study's baseline: median {np.median(study):.0f} ms")
    times = []
    for fid in fids:
        noise = noise_sd(fid)
        found = locate(fid, model.reference, noise)
        if isinstance(found, str):
            raise ValueError(found)
        problem, start = prefit(fid, model, noise * float(np.sqrt(model.share_kept)), found)
        vary = np.ones(start.size, dtype=np.bool_)
        times.append(
            [
                milliseconds(lambda p=problem, s=start, v=vary, f=solver: f(p, s, v))
                for solver in (solve_fast, solve_lmfit)
            ]
        )
    fast, reference = np.median(times, axis=0)
    print(f"core from the first fit: fast {fast:.1f} ms, lmfit {reference:.1f} ms")
    print(f"ratio lmfit to fast: {reference / fast:.1f}")


if __name__ == "__main__":
    main()
