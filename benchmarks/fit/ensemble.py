"""What sd_model adds: coverage with and without it, and its cost, on spectra of known truth.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/ensemble.py --spectra 200`` (about a minute
a core). `--changes N` refits N pairs of bins by every member, and compares how Glu/tCr changes
with what the members say to first order.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import Fit, FitModel, FitOptions, fit_prepared, prepare
from glxflow.fit.ensemble import Ensemble, fit_ensemble
from glxflow.fit.profile import profile_interval
from glxflow.fit.solver import solve_fast
from glxflow.fit.variants import variants_of
from glxflow.quantify import estimates, model_spreads
from glxflow.spectrum import Axis, BasisSet, Fid

REPORTED = {"Glu": ("Glu",), "Gln": ("Gln",), "Glx": ("Glu", "Gln")}
FIRST_REPORTED_SEED = 1000
SCENES = {
    "3": (axis_3t(), Scene((3.0, 9.0), (50.0, 100.0), True)),
    "7": (Axis(4096, 1 / 6000, 297.2, 4.65), Scene((8.0, 15.0), (50.0, 100.0), True)),
}
"""Axis and spectra by the field, in T."""


def spread_of(fit: Fit, ensemble: Ensemble) -> Sequence[dict[str, object]]:
    """Return the spreads over models of every spectrum."""
    amplitudes = [ensemble.amplitudes, *(one.amplitudes for one in ensemble.members)]
    weights = np.array([one.weight for one in ensemble.members])
    return model_spreads(fit.result.names, fit.result.kinds, np.array(amplitudes), weights)


def coverage(model: FitModel, basis: BasisSet, scene: Scene, n_spectra: int) -> None:
    """Print errors, SDs and coverage with and without the spread over models."""
    rows, weights, seconds = [], defaultdict(list), np.zeros(2)
    for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + n_spectra):
        fid, truth = make_spectrum(basis, scene, np.random.default_rng(seed))
        start = time.process_time()
        fit = fit_prepared(fid, model)
        middle = time.process_time()
        ensemble = fit_ensemble(fit, (fid,), [(fid,)], np.random.default_rng(seed))
        seconds += middle - start, time.process_time() - middle
        (spread,) = spread_of(fit, ensemble)
        found = {one.metabolite: one for one in estimates(fit.result)}
        creatine = truth["Cr"] + truth["PCr"]
        for one in ensemble.members:
            weights[f"{one.choice}: {one.label}"].append(one.weight)
        rows.append(
            [
                (
                    found[name].ratio_tcr,
                    found[name].ratio_tcr_sd,
                    spread[name].ratio_tcr_sd_model,
                    sum(truth[part] for part in parts) / creatine,
                )
                for name, parts in REPORTED.items()
            ]
        )
    ratio, sd, sd_model, true = np.array(rows).transpose(2, 1, 0)
    total = np.hypot(sd, sd_model)
    print("ratio to tCr, % | bias | RMS error | SD | sd_model | covered by SD | by both")
    for row, name in enumerate(REPORTED):
        error = ratio[row] - true[row]
        cells = [
            100 * np.mean(error / true[row]),
            100 * np.sqrt(np.mean((error / true[row]) ** 2)),
            *(100 * np.mean(values[row] / true[row]) for values in (sd, sd_model)),
            *(100 * np.mean(np.abs(error) < 1.96 * values[row]) for values in (sd, total)),
        ]
        print(f"{name} | " + " | ".join(f"{cell:.1f}" for cell in cells))
    single, many = 1000 * seconds / n_spectra
    print(f"CPU of a fit {single:.0f} ms, of its ensemble {many:.0f} ms more")
    for name, values in weights.items():
        print(f"{name}: mean weight {np.mean(values):.2f}")


def profiles(model: FitModel, basis: BasisSet, scene: Scene, n_spectra: int) -> None:
    """Print how often profile intervals hold the true ratio, beside normal ones."""
    hits, milliseconds = defaultdict(list), []
    for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + n_spectra):
        fid, truth = make_spectrum(basis, scene, np.random.default_rng(seed))
        fit = fit_prepared(fid, model)
        for name, parts in REPORTED.items():
            below = np.array([float(one in ("Cr", "PCr")) for one in fit.result.names])
            start = time.process_time()
            found = profile_interval(
                fit, np.array([float(one in parts) for one in fit.result.names]), below
            )
            milliseconds.append(1000 * (time.process_time() - start))
            true = sum(truth[part] for part in parts) / (truth["Cr"] + truth["PCr"])
            inside = found.low95 < true < found.high95
            hits[name].append((inside, abs(true - found.value) < 1.96 * found.sd))
    for name, pairs in hits.items():
        profile, normal = 100 * np.mean(pairs, axis=0)
        print(f"{name}: profile intervals cover {profile:.0f} %, normal ones {normal:.0f} %")
    print(f"an interval takes {np.median(milliseconds):.0f} ms CPU")


def changes(model: FitModel, basis: BasisSet, n_pairs: int) -> None:
    """Print how far members' changes to first order are from those of their own fits."""
    gaps, spreads = [], []
    for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + n_pairs):
        before, after = (
            _noisy(basis, seed, factor, noise) for noise, factor in enumerate((1.0, 1.08))
        )
        average = Fid((before.samples + after.samples) / 2, before.axis)
        fit = fit_prepared(average, model)
        ensemble = fit_ensemble(
            fit, (average,), [(before,), (after,)], np.random.default_rng(seed)
        )
        spreads.append(spread_of(fit, ensemble)[1]["Glu"].ratio_tcr_change_sd_model)
        refits = [_members(fit_prepared(fid, model)) for fid in (before, after)]
        for one in ensemble.members:
            followed = np.diff(_glu_tcr(fit.result.names, one.amplitudes))[0]
            refitted = [_glu_tcr(fit.result.names, own[one.choice, one.label]) for own in refits]
            gaps.append((followed, refitted[1] - refitted[0]))
    followed, refitted = np.array(gaps).T
    print(
        f"change of Glu/tCr over {n_pairs} pairs and all members: followed {followed.mean():.4f} "
        f"(SD {followed.std():.4f}), refitted {refitted.mean():.4f} (SD {refitted.std():.4f}), "
        f"RMS difference {np.sqrt(np.mean((followed - refitted) ** 2)):.4f}; "
        f"mean sd_model of the change {np.mean(spreads):.4f}"
    )


def _noisy(basis: BasisSet, seed: int, factor: float, noise: int) -> Fid:
    """Return a spectrum of one scene with more glutamate and noise of its own."""
    scaled = np.array(basis.fids)
    scaled[basis.names.index("Glu")] *= factor
    other = BasisSet(basis.names, basis.kinds, scaled, basis.axis, basis.echo_time_s, 0.0, "")
    fid, _ = make_spectrum(other, SCENES["3"][1], np.random.default_rng(seed))
    own = np.random.default_rng((seed, noise)).normal(size=(2, fid.axis.n_points))
    size = np.abs(fid.samples[-200:]).std()
    return Fid(fid.samples + size * (own[0] + 1j * own[1]), fid.axis)


def _members(fit: Fit) -> dict[tuple[str, str], np.ndarray]:
    """Return the amplitudes of every variant, searched for this spectrum itself."""
    vary = np.ones(fit.found.solution.point.theta.size, dtype=np.bool_)
    return {
        (one.choice, one.label): solve_fast(
            one.problem, fit.found.solution.point.theta, vary
        ).point.amplitudes
        for one in variants_of(fit.found.problem)
    }


def _glu_tcr(names: Sequence[str], amplitudes: np.ndarray) -> np.ndarray:
    """Return Glu over total creatine."""
    creatine = amplitudes[..., names.index("Cr")] + amplitudes[..., names.index("PCr")]
    return amplitudes[..., names.index("Glu")] / creatine


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=200)
    parser.add_argument("--field", choices=SCENES, default="3", help="in T")
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--profiles", type=int, default=0, help="spectra with profile intervals")
    arguments = parser.parse_args()
    axis, scene = SCENES[arguments.field]
    metabolites = metabolite_basis(axis)
    model = prepare(with_macromolecules(metabolites), FitOptions())
    coverage(model, metabolites, scene, arguments.spectra)
    if arguments.profiles:
        profiles(model, metabolites, scene, arguments.profiles)
    if arguments.field == "3" and arguments.changes:
        changes(model, metabolites, arguments.changes)


if __name__ == "__main__":
    main()
