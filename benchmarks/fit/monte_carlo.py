"""Bias, scatter and coverage of the fit on spectra of known truth.

Run ``python benchmarks/fit/monte_carlo.py --spectra 200`` (about 8 minutes a core).
The generators share no prior, constant or function with the fit. Priors were tuned
on seeds below 1000; seeds from 1000 on are reported. The last row is of `other_generator`.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis
from other_generator import make_other

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitModel, FitOptions, fit_prepared, prepare
from glxflow.quantify import estimates
from glxflow.spectrum import Fid

REPORTED = {
    "Glu": ("Glu",),
    "Gln": ("Gln",),
    "Glx": ("Glu", "Gln"),
    "tNAA": ("NAA", "NAAG"),
    "Ins": ("Ins",),
}
FIRST_REPORTED_SEED = 1000

Maker = Callable[[np.random.Generator], tuple[Fid, dict[str, float]]]


def scenes() -> Iterator[tuple[str, Scene]]:
    """Yield the cells of the table: SNR by line width by right or realistic model."""
    yield "SNR 50-100, 3-9 Hz, realistic", Scene((3.0, 9.0), (50.0, 100.0), True)
    for is_realistic in (False, True):
        for snr in (20.0, 50.0, 100.0):
            for width_hz in (3.0, 6.0, 9.0):
                kind = "realistic" if is_realistic else "right"
                label = f"SNR {snr:.0f}, {width_hz:.0f} Hz, {kind}"
                yield label, Scene((width_hz, width_hz), (snr, snr), is_realistic)


def measure(model: FitModel, make: Maker, n_spectra: int) -> str:
    """Return one row: bias, RMS error, mean SD and coverage of each ratio, in %."""
    rows = []
    start = time.process_time()
    for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + n_spectra):
        fid, truth = make(np.random.default_rng(seed))
        found = {one.metabolite: one for one in estimates(fit_prepared(fid, model).result)}
        creatine = truth["Cr"] + truth["PCr"]
        rows.append(
            [
                (found[name].ratio_tcr, found[name].ratio_tcr_sd, sum(map(truth.get, parts)))
                for name, parts in REPORTED.items()
            ]
        )
        rows[-1] = [(ratio, sd, true / creatine) for ratio, sd, true in rows[-1]]
    milliseconds = 1000 * (time.process_time() - start) / n_spectra
    ratio, sd, true = np.array(rows).transpose(2, 1, 0)
    error, relative_sd = ratio / true - 1, sd / true
    covered = np.abs(error) < 1.96 * relative_sd
    cells = [
        f"{name} {100 * error[row].mean():+.1f} / {100 * np.sqrt((error[row] ** 2).mean()):.1f} / "
        f"{100 * relative_sd[row].mean():.1f} / {100 * covered[row].mean():.0f}"
        for row, name in enumerate(REPORTED)
    ]
    return " | ".join([*cells, f"{milliseconds:.0f} ms"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=200, help="spectra a cell")
    parser.add_argument("--cells", type=int, default=20, help="how many cells, from the first")
    arguments = parser.parse_args()
    metabolites = metabolite_basis(axis_3t())
    model = prepare(with_macromolecules(metabolites), FitOptions())
    print("ratio to tCr, %: bias / RMS error / mean SD / coverage of 95 % intervals")
    makers: list[tuple[str, Maker]] = [
        (label, lambda rng, scene=scene: make_spectrum(metabolites, scene, rng))
        for label, scene in scenes()
    ]
    makers.append(("another generator", lambda rng: make_other(metabolites, rng)))
    for label, make in makers[: arguments.cells]:
        print(f"{label} | {measure(model, make, arguments.spectra)}", flush=True)


if __name__ == "__main__":
    main()
