"""Changes of GABA+, Glx, Glu and Gln over the bins of edited sessions of known truth.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/edited_changes.py --sessions 200`` (about 2
minutes a core). The heads are those of `edited.py`; after the first of four bins GABA and Glu
rise and all lines are narrower.
"""

import argparse
from collections.abc import Iterable

import numpy as np
from edited import FIRST_REPORTED_SEED, REPORTED, basis_sets, conditions, make_session, over_tcr

from glxflow.fit import (
    EditedModel,
    FitOptions,
    fit_edited_alike,
    fit_edited_series,
    prepare_edited,
)
from glxflow.fit.changes import percent_changes
from glxflow.fit.design import bin_design
from glxflow.spectrum import Axis, BasisSet, Series

N_BINS = 4
RISES = {"GABA": 0.2, "Glu": 0.08}
NARROWING_HZ = 0.3


def changes_of(
    on: BasisSet, off: BasisSet, model: EditedModel, seed: int, snr: float
) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Return change over creatine in percent, its SD and the truth, jointly and of bins apart."""
    bins = [
        make_session(
            on,
            off,
            np.random.default_rng(seed),
            snr,
            np.random.default_rng([seed, index]),
            rises=RISES if index else None,
            narrowing_hz=NARROWING_HZ if index else 0.0,
        )
        for index in range(N_BINS)
    ]
    total, difference = (
        Series(np.array([samples]), on.axis, 60.0 * np.arange(N_BINS), 0.068, 2.0)
        for samples in (
            [one.total.samples for one in bins],
            [one.difference.samples for one in bins],
        )
    )
    design = bin_design([str(index) for index in range(N_BINS)])
    fit = fit_edited_series(total, difference, model, design)
    sums = {name: parts for name, parts in REPORTED.items() if len(parts) > 1}
    rows = percent_changes(fit, sums | {"tCr": ("Cr", "PCr")}, ("tCr",)).rows
    joint = {row.metabolite: row for row in rows if (row.response, row.over) == ("1", "tCr")}
    apart, _ = fit_edited_alike([(one.total, one.difference) for one in bins], model)
    found = {}
    for name, parts in REPORTED.items():
        before, after = (sum(one.truth[part] for part in parts) for one in bins[:2])
        true = 100 * (after / before - 1)
        found[name, "jointly"] = joint[name].percent, joint[name].sd, true
        one, other = (over_tcr(fit.difference, parts) for fit in apart[:2])
        sd = 100 * float(np.hypot(one[1], other[1])) / one[0]
        found[name, "bins apart"] = 100 * (other[0] / one[0] - 1), sd, true
    return found


def print_changes(
    on: BasisSet, off: BasisSet, model: EditedModel, seeds: Iterable[int], snr: float
) -> None:
    """Print the errors of changes, a row a quantity and way of fitting."""
    errors: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for seed in seeds:
        for key, (percent, sd, true) in changes_of(on, off, model, seed, snr).items():
            errors.setdefault(key, []).append((percent - true, sd))
    print("change over tCr, points: mean error | SD of error | mean SD | coverage")
    for (name, way), rows in errors.items():
        error, sd = np.array(rows).T
        print(
            f"{name}, {way} | {error.mean():+.2f} | {error.std():.2f} | {sd.mean():.2f} | "
            f"{100 * (np.abs(error) < 1.96 * sd).mean():.0f}"
        )


def main() -> None:
    """Print a row a quantity and way of fitting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--snr", type=float, default=100.0, help="NAA of OFF over its noise")
    arguments = parser.parse_args()
    axis = Axis(2048, 5e-4, 123.25, 4.65)
    on, off = conditions(axis)
    model = prepare_edited(*basis_sets(axis), FitOptions(baseline_ed_per_ppm=1.5))
    seeds = range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + arguments.sessions)
    print_changes(on, off, model, seeds, arguments.snr)


if __name__ == "__main__":
    main()
