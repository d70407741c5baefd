"""Check that the rows of a table agree with the design of the plan."""

from collections.abc import Iterator, Sequence

import pandas as pd

from glxflow.errors import TableError, join_problems
from glxflow.trial.plan import Plan


def check_design(table: pd.DataFrame, keys: Sequence[str], plan: Plan, where: str) -> pd.DataFrame:
    """Return a table that agrees with the design, with every column of it.

    Periods are integers, however the table was read. Where the design has one session
    a participant, a period that is absent is 1; where it is no crossover, a sequence
    that is absent is empty.

    Parameters
    ----------
    table : DataFrame
        With the columns of the design and `keys`.
    keys : sequence of str
        What makes a row unique, beside the subject and the period.
    plan : Plan
        Names design, conditions and infusions.
    where : str
        Name of the table, for the message.

    Raises
    ------
    TableError
        If columns are missing, rows are given twice, levels are unknown, or the
        allocation contradicts the design; lists everything found.
    """
    for name, value in (("sequence", ""), ("period", 1)):
        if name not in plan.needed:
            given = table.get(name, pd.Series(index=table.index)).astype(object)
            table = table.assign(**{name: given.mask(given.isna(), value)})
    missing = [name for name in dict.fromkeys((*_columns(plan), *keys)) if name not in table]
    if missing:
        raise TableError(f"{where}: columns {', '.join(missing)} are missing. Add them.")
    problems = [*_levels(table, plan), *_numbers(table, keys), *_twice(table, keys)]
    if not problems:
        table = table.assign(period=pd.to_numeric(table["period"]).astype(int))
        sessions = table[[*_columns(plan), "sequence", "period"]]
        sessions = sessions.loc[:, ~sessions.columns.duplicated()].drop_duplicates()
        problems = list(_ALLOCATION[plan.design](sessions, plan))
    if problems:
        raise TableError(join_problems(where, problems) + "\n  Correct the table, or the plan.")
    return table


def _columns(plan: Plan) -> tuple[str, ...]:
    """Return the columns that the design needs."""
    return ("subject", *plan.needed, "condition")


def _levels(table: pd.DataFrame, plan: Plan) -> Iterator[str]:
    """Yield levels that the plan does not know."""
    known: dict[str, tuple[object, ...]] = {"condition": plan.conditions}
    known |= {name: levels for name, levels in plan.needed.items() if levels}
    if table["subject"].isna().any():
        yield f"{int(table['subject'].isna().sum())} rows have no subject"
    for name, levels in known.items():
        for level in sorted(set(table[name]) - set(levels), key=str):
            yield f"{name} {level!r} is not one of {', '.join(map(str, levels))}"
    if plan.infusion is None and "infusion" in table and table["infusion"].nunique() > 1:
        found = ", ".join(sorted(map(str, table["infusion"].unique())))
        yield (
            f"infusion holds {found}, but design {plan.design!r} knows one infusion: write "
            "design: factorial, or leave the rows of the others out"
        )


def _numbers(table: pd.DataFrame, keys: Sequence[str]) -> Iterator[str]:
    """Yield times that are no numbers, and periods that are not whole."""
    for name in dict.fromkeys(("period", *keys)):
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = numbers.isna() | ((numbers % 1 != 0) & (name == "period"))
        if name != "subject" and wrong.any():
            whole = "whole " if name == "period" else ""
            yield f"{name} {table.loc[wrong, name].iloc[0]!r} is no {whole}number"


def _twice(table: pd.DataFrame, keys: Sequence[str]) -> Iterator[str]:
    """Yield rows that are given more than once."""
    twice = table.loc[table.duplicated(list(keys)), list(keys)].head(3)
    for row in twice.to_dict("records"):
        yield f"more than one row for {dict(row)}"


def _crossover(sessions: pd.DataFrame, plan: Plan) -> Iterator[str]:
    """Yield sessions whose condition is not what sequence and period say."""
    letters = {label[0].upper(): label for label in plan.conditions}
    for subject, own in sessions.groupby("subject"):
        if len(own) > 1 and own["condition"].nunique() == 1:
            yield f"{subject} has {own['condition'].iloc[0]!r} in both periods"
    for row in sessions.to_dict("records"):
        planned = letters[row["sequence"][row["period"] - 1]]
        if planned != row["condition"]:
            yield (
                f"{row['subject']} has {row['condition']!r} in period {row['period']}, but "
                f"sequence {row['sequence']} says {planned!r}"
            )
    changed = sessions.groupby("subject")["sequence"].nunique()
    for subject in changed.index[changed > 1]:
        yield f"{subject} has two sequences"


def _parallel(sessions: pd.DataFrame, plan: Plan) -> Iterator[str]:
    """Yield participants who are in more than one arm or session."""
    for subject, own in sessions.groupby("subject"):
        if own["condition"].nunique() > 1:
            yield (
                f"{subject} has {' and '.join(plan.conditions)}, but design 'parallel' has one "
                "condition a participant"
            )
        elif len(own) > 1:
            yield f"{subject} has {len(own)} sessions, but design 'parallel' has one"


def _factorial(sessions: pd.DataFrame, plan: Plan) -> Iterator[str]:
    """Yield participants who are not where the plan says that they are."""
    for subject, own in sessions.groupby("subject"):
        cells = list(zip(own["condition"], own["infusion"], strict=True))
        for name in ("condition", "infusion"):
            if name not in plan.within and own[name].nunique() > 1:
                yield (
                    f"{subject} has {own[name].nunique()} levels of {name}, which the plan does "
                    "not list under `within`"
                )
        repeated = sorted({cell for cell in cells if cells.count(cell) > 1})
        for condition, infusion in repeated:
            number = cells.count((condition, infusion))
            yield (
                f"{subject} has {condition} with {infusion} in {number} sessions; each "
                "participant has a cell once"
            )
    for name in plan.within:
        if sessions.groupby("subject")[name].nunique().max() < 2:
            yield (
                f"{name} is constant within every participant, but the plan lists it under "
                "`within`"
            )
    yield from _contradicted(sessions)


def _contradicted(sessions: pd.DataFrame) -> Iterator[str]:
    """Yield sequences that mean different cells in the same period."""
    cell = sessions["condition"] + " with " + sessions["infusion"]
    for (sequence, period), own in cell.groupby([sessions["sequence"], sessions["period"]]):
        if sequence != "" and own.nunique() > 1:
            yield (
                f"sequence {sequence} has {' and '.join(sorted(set(own)))} in period {period}: "
                "an allocation contradicts it"
            )


_ALLOCATION = {"crossover": _crossover, "parallel": _parallel, "factorial": _factorial}
