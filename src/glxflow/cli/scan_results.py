"""Put the results of one session together: estimates, quality, and what its page shows."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from glxflow.cli.model_choice import models_table
from glxflow.cli.transients import transients_of
from glxflow.fit.ensemble import Ensemble
from glxflow.qc.limits import Limit
from glxflow.qc.metrics import (
    baseline_sensitivity_percent,
    fit_metrics,
    relative_sd_percent,
    share_percent,
)
from glxflow.qc.rules import Level, QcVerdict, judge
from glxflow.quantify import Estimate, ModelSpread, WaterScaling, estimates, model_spreads
from glxflow.report.page import Provenance
from glxflow.report.scan_page import ScanPage
from glxflow.report.scan_verdict import FittedBin
from glxflow.report.voxel import Voxel
from glxflow.spectrum import Axis, FitResult, FitStatus, Flag, Step, reported


@dataclass(frozen=True, slots=True)
class BinFit:
    """The fit of one time bin.

    Attributes
    ----------
    result : FitResult
        With the baseline that was chosen.
    other_baselines : tuple of FitResult
        With a stiffer and a softer one; empty where the fit did not converge.
    profiles : mapping of str to mapping
        Limits of profile intervals by metabolite, as columns of the table.
    """

    result: FitResult
    other_baselines: tuple[FitResult, ...]
    profiles: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class ScanResult:
    """Everything that is known of one session after its fit.

    Attributes
    ----------
    prefix : str
        What the names of its files begin with.
    record : mapping
        What preprocessing found: BinTable, Metrics, Steps, Flags.
    fits : tuple of BinFit
        One a time bin.
    scaling : WaterScaling or str
        Factors to concentrations, or why there are none.
    limits : mapping
        Quality limits of the study.
    axis : Axis
        Of the data.
    ensemble : Ensemble or None
        What other models say of the average and then of every bin.
    is_difference : bool
        Whether the fits are those of the differences of an edited session.
    changes : DataFrame or None
        What changes over the bins, fitted jointly; None where they were not.
    """

    prefix: str
    record: Mapping[str, Any]
    fits: tuple[BinFit, ...]
    scaling: WaterScaling | str
    limits: Mapping[str, Limit]
    axis: Axis
    ensemble: Ensemble | None = None
    is_difference: bool = False
    changes: pd.DataFrame | None = None

    @property
    def bins(self) -> list[dict[str, Any]]:
        """Rows of the bin table."""
        return list(self.record["BinTable"])

    @cached_property
    def estimates(self) -> tuple[tuple[Estimate, ...], ...]:
        """Estimates of every bin."""
        scaling = self.scaling if isinstance(self.scaling, WaterScaling) else None
        return tuple(estimates(fit.result, scaling) for fit in self.fits)

    @cached_property
    def spreads(self) -> tuple[dict[str, ModelSpread], ...]:
        """What the choice of the model adds to the uncertainty of every bin."""
        if self.ensemble is None:
            return tuple({} for _ in self.fits)
        members = self.ensemble.members
        # The first is the average of the session.
        own = self.ensemble.amplitudes[1:]
        amplitudes = np.array([own, *(one.amplitudes[1:] for one in members)])
        amplitudes[:, [one.result.status is FitStatus.FAILED for one in self.fits]] = np.nan
        scaling = self.scaling if isinstance(self.scaling, WaterScaling) else None
        fit = self.fits[0].result
        weights = np.array([one.weight for one in members])
        return model_spreads(fit.names, fit.kinds, amplitudes, weights, scaling)

    @cached_property
    def verdicts(self) -> tuple[QcVerdict, ...]:
        """Quality of every bin."""
        flags = [Flag(**flag) for flag in self.record["Flags"]]
        return tuple(
            judge(
                self._metrics(index),
                self.limits,
                status=fit.result.status,
                flags=(*flags, *fit.result.flags, *_water_doubts(self.estimates[index])),
            )
            for index, fit in enumerate(self.fits)
        )

    @property
    def why_not_scaled(self) -> str:
        """Why there are no water-scaled concentrations; empty where there are."""
        return "" if isinstance(self.scaling, WaterScaling) else self.scaling

    @property
    def level(self) -> Level:
        """The worst verdict of its bins."""
        order = list(Level)
        return max((verdict.level for verdict in self.verdicts), key=order.index)

    @property
    def notes(self) -> list[str]:
        """Sentences for the reader: how water was used, and preprocessing's warnings."""
        scaled = (
            self.scaling.correction if isinstance(self.scaling, WaterScaling) else self.scaling
        )
        doubts = (flag for rows in self.estimates for flag in _water_doubts(rows))
        first = [flag.message for flag in doubts][:1]
        return [scaled, *first, *self.record.get("Warnings", [])]

    def _metrics(self, index: int) -> dict[str, float]:
        """Return the figures of merit of one bin, by the keys of the rules."""
        fit, part = self.fits[index].result, self.bins[index]
        found = self.record["Metrics"]
        glx = _glx(self.estimates[index])
        others = [_glx(estimates(other)) for other in self.fits[index].other_baselines]
        return fit_metrics(
            fit, spectrometer_frequency_mhz=self.axis.spectrometer_frequency_mhz
        ) | {
            "transients_used": used_percent(part),
            "drift_hz": _known(found.get("drift_hz")),
            "water_residual": _known(found.get("water_residual")),
            "glx_tnaa_sd": glx.ratio_tnaa_sd,
            "glx_relative_sd": relative_sd_percent(glx.amplitude, glx.sd),
            "glx_baseline_sensitivity": baseline_sensitivity_percent(
                glx.ratio_tnaa, [other.ratio_tnaa for other in others]
            ),
        }


def used_percent(part: Mapping[str, Any]) -> float:
    """Return the share of a bin's acquired transients that its average holds, in percent.

    Parameters
    ----------
    part : mapping
        A row of the bin table. One by an earlier version has no `n_acquired`: it
        knows only of transients that could be read.
    """
    read = part["n_used"] + part["n_rejected"]
    return share_percent(part["n_used"], part.get("n_acquired", read))


def _water_doubts(rows: tuple[Estimate, ...]) -> list[Flag]:
    """Return what a bin's concentrations make doubtful of the water that scales them."""
    return [flag for row in rows for flag in row.flags if flag.code == "WATER"]


def _glx(rows: tuple[Estimate, ...]) -> Estimate:
    """Return the estimate of Glx."""
    return next(row for row in rows if row.metabolite == "Glx")


def _known(value: float | None) -> float:
    """Return a number of a record, in which null stands for NaN."""
    return math.nan if value is None else value


def table_of(result: ScanResult) -> pd.DataFrame:
    """Return the concentrations, a row a bin and metabolite."""
    rows = []
    for part, fit, row, spread in _rows(result):
        values = (
            asdict(row)
            | spread
            | {
                "flags": " ".join(flag.code for flag in row.flags),
                "doubts": "; ".join(flag.message for flag in row.flags),
            }
        )
        values["metabolite"] = reported(row.metabolite)
        rows.append(when(part) | values | {"status": fit.status.word})
    return pd.DataFrame(rows)


def qc_rows(result: ScanResult) -> list[dict[str, Any]]:
    """Return the quality table, a row a bin."""
    rows = []
    for index, (part, verdict) in enumerate(zip(result.bins, result.verdicts, strict=True)):
        fit = result.fits[index].result
        counts = {"n_transients": part["n_used"], "n_rejected": part["n_rejected"]}
        fitted = {"fwhm_hz": fit.fwhm_hz, "baseline_ed_per_ppm": fit.baseline_ed}
        row = when(part) | counts | fitted | verdict.row | {"status": fit.status.word}
        rows.append(row | {"qc_pass": int(bool(row["qc_pass"]))})
    return rows


def page_of(
    result: ScanResult, provenance: Provenance, acquisition: Mapping[str, str], voxel: Voxel
) -> ScanPage:
    """Return what the page of the session shows."""
    table = table_of(result).assign(bin=_positions(result))
    fits = [one.result for one in result.fits]
    fitted = zip(result.bins, fits, result.verdicts, strict=True)
    return ScanPage(
        title=result.prefix,
        provenance=provenance,
        bins=tuple(
            FittedBin(_label(part), _centre_min(part), fit, verdict)
            for part, fit, verdict in fitted
        ),
        estimates=table,
        models=pd.DataFrame() if result.ensemble is None else models_table(result.ensemble),
        steps=tuple(Step(**step) for step in result.record["Steps"]),
        acquisition=acquisition,
        notes=tuple(result.notes),
        is_difference=result.is_difference,
        changes=_changes_by_position(result),
        transients=transients_of(result.record),
        voxel=voxel,
    )


def _changes_by_position(result: ScanResult) -> pd.DataFrame:
    """Return what changes over the bins, with their positions for their numbers."""
    if result.changes is None:
        return pd.DataFrame()
    position = {part["index"]: place for place, part in enumerate(result.bins)}
    return result.changes.assign(bin=result.changes["bin"].map(position))


def _rows(
    result: ScanResult,
) -> Iterator[tuple[dict[str, Any], FitResult, Estimate, dict[str, float]]]:
    """Yield bin, fit, estimate and further columns of every row of the table."""
    bins = zip(result.bins, result.fits, result.estimates, result.spreads, strict=True)
    for part, fit, rows, spreads in bins:
        for row in rows:
            spread = spreads.get(row.metabolite)
            more = asdict(spread) if spread else {}
            yield part, fit.result, row, more | dict(fit.profiles.get(row.metabolite, {}))


def _positions(result: ScanResult) -> list[int]:
    """Return the position of the bin of every row of the table."""
    return [index for index, rows in enumerate(result.estimates) for _ in rows]


def when(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that say when a bin was."""
    return {"bin": part["index"], "t_min": _centre_min(part)}


def _centre_min(part: Mapping[str, Any]) -> float:
    """Return the middle of a bin after the start of the infusion, in min."""
    return float(part["start_s"] + part["stop_s"]) / 120


def _label(part: Mapping[str, Any]) -> str:
    """Return a bin for the reader."""
    if part["index"] == 0:
        return "baseline" if part["stop_s"] == 0 and part["start_s"] < 0 else "whole scan"
    return f"{part['start_s'] / 60:g} to {part['stop_s'] / 60:g} min"
