"""Turn scanners' raw files and clinical exports into a BIDS data set."""

import tempfile
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from glxflow import __version__
from glxflow.errors import DataError, GlxflowError
from glxflow.io.redcap import convert_redcap
from glxflow.io.tables import write_json, write_tsv
from glxflow.io.vendor import convert
from glxflow.io.vendor_table import RawScan, read_mapping

app = typer.Typer()


@app.command()
def ingest(
    bids_dir: Annotated[Path, typer.Argument(help="Root of the BIDS data set to write.")],
    scans: Annotated[
        Path | None,
        typer.Option(help="Table of raw files: participant, session, file, role, task (TSV)."),
    ] = None,
    redcap: Annotated[Path | None, typer.Option(help="Flat REDCap export (CSV).")] = None,
    redcap_plan: Annotated[
        Path | None,
        typer.Option(help="Which REDCap columns and events are what (JSON)."),
    ] = None,
) -> None:
    """Convert raw scans and a REDCap export into a BIDS data set.

    A file that cannot be converted does not stop the others; all such files are listed
    at the end, with exit code 2.
    """
    if (redcap is None) != (redcap_plan is None):
        raise DataError("--redcap and --redcap-plan belong together: give both, or neither.")
    failures = _ingest_scans(bids_dir, read_mapping(scans)) if scans else []
    if redcap is not None and redcap_plan is not None:
        for note in convert_redcap(redcap, redcap_plan, bids_dir / "phenotype"):
            typer.secho(note, err=True, fg="yellow")
    if failures:
        raise DataError("\n".join(failures))


def _ingest_scans(bids_dir: Path, scans: tuple[RawScan, ...]) -> list[str]:
    """Convert every scan, and return what could not be converted."""
    failures = []
    for scan in scans:
        target = bids_dir / scan.target
        extra: dict[str, str | bool] = {"WaterSuppression": scan.suffix == "svs"}
        if scan.task:
            extra["TaskName"] = scan.task
        try:
            with tempfile.TemporaryDirectory() as scratch:
                conversion = convert(
                    scan.source, target, known=scan.known, extra=extra, scratch=Path(scratch)
                )
        except GlxflowError as error:
            failures.append(str(error))
            continue
        typer.echo(f"{scan.source} -> {scan.target}")
        for note in conversion.notes:
            typer.secho(f"  {note}", err=True, fg="yellow")
    _describe(bids_dir, scans)
    return failures


def _describe(bids_dir: Path, scans: tuple[RawScan, ...]) -> None:
    """Write the files at the root that BIDS asks for, where there are none yet."""
    description = bids_dir / "dataset_description.json"
    if not description.exists():
        write_json(
            description,
            {
                "Name": bids_dir.resolve().name,
                "BIDSVersion": "1.11.0",
                "DatasetType": "raw",
                "GeneratedBy": [{"Name": "glxflow", "Version": __version__}],
            },
        )
    participants = bids_dir / "participants.tsv"
    if not participants.exists():
        subjects = sorted({scan.subject for scan in scans})
        write_tsv(participants, pd.DataFrame({"participant_id": subjects}))
