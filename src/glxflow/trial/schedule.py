"""Leave out the times that only few sessions have, such as an unscheduled visit."""

import pandas as pd

from glxflow.errors import TooFewError

_SHARE = 0.5
"""Share of the sessions that must have a time."""

_SESSION = ["subject", "period"]


def on_schedule(
    table: pd.DataFrame, time: str, outcome: str, where: str, planned: float | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return a table without times that fewer than half of its sessions have, and which.

    The question is asked with equal weight of the times: one that a single session has
    would weigh as much as the others, or leave the model without an answer. Quality
    control does not decide, so that every analysis set has the same times.

    Parameters
    ----------
    table : DataFrame
        A row a session and time, its design checked; times up to 0 are the baseline.
    time : str
        `bin` or `day`.
    outcome : str
        Column of the value; a row without it does not count.
    where : str
        Name of the table, for the messages.
    planned : float, optional
        A time that stays.

    Raises
    ------
    TooFewError
        If no time is left.
    """
    has = table[table[outcome].notna()]
    base = has.loc[has[time] <= 0, _SESSION].drop_duplicates()
    later = has[has[time] > 0].merge(base, on=_SESSION)
    n_sessions = len(later[_SESSION].drop_duplicates())
    counts = later[time].value_counts().sort_index()
    rare = counts[(counts < _SHARE * n_sessions) & (counts.index != planned)]
    if len(rare) == len(counts) > 0:
        raise TooFewError(
            f"{where}: no {time} after the baseline is in half of the {n_sessions} sessions with "
            f"{outcome!r}; they have {', '.join(f'{level:g}' for level in counts.index)}. Give "
            f"the {time}s of all sessions the same numbers, those that were planned."
        )
    notes = [
        f"{where}: {time} {level:g} is left out of every analysis, since fewer than half of the "
        f"sessions have it ({count} of {n_sessions})"
        for level, count in rare.items()
    ]
    return table[~table[time].isin(rare.index)], notes
