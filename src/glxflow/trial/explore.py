"""Run what generates hypotheses and tests none; its tables are named `explor_...`."""

import numpy as np
import pandas as pd

from glxflow.errors import TableError, TooFewError
from glxflow.trial.brain import Pairs, associations
from glxflow.trial.designs.associations import associations_by_arm
from glxflow.trial.designs.responses import cell_means, in_every_session
from glxflow.trial.families import MEMBER
from glxflow.trial.fit_errors import session_variance, with_fit_errors
from glxflow.trial.mediation import mediate
from glxflow.trial.multiverse import multiverse
from glxflow.trial.parts import Run, one_by_one
from glxflow.trial.plan import Plan
from glxflow.trial.sex import sex_interaction

FEWEST_PAIRS = 6
"""Below this number of participants a regression with four coefficients means nothing."""


def explore(
    trial: pd.DataFrame,
    changes: pd.DataFrame,
    scores: pd.DataFrame | None,
    plan: Plan,
    run: Run = one_by_one,
) -> dict[str, pd.DataFrame]:
    """Return the exploratory tables that the data allow, by file name.

    Parameters
    ----------
    trial : DataFrame
        The long table.
    changes : DataFrame
        From `glx_changes`.
    scores : DataFrame or None
        From `clinical_changes`.
    plan : Plan
        Conditions, day, draws and seed.
    run : Run
        Does the parts that take long.
    """
    tables = {}
    moderation = _moderation(changes, plan)
    if moderation is not None:
        tables["explor_sex"] = moderation
    if plan.design != "crossover":
        return tables if scores is None else tables | _of_arms(changes, scores, plan)
    curve = multiverse(trial, plan, run)
    if len(curve):
        tables["explor_multiverse"] = curve
    return tables if scores is None else tables | _of_pairs(changes, scores, plan)


def _of_arms(changes: pd.DataFrame, scores: pd.DataFrame, plan: Plan) -> dict[str, pd.DataFrame]:
    """Return associations outside a crossover, with numbers or with why there are none."""
    try:
        found = _first(associations_by_arm(changes, scores, plan))
    except TooFewError as error:
        found = _none(error)
    return {"explor_associations": found}


def _of_pairs(changes: pd.DataFrame, scores: pd.DataFrame, plan: Plan) -> dict[str, pd.DataFrame]:
    """Return associations and mediation, each with numbers or with why it has none."""
    names = ("explor_associations", "explor_mediation")
    try:
        pairs = pairs_of(changes, scores, plan)
    except TooFewError as error:
        return dict.fromkeys(names, _none(error))
    try:
        mediation = mediate(
            pairs,
            confidence=plan.confidence,
            n_draws=plan.n_bootstrap,
            rng=np.random.default_rng([plan.seed, 4]),
        )
    except TooFewError as error:
        mediation = _none(error)
    found = (_first(associations(pairs, plan.confidence)), mediation)
    return dict(zip(names, found, strict=True))


def _none(error: TableError) -> pd.DataFrame:
    """Return why there is no analysis."""
    return pd.DataFrame([{"role": "exploratory", "analysis": "none", "note": str(error)}])


def _first(found: pd.DataFrame) -> pd.DataFrame:
    """Return associations, the first of which is a test of the plan's families."""
    return found.assign(**{MEMBER: ["correlation", *[""] * (len(found) - 1)]})


def _moderation(changes: pd.DataFrame, plan: Plan) -> pd.DataFrame | None:
    """Return the moderation by sex with its sentence, or why the data cannot carry it."""
    try:
        found = sex_interaction(changes, plan)
    except TableError as error:
        # What only generates hypotheses must not stop what tests one.
        return pd.DataFrame([{"role": "exploratory", "term": "none", "note": str(error)}])
    if found is None:
        return None
    rest = [""] * (len(found.table) - 1)
    return found.table.assign(note=[found.sentence, *rest], **{MEMBER: ["sex", *rest]})


def pairs_of(changes: pd.DataFrame, scores: pd.DataFrame, plan: Plan) -> Pairs:
    """Return brain and behaviour of complete participants.

    The brain's change is the mean over the bins that both sessions have, the behaviour's
    that of the plan's day.

    Raises
    ------
    TooFewError
        If there are too few of them, or they had one sequence.
    """
    on_day = scores[scores["day"] == plan.day]
    changes = in_every_session(changes)
    measured = in_every_session(with_fit_errors(changes, plan))
    variance = measured.assign(delta=session_variance(measured))
    parts = [
        cell_means(table, plan)[list(plan.conditions)]
        for table in (changes, on_day, measured, variance)
    ]
    sequence = changes.drop_duplicates("subject").set_index("subject")["sequence"].astype(str)
    common = parts[0].dropna().index.intersection(parts[1].dropna().index)
    side = np.where(sequence.loc[common] == plan.sequences[1], 1.0, -1.0)
    orders = np.unique(side).size
    if len(common) < FEWEST_PAIRS or orders < 2:
        raise TooFewError(
            f"{len(common)} participants of {orders} sequences have spectra of both sessions and "
            f"{plan.instrument} of day {plan.day:g} in both, expected {FEWEST_PAIRS} of two"
        )
    brain, behaviour, own, errors = (
        part.reindex(common).to_numpy(dtype=np.float64) for part in parts
    )
    return Pairs(brain, behaviour, side, own, errors)
