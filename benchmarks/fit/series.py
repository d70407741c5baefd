"""What each way of fitting a series says of +3 % glutamate, or none, where the lines change.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/series.py --series 200`` (about 8 minutes
a core). A series has 320 transients of SNR 14 in eight blocks, rest and active in turn,
made as in `generator.py` with everything realistic; in active blocks Glu is 3 % higher and
the whole signal decays more slowly by 0.3 Hz. In another table nothing changes but the
field, which spreads by a Gaussian of 2 Hz.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitModel, FitOptions, fit_prepared, prepare
from glxflow.fit.block import Block
from glxflow.fit.changes import percent_changes
from glxflow.fit.contrasts import N_MOVING
from glxflow.fit.design import bin_design
from glxflow.fit.joint import Joint
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.lineshape import gaussian_rate
from glxflow.fit.series import fit_series
from glxflow.fit.series_result import SeriesFit
from glxflow.spectrum import SUMS, BasisSet, BoolArray, Fid, Series

FIRST_REPORTED_SEED = 1000
SNR, N_BLOCKS, PER_AVERAGE = 14.0, 8, 20
TRUE_PERCENT, NARROWING_HZ, SPREAD_HZ = 3.0, 0.3, 2.0
NOISE_FREE = 1e6


def make_series(
    basis: BasisSet,
    seed: int,
    *,
    n_transients: int,
    percent: float = 0.0,
    narrowing_hz: float = 0.0,
    spread_hz: float = 0.0,
) -> tuple[Series, BoolArray]:
    """Return a series and which of its transients are active."""
    scene = Scene((4.0, 7.0), (NOISE_FREE, NOISE_FREE), True)
    more = basis.fids.copy()
    more[basis.names.index("Glu")] *= 1 + percent / 100
    rest, active = (
        make_spectrum(one, scene, np.random.default_rng(seed))[0]
        for one in (basis, replace(basis, fids=more))
    )
    axis = basis.axis
    slower = np.pi * narrowing_hz * axis.time_s - gaussian_rate(spread_hz) * axis.time_s**2
    moved = active.samples * np.exp(slower)
    height = np.abs(rest.spectrum[np.abs(axis.ppm - 2.008) < 0.1]).max()
    noise_sd = height / SNR / np.sqrt(axis.n_points)
    is_active = (np.arange(n_transients) * N_BLOCKS // n_transients) % 2 == 1
    samples = np.where(is_active[:, np.newaxis], moved, rest.samples)
    # A seed of its own: the same noise whatever the truth is.
    noise = np.random.default_rng([seed, 1]).standard_normal((2, *samples.shape)) * noise_sd
    onset_s = 2.0 * np.arange(n_transients)
    return Series((samples + noise[0] + 1j * noise[1])[np.newaxis], axis, onset_s, 0.035, 2.0), (
        is_active
    )


def joint(series: Series, is_active: BoolArray, model: FitModel) -> tuple[float, float]:
    """Return the change of Glu and its SD by the joint fit."""
    rows = percent_changes(joint_fit(series, is_active, model), {}).rows
    return next((row.percent, row.sd) for row in rows if row.metabolite == "Glu")


def joint_fit(series: Series, is_active: BoolArray, model: FitModel) -> SeriesFit:
    """Return the joint fit with a level for rest and one for active."""
    design = bin_design(["active" if one else "rest" for one in is_active])
    return fit_series(series, model, design)


def without_lines(series: Series, is_active: BoolArray, model: FitModel) -> tuple[float, float]:
    """Return the change of Glu by the joint fit whose lines may not change."""
    fit = joint_fit(series, is_active, model)
    first, contrast = fit.solution.joint.blocks
    still = Joint([first, _still(contrast)], fit.solution.joint.prior)
    start = fit.solution.point.theta
    found = solve_joint(still, start, np.ones(start.size, dtype=np.bool_)).point.blocks
    state = np.concatenate([found[0].linear, found[1].linear, np.zeros(N_MOVING)])
    rows = percent_changes(replace(fit, state=state), {}).rows
    return next((row.percent, np.nan) for row in rows if row.metabolite == "Glu")


def _still(block: Block) -> Block:
    """Return the block of a contrast without its line-shape columns."""
    channel = block.channels[0]
    channel = replace(
        channel, mapping=channel.mapping[:, :-N_MOVING], fixed=channel.fixed[:, :-N_MOVING]
    )
    return Block((channel,), block.soft_rows[:, :-N_MOVING], block.is_signed[:-N_MOVING])


def conditions(series: Series, is_active: BoolArray, model: FitModel) -> tuple[float, float]:
    """Return the change of Glu between two averages, each fitted alone."""
    (rest, rest_sd), (active, active_sd) = (
        _glu(series.samples[0, is_active == state].mean(axis=0), series, model)
        for state in (False, True)
    )
    change = active / rest
    return 100 * (change - 1), 100 * change * float(np.hypot(rest_sd / rest, active_sd / active))


def averages(series: Series, is_active: BoolArray, model: FitModel) -> tuple[float, float]:
    """Return the change of Glu over averages of 20 transients, and its SD by their scatter."""
    starts = range(0, series.n_transients, PER_AVERAGE)
    glu = np.array(
        [
            _glu(series.samples[0, start : start + PER_AVERAGE].mean(axis=0), series, model)[0]
            for start in starts
        ]
    )
    state = is_active[::PER_AVERAGE]
    rest, active = glu[~state], glu[state]
    sd = np.hypot(rest.std(ddof=1), active.std(ddof=1)) / np.sqrt(rest.size)
    return 100 * (active.mean() / rest.mean() - 1), 100 * float(sd / rest.mean())


def _glu(samples: np.ndarray, series: Series, model: FitModel) -> tuple[float, float]:
    """Return the amplitude of Glu in one average, and its SD."""
    result = fit_prepared(Fid(samples, series.axis), model).result
    index = result.names.index("Glu")
    return float(result.amplitudes[index]), float(np.sqrt(result.covariance[index, index]))


def compare(basis: BasisSet, model: FitModel, n_series: int) -> None:
    """Print a row a method: mean, SD, reported SD, coverage, CPU."""
    methods: dict[str, Callable[..., tuple[float, float]]] = {
        "joint": joint,
        "joint, lines still": without_lines,
        "16 averages of 20": averages,
        "two condition averages": conditions,
    }
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in methods}
    paired = []
    for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + n_series):
        truth = {"percent": TRUE_PERCENT, "narrowing_hz": NARROWING_HZ}
        series, active = make_series(basis, seed, n_transients=320, **truth)
        for name, method in methods.items():
            start = time.process_time()
            change, sd = method(series, active, model)
            found[name].append((change, sd, 1000 * (time.process_time() - start)))
        still, active = make_series(basis, seed, n_transients=320)
        paired.append(found["joint"][-1][0] - joint(still, active, model)[0])
    print("change of Glu in %, true 3 | mean (SE) | SD | mean reported SD | coverage | CPU ms")
    for name, rows in found.items():
        change, sd, cpu = np.array(rows).T
        covered = np.abs(change - TRUE_PERCENT) < 1.96 * sd
        print(
            f"{name} | {change.mean():.2f} ({change.std() / np.sqrt(n_series):.2f}) | "
            f"{change.std(ddof=1):.2f} | {sd.mean():.2f} | {100 * covered.mean():.0f} % | "
            f"{np.median(cpu):.0f}"
        )
    mean, error = np.mean(paired), np.std(paired) / np.sqrt(n_series)
    print(f"joint, less the same noise without any change | {mean:.2f} ({error:.2f})")


def spread(basis: BasisSet, model: FitModel, n_series: int) -> None:
    """Print what a spread of the field alone passes for, less the same noise without it."""
    wanted = [("Glx", "tNAA"), ("Glx", "tCr"), ("tCr", ""), ("tNAA", "")]
    print("change in points by a spread of the field | " + " | ".join(map("/".join, wanted)))
    for n_transients in (40, 320):
        differences = []
        for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + n_series):
            found = []
            for spread_hz in (0.0, SPREAD_HZ):
                made = make_series(basis, seed, n_transients=n_transients, spread_hz=spread_hz)
                rows = percent_changes(joint_fit(*made, model), SUMS, ("tNAA", "tCr")).rows
                change = {(row.metabolite, row.over): row.percent for row in rows}
                found.append([change[one] for one in wanted])
            differences.append(np.subtract(found[1], found[0]))
        means, errors = np.mean(differences, axis=0), np.std(differences, axis=0) / n_series**0.5
        cells = [f"{mean:+.2f} ({error:.2f})" for mean, error in zip(means, errors, strict=True)]
        print(f"{n_transients} transients | " + " | ".join(cells))


def scaling(basis: BasisSet, model: FitModel, n_repeats: int) -> None:
    """Print the CPU time of the joint fit by the number of transients."""
    for n_transients in (32, 320, 3200):
        series, active = make_series(
            basis, 1, n_transients=n_transients, percent=TRUE_PERCENT, narrowing_hz=NARROWING_HZ
        )
        whole, product = [], []
        design = bin_design(["active" if one else "rest" for one in active])
        mixing = np.ones((design.matrix.shape[1], n_transients))
        for _ in range(n_repeats):
            start = time.process_time()
            fit_series(series, model, design)
            middle = time.process_time()
            mixing @ series.samples[0]
            whole.append(middle - start)
            product.append(time.process_time() - middle)
        print(
            f"{n_transients} transients: {1000 * np.median(whole):.0f} ms CPU, of which "
            f"{1000 * np.median(product):.1f} ms the product with the design"
        )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=200, help="series of 320 transients")
    parser.add_argument("--repeats", type=int, default=7, help="timings a number of transients")
    arguments = parser.parse_args()
    basis = metabolite_basis(axis_3t())
    model = prepare(with_macromolecules(basis), FitOptions(baseline_ed_per_ppm=1.5))
    scaling(basis, model, arguments.repeats)
    compare(basis, model, arguments.series)
    spread(basis, model, arguments.series)


if __name__ == "__main__":
    main()
