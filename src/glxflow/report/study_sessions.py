"""What became of the sessions of a study: counted by condition, and one by one."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from glxflow.report.change import by_infusion
from glxflow.report.numbers import words
from glxflow.report.study_words import sessions_by_design

_STATUSES = ("used", "excluded", "failed", "missing")


def flow_of(
    sessions: pd.DataFrame, within: tuple[str, ...], infusions: tuple[str, ...]
) -> dict[str, Any]:
    """Return how many sessions there are of each status, by condition and infusion.

    Parameters
    ----------
    sessions : DataFrame
        Every planned or scanned session: subject, condition, status; of a factorial
        design, infusion.
    within : tuple of str
        What varies within participants.
    infusions : tuple of str
        Of a factorial design; else empty.
    """
    cells = by_infusion(sessions, infusions)["condition"]
    names = cells.astype("object").where(cells.notna(), "unknown")
    counts = pd.crosstab(names, sessions["status"]).reindex(columns=list(_STATUSES), fill_value=0)
    rows = [
        [str(name), *(str(int(counts.loc[name, status])) for status in _STATUSES),
         str(int(counts.loc[name].sum()))]
        for name in counts.index
    ]  # fmt: skip
    used = sessions[sessions["status"] == "used"]
    return {
        "columns": ["condition", *_STATUSES, "all"],
        "rows": rows,
        # A screening has no condition, and is no session of the trial.
        "n_planned": int(sessions["condition"].notna().sum()),
        "n_used": len(used),
        "n_participants": int(used["subject"].nunique()),
        "n_complete": int((used.groupby("subject").size() >= sessions_by_design(within)).sum()),
    }


def session_rows(
    sessions: pd.DataFrame, pages: Mapping[tuple[str, str], str]
) -> list[dict[str, str]]:
    """Return every session with what became of it, those that are not used first.

    Parameters
    ----------
    sessions : DataFrame
        Every planned or scanned session: subject, session, period, condition, status,
        stage, reason; optionally infusion, and note.
    pages : mapping
        From (subject, session) to its page.
    """
    order = {status: place for place, status in enumerate((*_STATUSES[1:], "used"))}
    rows = [
        {
            "subject": words(row["subject"]),
            "session": words(row["session"]),
            "period": f"{row['period']:g}" if pd.notna(row["period"]) else "n/a",
            "condition": words(row["condition"]),
            "infusion": words(row.get("infusion")),
            "status": words(row["status"]),
            "stage": words(row["stage"], ""),
            "reason": words(row["reason"], ""),
            "note": words(row.get("note"), ""),
            "page": pages.get((str(row["subject"]), str(row["session"])), ""),
        }
        for row in sessions.to_dict("records")
    ]
    return sorted(rows, key=lambda row: order.get(row["status"], len(order)))
