"""Say what the results tell of departures from the plan, and what they do not tell."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from glxflow.qc.limits import DEFAULT_LIMITS, Limit, limit_in_words, recorded_limits
from glxflow.qc.metrics import Metric

_LOCK = (
    "Nothing here tells whether the plan and the data were frozen before the conditions were "
    "known. If they were, lock.json of `glxflow trial lock` holds the hash of the plan, to be "
    "compared with plan_sha256 below, and the time of every unmasking."
)


def departures(fits: Iterable[Mapping[str, Any]], notes: Sequence[str]) -> list[str]:
    """Return what is recorded of departures from the plan, a sentence each.

    Parameters
    ----------
    fits : iterable of mapping
        Records of the fits, which say by which limits the spectra were judged.
    notes : sequence of str
        What the analysis has noted.
    """
    said = (
        f"What the analysis left out or met with stands in the notes at the top ({len(notes)})."
        if notes
        else "The analysis has noted nothing that it left out or could not do."
    )
    return [_limits(fits), said, _LOCK]


def _limits(fits: Iterable[Mapping[str, Any]]) -> str:
    """Say whether the spectra were judged by the limits that the package has."""
    parameters = (record.get("Parameters", {}) for record in fits)
    applied = {json.dumps(own["qc"], sort_keys=True) for own in parameters if "qc" in own}
    if not applied:
        return (
            "By which quality limits the spectra were judged stands in the records of the fits, "
            "which are not beside these tables."
        )
    if len(applied) > 1:
        return (
            "Not all sessions were judged by the same quality limits: see `qc` in the records of "
            "the fits, and run the workflow again with one configuration."
        )
    if changed := "; ".join(_changed(recorded_limits(json.loads(applied.pop())))):
        return f"Quality limits are not those that glxflow comes with: {changed}."
    return "Quality limits are those that glxflow comes with."


def _changed(limits: dict[Metric, Limit]) -> Iterator[str]:
    """Yield what each limit is and would have been, where these differ."""
    for metric, own in limits.items():
        default = DEFAULT_LIMITS[metric.key]
        if own != default:
            usual = limit_in_words(metric, default)
            yield f"{metric.label} {limit_in_words(metric, own)} (instead of {usual})"
