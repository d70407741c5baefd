"""By how much an effect is smaller: a ratio of two estimates, with an honest interval."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from glxflow.spectrum import RealArray

IndexArray = npt.NDArray[np.int64]

_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Attenuation:
    """One minus the ratio of two effects.

    Attributes
    ----------
    estimate : float
        Attenuation as a share; 0.3 is 30 % smaller. NaN where there is no interval.
    ci_low, ci_high : float
        Limits of the interval; NaN where there is none.
    method : str
        How the interval was made.
    is_bounded : bool
        Whether there is an interval: the denominator is told from zero, so that a ratio
        means anything, and the data suffice for its error.
    note : str
        Why not, or nothing.
    """

    estimate: float
    ci_low: float
    ci_high: float
    method: str
    is_bounded: bool
    note: str


@dataclass(frozen=True, slots=True)
class TwoEffects:
    """Two correlated estimates.

    Attributes
    ----------
    reference, active : float
        Effect under the reference condition (denominator) and the active one.
    variance_reference, variance_active, covariance : float
        Of the estimates.
    df : float
        Degrees of freedom of the variance of their difference.
    """

    reference: float
    active: float
    variance_reference: float
    variance_active: float
    covariance: float
    df: float


def fieller(effects: TwoEffects, confidence: float) -> Attenuation:
    """Return the attenuation with Fieller's interval.

    When the reference effect is not told from zero (g >= 1) the interval is
    unbounded, and no number is given; nor where the covariance of a few participants
    leaves no interval.

    References
    ----------
    Fieller EC. J R Stat Soc B 16:175-185 (1954).
    """
    quantile = float(stats.t.ppf(0.5 + confidence / 2, effects.df))
    g = quantile**2 * effects.variance_reference / effects.reference**2
    method = f"Fieller, t with {effects.df:.1f} df"
    if g >= 1:
        return Attenuation(
            np.nan,
            np.nan,
            np.nan,
            method,
            is_bounded=False,
            note=f"not bounded: the reference effect is not told from zero (g = {g:.2f})",
        )
    ratio = effects.active / effects.reference
    centre = (ratio - g * effects.covariance / effects.variance_reference) / (1 - g)
    inner = (
        effects.variance_active
        - 2 * ratio * effects.covariance
        + ratio**2 * effects.variance_reference
        - g * (effects.variance_active - effects.covariance**2 / effects.variance_reference)
    )
    if not (inner >= 0 and effects.variance_reference > 0):
        note = "the data are too few for an interval: its variance is negative or not known"
        return Attenuation(np.nan, np.nan, np.nan, method, is_bounded=False, note=note)
    half = quantile / abs(effects.reference) * np.sqrt(inner) / (1 - g)
    return Attenuation(
        estimate=1 - ratio,
        ci_low=float(1 - centre - half),
        ci_high=float(1 - centre + half),
        method=method,
        is_bounded=True,
        note="",
    )


def bootstrap(
    reference: RealArray,
    active: RealArray,
    group: np.ndarray[tuple[int], np.dtype[np.str_]],
    weights: Mapping[str, tuple[float, float]],
    *,
    confidence: float,
    n_draws: int,
    rng: np.random.Generator,
) -> Attenuation:
    """Return the attenuation of complete participants with a BCa bootstrap interval.

    Whole participants are drawn within their group; each effect is a weighted sum of
    the groups' means. The sequences of a crossover have equal weight, so that a
    period effect cancels.

    Parameters
    ----------
    reference, active : (n_participants,) ndarray
        Effect in each participant under either condition.
    group : (n_participants,) ndarray of str
        Their sequence or arm.
    weights : mapping
        From group to the weight of its mean in the reference effect and in the active.
    confidence : float
        Of the interval.
    n_draws : int
        Bootstrap draws.
    rng : Generator
        Source of randomness.

    References
    ----------
    Efron B. J Am Stat Assoc 82:171-185 (1987). doi:10.1080/01621459.1987.10478410
    """
    labels = np.unique(group)
    groups: list[IndexArray] = [np.flatnonzero(group == label) for label in labels]
    both = np.array([weights[str(label)] for label in labels])
    shares = _Shares(reference, active, groups, both)
    method = f"BCa bootstrap of {reference.size} participants within group, {n_draws} draws"
    if min(members.size for members in groups) < 2:
        return Attenuation(
            np.nan, np.nan, np.nan, method, is_bounded=False, note="a group has one participant"
        )
    # A draw of scores may have a reference effect of zero: its share is at an end of all.
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = shares.of([members[np.newaxis] for members in groups])[0]
        draws = shares.of_draws(n_draws, rng)
        low, high = _bca(draws, observed, shares.without_one(), confidence)
    if not np.isfinite([observed, low, high]).all():
        note = "the reference effect of draws is zero: there is no percentage"
        return Attenuation(np.nan, np.nan, np.nan, method, is_bounded=False, note=note)
    return Attenuation(float(observed), low, high, method, is_bounded=True, note="")


def _chunks(total: int) -> list[int]:
    """Return sizes that add up to the total, so that memory stays small."""
    return [min(_CHUNK, total - start) for start in range(0, total, _CHUNK)]


@dataclass(frozen=True, slots=True)
class _Shares:
    """The attenuation of drawn participants: both effects, and the weights of their groups."""

    reference: RealArray
    active: RealArray
    groups: list[IndexArray]
    weights: RealArray

    def of(self, drawn: list[IndexArray]) -> RealArray:
        """Return the attenuation of each row of participants drawn in each group."""
        means = [
            sum(
                weight * values[rows].mean(axis=1)
                for weight, rows in zip(weights, drawn, strict=True)
            )
            for values, weights in zip((self.reference, self.active), self.weights.T, strict=True)
        ]
        return np.asarray(1 - means[1] / means[0])

    def of_draws(self, n_draws: int, rng: np.random.Generator) -> RealArray:
        """Return the attenuation of random draws, (n_draws,)."""
        sizes, members = _chunks(n_draws), self.groups
        return np.concatenate(
            [
                self.of([own[rng.integers(own.size, size=(size, own.size))] for own in members])
                for size in sizes
            ]
        )

    def without_one(self) -> RealArray:
        """Return the attenuation without each of the participants, (n_participants,)."""
        return np.array(
            [
                self.of([own[own != left][np.newaxis] for own in self.groups])[0]
                for left in range(self.reference.size)
            ]
        )


def _bca(
    draws: RealArray, observed: float, leave_one_out: RealArray, confidence: float
) -> tuple[float, float]:
    """Return bias-corrected and accelerated percentiles."""
    below = np.clip((draws < observed).mean(), 1 / draws.size, 1 - 1 / draws.size)
    bias = stats.norm.ppf(below)
    skewed = leave_one_out.mean() - leave_one_out
    scale = 6 * np.sum(skewed**2) ** 1.5
    acceleration = np.sum(skewed**3) / scale if scale > 0 else 0.0
    tails = bias + stats.norm.ppf([0.5 - confidence / 2, 0.5 + confidence / 2])
    levels = stats.norm.cdf(bias + tails / (1 - acceleration * tails))
    low, high = np.quantile(draws, levels)
    return float(low), float(high)
