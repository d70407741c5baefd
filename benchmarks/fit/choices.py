"""Would another choice of the fit read the truth better? Each of the ensemble, and their mean.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/choices.py --spectra 80`` (half a minute).
A choice that is better on one generator and worse on the other knows that generator.
"""

import argparse
from collections import defaultdict

import numpy as np
from generator import axis_3t, metabolite_basis
from posterior import FIRST_REPORTED_SEED, GENERATORS, REPORTED, Maker, ratios_of

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitModel, FitOptions, fit_ensemble, fit_prepared, prepare
from glxflow.preprocess.water import without_water
from glxflow.spectrum import BasisSet, Fid, RealArray


def errors_of(
    make: Maker, basis: BasisSet, model: FitModel, n_spectra: int
) -> dict[str, list[RealArray]]:
    """Return the relative errors of the ratios to tCr, of each spectrum that has such a fit."""
    errors: dict[str, list[RealArray]] = defaultdict(list)
    for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + n_spectra):
        fid, truth = make(basis, np.random.default_rng(seed))
        fid = Fid(without_water(fid.samples, fid.axis), fid.axis)
        fit = fit_prepared(fid, model)
        ensemble = fit_ensemble(fit, (fid,), [(fid,)], np.random.default_rng(seed))
        assert ensemble is not None
        true = ratios_of(list(truth), np.array(list(truth.values())))
        reported = ensemble.amplitudes[0]
        mean = reported.copy()
        found = {"as reported": reported}
        for one in ensemble.members:
            mean += one.weight * (one.amplitudes[0] - reported)
            found[f"{one.choice}: {one.label}"] = one.amplitudes[0]
        for name, amplitudes in (found | {"weighted mean of all": mean}).items():
            errors[name].append(ratios_of(model.names, amplitudes) / true - 1)
    return errors


def main() -> None:
    """Print the errors by every choice on both generators."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=80)
    given = parser.parse_args()
    basis = metabolite_basis(axis_3t())
    model = prepare(with_macromolecules(basis), FitOptions())
    for generator, make in GENERATORS.items():
        print(
            f"{generator} | spectra | RMS error of the ratio to tCr in %: {' / '.join(REPORTED)}"
        )
        for name, errors in errors_of(make, basis, model, given.spectra).items():
            told = " / ".join(f"{100 * one:.1f}" for one in np.sqrt(np.mean(np.square(errors), 0)))
            print(f"{name} | {len(errors)} | {told}")


if __name__ == "__main__":
    main()
