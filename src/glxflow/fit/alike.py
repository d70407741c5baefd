"""Fit spectra that will be compared, such as the time bins of a session, in the same way."""

from collections.abc import Sequence

import numpy as np

from glxflow.fit.engine import fit_at, fit_prepared, search
from glxflow.fit.found import Fit, Found
from glxflow.fit.minima import are_apart
from glxflow.fit.model import FitModel
from glxflow.fit.noise import noise_sd
from glxflow.spectrum import Fid, RealArray


def fit_alike(fids: Sequence[Fid], model: FitModel) -> tuple[tuple[Fit, ...], FitModel]:
    """Return the fits of spectra that will be compared, and the model they have in common.

    An end of the range that one of them does not trust is trusted in none: read with and
    without it, Glx/tNAA of one spectrum differs by up to a tenth, which would pass for a change.
    All of them end in one minimum, too, where they have it in common.

    Parameters
    ----------
    fids : sequence of Fid
        Such as the time bins of a session.
    model : FitModel
        Prepared for their basis set.
    """
    fits = [fit_prepared(fid, model) for fid in fids]
    while True:
        used = {n: fit.found.problem.model.weight for n, fit in enumerate(fits) if fit.found}
        shared = model.reweighted(np.minimum.reduce([model.weight, *used.values()]))
        differing = [n for n, weight in used.items() if (weight > shared.weight).any()]
        if not differing:
            return _in_one_minimum(fids, fits), shared
        for index in differing:
            fits[index] = fit_prepared(fids[index], shared)


def _in_one_minimum(fids: Sequence[Fid], fits: Sequence[Fit]) -> tuple[Fit, ...]:
    """Return fits from the start, of those that any ended at, which is lowest for all together.

    A spectrum may be described nearly as well by wide lines as by a shoulder. Glx/tNAA of
    both differs by 3 to 4 %, and noise would decide which a bin has. A bin in which the other
    one is no minimum keeps its own.
    """
    founds = [fit.found for fit in fits if fit.found]
    starts = _distinct(founds)
    if len(starts) < 2:
        return tuple(fits)
    ends = [[search(found.problem, start) for found in founds] for start in starts]
    best = iter(
        min(
            ends,
            key=lambda end: (
                sum(not one.is_converged for one in end),
                sum(one.point.cost for one in end),
            ),
        )
    )
    return tuple(
        fit_at(fid, fit.found.problem, next(best), fit.found.alignment, noise_sd(fid))
        if fit.found
        else fit
        for fid, fit in zip(fids, fits, strict=True)
    )


def _distinct(founds: Sequence[Found]) -> list[RealArray]:
    """Return the parameters of minima that are apart, each once."""
    kept: list[RealArray] = []
    for found in founds:
        theta = found.solution.point.theta
        if all(are_apart(found.problem.prior, theta, other) for other in kept):
            kept.append(theta)
    return kept
