"""What the choice of the model does to the estimates: the fits of another dozen models.

Tools and settings move glutamate by more than any of them reports as its
uncertainty. Each member of the ensemble differs from the model of a fit in one choice,
and starts from its optimum. Members of one choice share it with the fit's own model
by predictive weight; choices are taken as independent, so that 14 fits stand for
their several thousand combinations.

The error that a choice makes is common to the time bins of a session, and whatever differs
between bins is small: the ensemble is fitted to the average of the bins, and every
member follows each bin to first order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from glxflow.fit.engine import Fit
from glxflow.fit.predictive import blocks_of, predictive_scores, predictive_weights, run_length
from glxflow.fit.problem import Point, Problem
from glxflow.fit.solver import solve_fast
from glxflow.fit.start import shifted
from glxflow.fit.uncertainty import inverse_of, residual_of
from glxflow.fit.variants import variants_of
from glxflow.spectrum import BoolArray, Fid, RealArray

_DECREASE = 1e-3
"""The search of a variant ends where a step gains less: 0.03 SD of a parameter."""


@dataclass(frozen=True, slots=True)
class Member:
    """A model of the ensemble and what it says.

    Attributes
    ----------
    choice : str
        What was chosen otherwise than in the fit itself.
    label : str
        How.
    weight : float
        Probability of this alternative within its choice, by predictive fit.
    amplitudes : (n_fids, n_components) ndarray
        Of each spectrum, in the components of the fit and signal units.
    """

    choice: str
    label: str
    weight: float
    amplitudes: RealArray


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The fits of several models to the same spectra.

    Attributes
    ----------
    names : tuple of str
        Components.
    amplitudes : (n_fids, n_components) ndarray
        By the model of the fit itself.
    members : tuple of Member
        The other models.
    """

    names: tuple[str, ...]
    amplitudes: RealArray
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """A whole fit that differs in one choice which is no matter of the model alone.

    Attributes
    ----------
    label : str
        How it differs.
    fit : Fit
        Of the average spectrum, as processed or modelled otherwise.
    average : Fid
        What `fit` is the fit of.
    fids : sequence of Fid
        The spectra, processed in the same way.
    """

    label: str
    fit: Fit
    average: Fid
    fids: Sequence[Fid]


@dataclass(frozen=True, slots=True)
class _Found:
    """A model at its optimum, and how its data were aligned."""

    choice: str
    label: str
    problem: Problem
    point: Point
    free: BoolArray
    offset_hz: float
    turn_rad: float
    noise_sd: float

    def response(self) -> RealArray:
        """Return d(amplitudes)/d(data), (n_columns, n_fit), rotated and in signal units."""
        active = np.flatnonzero(self.point.amplitudes)
        rows = np.concatenate(
            [
                self.problem.fixed_jacobian(self.point)[:, self.free],
                self.problem.linear_jacobian(self.point)[:, active],
            ],
            axis=1,
        )
        inverse = inverse_of(rows.T @ rows)[int(self.free.sum()) :]
        n_fit = len(self.problem.model.ppm)
        response = np.zeros((len(self.point.amplitudes), n_fit))
        response[active] = -inverse @ self.problem.whiten(rows[:n_fit].T)
        return response / self.problem.noise_sd

    def follow(self, average: Fid, fids: Sequence[Fid]) -> RealArray:
        """Return the amplitudes of spectra near the average, (n_fids, n_columns)."""
        model, theta = self.problem.model, self.point.theta
        turn = self.turn_rad + theta[0] + model.turn_per_us * theta[1]
        changes = [
            (model.data_spectrum(shifted(_less(fid, average), self.offset_hz))) for fid in fids
        ]
        changed = model.rotated((np.array(changes) * np.exp(-1j * turn)).real)
        amplitudes: RealArray = self.point.amplitudes + changed @ self.response().T
        return amplitudes


def fit_ensemble(
    fit: Fit,
    average: Fid,
    fids: Sequence[Fid],
    rng: np.random.Generator,
    others: Mapping[str, Alternative] | None = None,
) -> Ensemble | None:
    """Return what other models say of some spectra; None where the fit itself failed.

    Parameters
    ----------
    fit : Fit
        Of the average spectrum.
    average : Fid
        What `fit` is the fit of.
    fids : sequence of Fid
        The spectra to follow, such as the bins behind the average.
    rng : Generator
        For the weights.
    others : mapping of str to Alternative, optional
        Fits that differ in another choice, by its name.
    """
    own = _found_of(fit)
    if own is None:
        return None
    members = [
        (found, found.follow(average, fids)[:, : len(fit.result.names)])
        for found in _searched(own)
    ]
    for choice, other in (others or {}).items():
        found = _found_of(other.fit, choice, other.label)
        if found is not None:
            followed = found.follow(other.average, other.fids)
            members.append((found, _renamed(followed, other.fit.result.names, fit.result.names)))
    weights = _weights(own, [found for found, _ in members], rng)
    return Ensemble(
        fit.result.names,
        own.follow(average, fids)[:, : len(fit.result.names)],
        tuple(
            Member(found.choice, found.label, weight, amplitudes)
            for (found, amplitudes), weight in zip(members, weights, strict=True)
        ),
    )


def _found_of(fit: Fit, choice: str = "", label: str = "") -> _Found | None:
    """Return the optimum of a fit, or nothing where it failed."""
    if fit.problem is None or fit.solution is None:
        return None
    point, result = fit.solution.point, fit.result
    f0_mhz = fit.problem.model.axis.spectrometer_frequency_mhz
    return _Found(
        choice,
        label,
        fit.problem,
        point,
        fit.solution.free,
        offset_hz=result.offset_ppm * f0_mhz - float(point.theta[2]),
        turn_rad=result.phase_rad - float(point.theta[0]),
        noise_sd=result.noise_sd,
    )


def _searched(own: _Found) -> Iterator[_Found]:
    """Yield every variant at its optimum, searched from that of the fit."""
    vary = np.ones(own.point.theta.size, dtype=np.bool_)
    for variant in variants_of(own.problem):
        end = solve_fast(variant.problem, own.point.theta, vary, _DECREASE)
        yield replace(
            own,
            choice=variant.choice,
            label=variant.label,
            problem=variant.problem,
            point=end.point,
            free=end.free,
        )


def _weights(own: _Found, found: Sequence[_Found], rng: np.random.Generator) -> list[float]:
    """Return the weight of each model against the others of its choice and the fit's own."""
    models = [own.problem.model, *(one.problem.model for one in found)]
    trusted = np.logical_and.reduce([model.weight == 1 for model in models])
    blocks = blocks_of(own.problem.model.ppm, trusted)
    misfit = residual_of(own.problem, own.point)[trusted]
    scores = [
        predictive_scores(one.problem, one.point, one.free, blocks, own.noise_sd)
        for one in (own, *found)
    ]
    weights = np.zeros(len(found))
    for choice in dict.fromkeys(one.choice for one in found):
        same = [index for index, one in enumerate(found) if one.choice == choice]
        rows = np.array([scores[0], *(scores[1 + index] for index in same)]) / run_length(misfit)
        weights[same] = predictive_weights(rows, rng)[1:]
    return weights.tolist()


def _renamed(amplitudes: RealArray, names: tuple[str, ...], wanted: tuple[str, ...]) -> RealArray:
    """Return amplitudes in another order of components; NaN for those that are not there."""
    places = [names.index(name) if name in names else -1 for name in wanted]
    absent = np.array(places) < 0
    return np.where(absent, np.nan, amplitudes[:, places])


def _less(fid: Fid, average: Fid) -> Fid:
    """Return the difference of two signals."""
    return Fid(fid.samples - average.samples, fid.axis)
