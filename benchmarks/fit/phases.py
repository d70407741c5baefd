"""Where the CPU time of a fit goes: the shares of its steps, and of the parts of its search.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/phases.py``.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitOptions, engine, fit_prepared, prepare
from glxflow.fit.problem import Problem

N_SPECTRA = 20
N_REPEATS = 5
STEPS = {
    "noise_sd": "noise",
    "locate": "frequency, phase and width",
    "_shared_fit": "first fit with one line shape",
    "choose_ed": "baseline's dimension",
    "_weighted": "misfit as noise",
    "search": "search of all parameters",
    "trust": "ends to trust",
    "uncertainty": "uncertainty",
    "_result": "result and flags",
}
PARTS = {
    "evaluate": "spectra, amplitudes and residual",
    "quadratic": "Jacobian and second derivatives",
    "gradient": "gradient alone",
}


@contextmanager
def timed(owner: object, names: dict[str, str], spent: dict[str, float]) -> Iterator[None]:
    """Add the CPU time of some functions of a module or class to `spent`, by their label."""

    def wrapper(function: Callable[..., object], label: str) -> Callable[..., object]:
        def run(*args: object, **options: object) -> object:
            start = time.process_time()
            try:
                return function(*args, **options)
            finally:
                spent[label] = spent.get(label, 0.0) + time.process_time() - start

        return run

    with ExitStack() as stack:
        for name, label in names.items():
            function = getattr(owner, name)
            stack.enter_context(patch.object(owner, name, wrapper(function, label)))
        yield


def show(spent: dict[str, float], whole: float, n_fits: int) -> None:
    """Print milliseconds a fit and shares of the whole."""
    for label, seconds in spent.items():
        print(f"  {label}: {1000 * seconds / n_fits:.2f} ms, {100 * seconds / whole:.0f} %")


def main() -> None:
    """Print both tables."""
    basis = metabolite_basis(axis_3t())
    model = prepare(with_macromolecules(basis), FitOptions())
    scene = Scene((3.0, 9.0), (50.0, 100.0), True)
    fids = [
        make_spectrum(basis, scene, np.random.default_rng(seed))[0] for seed in range(N_SPECTRA)
    ]
    fids = fids * N_REPEATS
    for owner, names in ((engine, STEPS), (Problem, PARTS)):
        spent: dict[str, float] = {}
        start = time.process_time()
        with timed(owner, names, spent):
            n_twice = sum(
                any(flag.code == "ENDS" for flag in fit_prepared(fid, model).result.flags)
                for fid in fids
            )
        whole = time.process_time() - start
        print(
            f"{1000 * whole / len(fids):.1f} ms a fit, {100 * n_twice / len(fids):.0f} % of them "
            "fitted twice for a bad end:"
        )
        show(spent, whole, len(fids))


if __name__ == "__main__":
    main()
