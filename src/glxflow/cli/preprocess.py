"""From the raw transients of one session to clean time bins."""

import math
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from glxflow.cli.sessions import RecordFailure, at_file, failure_recorded
from glxflow.io.acquired import onsets
from glxflow.io.edit_order import edit_conditions, edit_pulse
from glxflow.io.edited import read_conditions
from glxflow.io.metadata import ScanHeader, read_header
from glxflow.io.nifti_mrs import read_reference, read_series, write_conditions, write_series
from glxflow.io.records import write_record
from glxflow.io.scan_names import infusion_onset_s, prefix_of
from glxflow.io.sidecars import with_sidecars
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.edited import CONDITIONS, preprocess_edited
from glxflow.preprocess.pipeline import preprocess as clean
from glxflow.preprocess.records import Edited, Preprocessed, PreprocessOptions
from glxflow.spectrum import Flag, RealArray, starts_within

app = typer.Typer()

TISSUE = "TissueFractions"
"""Field of a sidecar, and of the record: shares of grey and white matter and CSF in the voxel."""

_RESULTS = ("bins_svs", "off_svs", "diff_svs", "sum_svs", "preproc_svs", "preproc_mrsref")
"""What preprocessing leaves beside its record, as `_named` takes it."""

# How far, as a share, the distance of onsets may be from the time that averages take.
_AS_LONG = 0.1


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
    record = out / f"{prefix}_desc-preproc_svs.json"
    made = [_named(out / prefix, ending) for ending in _RESULTS]
    with failure_recorded(record, "preprocess", made, enabled=record_failure):
        onset_s = infusion_onset_s(events, infusion_event) if events else None
        header = read_header(svs)
        plan = BinPlan(onset_s, width_s=bin_s, step_s=bin_step_s, count=bin_count)
        write = _write_edited if edit_conditions(header) else _write_plain
        results = write(out / prefix, header, water, plan, eddy_current)
        results[TISSUE] = header.fields.get(TISSUE)
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
    target: Path, header: ScanHeader, water: Path | None, plan: BinPlan, eddy: EddyChoice
) -> dict[str, Any]:
    """Write the bins and transients of a scan without editing; return its results."""
    cleaned = clean_scan(header.path, water, plan, eddy)
    bins, transients = _named(target, "bins_svs"), _named(target, "preproc_svs")
    write_series(bins, cleaned.bins, header.affine)
    write_series(transients, cleaned.transients, header.affine)
    names = {"Bins": bins.name, "Transients": transients.name}
    return names | _write_water(target, cleaned, water) | outcome_of(cleaned)


def _write_edited(
    target: Path, header: ScanHeader, water: Path | None, plan: BinPlan, eddy: EddyChoice
) -> dict[str, Any]:
    """Write OFF, difference and sum of the bins, and the pairs; return their results."""
    reference = read_reference(read_header(water), header) if water else None
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


def _write_water(target: Path, cleaned: Preprocessed, water: Path | None) -> dict[str, Any]:
    """Write the combined water reference where one is used, in its place; return its name."""
    if water is None or cleaned.water is None:
        return {"Water": None}
    path = _named(target, "preproc_mrsref")
    write_series(path, cleaned.water, read_header(water).affine)
    return {"Water": path.name}


def clean_scan(
    svs: Path, water: Path | None, plan: BinPlan, eddy_current: EddyChoice
) -> Preprocessed:
    """Return a raw scan preprocessed; what is wrong with it is said with its name."""
    series = read_series(svs)
    reference = read_reference(read_header(water), read_header(svs)) if water else None
    with at_file(svs):
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


def _fewer_than_planned(header: ScanHeader) -> list[dict[str, str]]:
    """Return a flag where a scan stopped before its planned number of transients.

    One transient is no such case: it is the scanner's average of all.
    """
    planned = header.fields.get("NumberOfTransients")
    found = _n_stored(header)
    if not isinstance(planned, int) or not 1 < found < planned:
        return []
    if _are_averages(header, planned / found):
        return []
    or_average = ""
    if planned % found == 0:
        or_average = (
            f", or each stored transient is an average of {planned // found}; then VolumeTiming "
            "is needed in the sidecar, the start of each in s"
        )
    message = (
        f"{found} of {planned} planned transients: the scan stopped, or part of it was lost on "
        f"the way, and later time bins are missing{or_average}. Compare with the scan's log."
    )
    return [asdict(Flag("fewer_transients", message))]


def _are_averages(header: ScanHeader, count: float) -> bool:
    """Tell whether onsets lie so far apart that stored transients are averages of as many."""
    timing_s = header.volume_timing_s
    if timing_s is None:
        return False
    apart_s = float(np.median(np.diff(np.sort(timing_s))))
    return math.isclose(apart_s, count * header.repetition_time_s, rel_tol=_AS_LONG)


def compare_with_file(
    results: dict[str, Any], header: ScanHeader, infusion_s: float | None
) -> None:
    """Add to what preprocessing found how much of the scan the file holds, readable or not.

    Parameters
    ----------
    results : dict
        As `outcome_of` returns it; flags and the bin table are added to.
    header : ScanHeader
        Of the raw scan.
    infusion_s : float or None
        Onset of the infusion, in s.
    """
    results["Flags"] += _fewer_than_planned(header)
    _count_acquired(results["BinTable"], header, infusion_s)


def _count_acquired(
    table: list[dict[str, Any]], header: ScanHeader, infusion_s: float | None
) -> None:
    """Add to each bin how many transients (or pairs) the file has in it, readable or not."""
    time_s = onsets(header, _n_stored(header))
    conditions = np.array(edit_conditions(header))
    if conditions.size:
        time_s = time_s[conditions == conditions[0]]
    time_s = time_s - (infusion_s or 0.0)
    for row in table:
        # The first bin and a whole session begin and end with what could be used.
        start_s = row["start_s"] if row["index"] else -math.inf
        stop_s = row["stop_s"] if infusion_s is not None else math.inf
        left = row["n_used"] + row["n_rejected"]
        row["n_acquired"] = max(int(starts_within(time_s, start_s, stop_s).sum()), left)


def _n_stored(header: ScanHeader) -> int:
    """Return the number of transients in a file, those of all conditions."""
    sizes = zip(header.dim_tags, header.shape[4:], strict=True)
    return math.prod(size for tag, size in sizes if tag != "DIM_COIL")
