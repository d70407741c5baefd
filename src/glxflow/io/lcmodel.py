"""Read and write LCModel basis files (.BASIS) and time-domain files (.RAW, .H2O).

LCModel stores exp(-2j pi f t) for a line at higher ppm; a .BASIS holds the
unshifted discrete Fourier transform of that signal, whose first point is at
4.65 ppm. Both are conjugated here, at the door.

References
----------
Provencher SW. LCModel & LCMgui user's manual, sections 8 and 11.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glxflow.errors import BasisError
from glxflow.io.basis_names import kind_of
from glxflow.io.files import atomic_path
from glxflow.io.namelists import Namelist, fortran_numbers, read_namelists
from glxflow.spectrum import Axis, BasisSet, ComplexArray

REFERENCE_PPM = 4.65
"""Chemical shift at 0 Hz, fixed by LCModel (PPMSEP)."""

_FORMAT = "(2E17.9)"


def read_basis_file(path: Path) -> BasisSet:
    """Return the basis set of a .BASIS file as the file states it.

    Header groups are found by name, in any order, case and spacing.

    Raises
    ------
    BasisError
        If the file is encrypted, lacks a field, or holds too few or unreadable
        numbers; the message names the line or the field.
    """
    groups = read_namelists(path)
    sequence = _group(path, groups, "seqpar")
    general = _group(path, groups, "basis1")
    dwell_time_s = general.number("badelt")
    if dwell_time_s <= 0:
        raise BasisError(
            f"{path}, line {general.line}: BADELT is {dwell_time_s:g} s. A negative dwell time "
            "marks an encrypted basis set, which only LCModel can read; ask its maker for the "
            "plain one, or simulate your protocol with `glxflow basis simulate`."
        )
    field_mhz = sequence.number("hzpppm")
    axis = Axis(int(general.number("ndatab")), dwell_time_s, field_mhz, REFERENCE_PPM)
    blocks = [group for group in groups if group.name == "basis"]
    if not blocks:
        raise BasisError(f"{path}: no $BASIS group, so no metabolite. Choose another file.")
    names = tuple(block.text("metabo") for block in blocks)
    layout = general.text("fmtbas", "")
    return BasisSet(
        names=names,
        kinds=tuple(kind_of(name) for name in names),
        fids=np.array([_response(path, block, axis.n_points, layout) for block in blocks]),
        axis=axis,
        echo_time_s=(sequence.number("echot", 0) or np.nan) / 1000,
        linewidth_hz=sequence.number("fwhmba", 0.0) * field_mhz,
        source=f"{path.name} (LCModel, {sequence.text('seq', 'unknown sequence')})",
    )


def _group(path: Path, groups: Sequence[Namelist], name: str) -> Namelist:
    """Return the first group of a name."""
    for group in groups:
        if group.name == name:
            return group
    raise BasisError(f"{path}: no ${name.upper()} group. This is no LCModel .BASIS file.")


def _response(path: Path, block: Namelist, n_points: int, layout: str) -> ComplexArray:
    """Return one metabolite's signal in the package's sign, per unit concentration."""
    name = block.text("metabo")
    numbers = fortran_numbers(block, layout)
    if numbers.size != 2 * n_points:
        raise BasisError(
            f"{path}, line {block.line}: {name} holds {numbers.size / 2:g} complex points, "
            f"expected NDATAB = {n_points}. The file is truncated or mixes lengths: copy it again."
        )
    spectrum = numbers[0::2] + 1j * numbers[1::2]
    spectrum = np.roll(spectrum, -int(block.number("ishift", 0)))
    scale = block.number("tramp", 1) / (block.number("volume", 1) * block.number("conc", 1))
    return np.conj(np.fft.ifft(spectrum)).astype(np.complex128) * scale


def write_basis_file(path: Path, basis: BasisSet) -> None:
    """Write a basis set as an LCModel .BASIS file, with 0 Hz at 4.65 ppm.

    Parameters
    ----------
    path : Path
        Target, by custom `*.basis`.
    basis : BasisSet
        Already on a reference of 4.65 ppm.
    """
    axis = basis.axis
    is_known = np.isfinite(basis.echo_time_s)
    echo_time = f",\n ECHOT = {1000 * basis.echo_time_s:.4f}" if is_known else ""
    header = (
        f" $SEQPAR\n FWHMBA = {basis.linewidth_hz / axis.spectrometer_frequency_mhz:.6f},\n"
        f" HZPPPM = {axis.spectrometer_frequency_mhz:.8f}{echo_time}\n $END\n"
        f" $BASIS1\n IDBASI = '{_title(basis.source)}',\n FMTBAS = '{_FORMAT}',\n"
        f" BADELT = {axis.dwell_time_s:.12g},\n NDATAB = {axis.n_points}\n $END\n"
    )
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii") as stream:
        stream.write(header)
        for name, fid in zip(basis.names, basis.fids, strict=True):
            stream.write(
                f" $NMUSED\n XTRASH = 0.00\n $END\n $BASIS\n ID = '{name}',\n METABO = '{name}',\n"
                " CONC = 1.,\n TRAMP = 1.,\n VOLUME = 1.,\n ISHIFT = 0\n $END\n"
            )
            stream.write(_columns(np.fft.fft(np.conj(fid))))


def read_raw_folder(folder: Path, axis: Axis) -> BasisSet:
    """Return the basis set in a folder of LCModel .RAW files, one a metabolite.

    Parameters
    ----------
    folder : Path
        Holds `*.RAW`; each is named by its metabolite.
    axis : Axis
        LCModel keeps dwell time and frequency in the control file, so they must
        be given.

    Raises
    ------
    BasisError
        If there is none, or one holds another number of points.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".raw")
    fids = [read_raw(path) for path in paths]
    for path, fid in zip(paths, fids, strict=True):
        if fid.size != axis.n_points:
            raise BasisError(
                f"{path}: {fid.size} points, expected {axis.n_points} as in the protocol given. "
                "Give the number of points of these files, or export this metabolite again."
            )
    return BasisSet(
        names=tuple(path.stem for path in paths),
        kinds=tuple(kind_of(path.stem) for path in paths),
        fids=np.array(fids),
        axis=axis,
        echo_time_s=np.nan,
        linewidth_hz=0.0,
        source=f"{folder.name} (LCModel .RAW)",
    )


def read_raw(path: Path) -> ComplexArray:
    """Return the signal of an LCModel .RAW or .H2O file in the package's sign, (n_points,).

    Raises
    ------
    BasisError
        If there is no $NMID group, or the numbers are odd in count or unreadable.
    """
    group = _group(path, read_namelists(path), "nmid")
    numbers = fortran_numbers(group, group.text("fmtdat", ""))
    if numbers.size % 2 or not numbers.size:
        raise BasisError(
            f"{path}, line {group.line}: {numbers.size} numbers after $NMID, expected pairs of "
            "real and imaginary parts. The file is truncated: copy it again."
        )
    scale = group.number("tramp", 1) / group.number("volume", 1)
    return (numbers[0::2] - 1j * numbers[1::2]).astype(np.complex128) * scale


def write_raw_folder(folder: Path, basis: BasisSet) -> None:
    """Write one .RAW file a metabolite; dwell time and frequency go into LCModel's control."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, fid in zip(basis.names, basis.fids, strict=True):
        header = f" $NMID\n ID='{name}', FMTDAT='{_FORMAT}'\n VOLUME=1, TRAMP=1\n $END\n"
        with atomic_path(folder / f"{name}.RAW") as temporary:
            temporary.write_text(header + _columns(np.conj(fid)), encoding="ascii")


def _title(source: str) -> str:
    """Return a description that fits LCModel's 80 characters of ASCII between quotes."""
    return source.replace("'", "").encode("ascii", "replace").decode()[:80]


def _columns(values: ComplexArray) -> str:
    """Return complex numbers as lines of two fixed columns."""
    return "".join(f"{value.real:17.9E}{value.imag:17.9E}\n" for value in values)
