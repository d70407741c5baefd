"""The classical analysis of a 2x2 crossover, from the periods' differences and sums.

References
----------
Hills M, Armitage P. Br J Clin Pharmacol 8:7-20 (1979).
Senn S. Cross-over Trials in Clinical Research, 2nd ed. Wiley (2002).
"""

from collections.abc import Iterator
from itertools import combinations, islice
from math import comb

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import BoolArray, RealArray

MOST_ASSIGNMENTS = 2_000_000
"""All assignments of sequences are listed up to here; beyond, they are drawn."""

_ROWS_AT_ONCE = 20_000


def analyse_crossover(
    first: RealArray,
    second: RealArray,
    is_first: BoolArray,
    *,
    contrast: str,
    confidence: float,
    n_permutations: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the classical estimates, a row an analysis.

    Parameters
    ----------
    first, second : (n_participants,) ndarray
        Outcome in period 1 and 2.
    is_first : (n_participants,) bool ndarray
        Who had the first-named condition of `contrast` in period 1.
    contrast : str
        Name of the effect, as `naltrexone - placebo`; the sign is as it says.
    confidence : float
        Of the intervals.
    n_permutations : int
        Draws where not all assignments can be listed.
    rng : Generator
        Source of randomness.

    Returns
    -------
    DataFrame
        Columns analysis, estimate, statistic, df, p, ci_low, ci_high, note.

    Raises
    ------
    TableError
        If a sequence has fewer than two participants.
    """
    sizes = (int(is_first.sum()), int((~is_first).sum()))
    if min(sizes) < 2:
        raise TableError(
            f"{sizes[0]} and {sizes[1]} complete participants in the two sequences: the paired "
            "analysis needs two in each."
        )
    difference, total = first - second, first + second
    one, other = difference[is_first], difference[~is_first]
    carry_over = f"carry-over, sequence sums, of {contrast} (description only, gates nothing)"
    own = np.where(is_first, difference, -difference)
    rows = [
        _two_sample(f"{contrast}, period-adjusted", one, other, 0.5, confidence, +1),
        _paired(f"{contrast}, unadjusted paired", own, confidence),
        _rank_sum(f"{contrast}, Wilcoxon rank sum", one, other),
        _permutation(f"{contrast}, randomisation test", difference, is_first, n_permutations, rng),
        _two_sample("period 1 - period 2", one, other, 0.5, confidence, -1),
        _two_sample(carry_over, total[is_first], total[~is_first], 1.0, confidence, +1),
    ]
    return pd.DataFrame(rows)


def _row(analysis: str, **values: object) -> dict[str, object]:
    """Return a row with every column."""
    empty = dict.fromkeys(("estimate", "statistic", "df", "p", "ci_low", "ci_high"), np.nan)
    return {"analysis": analysis, **empty, "note": "", **values}


def _two_sample(
    analysis: str, one: RealArray, other: RealArray, scale: float, confidence: float, sign: int
) -> dict[str, object]:
    """Return a pooled two-sample comparison; sign -1 adds the means, as the period effect does."""
    df = one.size + other.size - 2
    pooled = ((one.size - 1) * one.var(ddof=1) + (other.size - 1) * other.var(ddof=1)) / df
    error = scale * np.sqrt(pooled * (1 / one.size + 1 / other.size))
    estimate = scale * (one.mean() - sign * other.mean())
    half = stats.t.ppf(0.5 + confidence / 2, df) * error
    return _row(
        analysis,
        estimate=estimate,
        statistic=estimate / error,
        df=df,
        p=2 * stats.t.sf(abs(estimate / error), df),
        ci_low=estimate - half,
        ci_high=estimate + half,
    )


def _paired(analysis: str, values: RealArray, confidence: float) -> dict[str, object]:
    """Return a one-sample t test."""
    test = stats.ttest_1samp(values, 0.0)
    low, high = test.confidence_interval(confidence)
    return _row(
        analysis,
        estimate=values.mean(),
        statistic=test.statistic,
        df=values.size - 1,
        p=test.pvalue,
        ci_low=low,
        ci_high=high,
    )


def _rank_sum(analysis: str, one: RealArray, other: RealArray) -> dict[str, object]:
    """Return the rank-sum test of the periods' differences with the Hodges-Lehmann shift."""
    # One method for every n; the exact test is the randomisation test.
    test = stats.mannwhitneyu(one, other, alternative="two-sided", method="asymptotic")
    shift = np.median(np.subtract.outer(one, other)) / 2
    return _row(
        analysis,
        estimate=shift,
        statistic=test.statistic,
        p=test.pvalue,
        note="Hodges-Lehmann estimate",
    )


def _permutation(
    analysis: str,
    difference: RealArray,
    is_first: BoolArray,
    n_draws: int,
    rng: np.random.Generator,
) -> dict[str, object]:
    """Return the randomisation test: sequences exchanged between participants, studentised."""
    n, n_first = difference.size, int(is_first.sum())
    observed = abs(_studentised(difference, is_first[np.newaxis])[0])
    n_all = comb(n, n_first)
    if n_all <= MOST_ASSIGNMENTS:
        extreme = sum(
            int((np.abs(_studentised(difference, chosen)) >= observed * (1 - 1e-12)).sum())
            for chosen in _assignments(n, n_first)
        )
        p, note = extreme / n_all, f"exact, all {n_all} assignments"
    else:
        order = np.argsort(rng.random((n_draws, n)), axis=1) < n_first
        extreme = int((np.abs(_studentised(difference, order)) >= observed * (1 - 1e-12)).sum())
        p, note = (extreme + 1) / (n_draws + 1), f"{n_draws} drawn assignments"
    return _row(analysis, statistic=observed, p=p, note=note)


def _assignments(n: int, n_first: int) -> Iterator[BoolArray]:
    """Yield all assignments as rows of booleans, some thousands at a time."""
    every = combinations(range(n), n_first)
    while batch := list(islice(every, _ROWS_AT_ONCE)):
        chosen = np.zeros((len(batch), n), dtype=np.bool_)
        np.put_along_axis(chosen, np.array(batch), True, axis=1)
        yield chosen


def _studentised(difference: RealArray, is_first: BoolArray) -> RealArray:
    """Return the pooled t statistic of each assignment, (n_assignments,)."""
    n_first = is_first.sum(axis=1)
    n_second = difference.size - n_first
    sums, squares = is_first @ difference, is_first @ difference**2
    mean_first = sums / n_first
    mean_second = (difference.sum() - sums) / n_second
    within = squares - n_first * mean_first**2
    within += (difference**2).sum() - squares - n_second * mean_second**2
    error = np.sqrt(within / (difference.size - 2) * (1 / n_first + 1 / n_second))
    t: RealArray = (mean_first - mean_second) / error
    return t
