"""How near a fit could come to the truth of simulated spectra, by corrections of what it finds.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/floor.py --spectra 1000`` (8 minutes). A linear
correction of each estimate by everything the fit finds (line shapes, amplitudes, baseline, noise)
is trained by ridge regression on four fifths of a generator's own spectra and tested on the rest:
it knows the generator as no fit does. Trained on all other generators it tells what a fit leaves
lying that holds for all of them. Neither may pull towards the usual Glu and Gln: the correction is
uncorrelated with the truth in training, or a trial's changes would shrink with the errors. The
bias of a generator as a whole is left out of all columns.
"""

import argparse

import numpy as np
from generator import axis_3t, metabolite_basis
from hands import HANDS, maker
from posterior import GENERATORS, REPORTED, Maker, ratios_of

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import Fit, FitModel, FitOptions, fit_prepared, prepare
from glxflow.preprocess.water import without_water
from glxflow.spectrum import BasisSet, Fid, RealArray

FIRST_SEED = 20000
RIDGE = 0.2
LARGEST = 0.6
BASELINE_PPM = np.linspace(0.3, 4.1, 60)


def findings_of(fit: Fit, model: FitModel) -> RealArray:
    """Return everything that a fit finds, (n_findings,)."""
    assert fit.found is not None
    result, theta = fit.result, fit.found.solution.point.theta
    creatine = sum(result.amplitudes[result.names.index(name)] for name in ("Cr", "PCr"))
    ascending = np.argsort(result.ppm)
    baseline = np.interp(BASELINE_PPM, result.ppm[ascending], result.baseline[ascending])
    sd = np.where(np.isfinite(model.prior.sd), model.prior.sd, 1.0)
    known = [(theta - model.prior.mean) / sd, result.amplitudes / creatine, baseline / creatine]
    known.append(np.array([result.snr, result.fwhm_hz, np.log(result.reduced_chi2)]))
    return np.concatenate(known)


def read(
    make: Maker, basis: BasisSet, model: FitModel, count: int
) -> tuple[RealArray, RealArray, RealArray]:
    """Return centred findings, relative errors and logarithms of true Glu and Gln."""
    rows, errors, truths = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        fid, truth = make(basis, np.random.default_rng(seed))
        fit = fit_prepared(Fid(without_water(fid.samples, fid.axis), fid.axis), model)
        true = ratios_of(list(truth), np.array(list(truth.values())))
        rows.append(findings_of(fit, model))
        errors.append(ratios_of(model.names, fit.result.amplitudes) / true - 1)
        truths.append(np.log(true[:2]))
    clipped = np.clip(errors, -LARGEST, LARGEST)
    findings, off, known = (
        np.array(one) - np.mean(one, axis=0) for one in (rows, clipped, truths)
    )
    return findings, off, known


def correction(findings: RealArray, errors: RealArray, truths: RealArray) -> RealArray:
    """Return weights, (n_findings, n_errors), whose sum tells nothing of the truth."""
    scale = findings.std(axis=0) + 1e-9
    unit = findings / scale
    along, _ = np.linalg.qr(unit.T @ truths)
    unit = unit - (unit @ along) @ along.T
    normal = unit.T @ unit + RIDGE * len(unit) * np.eye(unit.shape[1])
    weights = np.linalg.solve(normal, unit.T @ errors)
    return (weights - along @ (along.T @ weights)) / scale[:, np.newaxis]


def main() -> None:
    """Print the scatter of errors as fitted, and with both corrections."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spectra", type=int, default=1000)
    count = parser.parse_args().spectra
    basis = metabolite_basis(axis_3t())
    model = prepare(with_macromolecules(basis), FitOptions())
    makers = GENERATORS | {hand: maker(hand) for hand in HANDS}
    data = {name: read(make, basis, model, count) for name, make in makers.items()}
    print("scatter of the error of the ratio to tCr in %: as fitted / own / others' correction")
    print(f"generator | {' | '.join(REPORTED)}")
    trained = 4 * count // 5
    for hand, (findings, errors, truths) in data.items():
        own = correction(findings[:trained], errors[:trained], truths[:trained])
        rest = [
            np.concatenate(one) for one in zip(*(data[k] for k in data if k != hand), strict=True)
        ]
        left = (
            errors.std(axis=0),
            (errors - findings @ own)[trained:].std(axis=0),
            (errors - findings @ correction(*rest)).std(axis=0),
        )
        cells = (
            " / ".join(f"{100 * sd:.1f}" for sd in column) for column in zip(*left, strict=True)
        )
        print(f"{hand} | {' | '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
