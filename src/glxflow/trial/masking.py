"""Hide which condition is which until the plan and the data are frozen.

Conditions become X and Y, sequences XY and YX. Which is X follows from a secret
salt alone, and the masked contrast is always Y - X, so that a masked result has no
direction.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from glxflow.trial.plan import Plan

LETTERS = ("X", "Y")

SHOWN = ("primary", "bins", "clinical", "responders", "crossover", "classical", "simple_effects",
         "equivalence", "sensitivity", "missing")  # fmt: skip
"""Tables of a masked run. A percent attenuation and what is exploratory have a direction."""


def letters_of(conditions: tuple[str, str], salt: str) -> dict[str, str]:
    """Return the letter of each condition; the order in which they are given is no matter."""
    digest = hashlib.sha256(salt.encode()).digest()
    ordered = sorted(conditions, reverse=bool(digest[0] & 1))
    return dict(zip(ordered, LETTERS, strict=True))


def mask_plan(plan: Plan) -> Plan:
    """Return the plan with X as the reference and Y as the active condition."""
    return replace(plan, reference=LETTERS[0], active=LETTERS[1])


def mask_table(table: pd.DataFrame, plan: Plan, salt: str) -> pd.DataFrame:
    """Return a table whose conditions and sequences are letters.

    Parameters
    ----------
    table : DataFrame
        With the columns condition and sequence, where it has them.
    plan : Plan
        The plan with the true labels.
    salt : str
        The secret.

    Notes
    -----
    Labels that the plan does not know stay, so that they are found and refused.
    """
    letters = letters_of(plan.conditions, salt)
    initials = {label[0].upper(): letter for label, letter in letters.items()}
    sequences = {name: "".join(initials[part] for part in name) for name in plan.sequences}
    masked = table.copy()
    for column, names in (("condition", letters), ("sequence", sequences)):
        if column in masked:
            masked[column] = [names.get(label, label) for label in masked[column]]
    return masked


def true_labels(plan: Plan, salt: str) -> Mapping[str, str]:
    """Return the condition behind each letter."""
    return {letter: label for label, letter in letters_of(plan.conditions, salt).items()}
