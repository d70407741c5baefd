"""Parts of an analysis plan, as records."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """Tests that are adjusted together.

    Attributes
    ----------
    name : str
        As the column `family` of the tables says.
    members : tuple of str
        Tests, as `primary`; in the order of testing where the method has one.
    method : str
        `holm`, `hochberg`, `fixed_sequence`, `bonferroni` or `fdr`.
    after : str or None
        Family that gates this one.
    gate : str or None
        `serial`: all its tests must be rejected; `parallel`: each one rejected opens
        its share of the level.
    """

    name: str
    members: tuple[str, ...]
    method: str
    after: str | None
    gate: str | None


PRIMARY_ALONE = Family("primary", ("primary",), "holm", None, None)
"""The one family of a plan that names none."""


@dataclass(frozen=True, slots=True)
class Imaging:
    """Where receptor imaging stands, and what it is in the analysis.

    Attributes
    ----------
    table : str
        Path of the table, relative to the plan's folder, or from `~`.
    column : str
        Column of the value, as binding potential.
    region : str or None
        Rows of the column `region` that are used; None where there is no such column.
    role : str
        `moderator` or `mediator`.
    """

    table: str
    column: str
    region: str | None
    role: str


@dataclass(frozen=True, slots=True)
class Responders:
    """Who responded, and who is in remission.

    Attributes
    ----------
    drop : float
        Least share by which the score falls from its own baseline.
    remission : float
        Highest score of a remitter.
    """

    drop: float
    remission: float


@dataclass(frozen=True, slots=True)
class Margins:
    """Margins of equivalence; None where the plan has none.

    Attributes
    ----------
    outcome, clinical : float or None
        In the unit of the outcome, and in score points.
    """

    outcome: float | None
    clinical: float | None
