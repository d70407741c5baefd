"""What the study page says differently of each design."""

from collections.abc import Sequence


def sessions_by_design(within: Sequence[str]) -> int:
    """Return how many sessions a participant has: every factor within has two levels."""
    return 1 << len(within)


def every_session(n_sessions: int) -> str:
    """Return what all of a participant's sessions are called."""
    return "both sessions" if n_sessions == 2 else f"all {n_sessions} sessions"


def captions(within: Sequence[str], infusions: Sequence[str]) -> dict[str, str]:
    """Return what depends on who has which sessions.

    Parameters
    ----------
    within : sequence of str
        What varies within participants: `condition`, `infusion`, both, or nothing.
    infusions : sequence of str
        Reference and active infusion of a factorial design; else empty.

    Returns
    -------
    dict
        `complete`: what a participant with all sessions is called, or nothing; `pairs`:
        caption of the figure of participants; `cells`, `between_cells`: by what sessions are
        counted, and between what they may differ.
    """
    n_sessions = sessions_by_design(within)
    pairs = "Each participant's mean change after the infusion began"
    if "infusion" in within:
        pairs += f" with {infusions[1]} less that with {infusions[0]} (without both no mark)"
    elif infusions:
        pairs += ", participants of an infusion together"
    if "condition" in within:
        pairs += (
            ", ordered by the difference between the conditions. A single mark: the other "
            "condition is missing or not in the plan's analysis set."
        )
    else:
        pairs += ". Everyone has one condition, and so one mark; ordered by condition and change."
    if within:
        pairs += (
            " Of each participant, the mean is over the time bins that all of its sessions "
            "have, so that a bin lost in one of them makes no difference by the time course; "
            "without such a bin there is no mark. The classical analysis compares these means."
        )
    return {
        "complete": f"With {every_session(n_sessions)}" if n_sessions > 1 else "",
        "pairs": pairs,
        "cells": "condition and infusion" if infusions else "condition",
        "between_cells": "between these cells" if infusions else "between the conditions",
    }


def left_out(n_sessions: int, why: str) -> str:
    """Return a sentence on sessions that a figure leaves out; nothing where there are none."""
    if n_sessions == 0:
        return ""
    have = "1 session has" if n_sessions == 1 else f"{n_sessions} sessions have"
    return f" Left out: {have} {why}."
