"""Fit what changes during the events of a functional scan, over all its transients."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from glxflow.cli.changes import change_rows
from glxflow.cli.fitting import DEFAULT_RANGE, Calibration, PpmRange, baseline_of, basis_for
from glxflow.cli.scan_paths import PREPROCESSED
from glxflow.errors import DataError
from glxflow.fit import FitOptions, prepare
from glxflow.fit.design import (
    Design,
    event_design,
    in_events,
    response_design,
    smooth_response,
)
from glxflow.fit.series import fit_series
from glxflow.io.events import Times, events_of, other_events
from glxflow.io.nifti_mrs import read_series
from glxflow.io.records import read_record, write_record
from glxflow.io.tables import write_tsv
from glxflow.spectrum import RealArray, Series

app = typer.Typer()

_LEAST_RESTING = 0.05
"""Share of transients outside all events from which a level of rest can be told."""


@app.command()
def series(
    source: Annotated[Path, typer.Argument(help="Record of the preprocessing, JSON.")],
    basis: Annotated[Path, typer.Option(help="Basis set, in any known format.")],
    events: Annotated[Path, typer.Option(help="BIDS events.tsv of the scan.")],
    event: Annotated[str, typer.Option(help="trial_type of the events to compare with rest.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.", file_okay=False)],
    rise_s: Annotated[
        float | None,
        typer.Option(help="Time constant of a smooth response to events, s; else blocks."),
    ] = None,
    ppm_range: PpmRange = DEFAULT_RANGE,
    calibration: Calibration = None,
) -> None:
    """Fit the change of every metabolite during events, in percent of its level at rest.

    All transients that preprocessing kept are fitted jointly; a transient belongs to an event
    that it starts in. Events of other types are neither event nor rest: each has a response of
    its own. With --rise-s the change is the one a long event would reach.
    """
    prefix = source.name.removesuffix(f"_{PREPROCESSED}")
    # A scan itself is a likely slip: `glxflow fit` takes one.
    record: dict[str, Any] = read_record(source) if source.suffix == ".json" else {"Status": ""}
    if record["Status"] != "ok" or "Difference" in record:
        raise DataError(
            f"{source}: not the record of a preprocessed scan without editing, whose transients "
            "could be compared. Run `glxflow preprocess` on the raw scan."
        )
    path = source.with_name(record["Transients"])
    transients, weights = _kept(read_series(path), record["TransientTable"]["weight"])
    times, others = events_of(events, event), other_events(events, event)
    _require_rest(events, event, transients.onset_s, times, others)
    design = _design(event, transients.onset_s, times, others, rise_s)
    ed = baseline_of(calibration)
    options = FitOptions(ppm_range=ppm_range, baseline_ed_per_ppm=ed)
    used = basis_for(basis, transients, path)
    fit = fit_series(transients, prepare(used, options), design, weights)
    write_tsv(
        out / f"{prefix}_desc-series_changes.tsv", change_rows(fit, {event: {"event": event}})
    )
    write_record(
        out / f"{prefix}_desc-series_changes.json",
        inputs=[path, events],
        parameters={
            "event": event,
            "rise_s": rise_s,
            "ppm_range": list(ppm_range),
            "baseline_ed_per_ppm": ed or "by AIC, of the mean",
            "basis": used.source,
            "other_events": list(others),
            "n_transients": transients.n_transients,
            "n_transients_in_events": int(in_events(transients.onset_s, *times).sum()),
        },
        warnings=[
            *_unseen(event, transients.onset_s, times),
            *(flag["message"] for flag in record["Flags"]),
            *(flag.message for flag in fit.flags),
        ],
    )


def _require_rest(
    events: Path, event: str, onset_s: RealArray, times: Times, others: Mapping[str, Times]
) -> None:
    """Refuse events of other types that leave an event no rest, or go along with it."""
    inside = np.stack([in_events(onset_s, *every) for every in (times, *others.values())])
    n_resting = int((~inside.any(axis=0)).sum())
    is_seen = np.stack([np.ones(onset_s.size), *(one for one in inside if one.any())])
    is_dependent = np.linalg.matrix_rank(is_seen) < len(is_seen)
    if others and (is_dependent or n_resting < _LEAST_RESTING * onset_s.size):
        raise DataError(
            f"{events}: {event!r} cannot be told from rest and from the events of other types "
            f"({', '.join(others)}); {n_resting} of {onset_s.size} transients lie outside all "
            f"events. Write `rest` as trial_type of those rows that {event!r} is to be compared "
            "with, and leave out rows of types that come together or last all the scan."
        )


def _design(
    event: str,
    onset_s: RealArray,
    times: Times,
    others: Mapping[str, Times],
    rise_s: float | None,
) -> Design:
    """Return blocks of event and rest, or a smooth response; other events are neither."""
    if rise_s is None:
        is_inside = in_events(onset_s, *times)
        courses = [in_events(onset_s, *other).astype(np.float64) for other in others.values()]
        return event_design(event, is_inside, [one for one in courses if one.any()])
    courses = [smooth_response(onset_s, *other, rise_s) for other in others.values()]
    response = smooth_response(onset_s, *times, rise_s)
    return response_design(event, response, [one for one in courses if one.any()])


def _unseen(event: str, onset_s: RealArray, times: Times) -> list[str]:
    """Say how many events no transient starts in."""
    one_by_one = zip(*(np.split(part, len(part)) for part in times), strict=True)
    n_unseen = sum(not in_events(onset_s, *one).any() for one in one_by_one)
    if not n_unseen:
        return []
    return [
        f"no transient starts in {n_unseen} of {len(times[0])} events of {event!r}: between runs, "
        "too short, or on another clock. Compare their onsets with those of the transients."
    ]


def _kept(transients: Series, weights: list[float]) -> tuple[Series, RealArray]:
    """Return the transients with weight, and their weights."""
    precision = np.array(weights, dtype=np.float64)
    kept = precision > 0
    samples, onset_s = transients.samples[:, kept], transients.onset_s[kept]
    return replace(transients, samples=samples, onset_s=onset_s), precision[kept]
