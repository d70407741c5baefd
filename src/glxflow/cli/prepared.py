"""What a fit starts from: clean bins, their record and their water, however they were given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glxflow.cli.completeness import compare_with_file
from glxflow.cli.model_choice import EddyCurrents
from glxflow.cli.preprocess import (
    TISSUE,
    EddyChoice,
    clean_scan,
    outcome_of,
    voxel_known,
)
from glxflow.errors import DataError
from glxflow.io.metadata import ScanHeader, read_header
from glxflow.io.nifti_mrs import read_series
from glxflow.io.records import read_record
from glxflow.io.sidecars import with_sidecars
from glxflow.preprocess.bins import BinPlan
from glxflow.preprocess.records import WATER_NOT_USED
from glxflow.quantify import (
    Acquisition,
    Timing,
    Tissue,
    WaterScaling,
    water_amplitude,
    water_scaling,
)
from glxflow.spectrum import SCALE_UNKNOWN, BasisSet, FitResult, Series


@dataclass(frozen=True, slots=True)
class Prepared:
    """What there is to fit.

    Attributes
    ----------
    bins : Series
        Clean averages, one a time bin.
    record : mapping
        What preprocessing found.
    water : Series or None
        Combined water reference.
    header : ScanHeader
        Of the scan.
    inputs : tuple of Path
        Files that were read.
    """

    bins: Series
    record: dict[str, Any]
    water: Series | None
    header: ScanHeader
    inputs: tuple[Path, ...]

    @property
    def eddies(self) -> EddyCurrents:
        """What water says of eddy currents."""
        water = None if self.water is None else self.water.fid(0)
        return EddyCurrents(water, bool(self.record["EddyCurrentCorrected"]))


def read_prepared(source: Path, water: Path | None, eddy_current: EddyChoice) -> Prepared:
    """Return clean bins: from a record, or by preprocessing a scan as one bin.

    Parameters
    ----------
    source : Path
        A scan, or the record of its preprocessing.
    water : Path or None
        Water reference of a scan.
    eddy_current : EddyChoice
        Whether a scan is corrected by it.

    Raises
    ------
    DataError
        If a record is given a water reference, is of an earlier version, or tells of other
        bins than its file holds.
    """
    if not source.name.endswith(".json"):
        header, reference = read_header(source), read_header(water) if water else None
        cleaned = clean_scan(header, reference, BinPlan(None), eddy_current)
        inputs = tuple(with_sidecars(source, water))
        record = {"Status": "ok"} | outcome_of(cleaned) | voxel_known(header)
        compare_with_file(record, header, None)
        return Prepared(cleaned.bins, record, cleaned.water, header, inputs)
    if water is not None:
        raise DataError(f"{source}: a record already names its water reference; drop --water.")
    record = read_record(source)
    if "EddyCurrentCorrected" not in record:
        raise DataError(
            f"{source}: made by an earlier version, which did not say whether eddy currents were "
            "corrected. Run `glxflow preprocess` again."
        )
    bins = source.with_name(record["Bins"])
    combined = source.with_name(record["Water"]) if record["Water"] else None
    edited = [source.with_name(record[key]) for key in ("Sum", "Difference") if key in record]
    return Prepared(
        bins=read_bins(source, record, "Bins"),
        record=record,
        water=read_series(combined) if combined else None,
        header=read_header(bins),
        inputs=tuple(path for path in (bins, *edited, combined) if path),
    )


def read_bins(source: Path, record: Mapping[str, Any], key: str) -> Series:
    """Return the bins in a file that a record of preprocessing names.

    Parameters
    ----------
    source : Path
        The record's file.
    record : mapping
        What is in it.
    key : str
        Under which the file stands there.

    Raises
    ------
    DataError
        If the file has not a readable spectrum for every bin of the record.
    """
    path = source.with_name(record[key])
    bins = read_series(path)
    if bins.n_transients != len(record["BinTable"]):
        raise DataError(
            f"{path}: {bins.n_transients} of its bins can be read, expected the "
            f"{len(record['BinTable'])} of {source.name}. Was it changed, or does a bin hold NaN? "
            "Run `glxflow preprocess` again."
        )
    return bins


def scaling_of(prepared: Prepared, basis: BasisSet, fit: FitResult) -> WaterScaling | str:
    """Return factors to concentrations, or why there are none.

    Parameters
    ----------
    prepared : Prepared
        With the water reference.
    basis : BasisSet
        That was fitted.
    fit : FitResult
        Its names.
    """
    if prepared.water is None:
        return _without_water(prepared.record)
    unknown = [note for note in basis.notes if note.startswith(SCALE_UNKNOWN)]
    if unknown:
        return (
            f"the scale of the basis set is not known ({unknown[0]}): ratios only, no "
            "water-scaled concentrations. Take one that holds creatine, as `glxflow basis "
            "simulate` makes it."
        )
    spectra, water = (
        Timing(series.echo_time_s, series.repetition_time_s)
        for series in (prepared.bins, prepared.water)
    )
    acquired = Acquisition(
        metabolites=spectra,
        water=water,
        spectrometer_frequency_mhz=prepared.bins.axis.spectrometer_frequency_mhz,
        signal_per_proton=1.0,
    )
    try:
        tissue = tissue_of(prepared)
        return water_scaling(fit.names, water_amplitude(prepared.water.fid(0)), acquired, tissue)
    except DataError as error:
        return str(error)


def _without_water(record: Mapping[str, Any]) -> str:
    """Say why there is no water to scale by."""
    ratios = "ratios only, no water-scaled concentrations"
    refused = [flag["message"] for flag in record["Flags"] if flag["code"] in WATER_NOT_USED]
    if not refused:
        return f"no water reference: {ratios}"
    return f"the water reference is not used: {ratios}. Of it: {' '.join(refused)}"


def tissue_of(prepared: Prepared) -> Tissue | None:
    """Return the fractions of the voxel that a sidecar gives, if it does."""
    given = prepared.record.get(TISSUE)
    if given is None:
        return None
    try:
        gm, wm, csf = (float(given[name]) for name in ("GM", "WM", "CSF"))
        return Tissue(gm, wm, csf)
    except (KeyError, TypeError, ValueError):
        fault = 'expected {"GM": 0.6, "WM": 0.3, "CSF": 0.1}.'
    except DataError as error:
        fault = f"and {error}"
    read = prepared.record.get("SourceFiles", [{"Path": prepared.header.path}])
    raise DataError(
        f"{read[0]['Path']}: {TISSUE} in its sidecar is {given!r}, {fault} Mend or remove it, and "
        "preprocess again; until then there are ratios only, no water-scaled concentrations."
    )
