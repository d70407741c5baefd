"""What keys of an analysis plan, each right by itself, can contradict together."""

from collections.abc import Iterator, Mapping
from typing import Any


def contradictions(content: Mapping[str, Any]) -> list[str]:
    """Return every contradiction between the keys of a plan that keeps its schema."""
    return [
        *_conditions(content),
        *_design(content),
        *_clinical(content),
        *_imaging(content),
        *_families(content.get("families", [])),
    ]


def _conditions(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the labels."""
    reference, active = content["conditions"]["reference"], content["conditions"]["active"]
    if reference[0].upper() == active[0].upper():
        yield (
            f"conditions {reference!r} and {active!r} begin with the same letter, by "
            "which a sequence is named. Rename one of them."
        )
    infusion = content.get("infusion")
    if infusion and infusion["reference"] == infusion["active"]:
        yield f"infusion.reference and infusion.active are both {infusion['active']!r}."


def _design(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield keys that the design needs, or that it has no place for."""
    design = content.get("design", "crossover")
    for key in ("infusion", "within"):
        if design == "factorial" and key not in content:
            yield f"design 'factorial' needs the key '{key}'. Add it."
        if design != "factorial" and key in content:
            yield f"'{key}' belongs to design 'factorial', but the design is {design!r}."


def _clinical(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what needs a clinical outcome that the plan does not have."""
    if content["clinical"] is None and "clinical" in content.get("equivalence", {}):
        yield "'equivalence.clinical' needs a clinical outcome, but clinical is null."


def _imaging(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield a mediator in a design that has no pairs."""
    design = content.get("design", "crossover")
    if content.get("imaging", {}).get("role") == "mediator" and design != "crossover":
        yield (
            f"imaging.role 'mediator' compares both sessions of a crossover, but the design is "
            f"{design!r}. Write moderator."
        )


def _families(families: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield families that are named twice, share tests, or have an impossible gate."""
    earlier: dict[str, Mapping[str, Any]] = {}
    owner: dict[str, str] = {}
    heir: dict[str, str] = {}
    for number, family in enumerate(families):
        name, where = family["name"], f"families.{number}"
        if name in earlier:
            yield f"{where}: the name {name!r} is given twice."
        for member in family["members"]:
            if member in owner:
                yield f"{where}: {member!r} belongs to the family {owner[member]!r} already."
            owner.setdefault(member, name)
        yield from _gate(where, family, earlier)
        if (gate := family.get("after")) in heir:
            yield (
                f"{where}: {gate!r} passes its level on to {heir[gate]!r} already, and twice the "
                f"level would be too much. Put both into one family."
            )
        elif gate is not None:
            heir[gate] = name
        earlier[name] = family


def _gate(
    where: str, family: Mapping[str, Any], earlier: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Yield what is wrong with the gate of a family."""
    if "after" not in family:
        return
    gate = earlier.get(family["after"])
    if gate is None:
        yield f"{where}: after {family['after']!r}, which is no earlier family. Put it before."
    elif gate["method"] == "fdr":
        yield f"{where}: a family with fdr does not control the error that a gate needs."
    elif family["gate"] == "parallel" and (gate["method"] != "bonferroni" or "after" in gate):
        yield (
            f"{where}: a parallel gate needs method bonferroni and no gate of its own in "
            f"{family['after']!r}; its method is {gate['method']!r}."
        )
    elif gate.get("gate") == "parallel":
        yield (
            f"{where}: after {family['after']!r}, which may have been tested at a share of the "
            "level only, the whole level would be too much. Put both into one family."
        )
