"""Receptor imaging beside the trial: does the effect go with the receptors a person has.

A value a participant moderates: the effect of the condition may change with it. A
value a session, in a crossover, may mediate. Neither was randomised.

References
----------
MacKinnon DP et al. (2002). doi:10.1037/1082-989X.7.1.83.
"""

import numpy as np
import pandas as pd

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.brain import Pairs
from glxflow.trial.designs.question import contrast_name
from glxflow.trial.designs.responses import cell_means
from glxflow.trial.families import MEMBER
from glxflow.trial.mediation import mediate
from glxflow.trial.models import METHODS, TrialModel, fit_design
from glxflow.trial.plan import Plan
from glxflow.trial.plan_parts import Imaging

_MODERATION = (
    "Nobody was randomised to receptors: that the effect goes with them between participants is a "
    "correlation, no mediation, and no proof that they cause it."
)
_MEDIATION = (
    "The mediator was not randomised: an indirect effect is statistical, and that receptors and "
    "outcome go together, within or between participants, does not show that one causes the other."
)

FEWEST = 6
"""Participants with values below which the analysis means nothing."""


def imaging_analysis(imaging: pd.DataFrame, changes: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the moderation or mediation by receptor imaging, with who is left out.

    Parameters
    ----------
    imaging : DataFrame
        Columns subject, the plan's column, and where there are any period and region.
    changes : DataFrame
        From `glx_changes`.
    plan : Plan
        With `imaging`.

    Raises
    ------
    TableError
        If the table lacks columns, gives a value twice, holds text, has no such
        region, no value of a session for a mediator, or too few participants.
    TooFewError
        If the paths of a mediator cannot be told or have no error.
    """
    part = plan.imaging
    if part is None:
        raise ValueError("the plan has no imaging")
    values = imaging_values(imaging, part)
    known = sorted(set(values["subject"]) & set(changes["subject"]))
    everybody = changes["subject"].nunique()
    if len(known) < FEWEST:
        raise TableError(
            f"imaging table: {len(known)} of the trial's {everybody} participants have a value of "
            f"{part.column!r}, expected {FEWEST} or more. Check the labels of its column subject."
        )
    if part.role == "mediator":
        table = _mediation(values, changes, plan)
        own, caution = " and an outcome in both sessions", _MEDIATION
    else:
        table = _moderation(values, changes, part, plan)
        own, caution = "", _MODERATION
    note = (
        f"{table['n_participants'].iloc[0]} of {everybody} participants have a value of "
        f"{part.column}{own}; the others are left out of this analysis. Exploratory, unless "
        f"`family` names one of the plan's. {caution}"
    )
    return table.assign(note=[note, *table.get("note", pd.Series("", table.index)).iloc[1:]])


def imaging_values(imaging: pd.DataFrame, part: Imaging) -> pd.DataFrame:
    """Return the rows of the plan's region with a number: subject, period if any, value.

    Raises
    ------
    TableError
        If columns or the region are missing, values are no numbers, or given twice.
    """
    where = "imaging table"
    needed = ["subject", part.column, *(["region"] if part.region is not None else [])]
    missing = [name for name in needed if name not in imaging]
    if missing:
        raise TableError(f"{where}: columns {', '.join(missing)} are missing. Add them.")
    if part.region is not None:
        known = sorted(map(str, imaging["region"].unique()))
        imaging = imaging[imaging["region"] == part.region]
        if imaging.empty:
            raise TableError(
                f"{where}: no row of region {part.region!r}. It has {', '.join(known)}."
            )
    numbers = pd.to_numeric(imaging[part.column], errors="coerce")
    text = imaging.loc[numbers.isna() & imaging[part.column].notna(), part.column]
    if len(text):
        raise TableError(f"{where}: {part.column!r} holds {text.iloc[0]!r}, expected numbers.")
    keys = ["subject", *(["period"] if "period" in imaging else [])]
    if "period" in keys and pd.to_numeric(imaging["period"], errors="coerce").isna().any():
        raise TableError(f"{where}: 'period' holds what is no number, expected 1, 2, ...")
    twice = imaging.loc[imaging.duplicated(keys), keys]
    if len(twice):
        raise TableError(
            f"{where}: more than one value for {dict(twice.iloc[0])}. Name a region in the plan, "
            "or add the column period."
        )
    return imaging[keys].assign(value=numbers).dropna()


def _moderation(
    values: pd.DataFrame, changes: pd.DataFrame, part: Imaging, plan: Plan
) -> pd.DataFrame:
    """Return how the effect changes with the participant's value, and three effects."""
    own = values.groupby("subject")["value"].mean()
    own = own[own.index.isin(set(changes["subject"]))]
    spread = float(own.std(ddof=1))
    if spread == 0:
        raise TableError(f"imaging table: {part.column!r} is {own.iloc[0]:g} for everybody.")
    table = changes[changes["subject"].isin(set(own.index))]
    table = table.assign(binding=table["subject"].map(own - own.mean()).astype(np.float64))
    model = TrialModel(
        f"moderation by {part.column}",
        "exploratory",
        fit_design(table, "bin", moderator="binding"),
    )
    name = contrast_name(plan)
    at = {
        level: model.condition_contrast(plan, {"binding": level * spread}) for level in (-1, 0, 1)
    }
    rows = [(at[1] - at[0]) / spread, *at.values()]
    terms = [f"{name}, per unit of {part.column}"]
    terms += [
        f"{name} at {part.column} {own.mean() + level * spread:.3g} ({place})"
        for level, place in ((-1, "mean - SD"), (0, "mean"), (1, "mean + SD"))
    ]
    found = model.fit.contrast(np.array(rows)).assign(term=terms, role="exploratory")
    members = ["imaging", *[""] * (len(rows) - 1)]
    return model.labelled(found, METHODS[0], plan).assign(**{MEMBER: members})


def _mediation(values: pd.DataFrame, changes: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the mediation of the outcome's change by the sessions' values."""
    if "period" not in values:
        raise TableError(
            "imaging table: a mediator needs a value of each session. Add the column period, or "
            "write role: moderator in the plan."
        )
    people = changes.drop_duplicates(["subject", "period"])[["subject", "period", "condition"]]
    merged = values.astype({"period": int}).merge(
        people.astype({"period": int}), on=["subject", "period"]
    )
    binding = merged.pivot(index="subject", columns="condition", values="value").dropna()
    outcome = cell_means(changes, plan).dropna()
    common = binding.index.intersection(outcome.index)
    if len(common) < FEWEST:
        raise TableError(
            f"imaging table: {len(common)} participants have values of both sessions, expected "
            f"{FEWEST} or more."
        )
    sequence = changes.drop_duplicates("subject").set_index("subject")["sequence"].astype(str)
    side = np.where(sequence.loc[common] == plan.sequences[1], 1.0, -1.0)
    if np.ptp(side) == 0:
        raise TableError(
            f"imaging table: all {len(common)} participants with values of both sessions have "
            f"sequence {sequence.loc[common].iloc[0]!r}, expected both, since the mediation takes "
            "the period out. Add values, or write role: moderator in the plan."
        )
    both: list[RealArray] = [
        np.array(part.loc[common, list(plan.conditions)], dtype=np.float64)
        for part in (binding, outcome)
    ]
    pairs = Pairs(both[0], both[1], side, both[0], np.full((len(common), 2), np.nan))
    table = mediate(
        pairs,
        confidence=plan.confidence,
        n_draws=plan.n_bootstrap,
        rng=np.random.default_rng([plan.seed, 8]),
    )
    names = table["analysis"].str.replace("brain", "imaging").str.replace("behaviour", "outcome")
    joint = {
        "analysis": "indirect effect, joint significance of a and b",
        "estimate": float(table["estimate"].iloc[0] * table["estimate"].iloc[1]),
        "p": float(table["p"].iloc[:2].max()),
        "n_participants": len(common),
        "role": "exploratory",
        "note": "",
        MEMBER: "imaging",
    }
    return pd.concat([pd.DataFrame([joint]), table.assign(analysis=names)], ignore_index=True)
