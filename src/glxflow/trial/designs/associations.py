"""How brain and behaviour go together where the design is no crossover.

Each participant is one point: its response in the brain and in behaviour. Arms are
taken out of both, so that the correlation is not the arms' difference once more.
"""

import numpy as np
import pandas as pd

from glxflow.errors import TooFewError
from glxflow.trial.brain import correlation
from glxflow.trial.design import residuals
from glxflow.trial.designs.responses import in_every_session, responses
from glxflow.trial.plan import Plan

FEWEST = 6
"""Participants below which a correlation beside arms means nothing."""


def associations_by_arm(changes: pd.DataFrame, scores: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the partial correlation of responses and, of sessions, the one within people.

    Parameters
    ----------
    changes : DataFrame
        From `glx_changes`.
    scores : DataFrame
        From `clinical_changes`.
    plan : Plan
        Design and day.

    Returns
    -------
    DataFrame
        In the columns of `glxflow.trial.brain.associations`.

    Raises
    ------
    TooFewError
        With fewer than six participants beyond the arms.
    """
    on_day = scores[scores["day"] == plan.day]
    brain, behaviour = responses(changes, plan), responses(on_day, plan)
    common, one, other = np.intersect1d(brain.subject, behaviour.subject, return_indices=True)
    arms = np.unique(brain.arm[one])
    if common.size < FEWEST + arms.size:
        raise TooFewError(
            f"{common.size} participants of {arms.size} arm{'s' * (arms.size > 1)} have spectra "
            f"and {plan.instrument} of day {plan.day:g}, expected {FEWEST} more than arms"
        )
    design = np.stack([brain.arm[one] == arm for arm in arms], axis=1).astype(np.float64)
    left = [residuals(values, design) for values in (brain.value[one], behaviour.value[other])]
    name = "partial correlation of responses, arm-adjusted"
    rows = [correlation(name, left[0], left[1], common.size - arms.size - 1, plan.confidence)]
    if plan.within:
        rows.append(_within(changes, on_day, plan))
    return pd.DataFrame(rows).assign(role="exploratory", n_participants=common.size)


def _within(changes: pd.DataFrame, on_day: pd.DataFrame, plan: Plan) -> dict[str, object]:
    """Return the repeated-measures correlation over the sessions of each participant."""
    sessions = ["subject", "visit"]
    brain = in_every_session(changes).groupby(sessions)["delta"].mean()
    both = pd.concat([brain, on_day.set_index(sessions)["delta"].rename("score")], axis=1)
    both = both.dropna()
    own = both.groupby("subject")
    both = both[own["delta"].transform("size") > 1]
    centred = (both - both.groupby("subject").transform("mean")).to_numpy(dtype=np.float64)
    n_people = both.index.get_level_values("subject").nunique()
    return correlation(
        "repeated-measures correlation",
        centred[:, 0],
        centred[:, 1],
        len(both) - n_people - 1,
        plan.confidence,
        note=f"holds what {' and '.join(f'the {name}s' for name in plan.within)} change in "
        "everybody, associated or not",
    )
