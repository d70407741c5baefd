"""Reference tables and R's answers to them, and small trials with known truth."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from glxflow.trial.analyse import Analysis, analyse
from glxflow.trial.plan import Plan, plan_from

STATS = Path(__file__).parents[1] / "data" / "stats"
CONTENT: dict[str, Any] = {
    "id": "test",
    "conditions": {"reference": "placebo", "active": "naltrexone"},
    "outcome": "glx_tnaa",
    "clinical": {"instrument": "madrs", "day": 1},
    "analysis_set": "qc_pass",
    "confidence": 0.95,
    "bootstrap": 500,
    "permutation": 500,
    "seed": 20250101,
}


@pytest.fixture(scope="session")
def read_stats() -> Callable[[str], pd.DataFrame]:
    """Return a reader of the reference tables by name."""

    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(STATS / f"{name}.csv")

    return read


@pytest.fixture(scope="session")
def answers() -> Callable[[str], dict[str, Any]]:
    """Return a reader of the reference answers by name."""

    def read(name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((STATS / f"{name}.json").read_text())
        return content

    return read


@pytest.fixture(scope="session")
def factors() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what makes a reference table's columns the factors that R was given."""

    def make(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(
            condition=pd.Categorical(table["condition"], ["placebo", "naltrexone"]),
            period=pd.Categorical(table["period"].astype(int), [1, 2]),
            sequence=pd.Categorical(table["sequence"], ["NP", "PN"]),
            sex=pd.Categorical(table["sex"], ["F", "M"]),
        )

    return make


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., Plan]:
    """Return a maker of plans; keywords replace top-level keys of a valid one."""

    def make(**changes: Any) -> Plan:
        return plan_from(CONTENT | changes, "plan.yaml")

    return make


@pytest.fixture(scope="session")
def make_trial() -> Callable[..., pd.DataFrame]:
    """Return a maker of balanced trials: effect, session and residual SD are arguments."""

    def make(
        n: int = 8,
        n_bins: int = 3,
        effect: float = -0.02,
        session_sd: float = 0.02,
        noise_sd: float = 0.03,
        seed: int = 11,
    ) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        rows = []
        for index in range(n):
            sequence = "PN" if index % 2 == 0 else "NP"
            own = rng.normal(1.0, 0.05)
            for period in (1, 2):
                condition = {"P": "placebo", "N": "naltrexone"}[sequence[period - 1]]
                level = own + rng.normal(0, session_sd)
                rise = 0.04 + effect * (condition == "naltrexone") + rng.normal(0, session_sd)
                rows += [
                    (f"sub-{index + 1:02d}", "FM"[index // 2 % 2], sequence, period, condition,
                     number, level + rise * (number > 0) + rng.normal(0, noise_sd), 1)
                    for number in range(n_bins + 1)
                ]  # fmt: skip
        design = ["subject", "sex", "sequence", "period", "condition"]
        return pd.DataFrame(rows, columns=[*design, "bin", "glx_tnaa", "qc_pass"])

    return make


@pytest.fixture(scope="session")
def read_trial(read_stats: Callable[[str], pd.DataFrame]) -> Callable[[str], pd.DataFrame]:
    """Return a reader of a reference trial with one outcome: a curve of all takes its time."""

    def read(name: str) -> pd.DataFrame:
        return read_stats(f"fmrs_{name}").drop(columns=["glu_tnaa", "glx_tcr", "glx_water"])

    return read


@pytest.fixture(scope="session")
def reference_analysis(
    make_plan: Callable[..., Plan],
    read_stats: Callable[[str], pd.DataFrame],
    read_trial: Callable[[str], pd.DataFrame],
) -> Analysis:
    """Return the analysis of reference trial A."""
    return analyse(read_trial("A"), read_stats("madrs_A"), make_plan())
