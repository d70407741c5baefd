"""What the choice of the model does to the estimates of an edited session.

As `glxflow.fit.ensemble` does it for one spectrum. A choice is made for half sum and
difference alike, as far as the difference has what it is about: it ends above the range
that lipid disturbs, and has one line of macromolecules only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from glxflow.fit.edited_result import EditedFit, EditedFound
from glxflow.fit.ensemble import SEARCHED_TO, Candidate, Ensemble, compare
from glxflow.fit.joint import Joint
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.optimum import optimum_of
from glxflow.fit.variants import variants_of
from glxflow.spectrum import Fid, Kind

Pair = tuple[Fid, Fid]
"""Half sum and difference."""

_STRENGTH = 1e3


def fit_edited_ensemble(
    fit: EditedFit,
    average: Pair,
    pairs: Sequence[Pair],
    rng: np.random.Generator,
    others: Sequence[Candidate | None] = (),
) -> Ensemble | None:
    """Return what other models say of edited spectra; None where the fit itself failed.

    Parameters
    ----------
    fit : EditedFit
        Of the average of a session.
    average : (Fid, Fid)
        What `fit` is the fit of: half sum and difference.
    pairs : sequence of (Fid, Fid)
        Those to follow, such as the bins behind the average.
    rng : Generator
        For the weights.
    others : sequence of Candidate, optional
        Further fits, which differ in a choice that is no matter of the model alone; None
        where one failed.
    """
    own = edited_candidate_of(fit, average, pairs)
    if own is None or fit.found is None:
        return None
    return compare(own, [*_searched(own, fit.found), *filter(None, others)], rng)


def edited_candidate_of(
    fit: EditedFit, average: Pair, pairs: Sequence[Pair], choice: str = "", label: str = ""
) -> Candidate | None:
    """Return the fit of an edited session as a candidate; None where it failed.

    Parameters
    ----------
    fit : EditedFit
        Of the average, as processed otherwise.
    average : (Fid, Fid)
        What `fit` is the fit of.
    pairs : sequence of (Fid, Fid)
        Those to follow, processed in the same way.
    choice, label : str, optional
        What was chosen otherwise, and how.
    """
    if fit.found is None:
        return None
    best, free = fit.found.solution, fit.found.uncertainty.free
    optimum = optimum_of(best.joint, best.point, free, fit.found.views)
    return Candidate(choice, label, fit.difference.names, optimum, average, pairs)


def _searched(own: Candidate, found: EditedFound) -> Iterator[Candidate]:
    """Yield every variant at its optimum, searched from that of the fit."""
    start, free = found.solution.point.theta, found.uncertainty.free
    for choice, label, joint in _variants(found):
        end = solve_joint(joint, start, free, SEARCHED_TO)
        optimum = optimum_of(joint, end.point, end.free, found.views)
        yield replace(own, choice=choice, label=label, optimum=optimum)


def _variants(found: EditedFound) -> Iterator[tuple[str, str, Joint]]:
    """Yield choice, label and problem of every model that differs in one choice."""
    problem = found.problem
    own = {(one.choice, one.label): one.problem for one in variants_of(problem.difference)}
    for one in variants_of(problem.total):
        difference = own.get((one.choice, one.label), problem.difference)
        changed = replace(problem, total=one.problem, difference=difference)
        yield one.choice, one.label, changed.joint()
    yield "co-edited macromolecules", "as much as GABA", _tied(found)


def _tied(found: EditedFound) -> Joint:
    """Return the problem with as much co-edited macromolecules as GABA.

    The usual constraint where the data cannot tell both apart (Zöllner 2022,
    doi:10.1002/nbm.4618).
    """
    joint = found.solution.joint
    block = joint.blocks[0]
    edited = block.channels[1]
    model = edited.problem.model
    gaba, coedited = model.names.index("GABA"), model.kinds.index(Kind.MACROMOLECULE)
    # Their difference to a thousandth of their sum's SD: as far as any number shows, zero.
    both = edited.mapping[gaba] + edited.mapping[coedited]
    covariance = found.uncertainty.of_amplitudes(both.size)
    strength = _STRENGTH / float(np.sqrt(both @ covariance @ both))
    row = strength * (edited.mapping[gaba] - edited.mapping[coedited])
    return Joint([block.held(row)], joint.prior)
