"""How much the primary result depends on choices: rows, errors, influence, missing data."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.changes import BASELINE_BIN, glx_changes
from glxflow.trial.designs.question import contrast_name
from glxflow.trial.fit_errors import OWN, joint_changes_of, known_covariance, with_fit_errors
from glxflow.trial.models import METHODS, TrialModel, fit_design
from glxflow.trial.plan import JOINT, SEPARATE, Plan
from glxflow.trial.robustness import robustness

Choice = tuple[str, str, Callable[[], TrialModel]]
"""Name and note of an analysis, and what makes it."""


def sensitivity(trial: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the primary contrast under other choices, a row each.

    Parameters
    ----------
    trial : DataFrame
        The long table.
    plan : Plan
        The plan whose choices are varied.

    Returns
    -------
    DataFrame
        In the columns of every results table, and `note`. What the data cannot
        carry is left out.
    """
    changes = glx_changes(trial, plan)
    choices = [*_sets(trial, changes, plan), *_of_the_fits(trial, changes, plan)]
    rows = [row for choice in choices for row in _row(*choice, plan)]
    rows += list(robustness(contrast_model(changes), contrast_name(plan), plan))
    rows += list(influence(changes, plan))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def _sets(trial: pd.DataFrame, changes: pd.DataFrame, plan: Plan) -> Iterator[Choice]:
    """Yield the analysis with other rows, and without the baseline."""

    def of_set(name: str) -> TrialModel:
        return contrast_model(glx_changes(trial, replace(plan, analysis_set=name)))

    yield "set: all rows with data", "", lambda: of_set("all")
    yield (
        "set: participants with every session",
        "",
        lambda: contrast_model(complete_participants(changes)),
    )
    if "qc_pass" in trial:
        yield "set: rows that pass quality control", "", lambda: of_set("qc_pass")
    yield (
        "without the baseline as covariate",
        "of the changes alone, as the classical t test is",
        lambda: contrast_model(changes.assign(base_sub_c=0.0, base_dev=0.0)),
    )


def _of_the_fits(trial: pd.DataFrame, changes: pd.DataFrame, plan: Plan) -> Iterator[Choice]:
    """Yield the analysis with changes measured in the other way, and with known errors."""
    name = "errors of the fits as known covariance"
    beside = "the baseline's error is for the variance between sessions: it is a covariate"
    measured = with_fit_errors(changes, plan)
    if joint_changes_of(changes, plan.outcome) is not None:
        if plan.change == JOINT:
            # Of all bins that have one: those that the joint fit has lost, too.
            yield (
                "differences of separate fits",
                "each bin has lines and macromolecules of its own, so that the differences hold "
                "more of the noise than changes that were fitted jointly",
                lambda: contrast_model(glx_changes(trial, replace(plan, change=SEPARATE))),
            )
        else:
            yield (
                "changes fitted jointly",
                "bins of a session share their lines and macromolecules, so that the changes "
                "hold less of the noise than differences of separate fits",
                lambda: contrast_model(measured),
            )
        note = f"of the joint changes; {beside}"
        yield name, note, lambda: contrast_model(*known_covariance(measured))
    elif measured[OWN].notna().any():
        note = (
            f"{beside}; what else the fits of a session have in common cancels in the change, so "
            "that this is the wide end"
        )
        yield name, note, lambda: contrast_model(*known_covariance(measured))
    if _is_known(changes, _spread_column(plan)):
        of_what = " of differences of separate fits" if plan.change == JOINT else ""
        yield (
            "choice of the fit's model as known covariance",
            f"SD {_root_mean_square(changes[_spread_column(plan)]):.2g}{of_what}, common to a "
            "session's bins; what differs from session to session is in their scatter already, "
            "so that the interval is wider only where that is smaller; what all sessions have in "
            "common cancels between conditions, and what goes with a condition shows in no "
            "interval",
            lambda: contrast_model(*with_model_choice(changes, plan)),
        )


def contrast_model(changes: pd.DataFrame, known: RealArray | None = None) -> TrialModel:
    """Return the design-respecting model of some changes."""
    return TrialModel("", "sensitivity", fit_design(changes, "bin", known))


def complete_participants(changes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of participants with every session."""
    sessions = changes.groupby("subject")["visit"].transform("nunique")
    if sessions.max() < 2:
        raise TableError("every participant has one session: there is nothing to complete.")
    complete: pd.DataFrame = changes[sessions == sessions.max()]
    return complete


def with_model_choice(changes: pd.DataFrame, plan: Plan) -> tuple[pd.DataFrame, RealArray]:
    """Return the rows whose spread over models of the fit is known, and its covariance.

    Another model moves all bins of a session alike. What it does to each session
    differently is in the scatter between sessions, too.
    """
    column = _spread_column(plan)
    table = changes.dropna(subset=[column]).reset_index(drop=True)
    session = (table["subject"].astype(str) + ":" + table["visit"]).to_numpy()
    sd = table[column].to_numpy(dtype=np.float64)
    return table, (session[:, np.newaxis] == session) * np.outer(sd, sd)


def _root_mean_square(column: pd.Series) -> float:
    """Return the root mean square of what is known of a column."""
    return float(np.sqrt((column**2).mean()))


def _spread_column(plan: Plan) -> str:
    """Return the column with the SD of a change over models of the fit."""
    return f"{plan.outcome}_change_sd_model"


def _is_known(changes: pd.DataFrame, column: str) -> bool:
    """Tell whether a column is there and holds anything."""
    return column in changes and bool(changes[column].notna().any())


def _row(
    name: str, note: str, fit: Callable[[], TrialModel], plan: Plan
) -> Iterator[pd.DataFrame]:
    """Yield the primary contrast of a model, or nothing where the data cannot carry it."""
    try:
        model = replace(fit(), name=name)
        contrast = model.condition_contrast(plan)
    except (TableError, ValueError):
        return
    found = model.fit.contrast(contrast).assign(term=contrast_name(plan), role="sensitivity")
    if found["se"].isna().all():
        return
    yield model.labelled(found, METHODS[0], plan).assign(note=note)


def influence(changes: pd.DataFrame, plan: Plan) -> Iterator[pd.DataFrame]:
    """Yield the lowest and the highest contrast when one participant is left out."""
    found: list[pd.DataFrame] = []
    for subject in changes["subject"].unique():
        fit = partial(contrast_model, changes[changes["subject"] != subject])
        found += list(_row(f"without {subject}", "", fit, plan))
    if not found:
        return
    estimates = [float(row["estimate"].iloc[0]) for row in found]
    for which, name in (
        (int(np.argmin(estimates)), "lowest"),
        (int(np.argmax(estimates)), "highest"),
    ):
        yield found[which].assign(note=f"{name} when one participant is left out")


def missing_data(trial: pd.DataFrame, limits: tuple[float, float], plan: Plan) -> pd.DataFrame:
    """Return what is missing under each condition, whether it differs, and what it could do.

    Parameters
    ----------
    trial : DataFrame
        The long table.
    limits : tuple of float
        Of the primary contrast's interval.
    plan : Plan
        Outcome, conditions and analysis set.

    Returns
    -------
    DataFrame
        A row per condition with planned and usable cells and sessions; then the
        exact test of sessions missing under one condition only; then the shift of
        the missing cells under the active condition at which the interval would
        touch zero (pattern mixture: a mean moves by share missing times shift).
    """
    changes = glx_changes(trial, plan)
    cells = int((trial["bin"].unique() > BASELINE_BIN).sum())
    n = trial["subject"].nunique()
    have = {
        label: changes[changes["condition"] == label].groupby("subject")["bin"].nunique()
        for label in plan.conditions
    }
    table = pd.DataFrame(
        [
            {
                "analysis": f"data under {label}",
                "n_cells": n * cells,
                "n_usable": int(have[label].sum()),
                "share_missing": 1 - have[label].sum() / (n * cells),
                "n_sessions_missing": n - len(have[label]),
            }
            for label in plan.conditions
        ]
    )
    gone = {label: set(trial["subject"]) - set(have[label].index)
            for label in plan.conditions}  # fmt: skip
    reference, active = (gone[label] for label in plan.conditions)
    discordant = len(reference ^ active)
    p = stats.binomtest(len(active - reference), discordant).pvalue if discordant else 1.0
    test = {"analysis": "sessions missing under one condition only, exact McNemar", "p": p,
            "n_sessions_missing": discordant}  # fmt: skip
    return pd.concat(
        [table, pd.DataFrame([test, _tipping(table, limits, plan)])], ignore_index=True
    )


def _tipping(table: pd.DataFrame, limits: tuple[float, float], plan: Plan) -> dict[str, object]:
    """Return the shift of missing cells that would carry the nearer limit to zero."""
    share = float(table["share_missing"].iloc[1])
    low, high = limits
    row: dict[str, object] = {"analysis": "shift of missing cells that moves the interval to zero"}
    if low <= 0 <= high:
        return row | {"note": "the interval holds zero without any shift"}
    if share == 0:
        return row | {"note": f"nothing is missing under {plan.active}"}
    return row | {"estimate": -(low if low > 0 else high) / share,
                  "note": f"unit of the outcome, under {plan.active}"}  # fmt: skip
