"""Count how often the primary model of each design finds an effect where there is none.

OPENBLAS_NUM_THREADS=1 python benchmarks/trial/null_designs.py --trials 400
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from glxflow.trial.plan import plan_from
from glxflow.trial.planning import planned, simulate_power
from glxflow.trial.simulated import Design

PLAN = Path(__file__).parents[2] / "config" / "trial.yaml"
KINDS = {
    "crossover": ("crossover", (), 26, 6),
    "parallel": ("parallel", (), 52, 6),
    "factorial, both within": ("factorial", ("condition", "infusion"), 16, 3),
    "factorial, infusion within": ("factorial", ("infusion",), 32, 3),
    "factorial, condition within": ("factorial", ("condition",), 32, 3),
    "factorial, between": ("factorial", (), 64, 3),
}
# Components of a simulated reference trial; a tenth of the later sessions are lost.
SIZES = Design(
    n_participants=0, n_bins=0, effect=0.0, response=0.05, subject_sd=0.02, infusion_sd=0.0,
    session_sd=0.02, residual_sd=0.04, dropout=0.1, qc_loss=0.05, sex_difference=0.0, cautions=(),
)  # fmt: skip


def main() -> None:
    """Print a row a design."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    trials = parser.parse_args().trials
    plan = plan_from(yaml.safe_load(PLAN.read_text()), str(PLAN))
    print("| design | participants | rejected at 5 % |\n| --- | --: | --: |")
    for name, (kind, within, n, bins) in KINDS.items():
        design = replace(SIZES, n_participants=n, n_bins=bins)
        rng = np.random.default_rng(2026)
        found = simulate_power(design, planned(plan, kind, within), n_trials=trials, rng=rng)
        rate = float((found.p < 0.05).mean())
        error = (rate * (1 - rate) / trials) ** 0.5
        print(f"| {name} | {n} | {100 * rate:.1f} % (SE {100 * error:.1f}) |", flush=True)


if __name__ == "__main__":
    main()
