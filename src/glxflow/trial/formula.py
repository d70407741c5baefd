"""Formulas in lme4's notation: a fixed part as in R, and random terms ``(x | group)``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
import pandas as pd
from formulaic import Formula, model_matrix
from formulaic.errors import FormulaSyntaxError as FormulaicError

from glxflow.errors import TableError
from glxflow.spectrum import RealArray

INTERCEPT = "(Intercept)"

_RANDOM = re.compile(r"\(([^()|]*)(\|\|?)([^()|]*)\)")


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """One random term: which columns vary over which groups.

    Attributes
    ----------
    columns : tuple of str
        Fixed-part expression of its effects, `1` for an intercept.
    group : tuple of str
        Variables whose combinations are the groups.
    """

    columns: str
    group: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParsedFormula:
    """A formula, taken apart.

    Attributes
    ----------
    response : str
        Column of the outcome.
    terms : tuple of tuple of str
        Variables of each fixed term without the intercept, main effects first.
    has_intercept : bool
        Whether there is one.
    random : tuple of RandomTerm
        Random terms; correlated effects stand in one term.
    """

    response: str
    terms: tuple[tuple[str, ...], ...]
    has_intercept: bool
    random: tuple[RandomTerm, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns of the data that the formula needs."""
        fixed = [name for term in self.terms for name in term]
        random = [name for term in self.random for name in (*term.group, *_names(term.columns))]
        return tuple(dict.fromkeys([self.response, *fixed, *random]))


def parse(formula: str) -> ParsedFormula:
    """Return the parts of a formula such as ``y ~ a*b + (1|subject/session)``.

    Raises
    ------
    TableError
        If it has no response, or a part that cannot be read.
    """
    left, separator, right = formula.partition("~")
    if not separator or not left.strip():
        raise TableError(
            f"formula {formula!r} names no response. Write it as `y ~ x + (1|group)`."
        )
    random = tuple(
        term
        for columns, bar, group in _RANDOM.findall(right)
        for term in _random_terms(columns.strip(), bar, group.strip())
    )
    fixed = re.sub(r"\+\s*(?=\+|$)", "", _RANDOM.sub("", right).strip()).strip().rstrip("+")
    try:
        parsed = [str(term) for term in Formula(fixed or "1")]
    except FormulaicError as error:
        raise TableError(f"the fixed part of {formula!r} cannot be read: {error}") from error
    terms = [tuple(term.split(":")) for term in parsed if term != "1"]
    terms.sort(key=len)
    return ParsedFormula(left.strip(), tuple(terms), "1" in parsed, random)


def _names(columns: str) -> tuple[str, ...]:
    """Return the variables of a random term's effects."""
    return tuple(
        name
        for term in Formula(columns)
        for name in str(term).split(":")
        if name not in ("1", "0")
    )


def _random_terms(columns: str, bar: str, group: str) -> list[RandomTerm]:
    """Return the terms one pair of brackets stands for: nested groups, uncorrelated effects."""
    levels = [tuple(part.strip().split(":")) for part in group.split("/")]
    groups = [
        tuple(name.strip() for level in levels[: depth + 1] for name in level)
        for depth in range(len(levels))
    ]
    if bar == "||":
        effects = [str(term) for term in Formula(columns)]
        parts = ["1" if effect == "1" else f"0 + {effect}" for effect in effects]
    else:
        parts = [columns]
    return [RandomTerm(part, names) for names in groups for part in parts]


def levels_of(column: pd.Series) -> list[object] | None:
    """Return the levels of a factor, in order, or None for a number."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.dropna())
        return [level for level in column.cat.categories if level in present]
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(
        column.dtype
    ):
        return None
    return sorted(column.dropna().unique())


def sum_contrasts(n_levels: int) -> RealArray:
    """Return sum-to-zero contrasts, (n_levels, n_levels - 1); the last level is all -1."""
    return np.vstack([np.eye(n_levels - 1), -np.ones(n_levels - 1)])


@dataclass(frozen=True, slots=True)
class FixedPart:
    """How rows of data become rows of the fixed-effects design.

    Attributes
    ----------
    parsed : ParsedFormula
        The formula.
    levels : dict
        Levels of each factor; numbers are absent.
    """

    parsed: ParsedFormula
    levels: dict[str, list[object]]

    @classmethod
    def of(cls, parsed: ParsedFormula, data: pd.DataFrame) -> "FixedPart":
        """Return the coding that the factors of a table need."""
        levels: dict[str, list[object]] = {}
        for name in dict.fromkeys(name for term in parsed.terms for name in term):
            if name in data and (found := levels_of(data[name])) is not None:
                if len(found) < 2:
                    raise TableError(
                        f"factor {name!r} has the single level {found}, so its effect cannot be "
                        "estimated. Leave it out of the formula, or check the table."
                    )
                levels[name] = found
        return cls(parsed, levels)

    @property
    def names(self) -> list[str]:
        """Coefficient names as R writes them, the first factor of a term varying fastest."""
        names = [INTERCEPT] if self.parsed.has_intercept else []
        for term in self.parsed.terms:
            names += [":".join(reversed(parts)) for parts in product(*self._labels(term))]
        return names

    @property
    def term_of(self) -> list[str]:
        """Term each coefficient belongs to."""
        names = [INTERCEPT] if self.parsed.has_intercept else []
        for term in self.parsed.terms:
            names += [":".join(term)] * len(list(product(*self._labels(term))))
        return names

    def hypothesis(self, term: Sequence[str]) -> RealArray:
        """Return the contrasts of a term's type III test, (n_contrasts, n_coefficients).

        Each level is compared with the first, as in lmerTest: F does not depend on the
        basis, but degrees of freedom that are combined over its rows do.
        """
        steps = [np.diff(sum_contrasts(len(self.levels[name])), axis=0).cumsum(axis=0)
                 if name in self.levels else np.ones((1, 1))
                 for name in reversed(term)]  # fmt: skip
        owned = np.array(self.term_of) == ":".join(term)
        rows = np.zeros((int(owned.sum()), owned.size))
        rows[:, owned] = reduce(np.kron, steps)
        return rows

    def matrix(self, data: pd.DataFrame) -> RealArray:
        """Return the design of a table, (n_rows, n_coefficients)."""
        columns = [np.ones(len(data))] if self.parsed.has_intercept else []
        for term in self.parsed.terms:
            coded = [self._coded(name, data) for name in reversed(term)]
            columns += [np.prod(parts, axis=0) for parts in product(*(c.T for c in coded))]
        return np.column_stack(columns) if columns else np.zeros((len(data), 0))

    def _labels(self, term: Sequence[str]) -> list[list[str]]:
        """Return the coefficient labels of each variable of a term, slowest first."""
        return [
            [f"{name}{number + 1}" for number in range(len(self.levels[name]) - 1)]
            if name in self.levels
            else [name]
            for name in reversed(term)
        ]

    def _coded(self, name: str, data: pd.DataFrame) -> RealArray:
        """Return one variable as columns: contrasts of a factor, or the number itself."""
        if name not in self.levels:
            return numeric_column(name, data)[:, np.newaxis]
        codes = pd.Categorical(data[name], categories=self.levels[name]).codes
        coded: RealArray = sum_contrasts(len(self.levels[name]))[codes]
        return coded


def numeric_column(expression: str, data: pd.DataFrame) -> RealArray:
    """Return a number column, or an expression of columns such as ``log(x)``."""
    if expression in data:
        return data[expression].to_numpy(dtype=np.float64)
    matrix = model_matrix(f"0 + {expression}", data)
    return np.asarray(matrix, dtype=np.float64)[:, 0]
