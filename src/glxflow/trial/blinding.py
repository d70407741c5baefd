"""Did participants know? Bang's index for each condition, James' for the trial.

References
----------
Bang H, Ni L, Davis CE. Control Clin Trials 25:143-156 (2004).
doi:10.1016/j.cct.2003.10.016
James KE et al. Stat Med 15:1421-1434 (1996).
Tango T. Stat Med 17:891-908 (1998), the score interval.
"""

import numpy as np
import pandas as pd
from scipy import optimize, stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.plan import Plan

UNDECIDED = "dont_know"

_NEAR = 1e-9


def blinding_indices(sessions: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return Bang's index of each condition and James' of the trial.

    Bang's is 1 where all guess rightly, 0 at chance, -1 where all guess wrongly;
    James' is 1 where blinding is complete, .5 at random guesses, 0 where it is lost.

    Parameters
    ----------
    sessions : DataFrame
        A row a session with subject, condition and guess: a condition's label or
        `dont_know`; empty where nobody asked, and then the session is left out.
    plan : Plan
        Conditions, confidence, draws and seed.

    Raises
    ------
    TableError
        If columns are missing, a guess or a condition is unknown, or a condition has
        no guess.
    """
    missing = [name for name in ("subject", "condition", "guess") if name not in sessions]
    if missing:
        raise TableError(f"session table: columns {', '.join(missing)} are missing. Add them.")
    table = sessions.dropna(subset=["guess"])
    known = (*plan.conditions, UNDECIDED)
    for name, levels in (("guess", known), ("condition", plan.conditions)):
        wrong = sorted(set(table[name]) - set(levels), key=str)
        if wrong:
            raise TableError(
                f"session table: {name} {wrong[0]!r} is not one of {', '.join(levels)}. "
                "Correct it."
            )
    rows = [_bang(table[table["condition"] == label], label, plan) for label in plan.conditions]
    return pd.DataFrame([*rows, _james_row(table, plan)]).assign(role="description")


def _bang(arm: pd.DataFrame, label: str, plan: Plan) -> dict[str, object]:
    """Return the index of one condition: the share of right guesses minus that of wrong ones."""
    if arm.empty:
        raise TableError(f"session table: no guess under {label}.")
    right = int((arm["guess"] == label).sum())
    wrong = int((~arm["guess"].isin([label, UNDECIDED])).sum())
    low, high = score_interval(right, wrong, len(arm), plan.confidence)
    n_people = arm["subject"].nunique()
    note = f"; takes {len(arm)} guesses of {n_people} participants for independent: too narrow"
    return {
        "analysis": f"Bang's index under {label}",
        "estimate": (right - wrong) / len(arm),
        "ci_low": low,
        "ci_high": high,
        "n_sessions": len(arm),
        "note": f"score interval{note if n_people < len(arm) else ''}",
    }


def score_interval(right: int, wrong: int, n: int, confidence: float) -> tuple[float, float]:
    """Return Tango's score interval of the share of right guesses less that of wrong ones.

    It keeps a width where all are right, and is then Wilson's of that share.

    Parameters
    ----------
    right, wrong, n : int
        Right and wrong guesses, and all with those who do not know.
    confidence : float
        Of the interval.
    """
    z = float(stats.norm.ppf(0.5 + confidence / 2))

    def excess(index: float, sign: float) -> float:
        # Share of wrong guesses that is most likely with this index.
        linear = (2 * n - right + wrong) * index - right - wrong
        root = np.sqrt(max(linear**2 + 8 * n * wrong * index * (1 - index), 0.0))
        share = (root - linear) / (4 * n)
        variance = max(n * (2 * share + index * (1 - index)), 0.0)
        return float(right - wrong - n * index + sign * z * np.sqrt(variance))

    estimate = (right - wrong) / n
    low = high = estimate
    # The excess is zero at the ends themselves and at an estimate without variance.
    if estimate > -1 + 2 * _NEAR:
        low = optimize.brentq(excess, -1 + _NEAR, estimate - _NEAR, args=(-1.0,))
    if estimate < 1 - 2 * _NEAR:
        high = optimize.brentq(excess, estimate + _NEAR, 1 - _NEAR, args=(1.0,))
    return float(low), float(high)


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
    index = float(james(counts.sum(axis=0)))
    row = {"analysis": "James' index", "estimate": index, "n_sessions": len(table)}
    if np.isnan(index):
        named = table.loc[table["guess"] != UNDECIDED, "condition"].iloc[0]
        return row | {
            "note": f"not defined: all who decided had {named} and named it, so that chance alone "
            "would agree as often"
        }
    rng = np.random.default_rng([plan.seed, 5])
    drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), plan.n_bootstrap)
    draws = james(np.tensordot(drawn.astype(np.float64), counts, axes=1))
    tails = [0.5 - plan.confidence / 2, 0.5 + plan.confidence / 2]
    low, high = np.nanquantile(draws, tails)
    without = int(np.isnan(draws).sum())
    left_out = f"; {without} of {plan.n_bootstrap} draws, which have no index, left out"
    note = f"bootstrap of {len(counts)} participants{left_out if without else ''}"
    return row | {"ci_low": low, "ci_high": high, "note": note}


def james(counts: RealArray) -> RealArray:
    """Return James' index of tables of counts.

    It is not a number where all who decided had one condition and named it.

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
