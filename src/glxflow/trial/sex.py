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
from glxflow.trial.location import permuted_residuals
from glxflow.trial.models import METHODS, TrialModel, fit_design
from glxflow.trial.plan import Plan


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
    p, why = _permutation(table, plan)
    left_out = _left_out(numbers.iloc[2:], int(people.isna().sum()))
    return Moderation(
        result.assign(p_permutation=[p, np.nan, np.nan]), _sentence(result, plan) + why + left_out
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


def _permutation(table: pd.DataFrame, plan: Plan) -> tuple[float, str]:
    """Return P of the permutation, or NaN and a sentence with the reason."""
    try:
        return permuted_p(table, plan), ""
    except TableError as error:
        return np.nan, f" No P of a permutation of sex: {error}"


def permuted_p(changes: pd.DataFrame, plan: Plan) -> float:
    """Return P of the interaction by residuals permuted within arm and order.

    Each complete participant has one number: what varies within participants is
    differenced, as the mean change under the active condition minus that under the
    reference. What the sexes may differ in without an interaction (their mean where the
    condition varies between participants, and with four arms their answer to each factor
    by itself) is taken out. Where everything varies within, nothing is, and to permute
    residuals within an order is to exchange the sexes there.

    Raises
    ------
    TableError
        If complete participants cannot tell the interaction from other effects.
    """
    found = responses(changes, plan)
    sexes = changes.drop_duplicates("subject").set_index("subject")["sex"].loc[found.subject]
    side = np.where(sexes == sexes.max(), 1.0, -1.0)
    groups = (found.group[:, np.newaxis] == np.unique(found.group)).astype(np.float64)
    _, p = permuted_residuals(
        found.value,
        side * found.sign,
        np.column_stack([groups, side[:, np.newaxis] * found.additive]),
        found.group,
        plan.n_permutations,
        np.random.default_rng([plan.seed, 3]),
    )
    return p
