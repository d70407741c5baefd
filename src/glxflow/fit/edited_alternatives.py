"""The joint fits of an edited session by other models, each searched from that of its own.

As `glxflow.fit.alternatives` does it for one spectrum. A choice is made for half sum and
difference alike, as far as the difference has what it is about: it ends above the range
that lipid disturbs, and has one line of macromolecules only.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from glxflow.fit.alternatives import SEARCHED_TO, Alternative
from glxflow.fit.edited_result import EditedFound
from glxflow.fit.joint import Joint
from glxflow.fit.joint_solver import solve_joint
from glxflow.fit.optimum import optimum_of
from glxflow.fit.variants import variants_of
from glxflow.spectrum import Kind

_STRENGTH = 1e3


def edited_alternatives(found: EditedFound) -> Iterator[Alternative]:
    """Yield every variant of the model of an edited session at its optimum.

    Parameters
    ----------
    found : EditedFound
        The joint fit.
    """
    start, free = found.solution.point.theta, found.uncertainty.free
    for choice, label, joint in _variants(found):
        end = solve_joint(joint, start, free, SEARCHED_TO)
        yield Alternative(choice, label, optimum_of(joint, end.point, end.free, found.views))


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
