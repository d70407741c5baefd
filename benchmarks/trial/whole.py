"""Time the whole analysis of a trial, and hold the numbers of one core against those of two.

A trial of the published shape with every column the multiverse can use: three metabolites
over four denominators with the errors of their fits, sex, line width, SNR and MADRS; 5 % of the
bins fail quality control and two participants lack their second session.

    python benchmarks/trial/whole.py
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import numpy as np
import pandas as pd
import yaml
from typer.testing import CliRunner

from glxflow.cli.trial import app

OUTCOMES = [f"{top}_{below}" for top in ("glx", "glu", "gln")
            for below in ("tnaa", "tcr", "tcho", "water")]  # fmt: skip
CONDITIONS = {"P": "placebo", "N": "naltrexone"}


def long_tables(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the trial table and the clinical table of a simulated trial."""
    cells, scores = [], []
    for index in range(n):
        sequence = ("PN", "NP")[index % 2]
        own, level = rng.normal(1.03, 0.063), rng.normal(27, 4)
        for period in (1, 2) if index < n - 2 else (1,):
            condition = CONDITIONS[sequence[period - 1]]
            key = (f"sub-{index:02d}", "FM"[index // 2 % 2], sequence, period, condition)
            session = own + rng.normal(0, 0.021)
            lower = 0.02 * (condition == "naltrexone")
            for number in range(7):
                rise = (0.045 - lower) * (number > 0)
                noise = rng.normal(0, 0.037, len(OUTCOMES)) / 2 + rng.normal(0, 0.037) / 2
                figures = (rng.normal(6, 0.7), rng.normal(50, 8), int(rng.random() > 0.05))
                cells.append((*key, number, *figures, *(session + rise + noise)))
            for day, drop in ((0, 0), (1, 13), (3, 11), (7, 9), (14, 5)):
                change = drop * (1 - 0.3 * (condition == "naltrexone"))
                scores.append((*key, day, round(level - change + rng.normal(0, 3))))
    design = ["subject", "sex", "sequence", "period", "condition"]
    trial = pd.DataFrame(cells, columns=[*design, "bin", "fwhm_hz", "snr", "qc_pass", *OUTCOMES])
    errors = pd.DataFrame(
        0.03 * np.exp(rng.normal(0, 0.2, (len(trial), len(OUTCOMES)))),
        columns=[f"{name}_sd" for name in OUTCOMES],
    )
    return pd.concat([trial, errors], axis=1), pd.DataFrame(
        scores, columns=[*design, "day", "madrs"]
    )


def run(folder: Path, plan: Path, cores: int) -> tuple[float, dict[str, bytes]]:
    """Return the seconds of one analysis, and its files."""
    out = folder / f"cores_{cores}"
    command = ["run", "--table", folder / "trial.csv", "--clinical", folder / "clinical.csv",
               "--plan", plan, "--out", out, "--cores", cores]  # fmt: skip
    start = time.perf_counter()
    result = CliRunner().invoke(app, [str(part) for part in command], catch_exceptions=False)
    seconds = time.perf_counter() - start
    if result.exit_code:
        sys.exit(result.output)
    return seconds, {path.name: path.read_bytes() for path in sorted(out.glob("*.*"))}


def main() -> None:
    """Print the time with one and two cores, and whether all files are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=26)
    parser.add_argument("--bootstrap", type=int, default=10_000)
    parser.add_argument("--permutation", type=int, default=100_000)
    given = parser.parse_args()
    plan = {
        "id": "whole", "outcome": "glx_tnaa", "analysis_set": "qc_pass", "confidence": 0.95,
        "conditions": {"reference": "placebo", "active": "naltrexone"},
        "clinical": {"instrument": "madrs", "day": 1},
        "bootstrap": given.bootstrap, "permutation": given.permutation, "seed": 20250101,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
        tables = long_tables(np.random.default_rng(1), given.participants)
        for table, stem in zip(tables, ("trial", "clinical"), strict=True):
            table.to_csv(folder / f"{stem}.csv", index=False)
        found = {cores: run(folder, folder / "plan.yaml", cores) for cores in (1, 2)}
        curve = pd.read_csv(folder / "cores_1" / "explor_multiverse.tsv", sep="\t")
    print(curve["kind"].value_counts().to_string())
    for cores, (seconds, files) in found.items():
        print(f"{cores} core(s): {seconds:.0f} s, {len(files)} files")
    print("files equal:", found[1][1] == found[2][1])


if __name__ == "__main__":
    main()
