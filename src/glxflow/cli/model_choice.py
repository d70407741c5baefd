"""Fit the average of a session by other models, to say what their choice does to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import Fit, FitModel, FitOptions, fit_prepared, prepare
from glxflow.fit.ensemble import Alternative, Ensemble, fit_ensemble
from glxflow.preprocess.eddy import phase_deviation
from glxflow.quantify.estimates import SUMS
from glxflow.spectrum import Axis, BasisSet, Fid, FitStatus, Kind, RealArray, Series

_SEED = 1
_LEAST_DEVIATION_RAD = 0.02
_SHOWN = {"Glu": ("Glu",), "Gln": ("Gln",), "Glx": SUMS["Glx"]}


def session_ensemble(
    bins: Series,
    table: Sequence[Mapping[str, Any]],
    model: FitModel,
    basis: BasisSet,
    water: Fid | None,
) -> Ensemble | None:
    """Return what other models say of the average of a session, and then of its bins.

    Parameters
    ----------
    bins : Series
        One average a time bin.
    table : sequence of mapping
        Its bin table with the weight of each.
    model : FitModel
        That the bins are fitted by.
    basis : BasisSet
        That the model was prepared from.
    water : Fid or None
        Combined water reference, corrected where the bins are.
    """
    weights = np.array([part["weight"] for part in table], dtype=np.float64)
    fids = _with_average(bins.samples[0], weights, bins)
    fit = fit_prepared(fids[0], model)
    if fit.result.status is FitStatus.FAILED:
        return None
    others = dict(
        [*_eddy_currents(bins, weights, model, water), *_default_source(fids, basis, model, fit)]
    )
    return fit_ensemble(fit, fids[0], fids, np.random.default_rng(_SEED), others)


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
    return {
        f"{name.lower()}_{below.lower()}": total(parts) / size if size > 0 else float("nan")
        for below, size in totals.items()
        for name, parts in _SHOWN.items()
    }


def _with_average(samples: RealArray, weights: RealArray, bins: Series) -> tuple[Fid, ...]:
    """Return the average of the bins, then the bins."""
    average = np.average(samples, axis=0, weights=weights)
    return tuple(Fid(one, bins.axis) for one in (average, *samples))


def _eddy_currents(
    bins: Series, weights: RealArray, model: FitModel, water: Fid | None
) -> Iterator[tuple[str, Alternative]]:
    """Yield the bins with the phase of water taken off, where the reference still has one."""
    if water is None or not _sampled_alike(water.axis, bins.axis):
        return
    deviation = phase_deviation(water.samples, water.axis)
    if np.abs(deviation).max() < _LEAST_DEVIATION_RAD:
        return
    fids = _with_average(bins.samples[0] * np.exp(-1j * deviation), weights, bins)
    fit = fit_prepared(fids[0], model)
    yield "eddy currents", Alternative("corrected by water", fit, fids[0], fids)


def _sampled_alike(one: Axis, other: Axis) -> bool:
    """Tell whether two signals have their samples at the same times."""
    return one.n_points == other.n_points and bool(
        np.isclose(one.dwell_time_s, other.dwell_time_s, rtol=1e-6)
    )


def _default_source(
    fids: tuple[Fid, ...], basis: BasisSet, model: FitModel, fit: Fit
) -> Iterator[tuple[str, Alternative]]:
    """Yield the default macromolecules, where the basis set has others."""
    default = with_macromolecules(basis.without(Kind.MACROMOLECULE))
    if _macromolecules(basis) == _macromolecules(default):
        return
    options: FitOptions = replace(model.options, baseline_ed_per_ppm=fit.result.baseline_ed)
    prepared = prepare(default, options).reweighted(model.weight)
    other = fit_prepared(fids[0], prepared)
    yield "macromolecule source", Alternative("default macromolecules", other, fids[0], fids)


def _macromolecules(basis: BasisSet) -> dict[str, bytes]:
    """Return the macromolecules of a basis set by name."""
    return {
        name: fid.tobytes()
        for name, kind, fid in zip(basis.names, basis.kinds, basis.fids, strict=True)
        if kind is Kind.MACROMOLECULE
    }
