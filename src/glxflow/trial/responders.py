"""Count responders and remitters, and compare conditions with intervals of a difference.

References
----------
Newcombe RG. Stat Med 17:873-890 (1998), two groups.
doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
Newcombe RG. Stat Med 17:2635-2650 (1998), pairs.
doi:10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C
Gart JJ. Biometrika 56:75-80 (1969). doi:10.1093/biomet/56.1.75
"""

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.trial.designs.question import contrast_of_conditions
from glxflow.trial.families import MEMBER
from glxflow.trial.plan import Plan

Row = dict[str, object]


def responders(scores: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return rates of response and remission on the plan's day, and their differences.

    Parameters
    ----------
    scores : DataFrame
        From `clinical_changes`.
    plan : Plan
        With `responders`; lower scores are better.

    Returns
    -------
    DataFrame
        role, analysis, estimate, ci_low, ci_high, p, n_events, n_participants, note.
    """
    rules = plan.responders
    if rules is None:
        raise ValueError("the plan has no responders")
    table = scores[scores["day"] == plan.day]
    events = {
        "responders": -table["delta"] >= rules.drop * table["base"],
        "remitters": table["base"] + table["delta"] <= rules.remission,
    }
    # A score of zero cannot fall; whoever starts there is no responder.
    events["responders"] &= table["base"] > 0
    rows = [
        row
        for name, event in events.items()
        for infusion in (plan.infusion or (None,))
        for row in _rows(table.assign(event=event), name, infusion, plan)
    ]
    return pd.DataFrame(rows).assign(role="description")


def _rows(table: pd.DataFrame, name: str, infusion: str | None, plan: Plan) -> list[Row]:
    """Return the rates under both conditions, and how they differ."""
    under = "" if infusion is None else f" with {infusion}"
    if infusion is not None:
        table = table[table["infusion"] == infusion]
    by_condition = {label: table[table["condition"] == label] for label in plan.conditions}
    rows = [
        _rate(f"{name} under {label}{under}", own["event"], plan.confidence)
        for label, own in by_condition.items()
    ]
    title = f"{name}, {contrast_of_conditions(plan)}{under}"
    is_claim = plan.infusion is None or infusion == plan.infusion[1]
    wide = table.pivot_table(
        index="subject", columns="condition", values="event", aggfunc="first", observed=False,
        dropna=False,
    )  # fmt: skip
    if "condition" in plan.within:
        pairs = wide.dropna().astype(bool)
        reference, active = (pairs[label].to_numpy() for label in plan.conditions)
        rows.append(_paired(title, active, reference, plan.confidence))
    else:
        reference, active = (
            by_condition[label]["event"].to_numpy(dtype=bool) for label in plan.conditions
        )
        rows.append(_unpaired(title, active, reference, plan.confidence))
    rows[-1][MEMBER] = name if is_claim else ""
    if plan.design == "crossover":
        people = table.drop_duplicates("subject").set_index("subject")
        first = (people.loc[pairs.index, "sequence"] == plan.sequences[1]).to_numpy()
        rows.append(_mainland_gart(f"{title}, period-adjusted", active, reference, first))
    return rows


def _rate(analysis: str, event: "pd.Series[bool]", confidence: float) -> Row:
    """Return a rate with Wilson's interval."""
    n_events, n = int(event.sum()), len(event)
    rate, low, high = wilson(n_events, n, confidence)
    return {"analysis": analysis, "estimate": rate, "ci_low": low, "ci_high": high,
            "n_events": n_events, "n_participants": n, "note": "Wilson"}  # fmt: skip


def wilson(n_events: int, n: int, confidence: float) -> tuple[float, float, float]:
    """Return a rate with Wilson's score interval; NaN where there is nobody."""
    if n == 0:
        return np.nan, np.nan, np.nan
    interval = stats.binomtest(n_events, n).proportion_ci(confidence, method="wilson")
    return n_events / n, float(interval.low), float(interval.high)


def newcombe_pairs(
    both: int, first_only: int, second_only: int, neither: int, confidence: float
) -> tuple[float, float, float]:
    """Return the difference of two rates in pairs with Newcombe's score interval (method 10).

    Parameters
    ----------
    both, first_only, second_only, neither : int
        Numbers of pairs.
    confidence : float
        Of the interval.
    """
    n = both + first_only + second_only + neither
    rate_1, low_1, high_1 = wilson(both + first_only, n, confidence)
    rate_2, low_2, high_2 = wilson(both + second_only, n, confidence)
    margins = (both + first_only) * (second_only + neither) * (both + second_only)
    margins *= first_only + neither
    cross = both * neither - first_only * second_only
    corrected = max(cross - n / 2, 0.0) if cross > 0 else float(cross)
    phi = corrected / np.sqrt(margins) if margins else 0.0
    difference = rate_1 - rate_2

    def reach(one: float, other: float) -> float:
        return float(np.sqrt(one**2 - 2 * phi * one * other + other**2))

    return (
        difference,
        difference - reach(rate_1 - low_1, high_2 - rate_2),
        difference + reach(high_1 - rate_1, rate_2 - low_2),
    )


def newcombe_groups(
    n_events: tuple[int, int], n: tuple[int, int], confidence: float
) -> tuple[float, float, float]:
    """Return the difference of two groups' rates with Newcombe's score interval (method 10)."""
    rate_1, low_1, high_1 = wilson(n_events[0], n[0], confidence)
    rate_2, low_2, high_2 = wilson(n_events[1], n[1], confidence)
    difference = rate_1 - rate_2
    return (
        difference,
        difference - float(np.hypot(rate_1 - low_1, high_2 - rate_2)),
        difference + float(np.hypot(high_1 - rate_1, rate_2 - low_2)),
    )


def _untested(*sizes: int) -> float:
    """Return NaN, the P of a comparison with nobody on one side, else 1."""
    return 1.0 if min(sizes) else np.nan


BoolVector = np.ndarray[tuple[int], np.dtype[np.bool_]]


def _paired(analysis: str, active: BoolVector, reference: BoolVector, confidence: float) -> Row:
    """Return the difference within participants, with McNemar's exact test."""
    only_active = int((active & ~reference).sum())
    only_reference = int((~active & reference).sum())
    discordant = only_active + only_reference
    found = newcombe_pairs(
        int((active & reference).sum()), only_active, only_reference,
        int((~active & ~reference).sum()), confidence,
    ) if active.size else (np.nan,) * 3  # fmt: skip
    p = stats.binomtest(only_active, discordant).pvalue if discordant else _untested(active.size)
    return {"analysis": analysis, "estimate": found[0], "ci_low": found[1], "ci_high": found[2],
            "p": float(p), "n_events": discordant, "n_participants": active.size,
            "note": "Newcombe's interval of pairs, exact McNemar; events are discordant pairs",
            }  # fmt: skip


def _unpaired(analysis: str, active: BoolVector, reference: BoolVector, confidence: float) -> Row:
    """Return the difference between arms, with Fisher's exact test."""
    counts = int(active.sum()), int(reference.sum())
    sizes = active.size, reference.size
    found = newcombe_groups(counts, sizes, confidence)
    table = np.array([counts, [sizes[0] - counts[0], sizes[1] - counts[1]]])
    return {"analysis": analysis, "estimate": found[0], "ci_low": found[1], "ci_high": found[2],
            "p": float(stats.fisher_exact(table).pvalue) * _untested(*sizes),
            "n_events": sum(counts),
            "n_participants": sum(sizes), "note": "Newcombe's interval, Fisher's exact test",
            }  # fmt: skip


def _mainland_gart(
    analysis: str, active: BoolVector, reference: BoolVector, is_active_first: BoolVector
) -> Row:
    """Return the exact test of pairs that differ, the sequence taken into account."""
    differs = active != reference
    # Of those who differ: whether the event was in period 1, by sequence.
    in_first = np.where(is_active_first, active, reference)[differs]
    first = is_active_first[differs]
    table = np.array([[int((in_first & group).sum()), int((~in_first & group).sum())]
                      for group in (first, ~first)])  # fmt: skip
    p = float(stats.fisher_exact(table).pvalue) * _untested(active.size)
    return {"analysis": analysis, "p": p,
            "n_events": int(differs.sum()), "n_participants": active.size,
            "note": "Mainland and Gart's exact test of discordant pairs"}  # fmt: skip
