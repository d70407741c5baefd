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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from glxflow.fit.alternatives import Alternative, alternatives
from glxflow.fit.edited_alternatives import edited_alternatives
from glxflow.fit.edited_result import EditedFit
from glxflow.fit.found import Fit
from glxflow.fit.optimum import Optimum
from glxflow.fit.predictive import blocks_of, predictive_scores, predictive_weights, run_length
from glxflow.fit.solved import solved
from glxflow.spectrum import Fid, RealArray

Fids = tuple[Fid, ...]
"""What is fitted together: one spectrum, or half sum and difference of an edited session."""


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
    data : sequence of tuple of Fid
        Those to follow, such as the bins behind the average.
    """

    choice: str
    label: str
    names: tuple[str, ...]
    optimum: Optimum
    average: Fids
    data: Sequence[Fids]

    def amplitudes(self, names: tuple[str, ...]) -> RealArray:
        """Return what it says of the data, (n_data, n_names); NaN of what it does not have."""
        found = self.optimum.follow(self.average, self.data)
        places = [self.names.index(name) if name in self.names else -1 for name in names]
        return np.where(np.array(places) < 0, np.nan, found[:, places])


def fit_ensemble(
    fit: Fit | EditedFit,
    average: Fids,
    data: Sequence[Fids],
    rng: np.random.Generator,
    others: Sequence[Candidate | None] = (),
) -> Ensemble | None:
    """Return what other models say of some spectra; None where the fit itself failed.

    Parameters
    ----------
    fit : Fit or EditedFit
        Of the average.
    average : tuple of Fid
        What `fit` is the fit of: a spectrum, or half sum and difference.
    data : sequence of tuple of Fid
        Those to follow, such as the bins behind the average.
    rng : Generator
        For the weights.
    others : sequence of Candidate, optional
        Further fits, which differ in a choice that is no matter of the model alone; None
        where one failed.
    """
    own = candidate_of(fit, average, data)
    if own is None:
        return None
    searched = [
        replace(own, choice=one.choice, label=one.label, optimum=one.optimum)
        for one in _alternatives(fit)
    ]
    return compare(own, [*searched, *filter(None, others)], rng)


def candidate_of(
    fit: Fit | EditedFit, average: Fids, data: Sequence[Fids], choice: str = "", label: str = ""
) -> Candidate | None:
    """Return a fit as a candidate; None where it failed.

    Parameters
    ----------
    fit : Fit or EditedFit
        Of the average, as processed or modelled otherwise.
    average : tuple of Fid
        What `fit` is the fit of.
    data : sequence of tuple of Fid
        Those to follow, processed in the same way.
    choice, label : str, optional
        What was chosen otherwise, and how.
    """
    one = solved(fit)
    if one is None:
        return None
    return Candidate(choice, label, one.reported.names, one.optimum, average, data)


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


def _alternatives(fit: Fit | EditedFit) -> Iterable[Alternative]:
    """Return the fits by the variants of a fit's model."""
    if fit.found is None:
        return ()
    if isinstance(fit, EditedFit):
        return edited_alternatives(fit.found)
    return alternatives(fit.found, fit.result.noise_sd)


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
