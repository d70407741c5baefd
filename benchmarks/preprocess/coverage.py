"""How often the 95 % interval of a change of Glx holds the truth, the whole way from the coils.

Run: ``OPENBLAS_NUM_THREADS=1 python benchmarks/preprocess/coverage.py`` (95 s of CPU).
Sessions of the digital trial (several coils with correlated noise, drift, phase, eddy
currents, residual water, lines narrowing by 0.3 Hz during the infusion) are preprocessed
into bins of 10 min and fitted. The truth of a bin is the mean of its transients over the
mean of the baseline's.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np
from scipy.stats import beta

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.fit import FitModel, FitOptions, fit_prepared, prepare
from glxflow.fit.changes import percent_changes
from glxflow.fit.design import bin_design
from glxflow.fit.series import fit_series
from glxflow.preprocess import metrics
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.pipeline import preprocess
from glxflow.preprocess.records import Preprocessed, PreprocessOptions
from glxflow.quantify.estimates import ratio
from glxflow.simulate.signal import Acquisition, measure, metabolite_responses
from glxflow.simulate.trial import acquisition
from glxflow.simulate.truth import Design, recruit
from glxflow.spectrum import SUMS, BasisSet, FitResult

BIN_S = 600.0
OVER = "tCr"
NORMAL_95 = 1.96
WAYS = ("jointly", "bin by bin, posterior SD", "bin by bin, SD of noise")


@cache
def tools(n_coils: int, n_transients: int, snr: float) -> tuple[Acquisition, BasisSet, FitModel]:
    """Return how sessions are measured, with what spins, and the model they are fitted by."""
    how = acquisition(n_transients, n_coils, 2048, snr)
    responses = simulate_basis(protocol_for("press", how.axis, echo_time_s=how.echo_time_s))
    model = prepare(with_macromolecules(responses), FitOptions(baseline_ed_per_ppm=1.5))
    return how, metabolite_responses(how), model


def one_session(
    number: int, n_coils: int, n_transients: int, snr: float, effect: float
) -> tuple[list[tuple[str, int, float, float, float]], list[float], float]:
    """Return way, bin, truth, change and SD of each bin, how true its noise is, and its baseline.

    The last is Glx/tCr of the baseline as it was fitted, over the truth.
    """
    how, spins, model = tools(n_coils, n_transients, snr)
    person = recruit(Design(2, effect=effect, blunting=0.4, seed=1000 + number // 2))[0]
    measured = measure(person, person.sessions[number % 2], how, spins)
    plan = BinPlan(how.infusion_s, width_s=BIN_S)
    cleaned = preprocess(measured.svs, measured.water, plan, PreprocessOptions())
    elapsed_s = cleaned.transients.onset_s - how.infusion_s
    levels = []
    for part in cleaned.bin_table:
        inside = (elapsed_s >= part.start_s) & (elapsed_s < part.stop_s)
        above, below = (
            sum(measured.amplitudes[name][inside].mean() for name in SUMS[total])
            for total in ("Glx", OVER)
        )
        levels.append(above / below)
    true = [100 * (level / levels[0] - 1) for level in levels[1:]]
    fits = [
        fit_prepared(cleaned.bins.fid(index), model).result
        for index in range(cleaned.bins.n_transients)
    ]
    found = dict(zip(WAYS, (jointly(cleaned, model), *bin_by_bin(fits)), strict=True))
    rows = [
        (way, index, expected, change, sd)
        for way, values in found.items()
        for index, (expected, (change, sd)) in enumerate(zip(true, values, strict=True), start=1)
    ]
    return rows, noise_over_weight(cleaned), glx_ratio(fits[0], "covariance")[0] / levels[0]


def jointly(cleaned: Preprocessed, model: FitModel) -> list[tuple[float, float]]:
    """Return change and SD in every later bin by the joint fit."""
    labels = [str(part.index) for part in cleaned.bin_table]
    weights = np.array([part.weight for part in cleaned.bin_table])
    fit = fit_series(cleaned.bins, model, bin_design(labels), weights)
    rows = percent_changes(fit, SUMS, (OVER,)).rows
    return [(row.percent, row.sd) for row in rows if (row.metabolite, row.over) == ("Glx", OVER)]


def bin_by_bin(fits: list[FitResult]) -> list[list[tuple[float, float]]]:
    """Return change and SD in every later bin from fits of single bins, with two kinds of SD."""
    changes = []
    for kind in ("covariance", "noise_covariance"):
        (start, start_sd), *later = [glx_ratio(fit, kind) for fit in fits]
        changes.append(
            [
                (100 * (value / start - 1), 100 * float(np.hypot(sd, start_sd)) / start)
                for value, sd in later
            ]
        )
    return changes


def glx_ratio(fit: FitResult, kind: str) -> tuple[float, float]:
    """Return Glx over creatine and its SD by one of the fit's covariances."""
    above, below = (
        np.array([float(name in SUMS[total]) for name in fit.names]) for total in ("Glx", OVER)
    )
    value, _ = ratio(fit, above, below)
    gradient = (above - value * below) / (below @ fit.amplitudes)
    return value, float(np.sqrt(gradient @ getattr(fit, kind) @ gradient))


def noise_over_weight(cleaned: Preprocessed) -> list[float]:
    """Return the noise variance of each bin times its weight, over that of the transients."""
    axis = cleaned.average.axis
    single = np.mean(
        [metrics.noise_sd(fid, axis) ** 2 for fid in np.asarray(cleaned.transients.samples[0])]
    )
    return [
        float(metrics.noise_sd(cleaned.bins.samples[0, row], axis) ** 2 * part.weight / single)
        for row, part in enumerate(cleaned.bin_table)
    ]


def clopper_pearson(n_hit: int, n: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share."""
    low = beta.ppf(0.025, n_hit, n - n_hit + 1) if n_hit else 0.0
    high = beta.ppf(0.975, n_hit + 1, n - n_hit) if n_hit < n else 1.0
    return float(low), float(high)


def line(label: str, rows: list[tuple[str, int, float, float, float]]) -> str:
    """Return bias, scatter, SD and coverage of changes in one line of the table."""
    true, change, sd = np.array([row[2:] for row in rows]).T
    error = change - true
    hits = int((np.abs(error) < NORMAL_95 * sd).sum())
    low, high = clopper_pearson(hits, len(rows))
    bias_error = error.std(ddof=1) / len(rows) ** 0.5
    return (
        f"{label:32s} | {true.mean():5.2f} | {error.mean():+.2f} +- {bias_error:.2f} | "
        f"{error.std(ddof=1):.2f} | {sd.mean():.2f} | {hits / len(rows):.1%} "
        f"[{low:.1%}, {high:.1%}]"
    )


def main() -> None:
    """Print coverage for each bin and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--coils", type=int, default=4)
    parser.add_argument("--transients", type=int, default=50)
    parser.add_argument("--snr", type=float, default=30.0, help="of one stored transient")
    parser.add_argument("--effect", type=float, default=0.1, help="rise of Glx, a share")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    fixed = (given.coils, given.transients, given.snr, given.effect)
    repeated = [[value] * given.sessions for value in fixed]
    with ProcessPoolExecutor(given.processes) as pool:
        parts = list(pool.map(one_session, range(given.sessions), *repeated))
    rows = [row for part, _, _ in parts for row in part]
    noise = np.array([one for _, part, _ in parts for one in part])
    level = 100 * (np.array([part for *_, part in parts]) - 1)
    print(
        f"{given.sessions} sessions, {given.coils} coils, {given.transients} transients of SNR "
        f"{given.snr:g}; Glx/{OVER} against the baseline, percent points"
    )
    print("way, bin | truth | mean error | SD of error | mean SD | coverage [Clopper-Pearson]")
    for way in WAYS:
        for index in sorted({row[1] for row in rows}):
            print(line(f"{way}, {index}", [row for row in rows if row[:2] == (way, index)]))
    print(
        f"Glx/{OVER} of the baseline beside its truth: {level.mean():+.1f} +- "
        f"{level.std(ddof=1) / len(parts) ** 0.5:.1f} %"
    )
    # From some hundred points a variance is known within 8 %, its mean within a percent.
    print(f"noise variance of a bin x its weight / that of a transient: {noise.mean():.3f}")


if __name__ == "__main__":
    main()
