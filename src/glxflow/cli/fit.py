"""Fit the spectra of one session, quantify them, judge them, and draw their page."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from glxflow import __version__
from glxflow.cli.curves import curves_of
from glxflow.cli.edited import edited_basis, fit_edited_bins
from glxflow.cli.fit_bins import FittedSession, Profile, fit_bins, names_of
from glxflow.cli.fitting import DEFAULT_RANGE, Calibration, PpmRange, baseline_of, basis_for
from glxflow.cli.model_choice import models_table
from glxflow.cli.prepared import Prepared, read_prepared, scaling_of
from glxflow.cli.preprocess import EddyChoice, EddyCurrent
from glxflow.cli.scan_paths import (
    CHANGES,
    CONCENTRATIONS,
    FITTED,
    MODELS,
    PREPROCESSED,
    QUALITY,
)
from glxflow.cli.scan_results import ScanResult, page_of, qc_rows, table_of
from glxflow.cli.sessions import RecordFailure, failure_recorded
from glxflow.cli.voxel import voxel_of
from glxflow.fit import FitOptions
from glxflow.io.files import atomic_path, files_of, sha256
from glxflow.io.nifti_mrs import write_curves
from glxflow.io.records import read_record, write_failure, write_record
from glxflow.io.scan_names import prefix_of
from glxflow.io.tables import object_of, write_tsv
from glxflow.qc.limits import Limit, limits_from
from glxflow.report.page import Provenance
from glxflow.report.scan_page import ScanPage, render_scan
from glxflow.spectrum import BasisSet

app = typer.Typer()

_CURVES, _SUMS = "desc-fit_svs.nii.gz", "desc-fitsum_svs.nii.gz"
_NOT_ALWAYS = (CHANGES, MODELS, _SUMS)
_RESULTS = (CONCENTRATIONS, QUALITY, _CURVES, *_NOT_ALWAYS)
"""What a fit leaves beside its record and its page; names begin with the prefix."""

_UNITS = {"Units": "mmol/kg", "Description": "per kg of tissue water; see Warnings"}
_MOLAL = dict.fromkeys(("water_molal", "water_molal_sd", "water_molal_sd_model"), _UNITS)
"""What the record, which is the sidecar of the concentrations, says of their columns."""


BasisOn = Annotated[
    Path | None,
    typer.Option(help="Edited scan: basis set of ON; --basis is then that of OFF."),
]
Anatomy = Annotated[
    Path | None, typer.Option(help="T1-weighted image, NIfTI: the page shows the voxel on it.")
]
Limits = Annotated[
    str, typer.Option(help='Quality limits that differ from the defaults, JSON: {"snr": ...}.')
]


@app.command()
def fit(
    source: Annotated[
        Path, typer.Argument(help="A scan (NIfTI-MRS), or the record of its preprocessing (JSON).")
    ],
    basis: Annotated[Path, typer.Option(help="Basis set, in any known format.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.", file_okay=False)],
    water: Annotated[
        Path | None, typer.Option(help="Unsuppressed water of a scan, NIfTI-MRS.")
    ] = None,
    eddy_current: EddyCurrent = EddyChoice.CHECK,
    ppm_range: PpmRange = DEFAULT_RANGE,
    calibration: Calibration = None,
    basis_on: BasisOn = None,
    t1w: Anatomy = None,
    qc: Limits = "{}",
    profile: Profile = "",
    record_failure: RecordFailure = False,
) -> None:
    """Fit every time bin of a session, with its concentrations, quality and page.

    A scan is preprocessed first, as one bin; a record stands for a session whose
    bins `glxflow preprocess` has made.
    """
    prefix = _prefix(source)
    record, page = out / f"{prefix}_{FITTED}", out / f"{prefix}_report.html"
    made = [out / f"{prefix}_{ending}" for ending in _RESULTS]
    with failure_recorded(record, "fit", made, enabled=record_failure):
        earlier = _earlier_failure(source)
        if earlier:
            stage, message = earlier
            write_failure(record, stage=stage, message=message, results=made)
        else:
            limits = limits_from(object_of("--qc", qc))
            prepared = read_prepared(source, water, eddy_current)
            options = FitOptions(ppm_range=ppm_range, baseline_ed_per_ppm=baseline_of(calibration))
            bases = (basis, basis_on) if basis_on else (basis,)
            fitted = _fitted(source, prepared, bases, options, names_of(profile))
            result = _result(prefix, prepared, fitted, limits)
            voxel = voxel_of(prepared, t1w)
            read = (*bases, *([t1w] if t1w and voxel.sections else []))
            provenance = _provenance(prepared, read, fitted.basis, options)
            content = page_of(result, provenance, _acquired(prepared, fitted.basis), voxel)
            _write(out, result, prepared, fitted, content)
            given = [path for path in (*read, calibration) if path]
            write_record(
                record,
                inputs=[*prepared.inputs, *(file for path in given for file in files_of(path))],
                parameters={**provenance.parameters, "qc": _as_data(limits)},
                warnings=[*result.notes, *voxel.warnings],
                results=_sidecar(result, made),
            )
            typer.echo(f"{page}: {result.level.value}", err=True)
            return
    _write_failure_page(page, prefix, record)


def _prefix(source: Path) -> str:
    """Return what the names of the results begin with."""
    if source.name.endswith(PREPROCESSED):
        return source.name.removesuffix(f"_{PREPROCESSED}")
    return prefix_of(source)


def _earlier_failure(source: Path) -> tuple[str, str] | None:
    """Return stage and message where preprocessing has met a broken input."""
    if not source.name.endswith(".json"):
        return None
    record = read_record(source)
    return (record["Stage"], record["Error"]) if record["Status"] == "failed" else None


def _fitted(
    source: Path,
    prepared: Prepared,
    bases: tuple[Path, ...],
    options: FitOptions,
    profiled: tuple[str, ...],
) -> FittedSession:
    """Return the fits of a session: edited where there is a basis set of ON."""
    bins, scan = prepared.bins, prepared.header.path
    record, eddies = prepared.record, prepared.eddies
    if len(bases) == 2:
        sets = edited_basis(*bases, bins, scan)
        return fit_edited_bins(source, record, sets, options, eddies, profiled)
    basis = basis_for(bases[0], bins, scan)
    return fit_bins(bins, record["BinTable"], basis, options, eddies, profiled)


def _result(
    prefix: str, prepared: Prepared, fitted: FittedSession, limits: Mapping[str, Limit]
) -> ScanResult:
    """Return all that is known of a session once it is fitted."""
    return ScanResult(
        prefix=prefix,
        record=prepared.record,
        fits=fitted.fits,
        scaling=scaling_of(prepared, fitted.basis, fitted.fits[0].result),
        limits=limits,
        axis=prepared.bins.axis,
        ensemble=fitted.ensemble,
        is_difference=bool(fitted.sums),
        changes=fitted.changes,
    )


def _provenance(
    prepared: Prepared, read: tuple[Path, ...], used: BasisSet, options: FitOptions
) -> Provenance:
    """Return what the page rests on."""
    files = [*prepared.inputs, *(file for path in read for file in files_of(path))]
    inputs = {str(path): sha256(path) for path in files}
    parameters = {
        "ppm_range": list(options.ppm_range),
        "baseline_ed_per_ppm": options.baseline_ed_per_ppm or "by AIC, for each spectrum",
        "basis": used.source,
        "basis_notes": list(used.notes),
        **prepared.record.get("Parameters", {}),
    }
    return Provenance(__version__, inputs, parameters)


def _acquired(prepared: Prepared, basis: BasisSet) -> dict[str, str]:
    """Return what was measured, for the page."""
    axis = prepared.bins.axis
    return {
        "Echo time": f"{1000 * prepared.bins.echo_time_s:g} ms",
        "Repetition time": f"{1000 * prepared.bins.repetition_time_s:g} ms",
        "Spectrometer frequency": f"{axis.spectrometer_frequency_mhz:.4f} MHz",
        "Samples": f"{axis.n_points} at {axis.bandwidth_hz:g} Hz",
        "Basis set": basis.source,
    }


def _as_data(limits: Mapping[str, Limit]) -> dict[str, dict[str, float | None]]:
    """Return the limits that the spectra were judged by, as the configuration gives them."""
    return {key: asdict(limit) for key, limit in limits.items()}


def _sidecar(result: ScanResult, made: list[Path]) -> dict[str, Any]:
    """Return what the record says of its columns and of the files that were written."""
    written = [path.name for path in made if path.exists()]
    return _MOLAL | {"NotWaterScaled": result.why_not_scaled, "Results": written}


def _write(
    out: Path, result: ScanResult, prepared: Prepared, fitted: FittedSession, page: ScanPage
) -> None:
    """Write tables, curves and the page of one session."""
    for ending in _NOT_ALWAYS:
        # What an earlier run found over other bins must not stand beside this one's results.
        (out / f"{result.prefix}_{ending}").unlink(missing_ok=True)
    write_tsv(out / f"{result.prefix}_{CONCENTRATIONS}", table_of(result))
    write_tsv(out / f"{result.prefix}_{QUALITY}", pd.DataFrame(qc_rows(result)))
    optional = {CHANGES: result.changes, MODELS: None}
    if fitted.ensemble is not None:
        optional[MODELS] = models_table(fitted.ensemble)
    for name, table in optional.items():
        if table is not None:
            write_tsv(out / f"{result.prefix}_{name}", table)
    drawn = {_CURVES: tuple(one.result for one in result.fits)}
    if fitted.sums:
        drawn[_SUMS] = fitted.sums
    for name, fits in drawn.items():
        curves, labels, axis = curves_of(fits, prepared.bins.axis)
        path = out / f"{result.prefix}_{name}"
        write_curves(path, curves, labels, axis, prepared.header.affine)
    with atomic_path(out / f"{result.prefix}_report.html") as temporary:
        temporary.write_text(render_scan(page), encoding="utf-8")


def _write_failure_page(page: Path, prefix: str, record: Path) -> None:
    """Write a page that says why there is no result."""
    message = read_record(record)["Error"]
    content = ScanPage(prefix, Provenance(__version__, {}, {}), failure=message)
    with atomic_path(page) as temporary:
        temporary.write_text(render_scan(content), encoding="utf-8")
