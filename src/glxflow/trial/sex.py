"""Does the effect differ between the sexes? The interaction is the evidence.

"Significant in men, not in women" is none: the difference of the two effects has
an error of its own. Exploratory in a trial of this size.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from glxflow.errors import TableError, TooFewError
from glxflow.spectrum import RealArray
from glxflow.trial.designs.question import contrast_name
from glxflow.trial.designs.responses import responses
from glxflow.trial.models import METHODS, TrialModel, fit_design
from glxflow.trial.plan import Plan

_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Moderation:
    """Effects in each sex, and their difference.

    Attributes
    ----------
    table : DataFrame
        In the columns of every results table, and `p_permutation`.
    sentence : str
        What may be said, and no more; and who was left out.
    """

    table: pd.DataFrame
    sentence: str


def sex_interaction(changes: pd.DataFrame, plan: Plan) -> Moderation | None:
    """Return the difference of the condition's effect between the sexes, and both effects.

    The two sexes with the most participants are compared; who has another label or none
    is left out of this analysis and counted.

    Parameters
    ----------
    changes : DataFrame
        From `glx_changes`, with the column sex.
    plan : Plan
        Conditions, draws and seed.

    Returns
    -------
    Moderation or None
        None where the table has no column sex.

    Raises
    ------
    TableError
        If there are no two sexes with two participants each, their data leave no error, or
        a participant has two.
    """
    if "sex" not in changes:
        return None
    changes = changes.assign(sex=_of_participants(changes))
    people = changes.drop_duplicates("subject")["sex"]
    numbers = people.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    counts = numbers.iloc[:2].sort_index()
    if len(counts) < 2 or counts.min() < 2:
        raise TableError(
            f"sex is {_listed(numbers) or 'not known of anybody'}; a comparison needs two sexes "
            "with two participants each. Correct the labels, or leave it at that."
        )
    table = changes[changes["sex"].isin(counts.index)]
    fit = fit_design(table, "bin", moderator="sex")
    model = TrialModel("sex interaction", "exploratory", fit)
    rows, terms = _contrasts(model, counts, plan)
    found = model.fit.contrast(rows).assign(term=terms, role="exploratory")
    if found["se"].isna().any():
        raise TooFewError(
            f"sex is {_listed(numbers)}: they leave less than one degree of freedom for the "
            "difference between the sexes. Add participants, or leave it at that."
        )
    result = model.labelled(found, METHODS[0], plan)
    return Moderation(
        result.assign(p_permutation=[permuted_p(table, plan), np.nan, np.nan]),
        _sentence(result, plan) + _left_out(numbers.iloc[2:], int(people.isna().sum())),
    )


def _of_participants(changes: pd.DataFrame) -> pd.Series:
    """Return the sex of each row's participant, where any of its rows has it."""
    labels = changes.dropna(subset=["sex"]).groupby("subject")["sex"].unique()
    several = labels[labels.map(len) > 1]
    if len(several):
        found = " and ".join(map(repr, several.iloc[0]))
        raise TableError(f"sex of {several.index[0]} is {found}. Correct the table.")
    return changes["subject"].map(labels.str[0])


def _listed(numbers: "pd.Series[int]") -> str:
    """Return labels with their participants, in words."""
    return ", ".join(f"{label!r} in {number}" for label, number in numbers.items())


def _left_out(others: "pd.Series[int]", n_unknown: int) -> str:
    """Return a sentence on participants of neither sex; nothing where there are none."""
    parts = [f"sex {_listed(others)}"] if len(others) else []
    parts += [f"sex not known in {n_unknown}"] if n_unknown else []
    return f" Participants left out of this comparison: {'; '.join(parts)}." if parts else ""


def _contrasts(
    model: TrialModel, counts: "pd.Series[int]", plan: Plan
) -> tuple[RealArray, list[str]]:
    """Return the difference of effects and the effect in each sex, with their names."""
    first, second = counts.index
    effects = [model.condition_contrast(plan, {"sex": sex}) for sex in (first, second)]
    name = contrast_name(plan)
    terms = [f"({name} in {second}) - ({name} in {first})"]
    terms += [f"{name} in {sex} (n = {counts[sex]})" for sex in (first, second)]
    return np.array([effects[1] - effects[0], *effects]), terms


def _sentence(result: pd.DataFrame, plan: Plan) -> str:
    """Return the fixed sentence with the range of effects compatible with the data."""
    difference, first, second = result.to_dict("records")
    share = f"{100 * plan.confidence:g} %"
    holds = "holds zero" if difference["ci_low"] <= 0 <= difference["ci_high"] else "excludes zero"
    ranges = "; ".join(
        f"{row['term']}: {row['ci_low']:.3g} to {row['ci_high']:.3g}" for row in (first, second)
    )
    return (
        f"Exploratory: the {share} interval of the difference between the sexes "
        f"({difference['ci_low']:.3g} to {difference['ci_high']:.3g}) {holds}. Effects compatible "
        f"with the data: {ranges}. An effect that is significant in one sex only is no evidence "
        "of a difference."
    )


def permuted_p(changes: pd.DataFrame, plan: Plan) -> float:
    """Return P of the interaction when sex is exchanged between participants of a group.

    Each complete participant has one number: what varies within participants is
    differenced, as the mean change under the active condition minus that under the
    reference.
    """
    found = responses(changes, plan)
    sexes = changes.drop_duplicates("subject").set_index("subject")["sex"].loc[found.subject]
    is_second = (sexes == sexes.max()).to_numpy(dtype=np.float64)
    groups = [np.flatnonzero(found.group == label) for label in np.unique(found.group)]
    effect = found.value.copy()
    for group in groups:
        effect[group] = (effect[group] - effect[group].mean()) * found.sign[group]
    # With centred effects and fixed counts of each sex in a group, the t statistic of
    # the regression grows with this sum, so that the sum alone decides.
    observed = abs(float(is_second @ effect))
    rng = np.random.default_rng([plan.seed, 3])
    extreme, left = 0, plan.n_permutations
    while left > 0:
        size = min(left, _ROWS_AT_ONCE)
        totals = np.zeros(size)
        for group in groups:
            totals += rng.permuted(np.tile(is_second[group], (size, 1)), axis=1) @ effect[group]
        extreme += int((np.abs(totals) >= observed * (1 - 1e-12)).sum())
        left -= size
    return (extreme + 1) / (plan.n_permutations + 1)
