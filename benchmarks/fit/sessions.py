"""Changes of Glx over tNAA in digital sessions: fitted jointly, and bin by bin.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/sessions.py`` (about 2 minutes a core).
Sessions of the digital trial (40 min of infusion in bins of 10 min, lines narrowing by
0.3 Hz) go through preprocessing and both ways of fitting; the truth of a bin is the mean of
its transients.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.fit import FitModel, FitOptions, fit_alike, prepare
from glxflow.fit.changes import percent_changes
from glxflow.fit.design import bin_design
from glxflow.fit.series import fit_series
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.pipeline import preprocess
from glxflow.preprocess.records import Preprocessed, PreprocessOptions
from glxflow.quantify.estimates import estimates
from glxflow.simulate.signal import Acquisition
from glxflow.simulate.trial import Simulated, acquisition, sessions_of
from glxflow.simulate.truth import Design, recruit
from glxflow.spectrum import SUMS

BIN_S = 600.0


def truth(session: Simulated, cleaned: Preprocessed, how: Acquisition) -> list[float]:
    """Return the true change of Glx over tNAA in every later bin, in %."""
    elapsed_s = cleaned.transients.onset_s - how.infusion_s
    amounts = session.measured.amplitudes
    levels = []
    for part in cleaned.bin_table:
        inside = (elapsed_s >= part.start_s) & (elapsed_s < part.stop_s)
        glx, naa = (
            sum(amounts[name][inside].mean() for name in SUMS[total]) for total in ("Glx", "tNAA")
        )
        levels.append(glx / naa)
    return [100 * (level / levels[0] - 1) for level in levels[1:]]


def jointly(cleaned: Preprocessed, model: FitModel) -> list[tuple[float, float]]:
    """Return change and SD in every later bin by the joint fit."""
    labels = [str(part.index) for part in cleaned.bin_table]
    weights = np.array([part.weight for part in cleaned.bin_table])
    fit = fit_series(cleaned.bins, model, bin_design(labels), weights)
    rows = percent_changes(fit, SUMS, ("tNAA",)).rows
    return [(row.percent, row.sd) for row in rows if (row.metabolite, row.over) == ("Glx", "tNAA")]


def bin_by_bin(cleaned: Preprocessed, model: FitModel) -> list[tuple[float, float]]:
    """Return change and SD in every later bin from a fit of each bin alone."""
    found = []
    fids = [cleaned.bins.fid(index) for index in range(cleaned.bins.n_transients)]
    for fit in fit_alike(fids, model)[0]:
        glx = next(row for row in estimates(fit.result) if row.metabolite == "Glx")
        found.append((glx.ratio_tnaa, glx.ratio_tnaa_sd))
    (start, start_sd), *later = found
    return [
        (100 * (value / start - 1), 100 * float(np.hypot(sd, start_sd)) / start)
        for value, sd in later
    ]


def rows_of(participants: int, how: Acquisition) -> Iterator[tuple[str, float, float, float]]:
    """Yield way, truth, change and SD of every later bin."""
    people = recruit(Design(participants, effect=0.3, blunting=0.4, seed=11))
    metabolites = simulate_basis(protocol_for("press", how.axis, echo_time_s=how.echo_time_s))
    model = prepare(with_macromolecules(metabolites), FitOptions(baseline_ed_per_ppm=1.5))
    seconds = {"jointly": 0.0, "bin by bin": 0.0}
    for session in sessions_of(people, how):
        plan = BinPlan(how.infusion_s, width_s=BIN_S)
        cleaned = preprocess(
            session.measured.svs, session.measured.water, plan, PreprocessOptions()
        )
        true = truth(session, cleaned, how)
        for way, method in (("jointly", jointly), ("bin by bin", bin_by_bin)):
            start = time.process_time()
            found = method(cleaned, model)
            seconds[way] += time.process_time() - start
            for expected, (change, sd) in zip(true, found, strict=True):
                yield way, expected, change, sd
    for way, total in seconds.items():
        print(f"{way}: {500 * total / participants:.0f} ms CPU a session")


def main() -> None:
    """Print a row a way of fitting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=20, help="two sessions each")
    parser.add_argument("--transients", type=int, default=150)
    parser.add_argument("--snr", type=float, default=40.0, help="of one stored transient")
    arguments = parser.parse_args()
    how = acquisition(arguments.transients, 1, 2048, arguments.snr)
    rows = list(rows_of(arguments.participants, how))
    print("Glx/tNAA, percent points: mean error | SD of it | mean reported SD | coverage | slope")
    for way in ("jointly", "bin by bin"):
        true, change, sd = np.array([row[1:] for row in rows if row[0] == way]).T
        error = change - true
        covered = np.abs(error) < 1.96 * sd
        slope = np.polyfit(true, change, 1)[0]
        print(
            f"{way} | {error.mean():+.2f} | {error.std():.2f} | {sd.mean():.2f} | "
            f"{100 * covered.mean():.0f} % | {slope:.2f}"
        )


if __name__ == "__main__":
    main()
