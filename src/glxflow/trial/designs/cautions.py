"""What the design of a trial cannot show, in sentences for its readers."""

from glxflow.trial.plan import Plan

_ALWAYS = (
    "Glx is not synaptic glutamate: it is glutamate and glutamine of all cells of the voxel, most "
    "of it not involved in transmission. A change of Glx is no measure of release.",
    "A ratio moves when its denominator does, and with relaxation and line width. The other "
    "denominators and the negative controls belong beside it.",
)

_WATER = (
    "Concentrations scaled by water, in mmol per kg of tissue water, rest on one water reference "
    "a session, on relaxation times taken as everybody's, and on a voxel of half grey and half "
    "white matter where a scan's sidecar has no TissueFractions: CSF is not corrected there. An "
    "error of these makes every change of its session too large or too small by the same "
    "percentage."
)


def cautions(plan: Plan) -> list[str]:
    """Return what the plan's design leaves open, then what every spectrum does."""
    found = []
    if plan.infusion is None:
        found.append(
            "No reference infusion: everybody had the same infusion, so that the difference tells "
            "how the other drug changes the response, not how large the response is; time in "
            "the scanner, expectation and drift are part of it."
        )
    if plan.design == "crossover":
        found.append(
            "Carry-over from the first session into the second cannot be told from other effects "
            "of the sequence."
        )
    between = [f"{name}s" for name in plan.factors if name not in plan.within]
    if between:
        found.append(
            f"{' and '.join(between).capitalize()} are compared between people: differences "
            "between them that randomisation left are part of the interval, and no effect in one "
            "person is known."
        )
    if plan.infusion is not None:
        found.append(
            "A difference of differences has 1.4 times the standard error of a difference of two "
            "cells: an interval that holds zero says little where it is wide."
        )
        if plan.within:
            found.append("Carry-over between sessions is assumed to be none.")
    if plan.outcome.endswith("_water"):
        found.append(_WATER)
    return [*found, *_ALWAYS]
