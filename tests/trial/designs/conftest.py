"""Simulated trials of every design, with known truth."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from glxflow.trial.plan import Plan, plan_from

CONTENT: dict[str, Any] = {
    "id": "designs",
    "conditions": {"reference": "placebo", "active": "naltrexone"},
    "outcome": "glx_tnaa",
    "clinical": None,
    "analysis_set": "qc_pass",
    "confidence": 0.95,
    "bootstrap": 300,
    "permutation": 500,
    "seed": 7,
}
INFUSION = {"reference": "saline", "active": "ketamine"}
CELLS = [("placebo", "saline"), ("naltrexone", "saline"), ("placebo", "ketamine"),
         ("naltrexone", "ketamine")]  # fmt: skip
WILLIAMS = ((0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1))
WITHIN = {"both": ["condition", "infusion"], "infusion": ["infusion"], "condition": ["condition"],
          "between": []}  # fmt: skip


@pytest.fixture(scope="session")
def plan_of() -> Callable[..., Plan]:
    """Return a maker of plans: `parallel`, or a key of `WITHIN` for a factorial trial."""

    def make(kind: str, /, **changes: Any) -> Plan:
        own = {"design": kind}
        if kind != "parallel":
            own = {"design": "factorial", "infusion": INFUSION, "within": WITHIN[kind]}
        return plan_from(CONTENT | own | changes, "plan.yaml")

    return make


def sessions_of(design: str, index: int) -> list[tuple[str, str]]:
    """Return the cells of one participant in the order of its sessions."""
    if design == "both":
        return [CELLS[cell] for cell in WILLIAMS[index % 4]]
    first, second = CELLS[index % 4]
    turn = index // 4 % 2
    if design == "infusion":
        return [(first, level) for level in (("saline", "ketamine"), ("ketamine", "saline"))[turn]]
    if design == "condition":
        pair = (("placebo", "naltrexone"), ("naltrexone", "placebo"))[turn]
        return [(level, second) for level in pair]
    return [(first, "ketamine" if design == "parallel" else second)]


@pytest.fixture(scope="session")
def trial_of() -> Callable[..., pd.DataFrame]:
    """Return a maker of trials: the response is .05, and smaller by `blunted` of it."""

    def make(
        design: str,
        n: int = 24,
        n_bins: int = 3,
        blunted: float = 0.4,
        session_sd: float = 0.02,
        noise_sd: float = 0.02,
        seed: int = 3,
    ) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        rows = []
        for index in range(n):
            own, reaction = rng.normal(1.0, 0.05), rng.normal(0, 0.01)
            sessions = sessions_of(design, index)
            sequence = " ".join(f"{a[0]}{b[0]}" for a, b in sessions)
            for period, (condition, infusion) in enumerate(sessions, start=1):
                rise = (0.05 * (1 - blunted * (condition == "naltrexone")) + reaction) * (
                    infusion == "ketamine"
                )
                # Time, condition and period have effects of their own, which must cancel.
                rise += 0.02 + 0.01 * (condition == "naltrexone") * (design != "parallel")
                rise += 0.01 * (period - 1) + rng.normal(0, session_sd)
                rows += [
                    (f"sub-{index + 1:02d}", "FM"[index // 8 % 2], sequence, period, condition,
                     infusion, number, own + rise * (number > 0) + rng.normal(0, noise_sd), 1)
                    for number in range(n_bins + 1)
                ]  # fmt: skip
        design_columns = ["subject", "sex", "sequence", "period", "condition", "infusion"]
        return pd.DataFrame(rows, columns=[*design_columns, "bin", "glx_tnaa", "qc_pass"])

    return make
