"""Draw the study page from the tables of the group."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from glxflow import __version__
from glxflow.cli.checklist import CHECKLIST, checklist_of
from glxflow.cli.departures import departures
from glxflow.cli.scan_paths import FITTED, INFERENCE, ListedScan, listed_scans
from glxflow.errors import ConfigError, TableError
from glxflow.io.files import atomic_path, sha256
from glxflow.io.records import read_record
from glxflow.io.tables import read_json, read_tsv, write_tsv
from glxflow.report.page import Provenance
from glxflow.report.study_page import CLASSICAL, CLINICAL, SENSITIVITY, StudyPage, render_study
from glxflow.trial.fit_errors import joint_column
from glxflow.trial.plan import JOINT

app = typer.Typer()

RESULTS = {
    "Each time bin": "bins",
    CLINICAL: "clinical",
    "Responders and remitters": "responders",
    CLASSICAL[0]: "crossover",
    CLASSICAL[1]: "classical",
    "Effect of each factor at each level of the other": "simple_effects",
    "Equivalence": "equivalence",
    "Receptor imaging": "imaging",
    SENSITIVITY: "sensitivity",
    "Missing data": "missing",
}
EXPLORATORY = {
    "Moderation by sex": "explor_sex",
    "Brain and behaviour": "explor_associations",
    "Statistical mediation": "explor_mediation",
}
"""Headings of the study page, and the tables of the analysis under them."""

_TEXT = (
    *("subject", "session", "condition", "infusion", "sequence"),
    *("status", "stage", "reason", "note"),
)

_DRAWN = ("trial.tsv", "clinical.tsv")
"""Tables of the group that the analysis has read and the page shows."""


@app.command()
def report(
    group: Annotated[Path, typer.Argument(help="Folder with the group's tables.")],
    out: Annotated[Path, typer.Option(help="The page, HTML; its checklist stands beside it.")],
) -> None:
    """Draw the page of a study: its answer, what it rests on, and what it cannot show.

    The reporting checklist (MRSinMRS) is written beside it as a table, mrsinmrs.tsv.
    """
    page = StudyPage(**_content(group, out.parent))
    write_tsv(out.with_name(CHECKLIST), pd.DataFrame(page.checklist))
    with atomic_path(out) as temporary:
        temporary.write_text(render_study(page), encoding="utf-8")
    left_out = page.sessions[page.sessions["status"] != "used"]
    typer.echo(f"{out}: {len(page.sessions) - len(left_out)} sessions used", err=True)
    for row in left_out.to_dict("records"):
        who = " ".join(row[name] for name in ("subject", "session") if pd.notna(row[name]))
        typer.secho(f"{who}: {row['reason']}", err=True, fg="yellow")


def _fits(results: Path, scans: tuple[ListedScan, ...]) -> dict[ListedScan, dict[str, Any]]:
    """Return the record of the fit of each scan that has one."""
    paths = {scan: scan.result(results, FITTED) for scan in scans}
    return {scan: read_record(path) for scan, path in paths.items() if path.exists()}


def _content(group: Path, folder: Path) -> dict[str, Any]:
    """Return the fields of a page in a folder, from the group's tables and the fits' records."""
    tables = {
        name: _table(group / f"{name}.tsv") for name in ("sessions", "trial", "qc", "clinical")
    }
    inference = group / INFERENCE
    record = read_json(inference / "inference.json")
    if record.get("Masked"):
        raise ConfigError(
            f"{inference}: the analysis is masked, and a page would show the conditions that "
            "sessions.tsv names. Read its tables, or unmask it first with `glxflow trial unmask`."
        )
    written = _written(inference, record)
    _refuse_stale(group, inference / "inference.json", record)
    read = (path for path in group.glob("*.tsv") if path.name != CHECKLIST)
    sources = sorted([*read, *written.values()])
    scans = listed_scans(group / "scans.tsv")
    fits = _fits(group / "..", scans)
    return (
        tables
        | _of_record(record)
        | {
            "provenance": Provenance(
                __version__,
                {str(path): sha256(path) for path in sources},
                {"plan_sha256": record["PlanSHA256"], "seed": record["Seed"]},
            ),
            "sessions": tables["sessions"].fillna({"stage": "", "reason": "", "note": ""}),
            "primary": _table(written["primary"]),
            **{
                name: _table(written[name]) if name in written else pd.DataFrame()
                for name in ("participants", "attenuation")
            },
            "results": _tables(written, RESULTS),
            "exploratory": _tables(written, EXPLORATORY),
            "pages": _pages(group, scans, folder),
            "departures": departures(fits.values(), record["Warnings"]),
            "checklist": checklist_of(
                group, fits, tables, _outcome(record), record["AnalysisSet"]
            ),
        }
    )


def _of_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the page that the record of the analysis holds."""
    return {
        "title": record["PlanId"],
        "conditions": tuple(record["Conditions"]),
        "within": tuple(record["Within"]),
        "infusions": tuple(record["Infusions"]),
        "arms": record["Arms"],
        "outcome": record["Outcome"],
        "joint_change": joint_column(record["Outcome"]) if record["Change"] == JOINT else None,
        "outcome_label": _label(record["Outcome"]),
        "score": record["Instrument"] or "madrs",
        "score_label": (record["Instrument"] or "madrs").upper(),
        "confidence": record["Confidence"],
        "analysis_set": record["AnalysisSet"],
        "models": tuple(record["Models"]),
        "cautions": tuple(record["Cautions"]),
        "notes": tuple(record["Warnings"]),
    }


def _outcome(record: Mapping[str, Any]) -> str:
    """Return the primary outcome as a sentence of a checklist."""
    how = "fitted jointly over its bins" if record["Change"] == JOINT else "a difference of bins"
    return f"{_label(record['Outcome'])}: change from each session's own baseline, {how}"


def _refuse_stale(group: Path, path: Path, record: Mapping[str, Any]) -> None:
    """Stop where the analysis read other tables than the page shows, or what has changed since."""
    sources = record["SourceFiles"]
    for source in sources:
        read = Path(source["Path"])
        file = group / read.name if read.name in _DRAWN else read
        if file.exists() and sha256(file) != source["SHA256"]:
            others = "of another plan" if source is sources[-1] else "of other data"
            raise ConfigError(
                f"{path}: {file} has changed since the analysis read it, so that its results "
                f"are {others}. Run the analysis again with `glxflow trial run`."
            )


def _written(inference: Path, record: Mapping[str, Any]) -> dict[str, Path]:
    """Return where the tables of an analysis are, by name; all of them must still be there."""
    lacking = [
        key for key in ("Tables", "Within", "Arms", "Change", "SourceFiles") if key not in record
    ]
    if lacking:
        raise ConfigError(
            f"{inference / 'inference.json'}: it lacks {' and '.join(lacking)}, which this "
            "version expects. Run the analysis again with `glxflow trial run`."
        )
    written = {name: inference / f"{name}.tsv" for name in record["Tables"]}
    lost = [str(path) for path in written.values() if not path.exists()]
    if lost:
        raise TableError(
            f"{', '.join(lost)}: written by the trial, and no longer there. Restore it, or run "
            "`snakemake --forcerun trial` or `glxflow trial run` again."
        )
    return written


def _tables(written: Mapping[str, Path], names: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Return the tables that the analysis has written, by their headings."""
    return {heading: _table(written[name]) for heading, name in names.items() if name in written}


def _table(path: Path) -> pd.DataFrame:
    """Return a table whose labels stay text."""
    return read_tsv(path, text=_TEXT)


def _label(outcome: str) -> str:
    """Return an outcome as people write it, one that is no ratio with its unit."""
    if outcome == "fwhm_hz":
        return "FWHM (Hz)"
    names = {"tnaa": "tNAA", "tcr": "tCr"}
    numerator, denominator = outcome.split("_", 1)
    name = names.get(numerator, numerator.capitalize())
    if denominator == "water":
        return f"{name} (water-scaled, mmol/kg)"
    return f"{name}/{names.get(denominator, denominator)}"


def _pages(group: Path, scans: tuple[ListedScan, ...], folder: Path) -> dict[tuple[str, str], str]:
    """Return the scan page of each session, relative to the folder of the study page."""
    pages = {
        (scan.subject, scan.session): scan.result(group / "..", "report.html") for scan in scans
    }
    return {who: Path(os.path.relpath(page, folder)).as_posix() for who, page in pages.items()}
