"""The reporting checklist of a study (MRSinMRS), from what its steps have left in files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from glxflow.cli.scan_paths import PREPROCESSED, ListedScan
from glxflow.errors import TableError
from glxflow.io.header_table import HEADER_COLUMNS
from glxflow.io.records import read_record
from glxflow.io.tables import read_json, read_tsv
from glxflow.qc.limits import limit_in_words, recorded_limits
from glxflow.qc.metrics import METRICS
from glxflow.report.checklist import ChecklistRow, counted
from glxflow.report.checklist_analysis import Analysed, Record, analysis_items
from glxflow.report.checklist_headers import header_items
from glxflow.report.checklist_quality import quality_items

CHECKLIST = "mrsinmrs.tsv"

_OF_NUMBERS = ("numpy", "scipy", "lmfit")


def checklist_of(
    group: Path,
    fits: Mapping[ListedScan, Record],
    tables: Mapping[str, pd.DataFrame],
    outcome: str,
    analysis_set: str,
) -> tuple[ChecklistRow, ...]:
    """Return the checklist of a study.

    Parameters
    ----------
    group : Path
        Folder of its tables, in that of its results.
    fits : mapping
        From each scan to the record of its fit, where there is one.
    tables : mapping
        Of them `sessions` and `qc`, which the page shows, too.
    outcome, analysis_set : str
        The primary outcome in words, and the spectra that it takes, by the plan.

    Raises
    ------
    TableError
        If the table of headers is not there.
    """
    headers = group / "headers.tsv"
    if not headers.exists():
        raise TableError(
            f"{headers}: no such table, from which the reporting checklist is filled. Run the "
            f"workflow, or `glxflow validate BIDS_DIR --out {group}` with your data set."
        )
    rows = header_items(read_tsv(headers, text=HEADER_COLUMNS).reindex(columns=HEADER_COLUMNS))
    if analysed := list(_analysed(group / "..", fits)):
        prepared, fitted = zip(*analysed, strict=True)
        descriptions = {metric.key: metric.description for metric in METRICS}
        study = Analysed(
            prepared=prepared,
            fitted=fitted,
            sessions=tables["sessions"],
            qc=tables["qc"],
            concentrations=read_tsv(group / "concentrations.tsv", text=("subject", "session")),
            software=_software(group, fitted),
            outcome=outcome,
            analysis_set=analysis_set,
            limits=[_limits(record) for record in fitted],
            water_scaling=[_water_scaling(record) for record in fitted],
            snr=descriptions["snr"],
            fwhm=descriptions["fwhm_ppm"],
        )
        rows += [*analysis_items(study), *quality_items(study)]
    return tuple(sorted(rows, key=lambda row: (row.item, row.name.startswith("Water reference"))))


def _analysed(results: Path, fits: Mapping[ListedScan, Record]) -> Iterator[tuple[Record, Record]]:
    """Yield the records of both steps for the sound scans in which they succeeded."""
    for scan, fitted in fits.items():
        path = scan.result(results, PREPROCESSED)
        if not scan.problem and fitted["Status"] == "ok" and path.exists():
            yield read_record(path), fitted


def _software(group: Path, fitted: Sequence[Record]) -> str:
    """Return what made the fits, and the packages by which it computes."""
    own = counted(f"glxflow {record['GeneratedBy'][0]['Version']}" for record in fitted)
    made_by = read_json(group / ".." / "dataset_description.json")["GeneratedBy"]
    versions = {one["Name"]: one.get("Version", "n/a") for one in made_by}
    packages = ", ".join(f"{name} {versions[name]}" for name in _OF_NUMBERS if name in versions)
    return f"{own} (with {packages})"


def _limits(record: Record) -> str:
    """Return the quality limits of a scan in words."""
    limits = recorded_limits(record["Parameters"]["qc"])
    return "; ".join(f"{m.label} {limit_in_words(m, limit)}" for m, limit in limits.items())


def _water_scaling(record: Record) -> str:
    """Return how a scan was scaled by water; its own tissue is no difference of the method."""
    if record.get("NotWaterScaled"):
        return str(record["NotWaterScaled"])
    return re.sub(
        r"voxel of \d+ % grey and \d+ % white matter and \d+ % CSF \(segmented\)",
        "voxel of grey matter, white matter and CSF by its own segmentation",
        str(record["Warnings"][0]),
    )
