"""Account for every session that was planned or scanned."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from glxflow.trial.plan import Plan

DESIGN = ("subject", "session", "sex", "age", "sequence", "period", "condition")
"""Columns that say who was measured when and under which condition."""

USED, EXCLUDED, FAILED, MISSING = "used", "excluded", "failed", "missing"
"""What can become of a planned session."""

DESIGN_STAGE = "design"
"""Stage that excludes a session for what the tables of the data set say of it."""

QUALITY = "quality"
"""Stage that excludes a session whose rows stay for analyses of all rows."""

_FAILING = ("preprocess", "fit")
"""Stages whose refusal is a failure; what the others refuse is excluded."""


def account_for_sessions(
    participants: pd.DataFrame,
    planned: pd.DataFrame,
    outcomes: Mapping[tuple[str, str], tuple[str, str]],
    table_problems: Mapping[str, str],
    plan: Plan,
) -> pd.DataFrame:
    """Return what became of every session that was planned or scanned, and why.

    Parameters
    ----------
    participants : DataFrame
        Columns subject, sex, age, sequence.
    planned : DataFrame
        Columns subject, session, period, condition.
    outcomes : mapping
        From (subject, session) of every scan to its stage and message: ("", "")
        for a scan that the trial can use, else the stage that refused it and why.
    table_problems : mapping
        From subject to what is wrong with its sessions table.
    plan : Plan
        Its conditions, what its design needs to know of a session, and further columns
        of both tables: the infusion, and what the allocation was blocked and stratified by.

    Returns
    -------
    DataFrame
        The columns of `DESIGN` and those carried, then status, stage and reason.
    """
    scanned = pd.DataFrame(list(outcomes), columns=["subject", "session"])
    rows = planned.merge(scanned, on=["subject", "session"], how="outer").merge(
        participants, on="subject", how="outer"
    )
    rows = rows.reindex(columns=list(dict.fromkeys((*DESIGN, *plan.carried))))
    # A row without a period would make those of all others 1.0 and 2.0.
    rows["period"] = pd.to_numeric(rows["period"]).astype("Int64")
    known = set(participants["subject"])
    listed = set(planned[["subject", "session"]].itertuples(index=False, name=None))
    verdicts = []
    for row in rows.to_dict("records"):
        fault = table_problems.get(row["subject"]) or _unplanned(row, listed, known, plan)
        verdicts.append((EXCLUDED, DESIGN_STAGE, fault) if fault else _verdict(row, outcomes))
    verdict = pd.DataFrame(verdicts, columns=["status", "stage", "reason"], index=rows.index)
    return pd.concat([rows, verdict], axis=1).sort_values(
        ["subject", "session"], ignore_index=True
    )


def _unplanned(
    row: Mapping[Hashable, Any], listed: set[tuple[str, str]], known: set[str], plan: Plan
) -> str:
    """Say what the tables lack of a session that the plan needs, or nothing."""
    subject, session = row["subject"], row["session"]
    table = f"{subject}_sessions.tsv"
    if subject not in known:
        return f"participants.tsv has no row for {subject}. Add one."
    if pd.isna(session):
        return ""
    if (subject, session) not in listed:
        return f"{table} has no row for {session}. Add one."
    if pd.isna(row["condition"]):
        return f"{table} gives {session} no condition: it is not part of the trial."
    if row["condition"] not in plan.conditions:
        return (
            f"{table} gives condition {row['condition']!r} for {session}, but the plan knows "
            f"{', '.join(plan.conditions)}. Correct the table, or `conditions` in the plan."
        )
    return _unknown_level(row, plan)


def _unknown_level(row: Mapping[Hashable, Any], plan: Plan) -> str:
    """Say which level of the design a session lacks, or has that there is not, or nothing."""
    of_session = f"{row['subject']}_sessions.tsv gives {row['session']}"
    given = {
        "period": of_session,
        "sequence": f"participants.tsv gives {row['subject']}",
        "infusion": of_session,
    }
    for name, levels in plan.needed.items():
        if pd.isna(row[name]):
            return f"{given[name]} no {name}, which design {plan.design!r} needs. Add it."
        if levels and row[name] not in levels:
            expected = " or ".join(map(str, levels))
            return f"{given[name]} {name} {row[name]!r}, expected {expected}. Correct the table."
    return ""


def _verdict(
    row: Mapping[Hashable, Any], outcomes: Mapping[tuple[str, str], tuple[str, str]]
) -> tuple[str, str, str]:
    """Return status, stage and reason of a session whose design is known."""
    subject, session = row["subject"], row["session"]
    if pd.isna(session):
        reason = f"{subject}_sessions.tsv plans no session, and none was scanned."
        return MISSING, DESIGN_STAGE, reason
    if (subject, session) not in outcomes:
        where = f"{subject}/{session}/mrs"
        return (
            MISSING,
            "scan",
            f"no *_svs.nii.gz in {where}. Convert the raw data, if there are any.",
        )
    stage, message = outcomes[subject, session]
    if not message:
        return USED, "", ""
    return FAILED if stage in _FAILING else EXCLUDED, stage, message
