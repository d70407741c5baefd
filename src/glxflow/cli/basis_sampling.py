"""Take the sampling and the echo time of a basis set from options and from a scan like it."""

from pathlib import Path
from typing import Annotated

import typer

from glxflow.cli.fitting import LARGEST_TE_DIFFERENCE_S
from glxflow.errors import ConfigError, join_problems
from glxflow.io.metadata import WATER_PPM, read_header
from glxflow.io.tables import read_json
from glxflow.spectrum import Axis


def _checked_ms(te: float | None) -> float | None:
    """Return an echo time that can be one, in ms."""
    if te is not None and not 1 <= te <= 1000:
        raise typer.BadParameter(f"{te:g} ms, expected 1 to 1000 ms. Write 30 for 0.03 s.")
    return te


EchoTime = Annotated[float | None, typer.Option(help="Echo time, in ms.", callback=_checked_ms)]


def sampling(
    like: Path | None,
    te: float | None,
    field_mhz: float | None,
    points: int | None,
    dwell: float | None,
) -> tuple[Axis, float | None]:
    """Return the axis and the echo time (s): what is given, else what the scan says.

    Parameters
    ----------
    like : Path or None
        A scan, or the protocol (JSON) many scans share.
    te : float or None
        Echo time, in ms.
    field_mhz, dwell : float or None
        Spectrometer frequency, in MHz, and dwell time, in s.
    points : int or None
        Number of complex points.

    Raises
    ------
    ConfigError
        If a value is neither given nor known from the scan, or the echo time is given
        and the scan's is another.
    """
    known = _scan_values(like) if like else {}
    values = {
        "field-mhz": field_mhz or known.get("spectrometer_frequency_mhz"),
        "points": points or known.get("n_points"),
        "dwell": dwell or known.get("dwell_time_s"),
    }
    missing = [f"--{name} is not given" for name, value in values.items() if not value]
    if missing:
        raise ConfigError(
            join_problems("glxflow basis", missing) + ". Give --like SCAN.nii.gz to take "
            "them from a scan."
        )
    axis = Axis(
        n_points=int(values["points"] or 0),
        dwell_time_s=float(values["dwell"] or 0),
        spectrometer_frequency_mhz=float(values["field-mhz"] or 0),
        reference_ppm=known.get("reference_ppm", WATER_PPM),
    )
    echo_time_s = known.get("echo_time_s")
    if te is None:
        return axis, echo_time_s
    if echo_time_s is not None and abs(te / 1000 - echo_time_s) > LARGEST_TE_DIFFERENCE_S:
        raise ConfigError(
            f"--te is {te:g} ms, but {like} has TE {1000 * echo_time_s:g} ms. Leave --te out; if "
            "the scan's header is wrong, give --field-mhz, --points and --dwell instead of --like."
        )
    return axis, te / 1000


def mixing_time_s(like: Path | None) -> float | None:
    """Return the mixing time that a scan or a protocol states, in s."""
    return _scan_values(like).get("mixing_time_s") if like else None


def _scan_values(like: Path) -> dict[str, float]:
    """Return field, sampling and times of a scan, or of the protocol many scans share."""
    if like.suffix == ".json":
        return {name: value for name, value in read_json(like).items() if value is not None}
    header = read_header(like)
    mixing_s = header.mixing_time_s
    return ({} if mixing_s is None else {"mixing_time_s": mixing_s}) | {
        "spectrometer_frequency_mhz": header.axis.spectrometer_frequency_mhz,
        "n_points": header.axis.n_points,
        "dwell_time_s": header.axis.dwell_time_s,
        "reference_ppm": header.axis.reference_ppm,
        "echo_time_s": header.echo_time_s,
    }
