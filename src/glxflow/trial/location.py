"""Compare the location of groups: by t, by ranks, and by the randomisation itself.

References
----------
Welch BL. Biometrika 34:28-35 (1947). doi:10.1093/biomet/34.1-2.28
Freedman D, Lane D. J Bus Econ Stat 1:292-298 (1983). doi:10.1080/07350015.1983.10509354
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats
from scipy.linalg import orth

from glxflow.errors import TableError
from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.randomise import Labels, assignments, share_as_extreme

_ALIASED = 1e-9
_FLIPS_LISTED = 20
_ROWS_AT_ONCE = 20_000

Row = dict[str, object]


def row(analysis: str, **values: object) -> Row:
    """Return a row with every column."""
    empty = dict.fromkeys(("estimate", "statistic", "df", "p", "ci_low", "ci_high"), np.nan)
    return {"analysis": analysis, **empty, "note": "", **values}


def pooled(
    analysis: str, groups: Sequence[RealArray], weights: Sequence[float], confidence: float
) -> Row:
    """Return a weighted sum of group means, by t with the groups' pooled variance.

    Raises
    ------
    TableError
        If no degree of freedom is left, or nothing varies within groups.
    """
    df = sum(group.size for group in groups) - len(groups)
    squares = float(sum(((group - group.mean()) ** 2).sum() for group in groups))
    if df < 1 or squares == 0:
        raise TableError(
            f"{analysis}: {df} degrees of freedom, and a variance of {squares / max(df, 1):g} "
            "within groups; expected both above zero. There is nothing to test."
        )
    share = sum(weight**2 / group.size for weight, group in zip(weights, groups, strict=True))
    estimate = sum(
        weight * float(group.mean()) for weight, group in zip(weights, groups, strict=True)
    )
    return _by_t(analysis, estimate, float(np.sqrt(squares / df * share)), df, confidence)


def _by_t(analysis: str, estimate: float, error: float, df: float, confidence: float) -> Row:
    """Return an estimate with its t test and interval."""
    half = stats.t.ppf(0.5 + confidence / 2, df) * error
    return row(
        analysis,
        estimate=estimate,
        statistic=estimate / error,
        df=df,
        p=2 * stats.t.sf(abs(estimate / error), df),
        ci_low=estimate - half,
        ci_high=estimate + half,
    )


def welch(
    analysis: str, groups: Sequence[RealArray], weights: Sequence[float], confidence: float
) -> Row:
    """Return a weighted sum of group means, each group with a variance of its own."""
    parts = np.array(
        [weight**2 * group.var(ddof=1) / group.size
         for weight, group in zip(weights, groups, strict=True)]
    )  # fmt: skip
    degrees = np.array([group.size - 1 for group in groups])
    df = float(parts.sum() ** 2 / (parts**2 / degrees).sum())
    estimate = sum(
        weight * float(group.mean()) for weight, group in zip(weights, groups, strict=True)
    )
    return _by_t(analysis, estimate, float(np.sqrt(parts.sum())), df, confidence)


def rank_sum(analysis: str, one: RealArray, other: RealArray, scale: float) -> Row:
    """Return the rank-sum test of two groups with the Hodges-Lehmann shift times a scale."""
    # One method for every n; the exact test is the randomisation test.
    test = stats.mannwhitneyu(one, other, alternative="two-sided", method="asymptotic")
    shift = scale * np.median(np.subtract.outer(one, other))
    return row(
        analysis,
        estimate=shift,
        statistic=test.statistic,
        p=test.pvalue,
        note="Hodges-Lehmann estimate",
    )


def signed_rank(analysis: str, values: RealArray) -> Row:
    """Return the signed-rank test of one group with the median of the Walsh averages."""
    test = stats.wilcoxon(values, method="approx")
    walsh = np.add.outer(values, values)[np.triu_indices(values.size)] / 2
    return row(
        analysis,
        estimate=np.median(walsh),
        statistic=test.statistic,
        p=test.pvalue,
        note="Hodges-Lehmann estimate",
    )


def randomisation(
    analysis: str,
    values: RealArray,
    is_first: BoolArray,
    block: Labels,
    n_draws: int,
    rng: np.random.Generator,
) -> Row:
    """Return the randomisation test of two groups, studentised, exchanged within blocks."""
    observed = float(_studentised(values, is_first[np.newaxis])[0])
    batches, n_all, is_exact = assignments(is_first, block, n_draws, rng)
    found = (_studentised(values, batch) for batch in batches)
    p = share_as_extreme(found, observed, n_all, is_exact=is_exact)
    within = f" within {np.unique(block).size} blocks" if np.unique(block).size > 1 else ""
    note = f"exact, all {n_all} assignments" if is_exact else f"{n_all} drawn assignments"
    return row(analysis, statistic=abs(observed), p=p, note=note + within)


def _studentised(values: RealArray, is_first: BoolArray) -> RealArray:
    """Return the pooled t statistic of each assignment, (n_assignments,)."""
    # Squares of values far from zero would cancel.
    values = values - values.mean()
    n_first = is_first.sum(axis=1)
    n_second = values.size - n_first
    sums, squares = is_first @ values, is_first @ values**2
    mean_first = sums / n_first
    mean_second = (values.sum() - sums) / n_second
    within = squares - n_first * mean_first**2
    within += (values**2).sum() - squares - n_second * mean_second**2
    # Two groups of equal values each leave a within of zero, up to rounding.
    least = 1e-15 * float(values @ values)
    spread = np.maximum(within, least) / (values.size - 2)
    t: RealArray = (mean_first - mean_second) / np.sqrt(spread * (1 / n_first + 1 / n_second))
    return t


def sign_flips(analysis: str, values: RealArray, n_draws: int, rng: np.random.Generator) -> Row:
    """Return the test by exchanging signs, exact where the values are symmetric about zero."""
    n_all = 2**values.size
    is_exact = values.size <= _FLIPS_LISTED
    total = n_all if is_exact else n_draws
    free = values / np.sqrt(values @ values)
    found = (signs @ free for signs in _signs(values.size, total, None if is_exact else rng))
    observed = float(free.sum())
    p = share_as_extreme(found, observed, total, is_exact=is_exact)
    note = f"exact, all {n_all} signs" if is_exact else f"{n_draws} drawn signs"
    return row(analysis, statistic=abs(float(values.mean())), p=p, note=note)


def _signs(n: int, total: int, rng: np.random.Generator | None) -> Iterator[RealArray]:
    """Yield rows of signs: all of them, or drawn ones where there is a source."""
    for start in range(0, total, _ROWS_AT_ONCE):
        size = min(_ROWS_AT_ONCE, total - start)
        if rng is None:
            bits = (np.arange(start, start + size)[:, np.newaxis] >> np.arange(n)) & 1
        else:
            bits = rng.integers(2, size=(size, n))
        yield np.asarray(2.0 * bits - 1.0, dtype=np.float64)


def permuted_residuals(
    values: RealArray,
    tested: RealArray,
    nuisance: RealArray,
    block: Labels,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return t and P of Freedman and Lane's test of one column of a design beside others.

    Residuals of the model without the column are exchanged within blocks.

    Parameters
    ----------
    values, tested : (n_participants,) ndarray
        Outcome and the column.
    nuisance : (n_participants, n_nuisance) ndarray
        The other columns.
    block : (n_participants,) ndarray of str
        Blocks.
    n_draws : int
        Draws.
    rng : Generator
        Source of randomness.

    Raises
    ------
    TableError
        If the column cannot be told from the others, or no degree of freedom is left.
    """
    basis = orth(nuisance)
    column = tested - basis @ (basis.T @ tested)
    left = values - basis @ (basis.T @ values)
    df = values.size - basis.shape[1] - 1
    if df < 1 or column @ column < _ALIASED * (tested @ tested):
        raise TableError(
            f"{values.size} complete participants cannot tell it from the other effects. Add "
            "participants, or leave it at that."
        )

    def t(drawn: RealArray) -> RealArray:
        projected = drawn @ column / np.sqrt(column @ column)
        free = (drawn**2).sum(axis=1) - ((drawn @ basis) ** 2).sum(axis=1)
        return np.asarray(projected / np.sqrt(np.maximum(free - projected**2, 1e-300) / df))

    groups = [np.flatnonzero(block == label) for label in np.unique(block)]

    def batches() -> Iterator[RealArray]:
        for start in range(0, n_draws, _ROWS_AT_ONCE):
            drawn = np.tile(left, (min(_ROWS_AT_ONCE, n_draws - start), 1))
            for group in groups:
                drawn[:, group] = rng.permuted(drawn[:, group], axis=1)
            yield t(drawn)

    observed = float(t(left[np.newaxis])[0])
    return observed, share_as_extreme(batches(), observed, n_draws, is_exact=False)
