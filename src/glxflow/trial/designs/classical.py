"""The classical analysis of each design: one number a participant, t, ranks, randomisation."""

import numpy as np
import pandas as pd

from glxflow.errors import TableError
from glxflow.trial.crossover import analyse_crossover
from glxflow.trial.designs.question import contrast_name
from glxflow.trial.designs.responses import Responses, cell_means, responses
from glxflow.trial.location import (
    Row,
    permuted_residuals,
    pooled,
    randomisation,
    rank_sum,
    row,
    sign_flips,
    signed_rank,
    welch,
)
from glxflow.trial.plan import Plan
from glxflow.trial.randomise import blocks_of


def classical(changes: pd.DataFrame, outcome: str, plan: Plan) -> pd.DataFrame:
    """Return the classical analysis of complete participants, or why there is none.

    Parameters
    ----------
    changes : DataFrame
        From `glx_changes` or `clinical_changes`, one day of it.
    outcome : str
        Its name, for the column `outcome`.
    plan : Plan
        Design, conditions, draws and seed.
    """
    rng = np.random.default_rng([plan.seed, 2])
    if plan.design == "crossover":
        return _crossover(changes, outcome, plan, rng)
    found = responses(changes, plan)
    try:
        table = pd.DataFrame(_rows(found, plan, rng))
    except TableError as error:
        table = _none(error)
    return table.assign(outcome=outcome, n_participants=found.value.size)


def _none(error: TableError) -> pd.DataFrame:
    """Return why there is no analysis."""
    return pd.DataFrame([{"analysis": "none", "note": str(error)}])


def _crossover(
    changes: pd.DataFrame, outcome: str, plan: Plan, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the analysis of the periods' differences."""
    wide = cell_means(changes, plan).dropna()
    people = changes.drop_duplicates("subject").set_index("subject").loc[wide.index]
    is_active_first = (people["sequence"] == plan.sequences[1]).to_numpy()
    reference, active = (wide[label].to_numpy(dtype=np.float64) for label in plan.conditions)
    try:
        table = analyse_crossover(
            np.where(is_active_first, active, reference),
            np.where(is_active_first, reference, active),
            is_active_first,
            blocks_of(changes, plan).loc[wide.index].to_numpy(dtype=str),
            contrast=contrast_name(plan),
            confidence=plan.confidence,
            n_permutations=plan.n_permutations,
            rng=rng,
        )
    except TableError as error:
        table = _none(error)
    return table.assign(outcome=outcome, n_participants=len(wide))


def _rows(found: Responses, plan: Plan, rng: np.random.Generator) -> list[Row]:
    """Return the analysis that the number of arms allows."""
    groups, signs = found.arms
    name = contrast_name(plan)
    if len(groups) != 2 ** (len(_between(plan))) or min(group.size for group in groups) < 2:
        sizes = ", ".join(str(group.size) for group in groups)
        raise TableError(
            f"{sizes} complete participants in the arms: the analysis needs "
            f"{2 ** len(_between(plan))} arms with two in each."
        )
    if len(groups) == 1:
        return _one_arm(found, name, plan, rng)
    both = [
        pooled(f"{name}, pooled variance", groups, signs, plan.confidence),
        welch(f"{name}, Welch", groups, signs, plan.confidence),
    ]
    if len(groups) == 2:
        one, other = groups if signs[0] > 0 else groups[::-1]
        is_first = found.sign > 0
        return [
            *both,
            rank_sum(f"{name}, Wilcoxon rank sum", one, other, 1.0),
            randomisation(
                f"{name}, randomisation test", found.value, is_first, found.block,
                plan.n_permutations, rng,
            ),
        ]  # fmt: skip
    t, p = permuted_residuals(
        found.value, found.sign, found.additive, found.block, plan.n_permutations, rng
    )
    note = f"{plan.n_permutations} draws of the residuals without the interaction"
    test = row(f"{name}, permutation of residuals", statistic=abs(t), p=p, note=note)
    return [*both, test]


def _one_arm(found: Responses, name: str, plan: Plan, rng: np.random.Generator) -> list[Row]:
    """Return the analysis of differences inside participants."""
    orders = [found.value[found.group == label] for label in np.unique(found.group)]
    rows = [pooled(f"{name}, unadjusted paired", [found.value], [1.0], plan.confidence)]
    if len(orders) > 1:
        weights = [1 / len(orders)] * len(orders)
        rows.append(pooled(f"{name}, sequence-adjusted", orders, weights, plan.confidence))
    return [
        *rows,
        signed_rank(f"{name}, Wilcoxon signed rank", found.value),
        sign_flips(f"{name}, sign-flip test", found.value, plan.n_permutations, rng),
    ]


def _between(plan: Plan) -> list[str]:
    """Return the factors that vary between participants."""
    factors = ["condition"] if plan.infusion is None else ["condition", "infusion"]
    return [name for name in factors if name not in plan.within]
