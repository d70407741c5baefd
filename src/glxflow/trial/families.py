"""Adjust the P of named families of tests, one family gating another.

A serial gate opens when every test before it is rejected, a parallel gate by the share
of the tests that are; a Bonferroni family passes on the level of what it rejects.

References
----------
Hochberg Y. Biometrika 75:800-802 (1988). doi:10.1093/biomet/75.4.800
Dmitrienko A, Offen WW, Westfall PH. Stat Med 22:2387-2400 (2003).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from glxflow.spectrum import RealArray
from glxflow.trial.multiplicity import benjamini_hochberg, holm
from glxflow.trial.plan_parts import Family

EXPLORATORY = "exploratory"
"""Label of every P that belongs to no family."""

MEMBER = "member"
"""Column that says which test of the plan's families a row is."""


def hochberg(p: RealArray) -> RealArray:
    """Return Hochberg's adjusted P."""
    order = np.argsort(p)[::-1]
    scaled = p[order] * np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(np.minimum(scaled, 1.0))
    return adjusted


def fixed_sequence(p: RealArray) -> RealArray:
    """Return P adjusted for testing in the given order until one test fails."""
    return np.asarray(np.maximum.accumulate(p))


def bonferroni(p: RealArray) -> RealArray:
    """Return Bonferroni's adjusted P."""
    return np.minimum(p * p.size, 1.0)


_METHODS = {
    "holm": holm,
    "hochberg": hochberg,
    "fixed_sequence": fixed_sequence,
    "bonferroni": bonferroni,
    "fdr": benjamini_hochberg,
}


def adjust(p: Mapping[str, RealArray], families: Sequence[Family]) -> dict[str, RealArray]:
    """Return the adjusted P of each family, in the order of its members.

    Parameters
    ----------
    p : mapping
        From the name of a family to its P; a test that could not be done has 1.
    families : sequence of Family
        A family stands behind the one that gates it.
    """
    adjusted: dict[str, RealArray] = {}
    for family in families:
        own = _METHODS[family.method](p[family.name])
        if family.after is not None and family.gate == "serial":
            own = np.maximum(own, adjusted[family.after].max())
        elif family.after is not None:
            own = _through_parallel_gate(own, adjusted[family.after])
        adjusted[family.name] = own
    return adjusted


def _through_parallel_gate(own: RealArray, gate: RealArray) -> RealArray:
    """Return the least level at which what the gate rejects passes enough to reject each.

    With r of m tests rejected at a level, the family is tested at r/m of it.
    """
    passed = np.arange(1, gate.size + 1) / gate.size
    needed = np.maximum(np.sort(gate), own[:, np.newaxis] / passed)
    return np.asarray(np.minimum(needed.min(axis=1), 1.0))


def with_families(
    tables: Mapping[str, pd.DataFrame], families: Sequence[Family]
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Return tables whose every P has its family and adjusted P, and what to warn of.

    Parameters
    ----------
    tables : mapping
        From file name to results; a row that belongs to a family names its test in
        the column `member`, which is taken off.
    families : sequence of Family
        From the plan.

    Returns
    -------
    tables : dict
        With the columns family and p_adjusted beside p; a P that belongs to no
        family is labelled exploratory and not adjusted.
    warnings : list of str
        Tests of the plan that could not be done; they count as P = 1.
    """
    found = _members(tables)
    places = {
        family.name: [place for name in family.members for place in found.get(name, [None])]
        for family in families
    }
    p = {
        name: np.array([1.0 if place is None else _p(tables, place) for place in own])
        for name, own in places.items()
    }
    adjusted = adjust(p, families)
    labelled = {name: _prepared(table) for name, table in tables.items()}
    for family in families:
        for place, value in zip(places[family.name], adjusted[family.name], strict=True):
            if place is not None:
                table, row = labelled[place[0]], place[1]
                table.loc[row, ["family", "p_adjusted"]] = [family.name, value]
                # A rate of false discoveries generates hypotheses; it makes no claim.
                is_claim = family.method != "fdr"
                if is_claim and "role" in table and table.loc[row, "role"] == EXPLORATORY:
                    table.loc[row, "role"] = "secondary"
    warnings = [
        f"family {family.name}: {name!r} could not be tested and counts as P = 1"
        for family in families
        for name in family.members
        if not any(_is_tested(tables, place) for place in found.get(name, []))
    ]
    return labelled, warnings


def _members(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[tuple[str, int]]]:
    """Return where the rows of each test stand: table and row."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, table in tables.items():
        if MEMBER not in table:
            continue
        for row, member in enumerate(table[MEMBER]):
            if isinstance(member, str) and member:
                found.setdefault(member, []).append((name, row))
    return found


def _is_tested(tables: Mapping[str, pd.DataFrame], place: tuple[str, int]) -> bool:
    """Tell whether a row has a P."""
    return bool(pd.notna(tables[place[0]]["p"].iloc[place[1]]))


def _p(tables: Mapping[str, pd.DataFrame], place: tuple[str, int]) -> float:
    """Return a test's P; one that is missing counts as 1."""
    value = float(tables[place[0]]["p"].iloc[place[1]])
    return 1.0 if np.isnan(value) else value


def _prepared(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the columns of the families after its P, nothing in a family yet."""
    table = table.drop(columns=MEMBER, errors="ignore").reset_index(drop=True)
    if "p" not in table:
        return table
    place = list(table).index("p") + 1
    label = np.where(table["p"].notna(), EXPLORATORY, "")
    table.insert(place, "family", label.astype(object))
    table.insert(place + 1, "p_adjusted", np.nan)
    return table
