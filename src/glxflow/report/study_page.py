"""Show a study: its answer, what the answer rests on, and what it cannot show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from glxflow.report.change import by_participant, counted, groups, is_true
from glxflow.report.checklist import ChecklistRow
from glxflow.report.inference import (
    Row,
    attenuation_sentence,
    other_analyses,
    reading,
    result_table,
    sentence,
    steadiness,
)
from glxflow.report.numbers import true_minus, words
from glxflow.report.page import Figure, Provenance, render
from glxflow.report.study_changes import outcome_changes, score_changes
from glxflow.report.study_figures import course_figure, pairs_figure, quality_figure
from glxflow.report.study_flow import participant_flow
from glxflow.report.study_quality import doubt_rows, judged, not_drawn, quality_rows, used_rows
from glxflow.report.study_sessions import flow_of, session_rows
from glxflow.report.study_words import captions


@dataclass(frozen=True, slots=True)
class StudyPage:
    """What the page of a study shows.

    Attributes
    ----------
    title : str
        Name of the study.
    provenance : Provenance
        Version, inputs, parameters (hash of the analysis plan among them).
    conditions : tuple of str
        Condition labels, the reference first, as the plan (or the masking) names them.
    sessions : DataFrame
        Every planned or scanned session: subject, session, period, condition,
        status (used, excluded, failed, missing), stage, reason; of a factorial design
        infusion; optionally note, what else is to be said of it.
    trial : DataFrame
        A row per used session and bin: subject, session, condition, bin, t_min,
        the outcome, qc_pass.
    qc : DataFrame
        A row per session and bin: subject, session, bin, snr, fwhm_hz, qc_pass;
        optionally qc_level and flags together.
    primary : DataFrame
        Results with role, model, term, estimate, se, df, df_method, statistic, p,
        ci_low, ci_high, n_participants, n_sessions, n_rows. The first row of role
        "primary" is the claim; the first of role "as published" stands beside it.
    participants : DataFrame
        A row per subject and session with condition and `change`, the mean over the bins
        that all sessions of the participant have; NaN where there are none.
    attenuation : DataFrame
        outcome, estimate, ci_low, ci_high in percent (NaN where not bounded), method.
    clinical : DataFrame
        A row per subject, session and day with condition and the score.
    models : sequence of mapping
        How each model of `primary` was fitted: model, formula, engine, singular.
    results : mapping
        Further tables of results by heading; rows of role "coefficient" are folded
        away.
    exploratory : mapping
        Likewise, for what generates hypotheses and tests none.
    outcome, outcome_label : str
        Column of the outcome in `trial`, and how it is printed.
    joint_change : str or None
        Column of its changes that were fitted jointly, where the plan takes these.
    score, score_label : str
        Column of the score in `clinical`, and how it is printed.
    pages : mapping
        From (subject, session) to the scan page, relative to this page.
    confidence : float
        Of the intervals of the inference.
    within : tuple of str
        What varies within participants: `condition`, `infusion`, both, or nothing.
    infusions : tuple of str
        Of a factorial design.
    arms : mapping
        From each column of `sessions` in which participants differ by design to its levels.
    analysis_set : str
        Rows of `trial` that the primary result takes: `qc_pass`, or `all`.
    is_masked : bool
        Whether the conditions are still hidden behind neutral names; they then stand in
        their order, and attenuation, which has a direction, is not shown.
    cautions : tuple of str
        What the design of the study leaves open, a sentence each.
    notes : tuple of str
        Further sentences for the reader: warnings.
    checklist : tuple of ChecklistRow
        What the reporting checklist asks of the spectra, folded away.
    departures : sequence of str
        What is known of departures from the plan, a sentence each.
    """

    title: str
    provenance: Provenance
    conditions: tuple[str, ...]
    sessions: pd.DataFrame
    trial: pd.DataFrame
    qc: pd.DataFrame
    primary: pd.DataFrame
    participants: pd.DataFrame = field(default_factory=pd.DataFrame)
    attenuation: pd.DataFrame = field(default_factory=pd.DataFrame)
    clinical: pd.DataFrame = field(default_factory=pd.DataFrame)
    models: Sequence[Mapping[str, Any]] = ()
    results: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    exploratory: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    outcome: str = "glx_tnaa"
    outcome_label: str = "Glx/tNAA"
    joint_change: str | None = None
    score: str = "madrs"
    score_label: str = "MADRS"
    pages: Mapping[tuple[str, str], str] = field(default_factory=dict)
    confidence: float = 0.95
    within: tuple[str, ...] = ("condition",)
    infusions: tuple[str, ...] = ()
    arms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    analysis_set: str = "qc_pass"
    is_masked: bool = False
    cautions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    checklist: tuple[ChecklistRow, ...] = ()
    departures: Sequence[str] = ()


CLINICAL = "Clinical outcome"
SENSITIVITY = "Sensitivity of the primary result"
CLASSICAL = ("Classical crossover analysis", "Classical analysis of the design")
"""Names of tables of results: of the clinical model, and of other analyses of the primary one."""


def render_study(study: StudyPage) -> str:
    """Return the page of a study as one self-contained HTML text.

    Parameters
    ----------
    study : StudyPage
        What it shows.
    """
    if study.is_masked:
        # The order of the plan, reference first, would tell which is which; a sequence, too.
        study = replace(study, conditions=tuple(sorted(study.conditions)), arms={})
    names = groups(study.conditions, study.infusions)
    rows = _analysed(study)
    used = used_rows(rows, study.sessions, study.outcome, study.joint_change)
    models = {study.outcome_label: study.primary, study.score_label: study.results.get(CLINICAL)}
    changes, left_out_of_course = outcome_changes(
        rows, study.outcome, study.joint_change, study.infusions
    )
    scores, left_out_of_scores = score_changes(
        study.clinical, study.score, study.score_label, study.infusions
    )
    return render(
        "study.html",
        study=study,
        claims=_claims(study),
        attenuation=[
            (
                _named(study, row["outcome"]),
                attenuation_sentence(row, study.confidence),
                words(row["method"], ""),
            )
            for row in study.attenuation.to_dict("records")
        ],
        results=_results(study),
        exploratory={
            name: result_table(table, study.confidence)
            for name, table in study.exploratory.items()
        },
        figures=_figures(study, changes, scores),
        captions=captions(study.within, study.infusions)
        | {
            "jointly": "" if study.joint_change is None else ", fitted jointly over its bins",
            "left_out_of_course": left_out_of_course,
            "left_out_of_scores": left_out_of_scores,
            "n_of_course": counted(changes, "t_min", names),
            "n_of_scores": counted(scores, "day", names),
            "not_drawn": not_drawn(study.qc),
        },
        participants=participant_flow(
            study.sessions, study.participants, models, study.within, study.arms
        ),
        flow=flow_of(study.sessions, study.within, study.infusions),
        sessions=session_rows(study.sessions, study.pages),
        quality=quality_rows(study.qc, study.sessions, study.infusions),
        doubts=doubt_rows(study.qc, used),
    )


def _claims(study: StudyPage) -> list[dict[str, str]]:
    """Return the primary result in words, and the as-published model beside it."""
    claims: list[dict[str, str]] = []
    if "role" not in study.primary:
        return claims
    for role in ("primary", "as published"):
        rows = study.primary[study.primary["role"] == role].head(1).to_dict("records")
        claims += [
            {
                "role": role,
                "model": _formula(study, str(row["model"])),
                "term": true_minus(str(row["term"])),
                "sentence": sentence(row, study.confidence),
                "reading": reading(row),
                "steadiness": _steadiness(study, row) if role == "primary" else "",
            }
            for row in rows
        ]
    return claims


def _steadiness(study: StudyPage, row: Row) -> str:
    """Say which of the other analyses of the primary contrast come to another end."""
    sensitivity, classical = (
        next((study.results[name] for name in names if name in study.results), pd.DataFrame())
        for names in ((SENSITIVITY,), CLASSICAL)
    )
    others = other_analyses(row, study.outcome, sensitivity, classical)
    return steadiness(row, others, study.confidence)


def _formula(study: StudyPage, name: str) -> str:
    """Return the name of a model with its formula and engine, and whether it is singular."""
    for model in study.models:
        if model["model"] == name:
            boundary = "; the fit is at its boundary" if model.get("singular") else ""
            return f"{name}: {model['formula']}; {model['engine']}{boundary}"
    return name


def _named(study: StudyPage, outcome: str) -> str:
    """Return the name of an outcome as it is printed."""
    label = outcome.replace(study.outcome, study.outcome_label)
    return label.replace(study.score, study.score_label)


def _results(study: StudyPage) -> list[dict[str, Any]]:
    """Return every table of results, coefficients apart from what answers a question."""
    tables = {"Models of the primary outcome": study.primary, **study.results}
    views = []
    for name, table in tables.items():
        is_coefficient = table["role"].eq("coefficient") if "role" in table else table.index < 0
        views.append(
            {
                "name": name,
                "answers": result_table(table[~is_coefficient], study.confidence),
                "coefficients": result_table(table[is_coefficient], study.confidence),
            }
        )
    return views


def _figures(study: StudyPage, changes: pd.DataFrame, scores: pd.DataFrame) -> dict[str, Figure]:
    """Return the figures for which there are data, by their place on the page."""
    figures = {}
    names = groups(study.conditions, study.infusions)
    title = f"change of {study.outcome_label}"
    if len(changes):
        figures["course"] = course_figure(
            changes,
            "t_min",
            names,
            x_title="time after the start of the infusion / min",
            y_title=title,
        )
    if len(study.participants):
        infusions = study.infusions if "infusion" in study.within else ()
        pairs = by_participant(study.participants, study.conditions, infusions)
        less = f", {infusions[1]} − {infusions[0]}" if infusions else ""
        x_title = f"mean {title} after the infusion began{less}"
        figures["pairs"] = pairs_figure(pairs, x_title=x_title)
    if len(scores):
        figures["clinical"] = course_figure(
            scores,
            "day",
            names,
            x_title="day after the infusion",
            y_title=f"change of {study.score_label}",
        )
    if len(study.qc):
        figures["quality"] = quality_figure(judged(study.qc, study.sessions), study.conditions)
    return figures


def _analysed(study: StudyPage) -> pd.DataFrame:
    """Return the rows of the trial that are in the plan's analysis set."""
    if study.analysis_set == "qc_pass" and "qc_pass" in study.trial:
        return study.trial[is_true(study.trial["qc_pass"])]
    return study.trial
