"""What the variances of one trial's table say of a trial of another design."""

from dataclasses import dataclass

import numpy as np

from glxflow.errors import TableError
from glxflow.trial.models import TrialModel
from glxflow.trial.plan import Plan

_WORDS = {
    "subject": "people",
    "condition": "people's own effects of the condition",
    "infusion": "people's own responses to the infusion",
    "session": "sessions",
}
_BOTH = ("condition", "infusion")
_VISIT = "subject:visit"

# Which sources of variance a random term of a design holds, by the factors within people.
_HELD: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {
    (): {"subject": tuple(_WORDS)},
    ("condition",): {"subject": ("subject", "infusion"), _VISIT: ("condition", "session")},
    ("infusion",): {"subject": ("subject", "condition"), _VISIT: ("infusion", "session")},
    _BOTH: {"subject": ("subject",), "subject:condition": ("condition",),
            "subject:infusion": ("infusion",), _VISIT: ("session",)},
}  # fmt: skip

# As what a source enters the trial to come; a person's part cancels where sessions are compared.
_ENTERS: dict[tuple[str, ...], dict[str, str]] = {
    (): dict.fromkeys(_WORDS, "subject"),
    ("condition",): {"subject": "subject", "condition": "session", "infusion": "subject",
                     "session": "session"},
    ("infusion",): {"subject": "subject", "condition": "subject", "infusion": "session",
                    "session": "session"},
    _BOTH: {"subject": "subject", "condition": "subject", "infusion": "infusion",
            "session": "session"},
}  # fmt: skip
_WORST_FIRST = ("session", "infusion", "subject")


@dataclass(frozen=True, slots=True)
class Components:
    """Standard deviations for a trial to come.

    Attributes
    ----------
    subject_sd, infusion_sd, session_sd, residual_sd : float
        As `Design` has them.
    cautions : tuple of str
        What the table does not tell.
    """

    subject_sd: float
    infusion_sd: float
    session_sd: float
    residual_sd: float
    cautions: tuple[str, ...]


def components_for(model: TrialModel, plan: Plan, to_come: Plan) -> Components:
    """Return the variances of a fitted model as they enter a trial of another design.

    Where one term of the table holds what the trial to come has apart, all of it is
    taken as the part that costs most power, and a caution says so.

    Parameters
    ----------
    model : TrialModel
        The primary model of the present trial.
    plan, to_come : Plan
        Of the present trial and of the one to come.

    Raises
    ------
    TableError
        If too few sessions are left of a factorial trial for the terms of its design.
    """
    parts = model.fit.variance_components.set_index("group")["variance"]
    sessions = model.fit.data.groupby("subject")["visit"].nunique().max()
    held = _HELD[plan.within if sessions > 1 else ()]
    # With one bin the last of the terms is in the residual.
    if missing := [term for term in held if term not in (*parts.index, list(held)[-1])]:
        raise TableError(
            f"the table has no variance of {', '.join(missing)}: nobody has two sessions with the "
            "same condition or infusion. Plan from a table with more sessions."
        )
    enters = _ENTERS[to_come.within]
    variance = dict.fromkeys(_WORST_FIRST, 0.0)
    cautions = []
    for term, sources in held.items():
        places = {enters[source] for source in sources}
        worst = next(place for place in _WORST_FIRST if place in places)
        variance[worst] += float(parts.get(term, 0.0))
        if len(places) > 1:
            cautions.append(_together(sources, places - {worst}))
        elif worst == "session" or not to_come.within:
            cautions += _boundary(model, term)
    sd = {name: float(np.sqrt(value)) for name, value in variance.items()}
    return Components(sd["subject"], sd["infusion"], sd["session"],
                      float(np.sqrt(parts["Residual"])), tuple(cautions))  # fmt: skip


def _together(sources: tuple[str, ...], spared: set[str]) -> str:
    """Return the caution on variances that the table does not tell apart."""
    words = [_WORDS[source] for source in sources]
    return (
        f"the table's design cannot tell the variance of {', '.join(words[:-1])} from that of "
        f"{words[-1]}. All of it counts as what the trial to come cannot cancel "
        f"(none as {' or '.join(sorted(_WORDS[name] for name in spared))}): power is at least, "
        "participants and widths are at most what is given."
    )


def _boundary(model: TrialModel, term: str) -> list[str]:
    """Return the caution on a variance that the fit puts to zero."""
    parts = model.fit.variance_components.set_index("group")["variance"]
    if not model.fit.singular or parts.get(term, 1.0) >= 1e-8 * parts.sum():
        return []
    return [
        f"the variance of {term} is zero in the table, at the boundary of its fit. Small tables "
        "give zero where the truth is not: power may be far too high. Plan from more participants."
    ]
