"""Write a BIDS data set: tables with their descriptions, and the raw scans of sessions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glxflow import __version__
from glxflow.io.files import atomic_path
from glxflow.io.nifti_mrs import write_series
from glxflow.io.tables import write_json, write_tsv
from glxflow.spectrum import Series

BIDS_VERSION = "1.11.0"


def write_description(root: Path, name: str, readme: str) -> None:
    """Write dataset_description.json, README and .bidsignore."""
    write_json(
        root / "dataset_description.json",
        {
            "Name": name,
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            "License": "CC0",
            "Authors": ["The glxflow developers"],
            "GeneratedBy": [{"Name": "glxflow", "Version": __version__}],
        },
    )
    # The validator's schema wants one row a participant in phenotype tables, which
    # cannot hold repeated scores; they are read by us and hidden from it.
    for file, text in (("README.md", readme), (".bidsignore", "phenotype/*\n")):
        with atomic_path(root / file) as temporary:
            temporary.write_text(text, encoding="utf-8")


def write_described_tsv(path: Path, table: pd.DataFrame, columns: Mapping[str, Any]) -> None:
    """Write a table and the JSON file that describes its columns."""
    write_tsv(path, table)
    write_json(path.with_suffix(".json"), columns)


def write_scan(
    folder: Path, prefix: str, svs: Series, water: Series, events: Sequence[Mapping[str, Any]]
) -> None:
    """Write the raw scan of one session with water reference, sidecars and events.

    Parameters
    ----------
    folder : Path
        The session's `mrs` folder.
    prefix : str
        File names up to the suffix.
    svs, water : Series
        Raw data of all coils.
    events : sequence of mapping
        Rows of events.tsv: onset, duration, trial_type.
    """
    affine = np.diag([20.0, 20.0, 20.0, 1.0])
    for suffix, series in (("svs", svs), ("mrsref", water)):
        write_series(folder / f"{prefix}_{suffix}.nii.gz", series, affine)
        write_json(folder / f"{prefix}_{suffix}.json", _sidecar(series, suffix == "svs"))
    write_tsv(folder / f"{prefix}_events.tsv", pd.DataFrame(events))


def _sidecar(series: Series, is_suppressed: bool) -> dict[str, Any]:
    """Return the BIDS metadata of one scan."""
    timing = {"VolumeTiming": [float(onset) for onset in series.onset_s]} if is_suppressed else {}
    return {
        "TaskName": "ketamine",
        "Manufacturer": "simulated",
        "MagneticFieldStrength": round(series.axis.spectrometer_frequency_mhz / 42.577, 2),
        "PulseSequenceType": "PRESS",
        "ResonantNucleus": ["1H"],
        "SpectrometerFrequency": [series.axis.spectrometer_frequency_mhz],
        "SpectralWidth": series.axis.bandwidth_hz,
        "NumberOfSpectralPoints": series.axis.n_points,
        "NumberOfTransients": series.n_transients,
        "EchoTime": series.echo_time_s,
        "RepetitionTime": series.repetition_time_s,
        "WaterSuppression": is_suppressed,
        "AcquisitionVoxelSize": [20, 20, 20],
        **timing,
    }
