"""The boxes of the flow of participants: what became of some sessions, in numbers."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from glxflow.report.study_words import every_session, sessions_by_design

Class = tuple[str, str]
"""Status and stage of a session."""

BY_TABLES: Class = ("excluded", "design")
_NO_SCAN: Class = ("missing", "scan")
_LOSSES: dict[Class, str] = {
    BY_TABLES: "excluded by the tables or the plan",
    _NO_SCAN: "no scan",
    ("failed", "preprocess"): "failed in preprocessing",
    ("failed", "fit"): "failed in the fit",
    ("excluded", "scan"): "excluded: the scan is in doubt",
    ("excluded", "events"): "excluded: no infusion event",
    ("excluded", "quality"): "excluded by quality",
}
"""What sessions that are not used are called, in the order in which they are lost."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number in a box of the flow; a loss is taken from the number above it."""

    label: str
    n: int
    is_loss: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A box of the flow: its heading, and the numbers in it."""

    title: str
    counts: tuple[Count, ...]


def model_step(outcome: str, row: Mapping[Hashable, Any], complete: Sequence[Count]) -> Step:
    """Return what of all participants a model takes, as a row of its results says.

    Parameters
    ----------
    outcome : str
        Of the model.
    row : mapping
        With n_participants, n_sessions and n_rows.
    complete : sequence of Count
        As `complete_participants` returns it, where it is known who they are.
    """
    names = ("participants", "sessions", "rows")
    participants, *rest = (Count(name, int(row[f"n_{name}"])) for name in names)
    return Step(f"Analysed in all: {outcome}", (participants, *complete, *rest))


def complete_participants(analysed: pd.DataFrame, within: Sequence[str]) -> list[Count]:
    """Return how many participants have every session; nothing where one is all.

    Parameters
    ----------
    analysed : DataFrame
        A row per session, with its subject.
    within : sequence of str
        What varies within participants.
    """
    n_sessions = sessions_by_design(within)
    n = int((analysed.groupby("subject").size() >= n_sessions).sum())
    return [Count(f"of them with {every_session(n_sessions)}", n)] if n_sessions > 1 else []


def of_period(rows: pd.DataFrame, n_participants: int) -> tuple[Count, ...]:
    """Return what became of the sessions of a period, one a participant, in order."""
    lost = _lost(rows)
    n_sessions = len(rows)
    counts = []
    if n_lacking := n_participants - rows["subject"].nunique():
        counts.append(Count("no such session in the tables", n_lacking, is_loss=True))
    if BY_TABLES in lost:
        counts += [Count("sessions in the tables", n_sessions), lost[BY_TABLES]]
        n_sessions -= lost.pop(BY_TABLES).n
    counts.append(Count("sessions planned", n_sessions))
    if _NO_SCAN in lost:
        counts.append(lost[_NO_SCAN])
        n_sessions -= lost.pop(_NO_SCAN).n
    used = int((rows["status"] == "used").sum())
    return (*counts, Count("scanned", n_sessions), *lost.values(), Count("used", used))


def of_rest(rows: pd.DataFrame) -> tuple[Count, ...]:
    """Return what became of sessions that have no place in the design, and who has none."""
    sessions = rows[rows["session"].notna()]
    counts = []
    if n_without := rows["subject"].nunique() - sessions["subject"].nunique():
        counts.append(Count("participants without any session", n_without))
    if len(sessions):
        counts += [Count("in the tables, or scanned", len(sessions)), *_lost(sessions).values()]
    if used := int((sessions["status"] == "used").sum()):
        counts.append(Count("used", used))
    return tuple(counts)


def _lost(rows: pd.DataFrame) -> dict[Class, Count]:
    """Return how many sessions were lost by each class, in the order of `_LOSSES`."""
    left = rows[rows["status"] != "used"]
    found = Counter(zip(left["status"], left["stage"], strict=True))
    classes = dict.fromkeys((*_LOSSES, *sorted(found)))
    return {
        key: Count(_LOSSES.get(key, f"{key[0]}: {key[1]}"), found[key], is_loss=True)
        for key in classes
        if key in found
    }


def analysed_step(rows: pd.DataFrame, analysed: pd.DataFrame, within: Sequence[str]) -> Step:
    """Return what of an arm the primary model takes."""
    own = analysed[analysed["subject"].isin(rows["subject"])]
    counts = []
    if n_left := int((rows["status"] == "used").sum()) - len(own):
        counts.append(Count("used, but not in the model", n_left, is_loss=True))
    counts += [
        Count("participants", own["subject"].nunique()),
        *complete_participants(own, within),
        Count("sessions", len(own)),
    ]
    return Step("Analysed: primary outcome", tuple(counts))
