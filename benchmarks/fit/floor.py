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
import importlib

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis
from hands import HANDS
from other_generator import make_other

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitModel, FitOptions, fit_prepared, prepare
from glxflow.preprocess.water import without_water
from glxflow.spectrum import BasisSet, ComplexArray, Fid, RealArray

SCENE = Scene((3.0, 9.0), (50.0, 100.0), True)
PARTS = {"Glu": ("Glu",), "Gln": ("Gln",), "Glx": ("Glu", "Gln")}
FIRST_SEED = 20000
RIDGE = 0.2
LARGEST = 0.6
BASELINE_PPM = np.linspace(0.3, 4.1, 60)


def signal(hand: str, basis: BasisSet, seed: int) -> tuple[ComplexArray, dict[str, float]]:
    """Return a signal without its water, and the true concentrations."""
    rng = np.random.default_rng(seed)
    if hand in HANDS:
        make = importlib.import_module(f"other_hands.{hand}").make
        samples, truth = make({name: basis.fid(name) for name in basis.names}, basis.axis, rng)
    else:
        fid, truth = (
            make_spectrum(basis, SCENE, rng) if hand == "first" else make_other(basis, rng)
        )
        samples = fid.samples
    return without_water(samples, basis.axis), truth


def found_in(fid: Fid, model: FitModel) -> tuple[RealArray, dict[str, float]]:
    """Return everything that a fit finds, and its ratios to creatine."""
    fit = fit_prepared(fid, model)
    result, theta = fit.result, fit.found.solution.point.theta
    amplitudes = dict(zip(result.names, result.amplitudes, strict=True))
    creatine = amplitudes["Cr"] + amplitudes["PCr"]
    ascending = np.argsort(result.ppm)
    baseline = np.interp(BASELINE_PPM, result.ppm[ascending], result.baseline[ascending])
    sd = np.where(np.isfinite(model.prior.sd), model.prior.sd, 1.0)
    known = [(theta - model.prior.mean) / sd, result.amplitudes / creatine, baseline / creatine]
    known.append([result.snr, result.fwhm_hz, np.log(result.reduced_chi2)])
    ratios = {
        name: sum(amplitudes[part] for part in parts) / creatine for name, parts in PARTS.items()
    }
    return np.concatenate(known), ratios


def read(
    hand: str, basis: BasisSet, model: FitModel, count: int
) -> tuple[RealArray, RealArray, RealArray]:
    """Return centred findings, relative errors and logarithms of the truth of a generator."""
    rows, errors, truths = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        samples, truth = signal(hand, basis, seed)
        row, ratios = found_in(Fid(samples, basis.axis), model)
        creatine = truth["Cr"] + truth["PCr"]
        true = {
            name: sum(truth[part] for part in parts) / creatine for name, parts in PARTS.items()
        }
        rows.append(row)
        errors.append(
            [np.clip(ratios[name] / true[name] - 1, -LARGEST, LARGEST) for name in PARTS]
        )
        truths.append([np.log(true[name]) for name in ("Glu", "Gln")])
    centred = (np.array(one) - np.mean(one, axis=0) for one in (rows, errors, truths))
    return tuple(centred)


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
    data = {hand: read(hand, basis, model, count) for hand in ("first", "other", *HANDS)}
    print("scatter of the error of the ratio to tCr in %: as fitted / own / others' correction")
    print(f"generator | {' | '.join(PARTS)}")
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
