"""What a design asks: which cells are compared, and what the comparison is called.

A response is what follows an infusion under one condition: the change from the own
baseline or, where there is a reference infusion, the difference from the change
under that. The question is by how much the response differs between conditions.
"""

from collections.abc import Mapping

from glxflow.trial.plan import Plan

Cell = Mapping[str, str]
"""From factor to level."""


def response_cells(condition: str, plan: Plan) -> list[tuple[Cell, float]]:
    """Return the cells of the response under a condition, with their weights."""
    if plan.infusion is None:
        return [({"condition": condition}, 1.0)]
    reference, active = plan.infusion
    return [
        ({"condition": condition, "infusion": active}, 1.0),
        ({"condition": condition, "infusion": reference}, -1.0),
    ]


def question_cells(plan: Plan) -> list[tuple[Cell, float]]:
    """Return the cells of the question: the response under active minus under reference."""
    return [
        *response_cells(plan.active, plan),
        *((cell, -weight) for cell, weight in response_cells(plan.reference, plan)),
    ]


def simple_effects(plan: Plan) -> dict[str, list[tuple[Cell, float]]]:
    """Return the effect of each factor at each level of the other; none without infusions."""
    if plan.infusion is None:
        return {}
    effects: dict[str, list[tuple[Cell, float]]] = {}
    for infusion in reversed(plan.infusion):
        effects[f"{contrast_of_conditions(plan)} under {infusion}"] = [
            ({"condition": plan.active, "infusion": infusion}, 1.0),
            ({"condition": plan.reference, "infusion": infusion}, -1.0),
        ]
    name = contrast_of_infusions(plan)
    for condition in plan.conditions:
        effects[f"{name} under {condition}"] = response_cells(condition, plan)
    return effects


def contrast_of_conditions(plan: Plan) -> str:
    """Return the name of the difference of conditions."""
    return f"{plan.active} - {plan.reference}"


def contrast_of_infusions(plan: Plan) -> str:
    """Return the name of the difference of infusions."""
    if plan.infusion is None:
        return ""
    return f"{plan.infusion[1]} - {plan.infusion[0]}"


def contrast_name(plan: Plan) -> str:
    """Return the name of the contrast that answers the question."""
    if plan.infusion is None:
        return contrast_of_conditions(plan)
    return f"({contrast_of_conditions(plan)}) of ({contrast_of_infusions(plan)})"
