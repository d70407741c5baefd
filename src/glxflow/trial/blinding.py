"""Did participants know? Bang's index for each condition, James' for the trial.

References
----------
Bang H, Ni L, Davis CE. Control Clin Trials 25:143-156 (2004).
doi:10.1016/j.cct.2003.10.016
James KE et al. Stat Med 15:1421-1434 (1996).
"""

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.plan import Plan

UNDECIDED = "dont_know"


def blinding_indices(sessions: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return Bang's index of each condition and James' of the trial.

    Bang's is 1 where all guess rightly, 0 at chance, -1 where all guess wrongly;
    James' is 1 where blinding is complete, .5 at random guesses, 0 where it is lost.

    Parameters
    ----------
    sessions : DataFrame
        A row a session with subject, condition and guess: a condition's label or
        `dont_know`; empty where nobody asked.
    plan : Plan
        Conditions, confidence, draws and seed.

    Raises
    ------
    TableError
        If columns are missing, a guess is unknown, or a condition has none.
    """
    missing = [name for name in ("subject", "condition", "guess") if name not in sessions]
    if missing:
        raise TableError(f"session table: columns {', '.join(missing)} are missing. Add them.")
    table = sessions.dropna(subset=["guess"])
    known = (*plan.conditions, UNDECIDED)
    wrong = sorted(set(table["guess"]) - set(known))
    if wrong:
        raise TableError(
            f"session table: guess {wrong[0]!r} is not one of {', '.join(known)}. Correct it."
        )
    rows = [_bang(table[table["condition"] == label], label, plan) for label in plan.conditions]
    return pd.DataFrame([*rows, _james_row(table, plan)]).assign(role="description")


def _bang(arm: pd.DataFrame, label: str, plan: Plan) -> dict[str, object]:
    """Return the index of one condition: the share of right guesses minus that of wrong ones."""
    if arm.empty:
        raise TableError(f"session table: no guess under {label}.")
    right = float((arm["guess"] == label).mean())
    wrong = float((~arm["guess"].isin([label, UNDECIDED])).mean())
    variance = (right * (1 - right) + wrong * (1 - wrong) + 2 * right * wrong) / len(arm)
    half = float(stats.norm.ppf(0.5 + plan.confidence / 2)) * np.sqrt(variance)
    return {
        "analysis": f"Bang's index under {label}",
        "estimate": right - wrong,
        "ci_low": max(right - wrong - half, -1.0),
        "ci_high": min(right - wrong + half, 1.0),
        "n_sessions": len(arm),
        "note": "normal interval",
    }


def _james_row(table: pd.DataFrame, plan: Plan) -> dict[str, object]:
    """Return James' index with a bootstrap of whole participants: each guesses twice."""
    labels = (*plan.conditions, UNDECIDED)
    counts = np.array(
        [
            [
                [
                    ((own["condition"] == condition) & (own["guess"] == guess)).sum()
                    for guess in labels
                ]
                for condition in plan.conditions
            ]
            for _, own in table.groupby("subject")
        ],
        dtype=np.float64,
    )
    rng = np.random.default_rng([plan.seed, 5])
    drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), plan.n_bootstrap)
    draws = james(np.tensordot(drawn.astype(np.float64), counts, axes=1))
    tails = [0.5 - plan.confidence / 2, 0.5 + plan.confidence / 2]
    low, high = np.nanquantile(draws, tails)
    return {
        "analysis": "James' index",
        "estimate": float(james(counts.sum(axis=0))),
        "ci_low": low,
        "ci_high": high,
        "n_sessions": len(table),
        "note": f"bootstrap of {len(counts)} participants",
    }


def james(counts: RealArray) -> RealArray:
    """Return James' index of tables of counts.

    Parameters
    ----------
    counts : (..., 2, 3) ndarray
        Conditions by guesses, in one order; the last guess is "don't know".
    """
    share = counts / counts.sum(axis=(-2, -1), keepdims=True)
    undecided = share[..., 2].sum(axis=-1)
    decided = share[..., :2]
    observed = (decided[..., 0, 1] + decided[..., 1, 0]) / 2
    arms, guesses = decided.sum(axis=-1), decided.sum(axis=-2)
    expected = (arms[..., 0] * guesses[..., 1] + arms[..., 1] * guesses[..., 0]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        # Shares among those who decided; nobody did: blinding is complete.
        scaled = observed / (1 - undecided) / (expected / (1 - undecided) ** 2) - 1
    kappa = np.where(undecided == 1, 0.0, scaled)
    index: RealArray = (1 + undecided + (1 - undecided) * kappa) / 2
    return index
