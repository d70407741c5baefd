"""Leave out the times that only few sessions have, such as an unscheduled visit."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glxflow.errors import TooFewError

_SHARE = 0.5
"""Share of the sessions of every cell of the design that must have a time."""

_SESSION = ["subject", "period"]


def on_schedule(
    table: pd.DataFrame,
    time: str,
    usable: "pd.Series[bool]",
    cells: Sequence[str],
    where: str,
    planned: float | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Return a table without times that fewer than half of its sessions have, and which.

    The question is asked with equal weight of the times: one that a single session has
    would weigh as much as the others, and one that no session of a condition has would
    leave the model without an answer.

    Parameters
    ----------
    table : DataFrame
        A row a session and time, its design checked; times up to 0 are the baseline.
    time : str
        `bin` or `day`.
    usable : Series
        Whether a row counts: it has a value, and the analysis takes it.
    cells : sequence of str
        Columns of the question's factors; half of the sessions of each cell must have a time.
    where : str
        Name of the table, for the messages.
    planned : float, optional
        A time that stays.

    Raises
    ------
    TooFewError
        If no time is left.
    """
    has = table[usable]
    base = has.loc[has[time] <= 0, _SESSION].drop_duplicates()
    later = has[has[time] > 0].merge(base, on=_SESSION)
    later = later.assign(cell=later[list(cells)].astype(str).agg(" ".join, axis=1))
    counts = pd.crosstab(later[time], later["cell"])
    sizes = later.drop_duplicates(_SESSION)["cell"].value_counts()
    shares = counts / sizes
    rare = counts[(shares.min(axis=1) < _SHARE) & (counts.index != planned)]
    if len(rare) == len(counts) > 0:
        raise TooFewError(
            f"{where}: no {time} after the baseline is in half of the sessions of every "
            f"condition; they have {', '.join(f'{level:g}' for level in counts.index)}. Give the "
            f"{time}s of all sessions the same numbers, those that were planned."
        )
    notes = []
    for row, level in enumerate(rare.index.to_numpy(dtype=np.float64)):
        fewest = str(shares.loc[rare.index[row]].idxmin())
        notes.append(
            f"{where}: {time} {level:g} is left out of every analysis, since fewer than half of "
            f"the sessions have one to analyse ({rare.iloc[row][fewest]} of {sizes[fewest]} "
            f"under {fewest})"
        )
    return table[~table[time].isin(rare.index)], notes
