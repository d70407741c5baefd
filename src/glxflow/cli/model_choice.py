"""Fit the average of a session by other models, to say what their choice does to it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import (
    EditedFit,
    EditedModel,
    Ensemble,
    Fit,
    FitModel,
    fit_edited,
    fit_ensemble,
    fit_prepared,
    prepare,
)
from glxflow.fit.ensemble import Candidate, Fids, candidate_of
from glxflow.preprocess.eddy import phase_deviation
from glxflow.quantify.estimates import edited_sums
from glxflow.spectrum import SUMS, Axis, BasisSet, ComplexArray, Fid, Kind, RealArray, Series

_SEED = 1
_LEAST_DEVIATION_RAD = 0.02
_DEFAULT_SOURCE = ("macromolecule source", "default macromolecules")
_SHOWN = {"glu": ("Glu",), "gln": ("Gln",), "glx": SUMS["Glx"]}
_COLUMNS = {"GABA+": "gabaplus"}


@dataclass(frozen=True, slots=True)
class EddyCurrents:
    """What the water reference says of eddy currents.

    Attributes
    ----------
    water : Fid or None
        Combined water reference, as acquired.
    are_corrected : bool
        Whether its phase was taken off the spectra.
    """

    water: Fid | None
    are_corrected: bool

    def alternatives(self, axis: Axis) -> Iterator[tuple[str, ComplexArray]]:
        """Yield how spectra might have been corrected otherwise, and what makes them so.

        Nothing where there is no reference of their dwell time, or its phase is straight.
        """
        if self.water is None:
            return
        deviation = phase_deviation(self.water, axis)
        if deviation is None or np.abs(deviation).max() < _LEAST_DEVIATION_RAD:
            return
        if self.are_corrected:
            yield "not corrected", np.exp(1j * deviation)
        else:
            yield "corrected by water", np.exp(-1j * deviation)


def session_ensemble(
    bins: Series,
    table: Sequence[Mapping[str, Any]],
    fits: Sequence[Fit],
    model: FitModel,
    basis: BasisSet,
    eddies: EddyCurrents,
) -> Ensemble | None:
    """Return what other models say of the average of a session, and then of its bins.

    None where no bin or not even their average could be fitted.

    Parameters
    ----------
    bins : Series
        One average a time bin.
    table : sequence of mapping
        Its bin table with the weight of each.
    fits : sequence of Fit
        Of the bins.
    model : FitModel
        That they were fitted by.
    basis : BasisSet
        That the model was prepared from.
    eddies : EddyCurrents
        What water says of them.
    """
    weights = _weights(table, fits)
    if not weights.any():
        return None
    data = _with_average((bins,), weights)
    (average,) = data[0]
    # Of a single bin the average is that bin, and its page shows one number for it.
    fit = fits[0] if len(fits) == 1 else fit_prepared(average, model)
    others = _otherwise_corrected(data, eddies, lambda fids: fit_prepared(fids[0], model))
    for default in _default_sources(basis, model, fit.result.baseline_ed):
        other = fit_prepared(average, default)
        others.append(candidate_of(other, data[0], data, *_DEFAULT_SOURCE))
    return fit_ensemble(fit, data[0], data, np.random.default_rng(_SEED), others)


def edited_session_ensemble(
    total: Series,
    difference: Series,
    table: Sequence[Mapping[str, Any]],
    fits: Sequence[EditedFit],
    model: EditedModel,
    eddies: EddyCurrents,
) -> Ensemble | None:
    """Return what other models say of the average of an edited session, and then of its bins.

    Parameters
    ----------
    total, difference : Series
        Half sum and difference of every time bin.
    table : sequence of mapping
        Their bin table with the weight of each.
    fits : sequence of EditedFit
        Of the bins.
    model : EditedModel
        That they were fitted by.
    eddies : EddyCurrents
        What water says of them.
    """
    weights = _weights(table, fits)
    if not weights.any():
        return None
    data = _with_average((total, difference), weights)

    def refit(fids: Fids) -> EditedFit:
        half_sum, less = fids
        return fit_edited(half_sum, less, model)

    fit = fits[0] if len(fits) == 1 else refit(data[0])
    others = _otherwise_corrected(data, eddies, refit)
    return fit_ensemble(fit, data[0], data, np.random.default_rng(_SEED), others)


def _otherwise_corrected(
    data: Sequence[Fids], eddies: EddyCurrents, refit: Callable[[Fids], Fit | EditedFit]
) -> list[Candidate | None]:
    """Return the fits of the average, which is first, with eddy currents corrected otherwise."""
    others = []
    for label, turn in eddies.alternatives(data[0][0].axis):
        turned = [tuple(Fid(fid.samples * turn, fid.axis) for fid in fids) for fids in data]
        others.append(candidate_of(refit(turned[0]), turned[0], turned, "eddy currents", label))
    return others


def models_table(ensemble: Ensemble) -> pd.DataFrame:
    """Return a row a model: its choice, its weight, and the ratios of the session's average."""
    own = ("as reported", "", float("nan"), ensemble.amplitudes)
    members = [(one.choice, one.label, one.weight, one.amplitudes) for one in ensemble.members]
    return pd.DataFrame(
        [
            {"choice": choice, "model": label, "weight": weight}
            | _ratios(ensemble.names, amplitudes[0])
            for choice, label, weight, amplitudes in (own, *members)
        ]
    )


def _ratios(names: Sequence[str], amplitudes: RealArray) -> dict[str, float]:
    """Return the ratios of one spectrum to creatine and NAA, named as in the trial's table."""

    def total(parts: tuple[str, ...]) -> float:
        return float(sum(amplitudes[names.index(part)] for part in parts if part in names))

    totals = {below: total(SUMS[below]) for below in ("tCr", "tNAA")}
    shown = _SHOWN | {_COLUMNS[name]: parts for name, parts in edited_sums(names).items()}
    return {
        f"{name}_{below.lower()}": total(parts) / size if size > 0 else float("nan")
        for below, size in totals.items()
        for name, parts in shown.items()
    }


def _weights(table: Sequence[Mapping[str, Any]], fits: Sequence[Fit | EditedFit]) -> RealArray:
    """Return what each bin counts in the average: one that could not be fitted, nothing."""
    return np.array(
        [part["weight"] if fit.found else 0.0 for part, fit in zip(table, fits, strict=True)]
    )


def _with_average(bins: Sequence[Series], weights: RealArray) -> list[Fids]:
    """Return the average of the bins, then the bins, of one series or of several."""
    samples = [series.samples[0] for series in bins]
    rows = [[np.average(one, axis=0, weights=weights), *one] for one in samples]
    return [
        tuple(Fid(one, series.axis) for one, series in zip(fids, bins, strict=True))
        for fids in zip(*rows, strict=True)
    ]


def _default_sources(basis: BasisSet, model: FitModel, baseline_ed: float) -> Iterator[FitModel]:
    """Yield the model with default macromolecules, where the basis set has others."""
    default = with_macromolecules(basis.without(Kind.MACROMOLECULE))
    if _macromolecules(basis) != _macromolecules(default):
        options = replace(model.options, baseline_ed_per_ppm=baseline_ed)
        yield prepare(default, options).reweighted(model.weight)


def _macromolecules(basis: BasisSet) -> dict[str, bytes]:
    """Return the macromolecules of a basis set by name."""
    return {
        name: fid.tobytes()
        for name, kind, fid in zip(basis.names, basis.kinds, basis.fids, strict=True)
        if kind is Kind.MACROMOLECULE
    }
