"""Merge the results of every session with the design and the clinical scores."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from glxflow.cli.checklist import CHECKLIST
from glxflow.cli.scan_paths import (
    CHANGES,
    CONCENTRATIONS,
    FITTED,
    QUALITY,
    STUDY_PAGE,
    ListedScan,
    listed_scans,
)
from glxflow.errors import TableError, join_problems
from glxflow.io.config import read_yaml
from glxflow.io.readable import closed_sessions
from glxflow.io.records import read_record, write_description
from glxflow.io.study import read_participants, read_scores, read_sessions, scores_of
from glxflow.io.tables import object_of, read_tsv, write_tsv
from glxflow.spectrum import OF_SERIES
from glxflow.trial.account import account_for_sessions
from glxflow.trial.assemble import clinical_table, plan_of_spectra, trial_table, with_outcomes
from glxflow.trial.fit_errors import joint_column
from glxflow.trial.obstacles import without_change
from glxflow.trial.plan import JOINT, Plan

app = typer.Typer()


@app.command()
def collect(
    bids_dir: Annotated[Path, typer.Argument(help="Root of the BIDS data set.")],
    results: Annotated[Path, typer.Argument(help="Folder of the derivatives.")],
    plan: Annotated[Path, typer.Option(help="Analysis plan, YAML.")],
    config: Annotated[
        str, typer.Option(help="Configuration of the run, JSON, which is kept beside the results.")
    ] = "",
) -> None:
    """Write the group's tables, and account for every session that was planned or scanned."""
    what = plan_of_spectra(read_yaml(plan), str(plan))
    group = results / "group"
    used = object_of("--config", config) if config else None
    write_description(results, source=bids_dir, config=used, plan_sha256=what.sha256)
    for name in ("changes.tsv", "trial.tsv", "clinical.tsv", STUDY_PAGE, CHECKLIST):
        # What an earlier run found in other sessions must not stand beside what this one
        # finds, nor for it where it ends with an error.
        (group / name).unlink(missing_ok=True)
    scans = listed_scans(group / "scans.tsv")
    participants = read_participants(bids_dir)
    subjects = sorted({*participants["subject"], *(scan.subject for scan in scans)})
    planned, table_problems = read_sessions(bids_dir, subjects)
    records = {scan: _record(scan.result(results, FITTED)) for scan in scans}
    outcomes = {key: ("scan", why) for key, why in closed_sessions(bids_dir).items()} | {
        (scan.subject, scan.session): _outcome(scan, record) for scan, record in records.items()
    }
    fitted = [scan for scan in scans if not outcomes[scan.subject, scan.session][1]]
    _refuse_lost(results, {scan: records[scan] for scan in fitted})
    concentrations, qc = (
        _stacked(results, fitted, ending) for ending in (CONCENTRATIONS, QUALITY)
    )
    unscaled = {
        (scan.subject, scan.session): reason
        for scan in fitted
        if (reason := records[scan].get("NotWaterScaled", ""))
    }
    compared = [scan for scan in fitted if scan.result(results, CHANGES).exists()]
    changes = _stacked(results, compared, CHANGES) if compared else None
    measured = with_outcomes(qc, concentrations, changes)
    outcomes |= without_change(measured, what, unscaled)
    sessions = account_for_sessions(participants, planned, outcomes, table_problems, what)
    scores = _scores(bids_dir, what)
    # Where no session has water, that tells none of them apart.
    odd = unscaled if len(unscaled) < len(fitted) else {}
    doubted = _doubted(changes) if what.change == JOINT else {}
    sessions = sessions.assign(note=_notes(scores, sessions, what, odd, doubted))
    write_tsv(group / "sessions.tsv", sessions)
    write_tsv(group / "concentrations.tsv", concentrations)
    write_tsv(group / "qc.tsv", qc)
    if changes is not None:
        write_tsv(group / "changes.tsv", changes)
    if concentrations.empty:
        raise _nothing_fitted(bids_dir, sessions)
    trial = trial_table(measured, sessions)
    joint = joint_column(what.outcome)
    if what.change == JOINT and joint not in trial:
        # All of it missing is too little for an answer, and no fault of the table.
        trial = trial.assign(**{joint: np.nan})
    write_tsv(group / "trial.tsv", trial)
    write_tsv(group / "clinical.tsv", clinical_table(scores, sessions))


def _record(path: Path) -> dict[str, Any]:
    """Return the record of a fit; of one that was not made, why."""
    if path.exists():
        return read_record(path)
    why = f"{path}: no record. Run the workflow to its end, or see its log."
    return {"Status": "failed", "Stage": "fit", "Error": why}


def _outcome(scan: ListedScan, record: Mapping[str, Any]) -> tuple[str, str]:
    """Return stage and message of a scan that failed or is doubtful by itself, or nothing.

    What could be fitted though something is wrong with it may be the wrong scan.
    """
    if record["Status"] != "ok":
        return record["Stage"], record["Error"]
    return ("scan", scan.problem) if scan.problem else ("", "")


def _refuse_lost(results: Path, records: Mapping[ListedScan, Mapping[str, Any]]) -> None:
    """Refuse to go on without a file that a fit has written and that is no longer there."""
    lost = [
        f"{path}: the fit has written it, and it is no longer there"
        for scan, record in records.items()
        for path in map(scan.result(results, FITTED).with_name, record.get("Results", []))
        if not path.exists()
    ]
    if lost:
        raise TableError(
            join_problems(str(results), lost)
            + "\n  Restore what was lost, or fit again: `snakemake --forcerun fit`, with the "
            "options of the run."
        )


def _nothing_fitted(bids_dir: Path, sessions: pd.DataFrame) -> TableError:
    """Say of each session why: a workflow removes the tables of a step that ends with an error."""
    reasons = [
        f"{row['subject']} {row['session']}: {row['reason']}"
        for row in sessions.to_dict("records")
    ]
    return TableError(join_problems(f"{bids_dir}: no session could be fitted", reasons))


def _stacked(results: Path, scans: list[ListedScan], ending: str) -> pd.DataFrame:
    """Return one table of all sessions, a column for subject and session before the rest."""
    tables = []
    for scan in scans:
        table = read_tsv(scan.result(results, ending))
        table.insert(0, "subject", scan.subject)
        table.insert(1, "session", scan.session)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _scores(bids_dir: Path, plan: Plan) -> pd.DataFrame:
    """Return the scores of the plan's instrument; an absent table is an empty one."""
    name = plan.instrument
    if name is None or not scores_of(bids_dir, name).exists():
        return pd.DataFrame(columns=["subject", "session", "day", name or "score"])
    return read_scores(bids_dir, name)


def _doubted(changes: pd.DataFrame | None) -> dict[tuple[str, str], str]:
    """Say of the sessions whose joint fit is doubted where its doubts stand."""
    if changes is None:
        return {}
    said = {}
    for key, rows in changes.groupby(["subject", "session"]):
        found = "".join(rows["flags"].head(1).dropna()).split()
        codes = " and ".join(code for code in found if code.startswith(OF_SERIES))
        if codes:
            said[str(key[0]), str(key[1])] = (
                f"changes.tsv says why its joint changes are doubted ({codes})."
            )
    return said


def _notes(
    scores: pd.DataFrame,
    sessions: pd.DataFrame,
    plan: Plan,
    unscaled: Mapping[tuple[str, str], str],
    doubted: Mapping[tuple[str, str], str],
) -> list[str]:
    """Say of each session which scores it lacks, why it has no water where others do, and more.

    Parameters
    ----------
    scores, sessions : DataFrame
        As read, and accounted for.
    plan : Plan
        Instrument and day.
    unscaled, doubted : mapping
        From (subject, session) to why it has no water, and to what is said of its joint fit.
    """
    keys = list(zip(sessions["subject"], sessions["session"], strict=True))
    waters = [f"Unlike other sessions: {unscaled[key]}" if key in unscaled else "" for key in keys]
    fits = [doubted.get(key, "") for key in keys]
    lacking = _lacking(scores, sessions, plan)
    return [" ".join(filter(None, one)) for one in zip(lacking, waters, fits, strict=True)]


def _lacking(scores: pd.DataFrame, sessions: pd.DataFrame, plan: Plan) -> list[str]:
    """Say of each session which scores it lacks; a screening, without a condition, needs none."""
    if plan.instrument is None:
        return [""] * len(sessions)
    scores = scores.dropna()
    have = set(zip(scores["subject"], scores["session"], scores["day"], strict=True))
    known = set(zip(sessions["subject"], sessions["session"], strict=True))
    strays: dict[str, list[str]] = {}
    for subject, session in dict.fromkeys(zip(scores["subject"], scores["session"], strict=True)):
        if (subject, session) not in known:
            strays.setdefault(subject, []).append(session)
    table = f"phenotype/{plan.instrument}.tsv"
    notes = []
    for row in sessions.to_dict("records"):
        lacking = [
            f"{day:g}"
            for day in (0.0, plan.day)
            if (row["subject"], row["session"], day) not in have
        ]
        if pd.isna(row["condition"]) and pd.notna(row["session"]):
            lacking = []
        days = " and ".join(lacking)
        others = " and ".join(strays.get(row["subject"], []))
        but = f" (its scores of {others} belong to no session)" if others else ""
        notes.append(f"{table} has no score of day {days}{but}. Add it." if lacking else "")
    return notes
