"""Basis sets: simulate one, convert one, look at one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from glxflow import __version__
from glxflow.basis.collinearity import broadened_spectra, collinear_pairs
from glxflow.basis.measured import measured_macromolecules, with_measured
from glxflow.basis.protocol import protocol_for
from glxflow.basis.pulses import editing_pulse, localisation_for
from glxflow.basis.simulate import edited_difference
from glxflow.cli.basis_cache import cached_basis
from glxflow.cli.basis_sampling import EchoTime, mixing_time_s, sampling
from glxflow.cli.basis_sequence import sequence_for
from glxflow.cli.fitting import DEFAULT_RANGE, responses_for
from glxflow.cli.preprocess import EddyChoice, clean_scan
from glxflow.errors import ConfigError
from glxflow.io.basis_files import FORMATS, format_of, load_basis, read_basis, write_basis
from glxflow.io.basis_names import canonical_name
from glxflow.io.files import atomic_path, files_of, sha256
from glxflow.io.metadata import read_header
from glxflow.preprocess.bins import BinPlan
from glxflow.report.basis_page import BasisView, basis_page
from glxflow.report.page import Provenance
from glxflow.spectrum import Axis, BoolArray

app = typer.Typer(no_args_is_help=True, add_completion=False)

_ALIKE = 0.7
"""Correlation from which a pair is listed: their SDs grow by 1.4."""


def _a_width(value: float) -> float:
    """Return a line width that a line can have."""
    if not 0 <= value < float("inf"):
        raise typer.BadParameter(f"{value:g} is no line width: give a number from 0, in Hz.")
    return value


Format = Annotated[
    str | None,
    typer.Option("--format", help=f"{', '.join(FORMATS)}; from the target's name if not given."),
]
FieldMhz = Annotated[float | None, typer.Option(min=10, help="Spectrometer frequency, in MHz.")]
Points = Annotated[int | None, typer.Option(min=2, help="Number of complex points.")]
Dwell = Annotated[float | None, typer.Option(min=1e-9, max=0.1, help="Dwell time, in s.")]
SequenceName = Annotated[
    str | None,
    typer.Option(
        help="press, steam, slaser, special, megapress; if not given that of --like, else press."
    ),
]
Delays = Annotated[
    str | None, typer.Option(help="Times between pulse centres and to the echo, in ms: 6,15,9.")
]
Like = Annotated[
    Path | None,
    typer.Option(
        help="Scan (.nii.gz) or protocol.json: field, TE, TM, dwell time, points and sequence."
    ),
]
Pulses = Annotated[
    str,
    typer.Option(
        help="ideal; or shaped refocusing (and editing) pulses with slice gradients, for press, "
        "slaser and megapress."
    ),
]
EditPpm = Annotated[
    str | None,
    typer.Option(help="Carrier of the editing pulses; two, as 1.9,7.5, give a difference."),
]
Metabolites = Annotated[
    str | None, typer.Option(help="Names, such as Glu,Gln,NAA,Cr; all usual ones if not given.")
]
SpinSystems = Annotated[
    str | None,
    typer.Option(help="For disputed ones: GABA=GABA_gov,Glu=Glu_deGraaf,Gln=Gln_deGraaf."),
]


@app.callback()
def _basis() -> None:
    """Simulate, convert and show basis sets."""


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="File, or folder for fsl, raw and jmrui.")],
    sequence: SequenceName = None,
    te: EchoTime = None,
    delays: Delays = None,
    field_mhz: FieldMhz = None,
    points: Points = None,
    dwell: Dwell = None,
    like: Like = None,
    pulses: Pulses = "ideal",
    edit_ppm: EditPpm = None,
    metabolites: Metabolites = None,
    spin_systems: SpinSystems = None,
    fmt: Format = None,
) -> None:
    """Simulate the responses of brain metabolites to a protocol."""
    is_shaped = _is_shaped(pulses)
    chosen_sequence = sequence_for(sequence, like)
    axis, echo_time_s = sampling(like, te, field_mhz, points, dwell)
    delays_ms = _numbers("--delays", delays)
    protocols = [
        protocol_for(
            chosen_sequence,
            axis,
            echo_time_s=echo_time_s,
            delays_s=delays_ms and [delay / 1000 for delay in delays_ms],
            mixing_time_s=mixing_time_s(like),
            localisation=localisation_for(chosen_sequence) if is_shaped else None,
            edit_ppm=carrier_ppm,
            editing=editing_pulse() if is_shaped and edit_ppm else None,
        )
        for carrier_ppm in _carriers(edit_ppm)
    ]
    if protocols[0].assumption:
        typer.secho(protocols[0].assumption, err=True)
    names = _metabolites(metabolites)
    chosen = _choices(spin_systems)
    sets = [cached_basis(protocol, names, chosen) for protocol in protocols]
    basis = edited_difference(*sets) if len(sets) > 1 else sets[0]
    write_basis(out, basis, fmt or format_of(out))


def _is_shaped(pulses: str) -> bool:
    """Tell whether shaped pulses are asked for."""
    if pulses not in ("ideal", "shaped"):
        raise ConfigError(f"--pulses is {pulses!r}, expected ideal or shaped.")
    return pulses == "shaped"


def _carriers(edit_ppm: str | None) -> Sequence[float]:
    """Return the carriers of the editing pulses; NaN stands for none."""
    carriers_ppm = _numbers("--edit-ppm", edit_ppm) or (np.nan,)
    if len(carriers_ppm) > 2:
        raise ConfigError(f"--edit-ppm is {edit_ppm!r}, expected one frequency or two.")
    return carriers_ppm


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="A basis set in any known format.")],
    target: Annotated[Path, typer.Argument(help="File, or folder for fsl, raw and jmrui.")],
    field_mhz: FieldMhz = None,
    points: Points = None,
    dwell: Dwell = None,
    fmt: Format = None,
) -> None:
    """Write a basis set in another format, with the same responses.

    Field, points and dwell time are needed only for LCModel .RAW files, which do
    not state them.
    """
    given = (field_mhz, points, dwell)
    axis = None
    if any(value is not None for value in given):
        axis, _ = sampling(None, 1.0, *given)
    basis = load_basis(source, axis)
    for note in basis.notes:
        typer.secho(f"{source}: {note}", err=True)
    write_basis(target, basis, fmt or format_of(target))


@app.command()
def add_macromolecules(
    source: Annotated[Path, typer.Argument(help="Basis set of the same sequence and echo time.")],
    nulled: Annotated[Path, typer.Option(help="Metabolite-nulled scan, NIfTI-MRS.")],
    out: Annotated[Path, typer.Option(help="The basis set to write.")],
    water: Annotated[Path | None, typer.Option(help="Its water reference, NIfTI-MRS.")] = None,
    linewidth_hz: Annotated[
        float,
        typer.Option(
            help="Line width of metabolites in the nulled scan, in Hz.", callback=_a_width
        ),
    ] = 6.0,
    fmt: Format = None,
) -> None:
    """Put macromolecules measured by nulling metabolites into a basis set."""
    reference = read_header(water) if water else None
    cleaned = clean_scan(read_header(nulled), reference, BinPlan(None), EddyChoice.CHECK).bins
    basis = responses_for(source, cleaned, nulled)
    measured = measured_macromolecules(cleaned.fid(0), basis, linewidth_hz)
    for note in measured.notes:
        typer.secho(f"{nulled}: {note}", err=True)
    write_basis(out, with_measured(basis, measured), fmt or format_of(out))


@app.command()
def show(
    source: Annotated[Path, typer.Argument(help="A basis set in any known format.")],
    out: Annotated[Path, typer.Option(help="The page to write, *.html.")],
    ppm_range: Annotated[
        tuple[float, float], typer.Option(help="Chemical shifts to show, in ppm.")
    ] = DEFAULT_RANGE,
    linewidth_hz: Annotated[
        float,
        typer.Option(
            help="Line width to add, in Hz; in vivo at 3 T about 5 Hz.", callback=_a_width
        ),
    ] = 5.0,
) -> None:
    """Write a page with every component, and the pairs that cannot be told apart."""
    basis = read_basis(source)
    inside = _inside(basis.axis, ppm_range)
    pairs = collinear_pairs(basis, ppm_range=ppm_range, linewidth_hz=linewidth_hz, limit=_ALIKE)
    view = BasisView(
        title=source.name,
        basis=basis,
        ppm=basis.axis.ppm[inside],
        curves=broadened_spectra(basis, linewidth_hz).real[:, inside],
        linewidth_hz=linewidth_hz,
        pairs=[(pair.first, pair.second, pair.correlation) for pair in pairs],
        limit=_ALIKE,
        provenance=Provenance(
            version=__version__,
            inputs={str(path): sha256(path) for path in files_of(source)},
            parameters={"ppm range": ppm_range, "line width added / Hz": linewidth_hz},
        ),
    )
    with atomic_path(out) as temporary:
        temporary.write_text(basis_page(view), encoding="utf-8")


def _inside(axis: Axis, ppm_range: tuple[float, float]) -> BoolArray:
    """Return which points of an axis are shown."""
    low, high = ppm_range
    inside = (axis.ppm >= low) & (axis.ppm <= high)
    if inside.sum() < 2:
        raise ConfigError(
            f"--ppm-range is {low:g} {high:g} ppm, which holds {inside.sum()} points of the basis "
            f"set: expected the lower end first, within {axis.ppm[0]:.1f} and "
            f"{axis.ppm[-1]:.1f} ppm."
        )
    return inside


def _numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """Return comma-separated numbers."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"{option} is {text!r}, expected numbers with commas between, such as 6,15,9."
        ) from None


def _metabolites(text: str | None) -> list[str] | None:
    """Return the metabolites that are named, in any case or common spelling."""
    return None if text is None else [canonical_name(name.strip()) for name in text.split(",")]


def _choices(text: str | None) -> dict[str, str]:
    """Return the spin system chosen for each metabolite named."""
    pairs = [part.split("=") for part in text.split(",")] if text else []
    if any(len(pair) != 2 for pair in pairs):
        raise ConfigError(f"--spin-systems is {text!r}, expected such as GABA=GABA_gov.")
    return {canonical_name(name.strip()): canonical_name(other.strip()) for name, other in pairs}
