"""The flow of participants: from the tables of the data set, by group, into the models.

It is counted from the account of the sessions and from what the inference says that it
analysed. Who was screened or declined is not known here.

References
----------
Schulz K.F. et al., "CONSORT 2010 statement", BMJ 340:c332 (2010). doi:10.1136/bmj.c332
Dwan K. et al., "CONSORT 2010 statement: extension to randomised crossover trials",
BMJ 366:l4378 (2019). doi:10.1136/bmj.l4378
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from glxflow.report.flow_boxes import (
    BY_TABLES,
    Count,
    Step,
    analysed_step,
    complete_participants,
    model_step,
    of_period,
    of_rest,
)
from glxflow.report.study_words import sessions_by_design

Arms = Mapping[str, Sequence[str]]
"""From each column in which participants differ to its levels; empty where they do not."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Participants of one allocation, and what they went through."""

    title: str
    n_participants: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """Where participants come from, the arms, and what of all of them each model takes.

    Of scores a model takes those of sessions whose scan is not used, too.
    """

    start: Step
    arms: tuple[Arm, ...]
    ends: tuple[Step, ...]
    has_scores: bool

    @property
    def n_steps(self) -> int:
        """Boxes of the longest arm."""
        return max(len(arm.steps) for arm in self.arms)


def participant_flow(
    sessions: pd.DataFrame,
    analysed: pd.DataFrame,
    models: Mapping[str, pd.DataFrame | None],
    within: Sequence[str],
    arms: Arms,
) -> Flow:
    """Return how many participants and sessions came how far, and why the others did not.

    Parameters
    ----------
    sessions : DataFrame
        Every planned or scanned session, and every participant without one: subject,
        session, period, condition, status, stage, and the columns of `arms`.
    analysed : DataFrame
        A row per session that the primary model takes, with its subject.
    models : mapping
        From the outcome to the results of its model, with role, n_participants, n_sessions
        and n_rows, or None; the primary outcome first.
    within : sequence of str
        What varies within participants.
    arms : mapping
        By what participants differ.
    """
    sessions = sessions.assign(period=pd.to_numeric(sessions["period"]).astype("float64"))
    claims = {name: row for name, table in models.items() for row in _claim(table)}
    # Where the primary model has no answer, it takes nobody.
    primary = next(iter(models))
    analysed = analysed.reindex(columns=["subject"]).head(len(analysed) * (primary in claims))
    arm_of = sessions["subject"].map(_allocated(sessions, arms))
    periods = _periods(sessions, within)
    columns = []
    for name in _names(arms):
        title = f"Sequence {name}" if "sequence" in arms else name or "All participants"
        rows = sessions[arm_of == name]
        columns.append(_arm(title, rows, _parts(rows, periods, arms), analysed, within))
    outside = sessions[arm_of.isna()]
    kind = "sequence" if "sequence" in arms else "group" if arms else "session"
    if len(outside):
        columns.append(_outside(f"Without a {kind} of the plan", outside, analysed, within))
    n_participants = sessions["subject"].nunique()
    start = _start(n_participants, outside["subject"].nunique(), kind)
    complete = {primary: complete_participants(analysed, within)}
    ends = tuple(model_step(name, row, complete.get(name, [])) for name, row in claims.items())
    return Flow(start, tuple(columns), ends, has_scores=bool(claims.keys() - {primary}))


def _claim(table: pd.DataFrame | None) -> list[dict[Hashable, Any]]:
    """Return the row of results that says what a model takes; none without an answer."""
    if table is None or not {"role", "n_rows"} <= set(table):
        return []
    is_claim = table["role"].isin(["primary", "clinical"]) & table["n_rows"].notna()
    return table[is_claim].head(1).to_dict("records")


def _names(arms: Arms) -> list[str]:
    """Return the names of the arms; the one of a trial without any has none."""
    return [" with ".join(levels) for levels in product(*arms.values())]


def _allocated(sessions: pd.DataFrame, arms: Arms) -> dict[str, str]:
    """Return the arm of each participant of whom the tables say one, and not several.

    Sequences are those of participants.tsv. Other groups are what the sessions of a
    participant say, and who is not in the tables has none.
    """
    found: dict[str, set[str]] = {}
    for row in sessions.to_dict("records"):
        if "sequence" in arms or (row["status"], row["stage"]) != BY_TABLES:
            name = " with ".join(str(row[column]) for column in arms)
            found.setdefault(row["subject"], set()).add(name)
    known = {subject: own.intersection(_names(arms)) for subject, own in found.items()}
    return {subject: own.pop() for subject, own in known.items() if len(own) == 1}


def _periods(sessions: pd.DataFrame, within: Sequence[str]) -> list[int]:
    """Return the periods of the design, and others in which it has sessions; none if it has one.

    A period without any session is the first that must be seen.
    """
    n_sessions = sessions_by_design(within)
    known = sessions.loc[sessions["stage"] != "design", "period"].dropna().astype(int)
    return sorted({*range(1, n_sessions + 1), *known}) if n_sessions > 1 else []


def _parts(rows: pd.DataFrame, periods: Sequence[int], arms: Arms) -> dict[str, pd.DataFrame]:
    """Return the sessions of an arm by the name of their period."""
    sessions = rows[rows["session"].notna()]
    is_planned = sessions["stage"] != "design"
    if not periods:
        return {"Session": sessions[is_planned]}
    parts = {}
    for period in periods:
        is_its = sessions["period"] == period
        conditions = sessions.loc[is_its & is_planned, "condition"].unique()
        is_same = "sequence" in arms and len(conditions) == 1
        parts[f"Period {period}" + (f": {conditions[0]}" if is_same else "")] = sessions[is_its]
    return parts


def _arm(
    title: str,
    rows: pd.DataFrame,
    parts: Mapping[str, pd.DataFrame],
    analysed: pd.DataFrame,
    within: Sequence[str],
) -> Arm:
    """Return an arm: a box a period, then what is analysed, then sessions of no period."""
    n_participants = rows["subject"].nunique()
    steps = [Step(name, of_period(part, n_participants)) for name, part in parts.items()]
    steps.append(analysed_step(rows, analysed, within))
    rest = rows.drop(index=pd.concat(parts.values()).index).dropna(subset="session")
    if len(rest):
        steps.append(Step("Besides, of no period" if within else "Besides", of_rest(rest)))
    return Arm(title, n_participants, tuple(steps))


def _outside(title: str, rows: pd.DataFrame, analysed: pd.DataFrame, within: Sequence[str]) -> Arm:
    """Return those of whom the tables do not say an arm."""
    steps = [Step("Sessions", of_rest(rows))]
    if analysed["subject"].isin(rows["subject"]).any():
        steps.append(analysed_step(rows, analysed, within))
    return Arm(title, rows["subject"].nunique(), tuple(steps))


def _start(n_participants: int, n_outside: int, kind: str) -> Step:
    """Return the box above the arms, which tell participants apart by `kind`."""
    counts = [Count("in the tables, or scanned", n_participants)]
    if n_outside:
        counts.append(Count(f"without a {kind} of the plan", n_outside, is_loss=True))
    counts.append(Count(f"with a {kind} of the plan", n_participants - n_outside))
    return Step("Participants", tuple(counts))
