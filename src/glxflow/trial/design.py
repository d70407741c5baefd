"""From the rows of a table to the outcome and the designs of a mixed model, checked."""

import numpy as np
import pandas as pd

from glxflow.errors import TableError, TooFewError
from glxflow.spectrum import RealArray
from glxflow.trial.formula import FixedPart, ParsedFormula, RandomTerm, levels_of, parse
from glxflow.trial.reml import RandomBlock

_EXACT = 1e-20
"""Share of the squares that rounding leaves of an outcome without error."""

_ALIASED = 1e-8
"""Share of a column's length beside the others below which it is one of them."""


def outcome_of(parsed: ParsedFormula, data: pd.DataFrame) -> RealArray:
    """Return the outcome as numbers that vary."""
    if data.empty:
        raise TableError(f"no row has all of {', '.join(parsed.variables)}: nothing to fit.")
    column = data[parsed.response]
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise TableError(f"{parsed.response!r} holds {column.iloc[0]!r}, expected numbers.")
    y = column.to_numpy(dtype=np.float64)
    if np.ptp(y) == 0:
        raise TableError(f"{parsed.response!r} is {y[0]:g} in all {y.size} rows: nothing to fit.")
    return y


def aliased_columns(x: RealArray) -> list[int]:
    """Return the places of columns that those before them reproduce."""
    scaled = x / np.maximum(np.linalg.norm(x, axis=0), 1e-300)
    aliased: list[int] = []
    kept = np.zeros((len(x), 0))
    for place, column in enumerate(scaled.T):
        remainder = column - kept @ (kept.T @ column)
        remainder -= kept @ (kept.T @ remainder)
        length = float(np.linalg.norm(remainder))
        if length < _ALIASED:
            aliased.append(place)
        else:
            kept = np.column_stack([kept, remainder / length])
    return aliased


def check_rank(x: RealArray, fixed: FixedPart) -> None:
    """Refuse a design whose coefficients cannot be told apart, naming them."""
    names = fixed.names
    aliased = [names[place] for place in aliased_columns(x)]
    if aliased:
        raise TooFewError(
            f"coefficients {', '.join(aliased)} are aliased: the data cannot tell them from the "
            "others. Leave a term out, check that the design's columns are right, or add "
            "participants."
        )
    if x.shape[0] <= x.shape[1]:
        raise TooFewError(
            f"{x.shape[0]} rows for {x.shape[1]} coefficients. Use a simpler model, or add "
            "participants."
        )


def residuals(y: RealArray, x: RealArray) -> RealArray:
    """Return what least squares leave of values; zeros where that is rounding."""
    left: RealArray = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return left if left @ left > _EXACT * (y @ y) else np.zeros_like(left)


def check_spread(y: RealArray, x: RealArray) -> None:
    """Refuse an outcome that the fixed effects reproduce, so that no error is left."""
    if not residuals(y, x).any():
        raise TableError(
            "the model fits the table exactly: nothing varies beside the design, expected "
            "measurements. Check that the outcome is what was measured."
        )


def random_block(term: RandomTerm, data: pd.DataFrame, root: RealArray) -> RandomBlock:
    """Return the design of a random term, rows divided by the known relative error."""
    labels = data[term.group[0]].astype(str)
    for name in term.group[1:]:
        labels = labels + ":" + data[name].astype(str)
    groups = pd.Categorical(labels)
    if len(groups.categories) == len(data):
        raise TableError(
            f"random term ({term.columns}|{':'.join(term.group)}) has a group for each row, which "
            "cannot be told from the residual. Leave the term out."
        )
    membership = (groups.codes[:, np.newaxis] == np.arange(len(groups.categories))).astype(float)
    parsed = parse(f"{data.columns[0]} ~ {term.columns} + (1|g)")
    levels = {
        name: found
        for name in dict.fromkeys(name for part in parsed.terms for name in part)
        if name in data and (found := levels_of(data[name])) is not None
    }
    effects = FixedPart(parsed, levels)
    design = effects.matrix(data) * root[:, np.newaxis]
    return RandomBlock(
        label=":".join(term.group),
        effects=tuple(effects.names),
        designs=tuple(membership * column[:, np.newaxis] for column in design.T),
    )
