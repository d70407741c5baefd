"""The analysis plan: a file, checked against a schema, that decides every analysis."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from glxflow.errors import ConfigError
from glxflow.schema import check_schema


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
    sha256 : str
        Of the plan's content, independent of order and comments.
    """

    plan_id: str
    reference: str
    active: str
    outcome: str
    instrument: str | None
    day: float
    analysis_set: str
    confidence: float
    n_bootstrap: int
    n_permutations: int
    seed: int
    sha256: str

    @property
    def conditions(self) -> tuple[str, str]:
        """Condition labels, the reference first."""
        return self.reference, self.active

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
        If keys are unknown, missing or of the wrong kind, or the conditions
        cannot be told apart by their first letters.
    """
    schema = json.loads(
        files("glxflow.trial").joinpath("plan.schema.json").read_text(encoding="utf-8")
    )
    check_schema(content, schema, where)
    reference, active = content["conditions"]["reference"], content["conditions"]["active"]
    if reference[0].upper() == active[0].upper():
        raise ConfigError(
            f"{where}: conditions {reference!r} and {active!r} begin with the same letter, by "
            "which a sequence is named. Rename one of them."
        )
    clinical = content["clinical"] or {"instrument": None, "day": 1}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return Plan(
        plan_id=content["id"],
        reference=reference,
        active=active,
        outcome=content["outcome"],
        instrument=clinical["instrument"],
        day=float(clinical["day"]),
        analysis_set=content["analysis_set"],
        confidence=content["confidence"],
        n_bootstrap=content["bootstrap"],
        n_permutations=content["permutation"],
        seed=content["seed"],
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
    )
