"""What an analysis plan asks of a data set that its tables do not have, before anything is fitted.

The tables are judged by the functions that judge them after the fits.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from glxflow.cli.trial import imaging_table, read_table
from glxflow.errors import TableError
from glxflow.io.bids import Scan
from glxflow.io.config import read_yaml
from glxflow.io.study import read_participants, read_scores, read_sessions
from glxflow.trial.account import DESIGN_STAGE, EXCLUDED, USED, account_for_sessions
from glxflow.trial.assemble import clinical_table, plan_of_spectra
from glxflow.trial.changes import clinical_changes
from glxflow.trial.designs.tables import check_design
from glxflow.trial.imaging import imaging_values
from glxflow.trial.plan import Plan
from glxflow.trial.randomise import blocks_of


def plan_problems(bids_dir: Path, scans: Iterable[Scan], plan: Path) -> list[str]:
    """Return what the tables of a data set lack, or have otherwise, for a plan.

    Parameters
    ----------
    bids_dir : Path
        Root of the BIDS data set.
    scans : iterable of Scan
        Those found in it.
    plan : Path
        The plan, YAML.

    Raises
    ------
    ConfigError
        If the plan is faulty by itself.
    """
    what = plan_of_spectra(read_yaml(plan), str(plan))
    try:
        participants = read_participants(bids_dir)
    except TableError as error:
        return [str(error)]
    scanned = [(scan.subject, scan.session) for scan in scans]
    subjects = sorted({*participants["subject"], *(subject for subject, _ in scanned)})
    planned, faulty = read_sessions(bids_dir, subjects)
    outcomes = dict.fromkeys(scanned, ("", ""))
    sessions = account_for_sessions(participants, planned, outcomes, faulty, what)
    is_other = (sessions["status"] == EXCLUDED) & (sessions["stage"] == DESIGN_STAGE)
    reasons = sessions.loc[is_other & ~_are_screenings(sessions, scanned), "reason"]
    faults = _faults(bids_dir, sessions, what, plan)
    return list(dict.fromkeys([*reasons, *filter(None, faults)]))


def _are_screenings(
    sessions: pd.DataFrame, scanned: Collection[tuple[str, str]]
) -> "pd.Series[bool]":
    """Tell which sessions have no scan, and in the tables no place in the trial."""
    places = sessions.reindex(columns=["period", "condition", "infusion"])
    keys = zip(sessions["subject"], sessions["session"], strict=True)
    has_none = pd.Series([key not in scanned for key in keys], index=sessions.index)
    return sessions["session"].notna() & places.isna().all(axis=1) & has_none


def _faults(bids_dir: Path, sessions: pd.DataFrame, what: Plan, plan: Path) -> Iterator[str]:
    """Yield the errors that the trial would end with, or nothing of what has none."""
    used = sessions[sessions["status"] == USED]
    of_design = _fault(
        partial(check_design, used, ("subject", "period"), what, f"{bids_dir}: sessions")
    )
    yield of_design
    yield _fault(partial(blocks_of, used, what))
    if what.instrument is not None:
        # What is wrong with the sessions would be said of their scores again.
        is_sound = (sessions["stage"] != DESIGN_STAGE).any() and not of_design
        yield _fault(
            partial(_scores, bids_dir, what.instrument, sessions if is_sound else None, what)
        )
    table = imaging_table(plan, what)
    if what.imaging is not None and table is not None:
        part = what.imaging
        yield _fault(lambda: imaging_values(read_table(table), part))


def _scores(bids_dir: Path, instrument: str, sessions: pd.DataFrame | None, what: Plan) -> None:
    """Read the scores, and how they change where sessions are given that tell it."""
    scores = read_scores(bids_dir, instrument)
    if sessions is not None:
        clinical_changes(clinical_table(scores, sessions), what)


def _fault(check: Callable[[], object]) -> str:
    """Return the error in a table that a check ends with, or nothing."""
    try:
        check()
    except TableError as error:
        return str(error)
    return ""
