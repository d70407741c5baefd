"""From the raw transients of one session to clean time bins."""

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from glxflow.cli.sessions import RecordFailure, at_file, failure_recorded
from glxflow.io.bids import infusion_onset_s, prefix_of
from glxflow.io.metadata import ScanHeader, read_header
from glxflow.io.nifti_mrs import read_series, write_series
from glxflow.io.records import write_record
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.pipeline import preprocess as clean
from glxflow.preprocess.records import Preprocessed, PreprocessOptions
from glxflow.spectrum import Fid, Series

app = typer.Typer()


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
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    bin_s: Annotated[float, typer.Option(help="Width of a time bin, in s.")],
    water: Annotated[Path | None, typer.Option(help="Unsuppressed water, NIfTI-MRS.")] = None,
    events: Annotated[Path | None, typer.Option(help="BIDS events.tsv of the scan.")] = None,
    infusion_event: Annotated[
        str, typer.Option(help="trial_type that marks the start of the infusion.")
    ] = "infusion",
    eddy_current: EddyCurrent = EddyChoice.CHECK,
    record_failure: RecordFailure = False,
) -> None:
    """Combine coils, align, clean and average the transients of one session into time bins.

    Without events the whole scan is one bin.
    """
    prefix = prefix_of(svs)
    record = out / f"{prefix}_desc-preproc_svs.json"
    with failure_recorded(record, "preprocess", enabled=record_failure):
        onset_s = infusion_onset_s(events, infusion_event) if events else None
        header = read_header(svs)
        cleaned = clean_scan(svs, water, BinPlan(onset_s, width_s=bin_s), eddy_current)
        names = {
            "Bins": f"{prefix}_desc-bins_svs.nii.gz",
            "Transients": f"{prefix}_desc-preproc_svs.nii.gz",
            "Water": f"{prefix}_desc-preproc_mrsref.nii.gz" if cleaned.water else None,
        }
        write_series(out / str(names["Bins"]), cleaned.bins, header.affine)
        write_series(out / str(names["Transients"]), cleaned.transients, header.affine)
        if cleaned.water is not None:
            write_series(
                out / str(names["Water"]), _as_series(cleaned.water, header), header.affine
            )
        write_record(
            record,
            inputs=[path for path in (svs, water, events) if path],
            parameters={
                "bin_s": bin_s,
                "infusion_event": infusion_event,
                "onset_s": onset_s,
                "eddy_current": eddy_current.value,
            },
            warnings=_private_fields(header),
            results=names | outcome_of(cleaned),
        )


def clean_scan(
    svs: Path, water: Path | None, plan: BinPlan, eddy_current: EddyChoice
) -> Preprocessed:
    """Return a raw scan preprocessed; what is wrong with it is said with its name."""
    series = read_series(svs)
    reference = read_series(water) if water else None
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
        # BIDS reads this record as the sidecar of the transients: their onsets on the clock
        # of the events, which no multiple of TR gives once transients were left out.
        "VolumeTiming": cleaned.transients.onset_s.tolist(),
        "TransientTable": {
            "onset_s": cleaned.transients.onset_s.tolist(),
            "frequency_hz": cleaned.offset_hz.tolist(),
            "phase_rad": cleaned.phase_rad.tolist(),
            "weight": _weights(cleaned),
        },
    }


def _weights(cleaned: Preprocessed) -> list[float]:
    """Return the weight of each transient in its average: 0 for those that were rejected."""
    weights = np.ones(cleaned.transients.n_transients)
    weights[list(cleaned.rejected)] = 0
    return list(weights.tolist())


def _as_series(water: Fid, header: ScanHeader) -> Series:
    """Return the combined water reference as a file holds it."""
    samples = water.samples[np.newaxis, np.newaxis]
    return Series(samples, water.axis, np.zeros(1), header.echo_time_s, header.repetition_time_s)


def _private_fields(header: ScanHeader) -> list[str]:
    """Say which personal fields were met, and not passed on."""
    if not header.private:
        return []
    return [f"{header.path.name}: {', '.join(header.private)} in the header; not passed on"]
