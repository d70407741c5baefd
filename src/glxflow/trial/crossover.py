"""The classical analysis of a 2x2 crossover, from the periods' differences and sums.

References
----------
Hills M, Armitage P. Br J Clin Pharmacol 8:7-20 (1979).
Senn S. Cross-over Trials in Clinical Research, 2nd ed. Wiley (2002).
"""

import numpy as np
import pandas as pd

from glxflow.errors import TableError
from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.location import pooled, randomisation, rank_sum
from glxflow.trial.randomise import Labels


def analyse_crossover(
    first: RealArray,
    second: RealArray,
    is_first: BoolArray,
    block: Labels,
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
    block : (n_participants,) ndarray of str
        Within which sequences were allocated.
    contrast : str
        Name of the effect, as `naltrexone - placebo`; the sign is as it says.
    confidence : float
        Of the intervals.
    n_permutations, rng
        Draws where not all assignments can be listed, and their source.

    Returns
    -------
    DataFrame
        Columns analysis, estimate, statistic, df, p, ci_low, ci_high, note.

    Raises
    ------
    TableError
        If a sequence has fewer than two participants, or nothing varies within them.
    """
    sizes = (int(is_first.sum()), int((~is_first).sum()))
    if min(sizes) < 2:
        raise TableError(
            f"{sizes[0]} and {sizes[1]} complete participants in the two sequences: the paired "
            "analysis needs two in each."
        )
    difference, total = first - second, first + second
    groups = difference[is_first], difference[~is_first]
    sums = total[is_first], total[~is_first]
    carry_over = f"carry-over, sequence sums, of {contrast} (description only, gates nothing)"
    own = np.where(is_first, difference, -difference)
    rows = [
        pooled(f"{contrast}, period-adjusted", groups, (0.5, -0.5), confidence),
        pooled(f"{contrast}, unadjusted paired", [own], [1.0], confidence),
        rank_sum(f"{contrast}, Wilcoxon rank sum", *groups, 0.5),
        randomisation(
            f"{contrast}, randomisation test", difference, is_first, block, n_permutations, rng
        ),
        pooled("period 1 - period 2", groups, (0.5, 0.5), confidence),
        pooled(carry_over, sums, (1.0, -1.0), confidence),
    ]
    return pd.DataFrame(rows)
