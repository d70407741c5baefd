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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from glxflow.fit.found import Fit, Found
from glxflow.fit.joint import Joint
from glxflow.fit.minima import are_apart, shoulders, wide_lines
from glxflow.fit.optimum import Optimum, View, optimum_of
from glxflow.fit.predictive import blocks_of, predictive_scores, predictive_weights, run_length
from glxflow.fit.problem import Problem
from glxflow.fit.solver import Solution, solve_fast
from glxflow.fit.variants import variants_of
from glxflow.spectrum import BoolArray, Fid, RealArray

SEARCHED_TO = 1e-3
"""The search of a variant ends where a step gains less: 0.03 SD of a parameter."""

AS_WELL = 3.84
"""Chi-squared by which another minimum may be higher: the data do not exclude it."""


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
class Candidate:
    """A model at its optimum, and the data it is asked about.

    Attributes
    ----------
    choice, label : str
        What was chosen otherwise, and how.
    names : tuple of str
        Components.
    optimum : Optimum
        Of the average.
    average : tuple of Fid
        What it is the fit of, one a spectrum.
    others : sequence of tuple of Fid
        The data to follow, such as the bins behind the average.
    """

    choice: str
    label: str
    names: tuple[str, ...]
    optimum: Optimum
    average: tuple[Fid, ...]
    others: Sequence[tuple[Fid, ...]]

    def amplitudes(self, names: tuple[str, ...]) -> RealArray:
        """Return what it says of the data, (n_others, n_names); NaN of what it does not have."""
        found = self.optimum.follow(self.average, self.others)
        places = [self.names.index(name) if name in self.names else -1 for name in names]
        return np.where(np.array(places) < 0, np.nan, found[:, places])


def fit_ensemble(
    fit: Fit,
    average: Fid,
    fids: Sequence[Fid],
    rng: np.random.Generator,
    others: Sequence[Candidate | None] = (),
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
    others : sequence of Candidate, optional
        Further fits, which differ in a choice that is no matter of the model alone; None
        where one failed.
    """
    own = candidate_of(fit, average, fids)
    if own is None or fit.found is None:
        return None
    return compare(own, [*_searched(own, fit.found), *filter(None, others)], rng)


def candidate_of(
    fit: Fit, average: Fid, fids: Sequence[Fid], choice: str = "", label: str = ""
) -> Candidate | None:
    """Return a fit of one spectrum as a candidate; None where it failed.

    Parameters
    ----------
    fit : Fit
        Of the average spectrum, as processed or modelled otherwise.
    average : Fid
        What `fit` is the fit of.
    fids : sequence of Fid
        The spectra to follow, processed in the same way.
    choice, label : str, optional
        What was chosen otherwise, and how.
    """
    if fit.found is None:
        return None
    view = View(fit.found.alignment, fit.result.noise_sd)
    best = fit.found.solution
    optimum = _optimum(fit.found.problem, best.point.theta, best.free, view)
    return Candidate(
        choice, label, fit.result.names, optimum, (average,), [(fid,) for fid in fids]
    )


def compare(own: Candidate, others: Sequence[Candidate], rng: np.random.Generator) -> Ensemble:
    """Return the ensemble of models that were fitted to the same data.

    Parameters
    ----------
    own : Candidate
        The model that is reported.
    others : sequence of Candidate
        The others.
    rng : Generator
        For the weights.
    """
    weights = _weights(own, others, rng)
    members = [
        Member(one.choice, one.label, weight, one.amplitudes(own.names))
        for one, weight in zip(others, weights, strict=True)
    ]
    return Ensemble(own.names, own.amplitudes(own.names), tuple(members))


def _searched(own: Candidate, found: Found) -> Iterator[Candidate]:
    """Yield every variant at its optimum, searched from that of the fit."""
    start, view = found.solution.point.theta, own.optimum.spectra[0].view
    vary = np.ones(start.size, dtype=np.bool_)
    for variant in variants_of(found.problem):
        end = solve_fast(variant.problem, start, vary, SEARCHED_TO)
        optimum = _optimum(variant.problem, end.point.theta, end.free, view)
        yield replace(own, choice=variant.choice, label=variant.label, optimum=optimum)
    other = _other_minimum(found)
    if other is not None:
        optimum = _optimum(found.problem, other.point.theta, other.free, view)
        yield replace(own, choice="line shape", label="other minimum", optimum=optimum)


def _other_minimum(found: Found) -> Solution | None:
    """Return another minimum that describes a spectrum nearly as well, if it has one."""
    prior, best = found.problem.prior, found.solution.point
    where = (prior, best.theta, found.alignment.linewidth_hz)
    starts = [*shoulders(*where), wide_lines(*where)]
    vary = np.ones(best.theta.size, dtype=np.bool_)
    ends = [solve_fast(found.problem, start, vary, SEARCHED_TO) for start in starts]
    others = [
        end
        for end in ends
        if end.point.cost < best.cost + AS_WELL and are_apart(prior, end.point.theta, best.theta)
    ]
    return min(others, key=lambda end: end.point.cost, default=None)


def _optimum(problem: Problem, theta: RealArray, free: BoolArray, view: View) -> Optimum:
    """Return the first-order view of one spectrum at its optimum."""
    joint = Joint.of(problem)
    return optimum_of(joint, joint.evaluate(theta), free, (view,))


def _weights(own: Candidate, others: Sequence[Candidate], rng: np.random.Generator) -> list[float]:
    """Return the weight of each model against the others of its choice and the reported one."""
    scores = _scores([own, *others])
    weights = np.zeros(len(others))
    for choice in dict.fromkeys(one.choice for one in others):
        same = [index for index, one in enumerate(others) if one.choice == choice]
        weights[same] = predictive_weights(scores[[0, *(1 + n for n in same)]], rng)[1:]
    return weights.tolist()


def _scores(candidates: Sequence[Candidate]) -> RealArray:
    """Return how well each model predicts stretches of the data, (n_models, n_blocks).

    Stretches that all of them trust; misfit that runs on counts once for its length.
    """
    scores = []
    for place, reported in enumerate(candidates[0].optimum.spectra):
        seen = [one.optimum.spectra[place] for one in candidates]
        trusted = np.logical_and.reduce([one.problem.model.weight == 1 for one in seen])
        blocks = blocks_of(reported.problem.model.ppm, trusted)
        rows = [
            predictive_scores(spectrum, one.optimum.inverse, blocks)
            for spectrum, one in zip(seen, candidates, strict=True)
        ]
        scores.append(np.array(rows) / run_length(reported.residual[trusted]))
    return np.concatenate(scores, axis=1)
