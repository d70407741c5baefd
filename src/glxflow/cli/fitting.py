"""What every command that fits spectra does first: bring the basis set to the scan."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.resample import resample
from glxflow.errors import BasisError, TableError
from glxflow.io.basis_files import read_basis
from glxflow.io.fit_range import range_problem
from glxflow.io.tables import read_json
from glxflow.spectrum import BasisSet, Series

LARGEST_TE_DIFFERENCE_S = 0.001
"""Difference of echo times up to which a basis set is for a scan."""

DEFAULT_RANGE = (0.2, 4.2)
"""That of `FitOptions`, whose package takes longer to import than some commands need."""


def _checked(ends: tuple[float, float]) -> tuple[float, float]:
    """Return a range that can be fitted."""
    problem = range_problem(*ends)
    if problem:
        low, high = DEFAULT_RANGE
        raise typer.BadParameter(f"{problem}. The default is {low:g} {high:g}.")
    return ends


PpmRange = Annotated[
    tuple[float, float],
    typer.Option(
        metavar="LOW HIGH",
        help="Lowest and highest fitted chemical shift, ppm: two numbers.",
        callback=_checked,
    ),
]

Calibration = Annotated[
    Path | None,
    typer.Option(help="Baseline of the study, by `glxflow calibrate`; else AIC chooses."),
]


def baseline_of(calibration: Path | None) -> float | None:
    """Return the effective dimension per ppm of the study's baseline; None where AIC chooses.

    Raises
    ------
    TableError
        If the file is absent, or not one that `glxflow calibrate` writes.
    """
    if calibration is None:
        return None
    found = read_json(calibration).get("BaselineEdPerPpm")
    if not isinstance(found, int | float) or not found > 0:
        raise TableError(
            f"{calibration}: BaselineEdPerPpm is {'missing' if found is None else repr(found)}, "
            "expected a number above 0. Give --calibration the file that `glxflow calibrate` has "
            "written, or leave it out: AIC then chooses."
        )
    return float(found)


def basis_for(basis: Path, series: Series, scan: Path | str) -> BasisSet:
    """Return a basis set on a scan's axis, with macromolecules; errors as `responses_for`."""
    return with_macromolecules(responses_for(basis, series, scan))


def responses_for(basis: Path, series: Series, scan: Path | str) -> BasisSet:
    """Return a basis set on a scan's axis as its file holds it.

    Where the file does not state its echo time, a note says that it was not compared.

    Raises
    ------
    BasisError
        If it cannot be read, or is for another echo time, field or nucleus.
    """
    found = read_basis(basis)
    if abs(found.echo_time_s - series.echo_time_s) > LARGEST_TE_DIFFERENCE_S:
        raise BasisError(
            f"{basis}: the basis set is for TE {1000 * found.echo_time_s:g} ms, but {scan} has "
            f"TE {1000 * series.echo_time_s:g} ms. Simulate one with `glxflow basis simulate "
            "--like` and the raw scan; in a study, analyse scans of another protocol apart."
        )
    if not found.echo_time_s > 0:
        note = (
            "echo time and sequence not checked: the file does not state its echo time, the scan "
            f"has TE {1000 * series.echo_time_s:g} ms"
        )
        found = replace(found, notes=tuple(dict.fromkeys((*found.notes, note))))
    return resample(found, series.axis)
