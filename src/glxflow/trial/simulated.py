"""Simulate the changes of a trial to come, with its losses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from glxflow.trial.plan import Plan

Cell = tuple[int, int]
"""Condition and infusion, 0 for the reference and 1 for the active one."""

# Each cell follows each other once (Williams 1949), so that carry-over would balance.
_WILLIAMS: tuple[tuple[Cell, ...], ...] = (
    ((0, 0), (1, 0), (1, 1), (0, 1)),
    ((1, 0), (0, 1), (0, 0), (1, 1)),
    ((0, 1), (1, 1), (1, 0), (0, 0)),
    ((1, 1), (0, 0), (0, 1), (1, 0)),
)
_BETWEEN = tuple(((condition, infusion),) for infusion in (0, 1) for condition in (0, 1))
_ORDERS: dict[tuple[str, tuple[str, ...]], Sequence[tuple[Cell, ...]]] = {
    ("crossover", ("condition",)): (((0, 1), (1, 1)), ((1, 1), (0, 1))),
    ("parallel", ()): (((0, 1),), ((1, 1),)),
    ("factorial", ()): _BETWEEN,
    ("factorial", ("condition", "infusion")): _WILLIAMS,
    ("factorial", ("condition",)): tuple(
        ((first, infusion), (1 - first, infusion)) for first in (0, 1) for infusion in (0, 1)
    ),
    ("factorial", ("infusion",)): tuple(
        ((condition, first), (condition, 1 - first)) for first in (0, 1) for condition in (0, 1)
    ),
}


@dataclass(frozen=True, slots=True)
class Design:
    """A trial to come.

    Attributes
    ----------
    n_participants, n_bins : int
        Participants, taking turns in the orders of the design, and bins after the baseline.
    effect : float
        By how much the response under the active condition is larger.
    response : float
        The response under the reference condition.
    subject_sd, session_sd, residual_sd : float
        Of the change from baseline.
    infusion_sd : float
        Of a person's own change with each infusion, common to the sessions with it.
    dropout : float
        Share of participants who leave before one of their later sessions or, where
        there is one session, have no data.
    qc_loss : float
        Share of bins that quality control takes, the baseline as often as any other: a
        session without it has no change, and all its bins are lost.
    sex_difference : float
        By how much the effect is larger in the second sex.
    cautions : tuple of str
        What is not known of the standard deviations.
    """

    n_participants: int
    n_bins: int
    effect: float
    response: float
    subject_sd: float
    infusion_sd: float
    session_sd: float
    residual_sd: float
    dropout: float
    qc_loss: float
    sex_difference: float
    cautions: tuple[str, ...]


def orders_of(plan: Plan) -> Sequence[tuple[Cell, ...]]:
    """Return the cells of each order in which participants have their sessions."""
    return _ORDERS[plan.design, plan.within]


def simulate_changes(design: Design, plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """Return the changes of one trial, as `glx_changes` does, with its losses.

    Parameters
    ----------
    design : Design
        Sizes, effects and losses.
    plan : Plan
        Design, conditions and infusions.
    rng : Generator
        Source of randomness.
    """
    orders = orders_of(plan)
    rows: list[tuple[object, ...]] = []
    for index in range(design.n_participants):
        order = index % len(orders)
        is_second = index // len(orders) % 2
        own, baseline = rng.normal(0, design.subject_sd), rng.normal()
        responses = rng.normal(0, design.infusion_sd, 2) if design.infusion_sd else np.zeros(2)
        for period in range(1, _sessions(design, len(orders[order]), rng) + 1):
            condition, infusion = orders[order][period - 1]
            gain = design.effect + design.sex_difference * (is_second - 0.5)
            rise = (design.response + gain * condition) * infusion
            level = own + responses[infusion] + rise + rng.normal(0, design.session_sd)
            values = level + rng.normal(0, design.residual_sd, design.n_bins)
            base = baseline + rng.normal()
            passes = rng.random(design.n_bins + 1) >= design.qc_loss
            rows += [
                (index, "FM"[is_second], order, period, condition, infusion, number,
                 values[number - 1], base)
                for number in range(1, design.n_bins + 1) if passes[0] and passes[number]
            ]  # fmt: skip
    columns = ["subject", "sex", "sequence", "period", "condition", "infusion", "bin", "delta",
               "base"]  # fmt: skip
    return _labelled(pd.DataFrame(rows, columns=columns), plan)


def _sessions(design: Design, planned: int, rng: np.random.Generator) -> int:
    """Return how many sessions a participant has."""
    if rng.random() >= design.dropout:
        return planned
    return int(rng.integers(1, planned)) if planned > 1 else 0


def _labelled(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the table with the plan's labels and the columns of its model."""
    own_base = table.groupby("subject")["base"].transform("mean")
    table = table.assign(
        subject=table["subject"].astype(str),
        visit=table["period"].astype(str),
        base_sub_c=own_base - own_base.mean(),
        base_dev=table["base"] - own_base,
        condition=pd.Categorical(np.array(plan.conditions)[table["condition"]], plan.conditions),
        period=pd.Categorical(table["period"]),
        sequence=table["sequence"].astype(str),
    )
    if plan.design == "crossover":
        table["sequence"] = np.where(table["sequence"] == "0", *plan.sequences)
    else:
        table = table.rename(columns={"sequence": "order"})
    if plan.infusion is None:
        return table.drop(columns="infusion")
    levels = np.array(plan.infusion)[table["infusion"]]
    return table.assign(infusion=pd.Categorical(levels, plan.infusion))
