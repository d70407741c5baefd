"""Read and write jMRUI text files, one a metabolite or several signals in one.

By its documentation jMRUI stores exp(-2j pi f t) for a line at higher ppm. Where
0 Hz sits is not in the file; 4.65 ppm is taken, and checked against the singlets.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from glxflow.errors import BasisError
from glxflow.io.basis_names import kind_of
from glxflow.io.files import atomic_path
from glxflow.spectrum import Axis, BasisSet, ComplexArray

REFERENCE_PPM = 4.65
"""Chemical shift taken for 0 Hz, which the files do not state."""

_FIELD = re.compile(r"^[ \t]*(\w+)[ \t]*:[ \t]*(.*?)[ \t]*$", re.M)
_BLOCK = re.compile(r"^\s*Signal\s+\d+\s+out of\s+\d+\s+in file\s*$", re.M | re.I)


def is_jmrui(path: Path) -> bool:
    """Tell whether a text file says that it is jMRUI's."""
    with path.open(encoding="latin-1") as stream:
        return "jmrui" in stream.readline().lower()


def read_text_files(paths: Sequence[Path]) -> BasisSet:
    """Return the basis set in one or more jMRUI files.

    Parameters
    ----------
    paths : sequence of Path
        Files with one signal are named by their metabolite; one with several
        lists the names in its field SignalNames.

    Raises
    ------
    BasisError
        If a field or numbers are missing, or the files are sampled differently.
    """
    names: list[str] = []
    fids: list[ComplexArray] = []
    axes: list[Axis] = []
    for path in paths:
        axis, signals = _read(path)
        axes.append(axis)
        names.extend(signals)
        fids.extend(signals.values())
        if axis != axes[0]:
            raise BasisError(
                f"{path}: {axis.n_points} points every {axis.dwell_time_s:g} s at "
                f"{axis.spectrometer_frequency_mhz:g} MHz, unlike {paths[0].name}. "
                "Export the metabolites of one set together."
            )
    return BasisSet(
        names=tuple(names),
        kinds=tuple(kind_of(name) for name in names),
        fids=np.array(fids),
        axis=axes[0],
        echo_time_s=np.nan,
        linewidth_hz=0.0,
        source=f"{paths[0].name if len(paths) == 1 else paths[0].parent.name} (jMRUI)",
    )


def _read(path: Path) -> tuple[Axis, dict[str, ComplexArray]]:
    """Return the axis and the named signals of one file."""
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise BasisError(f"{path}: cannot be read ({error.strerror}). Check the path.") from None
    header, *blocks = _BLOCK.split(text)
    fields = dict(_FIELD.findall(header))
    axis = Axis(
        n_points=int(_number(path, fields, "PointsInDataset")),
        dwell_time_s=_number(path, fields, "SamplingInterval") / 1e3,
        spectrometer_frequency_mhz=_number(path, fields, "TransmitterFrequency") / 1e6,
        reference_ppm=REFERENCE_PPM,
    )
    names = [path.stem]
    if len(blocks) != 1:
        listed = fields.get("SignalNames", "").rstrip("; ,")
        names = [Path(name).stem for name in re.split(r"[;,]\s*", listed)]
    if len(names) != len(blocks):
        raise BasisError(
            f"{path}: {len(blocks)} signals but {len(names)} SignalNames. Export it again with "
            "one file a metabolite."
        )
    signals = [_signal(path, block, axis.n_points) for block in blocks]
    return axis, dict(zip(names, signals, strict=True))


def _number(path: Path, fields: Mapping[str, str], name: str) -> float:
    """Return a positive number from the header."""
    try:
        value = float(fields[name])
    except (KeyError, ValueError):
        value = np.nan
    if not value > 0:
        raise BasisError(
            f"{path}: {name} is {fields.get(name)!r}, expected a positive number. "
            "Export the file again as jMRUI text."
        )
    return value


def _signal(path: Path, block: str, n_points: int) -> ComplexArray:
    """Return one signal in the package's sign; the last two of four columns are its FFT."""
    rows = [line.split() for line in block.splitlines() if line.strip()]
    try:
        values = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise BasisError(
            f"{path}: the samples cannot be read ({error}). Export it again."
        ) from None
    if len(values) != n_points or values.shape[1] not in (2, 4):
        raise BasisError(
            f"{path}: {len(values)} lines of samples, expected PointsInDataset = {n_points} with "
            "2 or 4 columns. The file is truncated: copy it again."
        )
    signal: ComplexArray = values[:, 0] - 1j * values[:, 1]
    return signal


def write_text_files(folder: Path, basis: BasisSet) -> None:
    """Write one jMRUI text file a component.

    Parameters
    ----------
    folder : Path
        Target; made when missing.
    basis : BasisSet
        Already on a reference of 4.65 ppm.
    """
    axis = basis.axis
    for name, fid in zip(basis.names, basis.fids, strict=True):
        header = (
            f"jMRUI Data Textfile\n\nFilename: {name}.txt\n\nPointsInDataset: {axis.n_points}\n"
            f"DatasetsInFile: 1\nSamplingInterval: {1e3 * axis.dwell_time_s:.12g}\n"
            "ZeroOrderPhase: 0\nBeginTime: 0\n"
            f"TransmitterFrequency: {1e6 * axis.spectrometer_frequency_mhz:.12g}\n"
            "MagneticField: 0\nTypeOfNucleus: 0\nNameOfPatient:\nDateOfExperiment:\n"
            f"Spectrometer:\nAdditionalInfo:\nSignalNames: {name}.txt\n\n\nSignal\n"
            "sig(real)\tsig(imag)\nSignal 1 out of 1 in file\n"
        )
        rows = "".join(f"{value.real:.9E}\t{-value.imag:.9E}\n" for value in fid)
        with atomic_path(folder / f"{name}.txt") as temporary:
            temporary.write_text(header + rows, encoding="ascii")
