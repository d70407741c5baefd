"""The analysis plan: a file, checked against a schema, that decides every analysis."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from glxflow.errors import ConfigError, join_problems
from glxflow.schema import check_schema
from glxflow.trial.plan_checks import contradictions
from glxflow.trial.plan_parts import PRIMARY_ALONE, Family, Imaging, Margins, Responders

SEPARATE, JOINT = "separate", "joint"
"""How a change is measured: the difference of separate fits, or by a fit of all bins together."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is analysed, and how; see plan.schema.json.

    Attributes
    ----------
    plan_id : str
        Name of the plan.
    reference, active : str
        Condition labels.
    outcome : str
        Column of the trial table.
    change : str
        How its change is measured: `SEPARATE` or `JOINT`.
    instrument : str or None
        Column of the clinical table; None where there is no clinical outcome.
    day : float
        Day of the primary clinical contrast.
    analysis_set : str
        `all` or `qc_pass`.
    confidence : float
        Of every interval.
    n_bootstrap, n_permutations, seed : int
        Draws, and where they start.
    design : str
        `crossover`, `parallel` or `factorial`.
    infusion : tuple of str or None
        Labels of the reference and the active infusion of a factorial trial.
    within : tuple of str
        Factors that vary within participants: `condition`, `infusion`.
    allocation : tuple of str
        Columns within whose levels participants were randomised.
    responders : Responders or None
        Who is called a responder and a remitter.
    margins : Margins
        Of equivalence.
    imaging : Imaging or None
        Receptor imaging.
    families : tuple of Family
        Families of tests.
    sha256 : str
        Of the plan's content, independent of order and comments.
    """

    plan_id: str
    reference: str
    active: str
    outcome: str
    change: str
    instrument: str | None
    day: float
    analysis_set: str
    confidence: float
    n_bootstrap: int
    n_permutations: int
    seed: int
    design: str
    infusion: tuple[str, str] | None
    within: tuple[str, ...]
    allocation: tuple[str, ...]
    responders: Responders | None
    margins: Margins
    imaging: Imaging | None
    families: tuple[Family, ...]
    sha256: str

    @property
    def conditions(self) -> tuple[str, str]:
        """Condition labels, the reference first."""
        return self.reference, self.active

    @property
    def factors(self) -> dict[str, tuple[str, str]]:
        """Factors of the question with their reference and active level."""
        factors = {"condition": self.conditions}
        return factors if self.infusion is None else {**factors, "infusion": self.infusion}

    @property
    def arms(self) -> dict[str, tuple[str, str]]:
        """Columns by which participants differ, with their levels."""
        if self.design == "crossover":
            return {"sequence": self.sequences}
        return {name: pair for name, pair in self.factors.items() if name not in self.within}

    @property
    def needed(self) -> dict[str, tuple[str | int, ...]]:
        """Columns that tell the sessions of a participant apart, with their levels if fixed."""
        if self.design == "crossover":
            return {"sequence": self.sequences, "period": (1, 2)}
        needed: dict[str, tuple[str | int, ...]] = {"period": ()} if self.within else {}
        return needed | ({"infusion": self.infusion} if self.infusion else {})

    @property
    def carried(self) -> tuple[str, ...]:
        """Columns of the tables beyond those of a crossover."""
        return (*(("infusion",) if self.infusion else ()), *self.allocation)

    @property
    def sequences(self) -> tuple[str, str]:
        """Names of the two sequences: first letters of the conditions in their order."""
        first, second = (label[0].upper() for label in self.conditions)
        return first + second, second + first


def plan_from(content: Mapping[str, Any], where: str) -> Plan:
    """Return the plan that a file holds.

    Raises
    ------
    ConfigError
        If keys are unknown, missing, of the wrong kind, or contradict each other.
    """
    schema = json.loads(
        files("glxflow.trial").joinpath("plan.schema.json").read_text(encoding="utf-8")
    )
    check_schema(content, schema, where)
    if problems := contradictions(content):
        raise ConfigError(join_problems(where, problems))
    clinical = content["clinical"] or {"instrument": None, "day": 1}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    infusion = content.get("infusion")
    rules = content.get("allocation", {})
    margins = content.get("equivalence", {})
    return Plan(
        plan_id=content["id"],
        reference=content["conditions"]["reference"],
        active=content["conditions"]["active"],
        outcome=content["outcome"],
        change=content.get("change", SEPARATE),
        instrument=clinical["instrument"],
        day=float(clinical["day"]),
        analysis_set=content["analysis_set"],
        confidence=content["confidence"],
        n_bootstrap=content["bootstrap"],
        n_permutations=content["permutation"],
        seed=content["seed"],
        design=content.get("design", "crossover"),
        infusion=None if infusion is None else (infusion["reference"], infusion["active"]),
        within=_within(content),
        allocation=(*([rules["blocks"]] if "blocks" in rules else []), *rules.get("strata", [])),
        responders=Responders(**clinical["responders"]) if "responders" in clinical else None,
        margins=Margins(margins.get("outcome"), margins.get("clinical")),
        imaging=_imaging(content),
        families=_families(content),
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _within(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the factors that vary within participants, in a fixed order."""
    if content.get("design") == "parallel":
        return ()
    if content.get("design") != "factorial":
        return ("condition",)
    return tuple(name for name in ("condition", "infusion") if name in content["within"])


def _imaging(content: Mapping[str, Any]) -> Imaging | None:
    """Return what the plan says of receptor imaging."""
    if "imaging" not in content:
        return None
    part = content["imaging"]
    return Imaging(part["table"], part["column"], part.get("region"), part["role"])


def _families(content: Mapping[str, Any]) -> tuple[Family, ...]:
    """Return the families of tests; a plan without any has its primary one."""
    return tuple(
        Family(
            part["name"], tuple(part["members"]), part["method"],
            part.get("after"), part.get("gate"),
        )
        for part in content.get("families", [])
    ) or (PRIMARY_ALONE,)  # fmt: skip
