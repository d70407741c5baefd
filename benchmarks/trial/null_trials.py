"""Count how often the models of the trial reject when naltrexone does nothing.

Simulates trials of the published shape (26 participants, two sessions, a baseline and six
bins) with the variance components of the reference trial A (participant .063, session .021,
bin .037 of Glx/tNAA; model G3_clda_A of the reference values) and no effect of condition,
subtracts each session's baseline, and fits the design-respecting and the as-published model.

    OPENBLAS_NUM_THREADS=1 python benchmarks/trial/null_trials.py --trials 1000 --processes 2
"""

import argparse
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd

from glxflow.trial.changes import glx_changes
from glxflow.trial.lmm import fit_lmm
from glxflow.trial.plan import plan_from

SUBJECT_SD, SESSION_SD, BIN_SD = 0.0631, 0.0206, 0.0372
RISE = (0.0, 0.012, 0.025, 0.045, 0.03, 0.035, 0.035)
MODELS = {
    "design-respecting": (
        "delta ~ condition*bin + period + sequence + base_sub_c + base_dev"
        " + (1|subject) + (1|subject:visit)"
    ),
    "as published": "delta ~ condition*bin + period + (1|subject)",
}
PLAN = plan_from(
    {
        "id": "null", "conditions": {"reference": "placebo", "active": "naltrexone"},
        "outcome": "glx_tnaa", "clinical": None, "analysis_set": "all", "confidence": 0.95,
        "bootstrap": 100, "permutation": 100, "seed": 0,
    },
    "null",
)  # fmt: skip


def null_trial(rng: np.random.Generator, n: int = 26) -> pd.DataFrame:
    """Return a long table without any effect of the condition."""
    rows = []
    for index in range(n):
        sequence = ("PN", "NP")[index % 2]
        own = rng.normal(1.03, SUBJECT_SD)
        for period in (1, 2):
            condition = {"P": "placebo", "N": "naltrexone"}[sequence[period - 1]]
            level = own + rng.normal(0, SESSION_SD)
            values = level + np.array(RISE) + rng.normal(0, BIN_SD, len(RISE))
            rows += [
                (f"sub-{index:02d}", sequence, period, condition, number, value)
                for number, value in enumerate(values)
            ]
    columns = ["subject", "sequence", "period", "condition", "bin", "glx_tnaa"]
    return pd.DataFrame(rows, columns=columns)


def p_values(seed: np.random.SeedSequence) -> list[float]:
    """Return the P of the condition in one null trial by each model and method."""
    changes = glx_changes(null_trial(np.random.default_rng(seed)), PLAN)
    table = changes.assign(bin=pd.Categorical(changes["bin"]))
    found = []
    for formula in MODELS.values():
        fit = fit_lmm(formula, table)
        contrast = np.diff(fit.marginal_rows("condition"), axis=0)
        found += [
            float(fit.contrast(contrast, ddf=method)["p"].iloc[0])
            for method in ("kenward-roger", "satterthwaite")
        ]
    return found


def main() -> None:
    """Print the rates of rejection at .05 with their standard errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20250101)
    given = parser.parse_args()
    seeds = np.random.SeedSequence(given.seed).spawn(given.trials)
    with ProcessPoolExecutor(given.processes) as pool:
        p = np.array(list(pool.map(p_values, seeds, chunksize=10)))
    names = [f"{model}, {ddf}" for model in MODELS for ddf in ("Kenward-Roger", "Satterthwaite")]
    print(f"{given.trials} null trials, rejection at alpha .05:")
    for name, rate in zip(names, (p < 0.05).mean(axis=0), strict=True):
        error = (rate * (1 - rate) / given.trials) ** 0.5
        print(f"  {name:35s} {100 * rate:5.1f} % (SE {100 * error:.1f})")


if __name__ == "__main__":
    main()
