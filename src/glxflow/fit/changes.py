"""Changes of metabolites, sums and ratios in a series, in percent of their baseline."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from glxflow.fit.groups import TIED
from glxflow.fit.series_result import SeriesFit
from glxflow.spectrum import FitStatus, Kind, RealArray

_NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Change:
    """One metabolite, or a sum or ratio, at one response against the baseline.

    Attributes
    ----------
    response : str
        Of the design.
    metabolite : str
        A component or a sum.
    over : str
        The sum it is divided by; empty for the amplitude alone.
    percent, sd : float
        Change in percent of the baseline, and its SD; NaN where the baseline is not
        positive, the metabolite or the sum below is zero in the mean, or the fit failed.
    low95, high95 : float
        95 % interval.
    """

    response: str
    metabolite: str
    over: str
    percent: float
    sd: float
    low95: float
    high95: float


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of a series and how they hang together.

    Attributes
    ----------
    rows : tuple of Change
        A row a response, metabolite and denominator.
    covariance : (n_rows, n_rows) ndarray
        Of the percentages.
    """

    rows: tuple[Change, ...]
    covariance: RealArray


def percent_changes(
    fit: SeriesFit, sums: Mapping[str, tuple[str, ...]], denominators: tuple[str, ...] = ()
) -> Changes:
    """Return the changes of every metabolite and sum at every response.

    Substances that cannot be told apart change together, so that of them only the
    sum is reported.

    Parameters
    ----------
    fit : SeriesFit
        The joint fit.
    sums : mapping of str to tuple of str
        Sums to report and their members.
    denominators : tuple of str
        Keys of `sums`: each change is also given of the ratio to these, where the fit
        has them.
    """
    reported = _reported(fit, sums)
    lower = {"": np.zeros(len(fit.names))}
    lower |= {name: reported[name] for name in denominators if name in reported}
    rows, gradients = [], []
    for number, response in enumerate(fit.responses, start=1):
        for name, weights in reported.items():
            for over, below in lower.items():
                if name != over:
                    percent, gradient = _change(fit, number, weights, below)
                    gradients.append(gradient)
                    rows.append((response, name, over, percent))
    matrix = np.array(gradients).reshape(len(rows), fit.state.size)
    covariance = matrix @ fit.covariance @ matrix.T
    sds = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    changes = tuple(
        Change(*row, sd, row[3] - _NORMAL_95 * sd, row[3] + _NORMAL_95 * sd)
        for row, sd in zip(rows, sds.tolist(), strict=True)
    )
    return Changes(changes, covariance)


def _reported(fit: SeriesFit, sums: Mapping[str, tuple[str, ...]]) -> dict[str, RealArray]:
    """Return the weights of the amplitudes in every reported quantity."""
    names, kinds = fit.names, fit.mean.kinds
    tied = {name for tie in TIED for name in tie if len(set(tie) & set(names)) > 1}
    single = {
        name: (name,)
        for name, kind in zip(names, kinds, strict=True)
        if kind is Kind.METABOLITE and name not in tied
    }
    known = {name: parts for name, parts in sums.items() if set(parts) & set(names)}
    return {
        name: np.array([float(one in parts) for one in names])
        for name, parts in (single | known).items()
    }


def _change(
    fit: SeriesFit, number: int, weights: RealArray, below: RealArray
) -> tuple[float, RealArray]:
    """Return a change in percent and its derivative by the state."""
    nothing = float("nan"), np.full(fit.state.size, np.nan)
    if fit.status is FitStatus.FAILED:
        return nothing
    after, before = fit.to_amplitudes[number].T, fit.to_amplitudes[0].T
    compared = [weights, below] if below.any() else [weights]
    # What is zero in the mean cannot change, although the joint search may lift it a little.
    if not all(((after - before) @ one).any() for one in compared):
        return nothing
    over, under = [before @ weights], []
    if below.any():
        over.append(after @ below)
        under.append(before @ below)
    changed = after @ weights
    divisors, factors = (np.array([row @ fit.state for row in rows]) for rows in (over, under))
    if not (np.concatenate([divisors, factors]) > 0).all():
        return nothing
    # The changed amplitude itself may be zero: the quotient per unit of it never is.
    unit = float(np.prod(factors) / np.prod(divisors))
    quotient = unit * float(changed @ fit.state)
    relative = sum(row / value for row, value in zip(under, factors, strict=True))
    relative = relative - sum(row / value for row, value in zip(over, divisors, strict=True))
    return 100 * (quotient - 1), 100 * (unit * changed + quotient * relative)
