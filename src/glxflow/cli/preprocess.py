"""From the raw transients of one session to clean time bins."""

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from glxflow.cli.completeness import compare_with_file
from glxflow.cli.scan_paths import PREPROCESSED
from glxflow.cli.sessions import RecordFailure, at_file, failure_recorded
from glxflow.io.edit_order import edit_conditions, edit_pulse
from glxflow.io.edited import read_conditions
from glxflow.io.metadata import ScanHeader, read_header
from glxflow.io.nifti_mrs import (
    read_reference,
    read_transients,
    write_conditions,
    write_series,
)
from glxflow.io.records import write_record
from glxflow.io.scan_names import infusion_onset_s, prefix_of
from glxflow.io.sidecars import with_sidecars
from glxflow.io.voxel import voxel_size_mm
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.edited import CONDITIONS, preprocess_edited
from glxflow.preprocess.pipeline import preprocess as clean
from glxflow.preprocess.records import Edited, Preprocessed, PreprocessOptions
from glxflow.spectrum import RealArray

app = typer.Typer()

TISSUE = "TissueFractions"
"""Field of a sidecar, and of the record: shares of grey and white matter and CSF in the voxel."""

PLACE = "VoxelAffine"
"""Field of the record: from the voxel to scanner coordinates, in mm; null where unknown."""

_RESULTS = ("bins_svs", "off_svs", "diff_svs", "sum_svs", "preproc_svs", "preproc_mrsref")
"""What preprocessing leaves beside its record, as `_named` takes it."""


class EddyChoice(Enum):
    """When the water reference's phase is taken off the spectra."""

    CHECK = "check"
    ALWAYS = "always"
    NEVER = "never"


EddyCurrent = Annotated[
    EddyChoice, typer.Option(help="Eddy-current correction: where it helps, always, or never.")
]


@app.command()
def preprocess(
    svs: Annotated[Path, typer.Argument(help="Raw spectra, NIfTI-MRS.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.", file_okay=False)],
    bin_s: Annotated[float | None, typer.Option(help="Width of a time bin, in s.")] = None,
    bin_step_s: Annotated[
        float | None, typer.Option(help="Distance of their starts, in s: bins slide.")
    ] = None,
    bin_count: Annotated[
        int | None, typer.Option(help="Transients (or pairs) a bin, instead of a width.")
    ] = None,
    water: Annotated[Path | None, typer.Option(help="Unsuppressed water, NIfTI-MRS.")] = None,
    events: Annotated[Path | None, typer.Option(help="BIDS events.tsv of the scan.")] = None,
    infusion_event: Annotated[
        str, typer.Option(help="trial_type that marks the start of the infusion.")
    ] = "infusion",
    eddy_current: EddyCurrent = EddyChoice.CHECK,
    record_failure: RecordFailure = False,
) -> None:
    """Combine coils, align, clean and average the transients of one session into time bins.

    All before the infusion is the first bin; without events the whole scan is one. An
    edited scan (MEGA-PRESS) gives OFF, difference and sum of each bin.
    """
    prefix = prefix_of(svs)
    record = out / f"{prefix}_{PREPROCESSED}"
    made = [_named(out / prefix, ending) for ending in _RESULTS]
    with failure_recorded(record, "preprocess", made, enabled=record_failure):
        onset_s = infusion_onset_s(events, infusion_event) if events else None
        header = read_header(svs)
        reference = read_header(water) if water else None
        plan = BinPlan(onset_s, width_s=bin_s, step_s=bin_step_s, count=bin_count)
        write = _write_edited if edit_conditions(header) else _write_plain
        results = write(out / prefix, header, reference, plan, eddy_current)
        for path in made:
            # What an earlier run made of water or of other conditions is none of this one's.
            if path.name not in results.values():
                path.unlink(missing_ok=True)
        results |= voxel_known(header)
        compare_with_file(results, header, onset_s)
        write_record(
            record,
            inputs=[*with_sidecars(svs, water), *([events] if events else [])],
            parameters={
                "bin_s": bin_s,
                "bin_step_s": bin_step_s,
                "bin_count": bin_count,
                "infusion_event": infusion_event,
                "onset_s": onset_s,
                "eddy_current": eddy_current.value,
            },
            warnings=_private_fields(header),
            results=results,
        )


def _write_plain(
    target: Path, header: ScanHeader, water: ScanHeader | None, plan: BinPlan, eddy: EddyChoice
) -> dict[str, Any]:
    """Write the bins and transients of a scan without editing; return its results."""
    cleaned = clean_scan(header, water, plan, eddy)
    bins, transients = _named(target, "bins_svs"), _named(target, "preproc_svs")
    write_series(bins, cleaned.bins, header.affine)
    write_series(transients, cleaned.transients, header.affine)
    names = {"Bins": bins.name, "Transients": transients.name}
    return names | _write_water(target, cleaned, water) | outcome_of(cleaned)


def _write_edited(
    target: Path, header: ScanHeader, water: ScanHeader | None, plan: BinPlan, eddy: EddyChoice
) -> dict[str, Any]:
    """Write OFF, difference and sum of the bins, and the pairs; return their results."""
    reference = read_reference(water, header) if water else None
    conditions = read_conditions(header)
    with at_file(header.path):
        edited = preprocess_edited(conditions, reference, plan, PreprocessOptions(eddy.value))
    pulses = edit_pulse(header, dict(zip(edited.labels, CONDITIONS, strict=True)))
    written = {
        "Bins": (_named(target, "off_svs"), edited.off.bins),
        "Difference": (_named(target, "diff_svs"), edited.difference),
        "Sum": (_named(target, "sum_svs"), edited.total),
    }
    for path, series in written.values():
        write_series(path, series, header.affine, edit_pulse=pulses)
    pairs = dict(zip(CONDITIONS, (edited.off.transients, edited.on), strict=True))
    transients = _named(target, "preproc_svs")
    write_conditions(transients, pairs, header.affine, pulses)
    return {
        **{key: path.name for key, (path, _) in written.items()},
        "Transients": transients.name,
        "EditCondition": list(CONDITIONS),
        "EditPulse": pulses,
        **_write_water(target, edited.off, water),
        **outcome_of(edited.off),
        **_course_of_pairs(edited),
    }


def _named(target: Path, ending: str) -> Path:
    """Return the path of a derivative."""
    return target.with_name(f"{target.name}_desc-{ending}.nii.gz")


def _write_water(target: Path, cleaned: Preprocessed, water: ScanHeader | None) -> dict[str, Any]:
    """Write the combined water reference where one is used, in its place; return its name."""
    if water is None or cleaned.water is None:
        return {"Water": None}
    path = _named(target, "preproc_mrsref")
    write_series(path, cleaned.water, water.affine)
    return {"Water": path.name}


def clean_scan(
    scan: ScanHeader, water: ScanHeader | None, plan: BinPlan, eddy_current: EddyChoice
) -> Preprocessed:
    """Return a raw scan preprocessed; what is wrong with it is said with its name."""
    series = read_transients(scan)
    reference = read_reference(water, scan) if water else None
    with at_file(scan.path):
        return clean(series, reference, plan, PreprocessOptions(eddy_current.value))


def outcome_of(cleaned: Preprocessed) -> dict[str, Any]:
    """Return what preprocessing found, as its record keeps it."""
    return {
        "BinTable": [asdict(part) for part in cleaned.bin_table],
        "Metrics": dict(cleaned.metrics),
        "Steps": [asdict(step) for step in cleaned.steps],
        "Flags": [asdict(flag) for flag in cleaned.flags],
        "RejectedTransients": list(cleaned.rejected),
        "EddyCurrentCorrected": cleaned.eddy_corrected,
        # BIDS reads this record as the sidecar of the transients: their onsets on the clock
        # of the events, which no multiple of TR gives once transients were left out.
        "VolumeTiming": cleaned.transients.onset_s.tolist(),
        "TransientTable": {
            "onset_s": cleaned.transients.onset_s.tolist(),
            "frequency_hz": cleaned.offset_hz.tolist(),
            "phase_rad": cleaned.phase_rad.tolist(),
            "weight": _weights(cleaned).tolist(),
        },
    }


def voxel_known(header: ScanHeader) -> dict[str, Any]:
    """Return what a raw scan says of its voxel: derivatives have some place, known or not."""
    place = None if voxel_size_mm(header) is None else header.affine.tolist()
    return {TISSUE: header.fields.get(TISSUE), PLACE: place}


def _course_of_pairs(edited: Edited) -> dict[str, Any]:
    """Return onset, frequency, phase and weight of OFF and ON, partner after partner."""
    off, weights = edited.off, _weights(edited.off)
    columns: dict[str, tuple[RealArray, RealArray]] = {
        "onset_s": (off.transients.onset_s, edited.on.onset_s),
        "frequency_hz": (off.offset_hz, edited.on_offset_hz),
        "phase_rad": (off.phase_rad, edited.on_phase_rad),
        "weight": (weights, weights),
    }
    table: dict[str, list[float]] = {
        name: np.stack(both, axis=1).ravel().tolist() for name, both in columns.items()
    }
    condition = list(CONDITIONS) * len(weights)
    return {
        "VolumeTiming": table["onset_s"],
        "TransientTable": {"condition": condition, **table},
    }


def _weights(cleaned: Preprocessed) -> RealArray:
    """Return the weight of each transient in its average: 0 for those that were rejected."""
    weights = np.ones(cleaned.transients.n_transients)
    weights[list(cleaned.rejected)] = 0
    return weights


def _private_fields(header: ScanHeader) -> list[str]:
    """Say which personal fields were met, and not passed on."""
    if not header.private:
        return []
    return [f"{header.path.name}: {', '.join(header.private)} in the header; not passed on"]
