"""Reduce a trial to one number a participant, with the arm and the order it was allocated to.

Factors that vary within participants are taken as differences inside a participant;
those that vary between them become arms. The question is then a signed sum of the
means of the arms: one, two or four of them.

What is compared within a participant is the mean over the bins that all of its sessions
have: of different bins, the time course would enter as an effect.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from glxflow.spectrum import RealArray
from glxflow.trial.plan import Plan
from glxflow.trial.randomise import Labels, blocks_of


@dataclass(frozen=True, slots=True)
class Responses:
    """Complete participants.

    Attributes
    ----------
    subject : list of str
        Who.
    value : (n_participants,) ndarray
        Mean change over the session's bins, or the difference of sessions over those that
        all of them have.
    sign : (n_participants,) ndarray
        With which the arm's mean enters the question, +1 or -1.
    additive : (n_participants, n_arms - 1) ndarray
        Columns whose effects the arms may have without an answer to the question: the mean, and
        of four arms each factor by itself.
    arm : (n_participants,) ndarray of str
        Levels of the factors that vary between participants.
    group : (n_participants,) ndarray of str
        Who had the same sessions in the same order; the arm, where orders outside a
        crossover have single participants.
    block : (n_participants,) ndarray of str
        Block and strata of the randomisation.
    """

    subject: list[str]
    value: RealArray
    sign: RealArray
    additive: RealArray
    arm: Labels
    group: Labels
    block: Labels

    @property
    def arms(self) -> tuple[list[RealArray], list[float]]:
        """Values and signs of the arms, in the order of their labels."""
        labels = np.unique(self.arm)
        groups = [self.value[self.arm == label] for label in labels]
        return groups, [float(self.sign[self.arm == label][0]) for label in labels]


def responses(changes: pd.DataFrame, plan: Plan) -> Responses:
    """Return the responses of participants who have every session of the design.

    Parameters
    ----------
    changes : DataFrame
        From `glx_changes` or `clinical_changes`, one day of it.
    plan : Plan
        Design, conditions, infusions and allocation.
    """
    between = [name for name in plan.factors if name not in plan.within]
    people = changes.drop_duplicates("subject").set_index("subject")
    value = within_differences(changes, plan)
    people = people.loc[value.index]
    columns, arm = np.ones((len(people), 1)), np.full(len(people), "", dtype=object)
    for name in between:
        level = people[name].astype(str).to_numpy()
        side = np.where(level == plan.factors[name][1], 1.0, -1.0)[:, np.newaxis]
        columns = np.column_stack([columns, columns * side])
        arm = arm + level + " "
    sequence = people["sequence" if plan.design == "crossover" else "order"].astype(str)
    group = (arm + sequence.to_numpy()).astype(str)
    if plan.design != "crossover" and np.unique(group, return_counts=True)[1].min(initial=2) < 2:
        group = arm.astype(str)
    return Responses(
        subject=list(value.index),
        value=np.array(value, dtype=np.float64),
        sign=columns[:, -1],
        additive=columns[:, :-1],
        arm=arm.astype(str),
        group=group,
        block=blocks_of(changes, plan).loc[value.index].to_numpy(dtype=str),
    )


def within_differences(changes: pd.DataFrame, plan: Plan) -> "pd.Series[float]":
    """Return each complete participant's mean change, differenced over what varies within."""
    if not plan.within:
        return changes.groupby("subject")["delta"].mean()
    wide = cell_means(changes, plan).dropna()
    value = pd.Series(0.0, index=wide.index)
    for levels in product((0, 1), repeat=len(plan.within)):
        names = tuple(
            plan.factors[name][level] for name, level in zip(plan.within, levels, strict=True)
        )
        sign = float(np.prod([2 * level - 1 for level in levels]))
        value = value + sign * wide[names if len(names) > 1 else names[0]]
    return value


def in_every_session(changes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the bins, or days, that all sessions of their participant have.

    Who has one session keeps all of it.

    Parameters
    ----------
    changes : DataFrame
        From `glx_changes` or `clinical_changes`.
    """
    time = "bin" if "bin" in changes else "day"
    n_sessions = changes.groupby("subject")["visit"].transform("nunique")
    having = changes.groupby(["subject", time], observed=True)["visit"].transform("nunique")
    common: pd.DataFrame = changes[having == n_sessions]
    return common


def session_means(changes: pd.DataFrame) -> pd.DataFrame:
    """Return a row a session: who, which, the bins that count in it, and their mean change.

    Parameters
    ----------
    changes : DataFrame
        From `glx_changes`.

    Returns
    -------
    DataFrame
        Columns subject, those of the session, `n_bins` and `change`, NaN where a
        participant's sessions have no bin in common.
    """
    session = ["subject", "visit"]
    names = [name for name in ("condition", "infusion", "period") if name in changes]
    sessions = changes.drop_duplicates(session)[[*session, *names]]
    found = in_every_session(changes).groupby(session)["delta"]
    means = found.agg(n_bins="size", change="mean").reset_index()
    table = sessions.merge(means, on=session, how="left").fillna({"n_bins": 0})
    return table.astype({"n_bins": int}).drop(columns="visit")


def cell_means(changes: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return a row a participant, a column a cell that varies within participants.

    Parameters
    ----------
    changes : DataFrame
        From `glx_changes` or `clinical_changes`; the mean is over `in_every_session`.
    plan : Plan
        What varies within participants.
    """
    return in_every_session(changes).pivot_table(
        index="subject",
        columns=list(plan.within),
        values="delta",
        aggfunc="mean",
        observed=False,
        dropna=False,
    )
