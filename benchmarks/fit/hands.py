"""How the fit reads spectra of generators by other hands, made without sight of it.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/hands.py --spectra 120`` (two minutes). Each was
written from one paragraph ("3 T PRESS TE 35, SNR 50-100, 3-9 Hz, jittered lines, shim asymmetry,
consensus-like macromolecules, lipid, residual water") by somebody who had seen neither the fit
nor another generator; nothing of the fit is tuned to them. `--forty` prints how many of 1,000
draws of 40 of these spectra have errors of Glu, Gln and Glx within 7, 25 and 7 % at once.
`--measured` gives the basis set the mean macromolecules of each generator as one component, as
a spectrum measured with one's own protocol would be; those of each spectrum scatter about it.
"""

import argparse
import importlib
from dataclasses import replace

import numpy as np
from generator import axis_3t, metabolite_basis
from monte_carlo import REPORTED
from posterior import Maker

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitModel, FitOptions, fit_prepared, prepare
from glxflow.preprocess.water import without_water
from glxflow.quantify import estimates
from glxflow.spectrum import BasisSet, Fid, Kind, RealArray

HANDS = ("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth")
LIMITS = np.array([7.0, 25.0, 7.0])
FIRST_SEED = 7000


def maker(hand: str) -> Maker:
    """Return what makes a signal of a generator, and its true concentrations."""
    make = importlib.import_module(f"other_hands.{hand}").make

    def signal(basis: BasisSet, rng: np.random.Generator) -> tuple[Fid, dict[str, float]]:
        samples, truth = make({name: basis.fid(name) for name in basis.names}, basis.axis, rng)
        return Fid(samples, basis.axis), truth

    return signal


def read(hand: str, basis: BasisSet, model: FitModel, n_spectra: int) -> RealArray:
    """Return error over truth and error over SD of the ratios to tCr, (n_spectra, 5, 2)."""
    make, rows = maker(hand), []
    for seed in range(FIRST_SEED, FIRST_SEED + n_spectra):
        fid, truth = make(basis, np.random.default_rng(seed))
        fid = Fid(without_water(fid.samples, fid.axis), fid.axis)
        found = {one.metabolite: one for one in estimates(fit_prepared(fid, model).result)}
        creatine = truth["Cr"] + truth["PCr"]
        true = [sum(truth[part] for part in parts) / creatine for parts in REPORTED.values()]
        ratio, sd = np.array([(found[n].ratio_tcr, found[n].ratio_tcr_sd) for n in REPORTED]).T
        rows.append(np.stack([ratio / true - 1, (ratio - true) / sd], axis=-1))
    return np.array(rows)


def with_measured(basis: BasisSet, hand: str) -> BasisSet:
    """Return the basis set with the mean macromolecules of a generator as one component."""
    curve = importlib.import_module(f"other_hands.{hand}").mean_macromolecules(basis.axis)
    fids = np.sign(basis.fid("NAA")[0].real) * curve[np.newaxis]
    own = replace(basis, names=("MM",), kinds=(Kind.MACROMOLECULE,), fids=fids, notes=())
    return basis.joined(own)


def main() -> None:
    """Print bias, RMS error and coverage by hand."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spectra", type=int, default=120)
    parser.add_argument("--forty", action="store_true")
    parser.add_argument("--measured", action="store_true")
    given = parser.parse_args()
    basis = metabolite_basis(axis_3t())
    print(f"ratio to tCr, %: bias / RMS error / coverage | {' | '.join(REPORTED)}")
    for hand in HANDS:
        own = with_measured(basis, hand) if given.measured else basis
        model = prepare(with_macromolecules(own), FitOptions())
        found = read(hand, basis, model, given.spectra)
        relative = 100 * found[..., 0]
        error = np.sqrt(np.mean(relative**2, axis=0))
        covered = 100 * np.mean(np.abs(found[..., 1]) < 1.96, axis=0)
        columns = zip(relative.mean(axis=0), error, covered, strict=True)
        cells = (f"{one:+.1f} / {rms:.1f} / {cover:.0f}" for one, rms, cover in columns)
        print(f"{hand} | {' | '.join(cells)}", flush=True)
        if given.forty:
            draws = np.random.default_rng(1).integers(given.spectra, size=(1000, 40))
            of_forty = np.sqrt(np.mean(relative[draws][..., :3] ** 2, axis=1))
            within = 100 * np.mean(np.all(of_forty <= LIMITS, axis=1))
            print(f"{hand} | {within:.0f} % of draws of 40 within all limits")


if __name__ == "__main__":
    main()
