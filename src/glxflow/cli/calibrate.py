"""Choose, once a study, what every fit of it shares: the stiffness of the baseline.

The choice moves glutamine by more than its SD. Made anew for each spectrum it
would add its own noise to every change; made once, participants and time bins
are comparable.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from glxflow.cli.fitting import DEFAULT_RANGE, PpmRange, basis_for
from glxflow.cli.scan_paths import PREPROCESSED, ListedScan, listed_scans
from glxflow.errors import BasisError, DataError
from glxflow.fit import FitModel, FitOptions, fit_prepared, prepare
from glxflow.io.nifti_mrs import read_series
from glxflow.io.records import read_record
from glxflow.io.tables import write_json
from glxflow.spectrum import Axis, Fid, FitStatus, Series

app = typer.Typer()


@app.command()
def calibrate(
    results: Annotated[Path, typer.Argument(help="Folder of the derivatives.")],
    basis: Annotated[Path, typer.Option(help="Basis set, in any known format.")],
    out: Annotated[Path, typer.Option(help="Where to write the choice, JSON.")],
    ppm_range: PpmRange = DEFAULT_RANGE,
) -> None:
    """Take the median, over all scans, of the baseline's effective dimension that AIC chooses.

    Scans that the basis set is not for are left out, and named.
    """
    options = FitOptions(ppm_range=ppm_range)
    models: dict[tuple[Axis, float], FitModel] = {}
    chosen = {}
    for scan in listed_scans(results / "group" / "scans.tsv"):
        found = _average(scan, results)
        if found is None:
            continue
        series, average = found
        # Scans of a protocol mostly share these, and preparing takes longer than fitting.
        shared = (series.axis, series.echo_time_s)
        try:
            if shared not in models:
                models[shared] = prepare(basis_for(basis, series, scan.prefix), options)
        except BasisError as error:
            typer.secho(f"{scan.prefix} is left out: {error}", err=True, fg="yellow")
            continue
        result = fit_prepared(average, models[shared]).result
        if result.status is FitStatus.CONVERGED:
            chosen[scan.prefix] = result.baseline_ed
    if not chosen:
        raise DataError(
            f"{results}: no scan could be fitted, so that the baseline cannot be calibrated. "
            "See the records of preprocessing and the scans named above for what is wrong."
        )
    median = round(float(np.median(list(chosen.values()))), 6)
    write_json(out, {"BaselineEdPerPpm": median, "ByScan": chosen})


def _average(scan: ListedScan, results: Path) -> tuple[Series, Fid] | None:
    """Return the bins of a scan and their average; None where preprocessing has failed."""
    path = scan.result(results, PREPROCESSED)
    record = read_record(path)
    if record["Status"] != "ok":
        return None
    bins = read_series(path.with_name(record["Bins"]))
    weights = np.array([part["weight"] for part in record["BinTable"]])
    return bins, Fid(np.average(bins.samples[0], axis=0, weights=weights), bins.axis)
