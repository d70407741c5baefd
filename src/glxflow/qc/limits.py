"""Limits of the figures of merit: the defaults, a study's, and those that a record holds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glxflow.errors import ConfigError, join_problems
from glxflow.qc.metrics import METRICS, Metric


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a figure becomes doubtful and where the spectrum fails; None means never.

    The limit itself still passes.
    """

    doubtful: float | None = None
    fail: float | None = None


DEFAULT_LIMITS: Mapping[str, Limit] = {
    # Interval coverage has been measured from SNR 20 upwards; below 8 the fit is noise.
    "snr": Limit(doubtful=20.0, fail=8.0),
    # Measured up to 9 Hz at 3 T (0.073 ppm); the clinical consensus ends at 0.1 ppm.
    "fwhm_ppm": Limit(doubtful=0.075, fail=0.1),
    "transients_used": Limit(doubtful=80.0, fail=50.0),
    "drift_hz": Limit(doubtful=10.0),
    "water_residual": Limit(doubtful=1.0),
    "reduced_chi2": Limit(doubtful=3.0),
    # An SD of 0.3 is a quarter of a usual Glx/tNAA: such a bin weighs next to nothing.
    "glx_tnaa_sd": Limit(doubtful=0.15, fail=0.3),
    # No failure on purpose: a relative limit removes low concentrations, not bad spectra.
    "glx_relative_sd": Limit(doubtful=20.0),
    "glx_baseline_sensitivity": Limit(doubtful=10.0),
}
"""Limits by metric; the reasons are in docs/reading_the_pages.md."""


def limits_from(overrides: Mapping[str, Mapping[str, float | None]]) -> dict[str, Limit]:
    """Return the limits of a study: the defaults, with what the configuration changes.

    Parameters
    ----------
    overrides : mapping
        From the key of a metric to `doubtful`, `fail` or both; None lifts a limit.

    Raises
    ------
    ConfigError
        If a metric or a kind of limit is unknown, a limit is no number, or failing starts
        before doubt.
    """
    metrics = {metric.key: metric for metric in METRICS}
    limits = dict(DEFAULT_LIMITS)
    problems = []
    for key, changes in overrides.items():
        if key not in metrics:
            problems.append(f"unknown metric {key!r}; known are {', '.join(metrics)}")
        elif wrong := _value_problems(key, changes):
            problems += wrong
        else:
            default = limits[key]
            limits[key] = Limit(
                changes.get("doubtful", default.doubtful), changes.get("fail", default.fail)
            )
            problems += _order_problem(metrics[key], limits[key])
    if problems:
        raise ConfigError(join_problems("qc", problems))
    return limits


def recorded_limits(given: Mapping[str, Mapping[str, float | None]]) -> dict[Metric, Limit]:
    """Return the limits that a record of the fit holds under `qc`, in the order of the metrics.

    Parameters
    ----------
    given : mapping
        From the key of a metric to `doubtful` and `fail`.
    """
    return {metric: Limit(**given[metric.key]) for metric in METRICS if metric.key in given}


def limit_in_words(metric: Metric, limit: Limit) -> str:
    """Say what is expected.

    Parameters
    ----------
    metric : Metric
        What is judged.
    limit : Limit
        Of it.
    """
    at, beyond = ("at least", "below") if metric.better == "higher" else ("at most", "above")
    unit = f" {metric.unit}" if metric.unit else ""
    parts = []
    if limit.doubtful is not None:
        parts.append(f"{at} {limit.doubtful:g}{unit}")
    if limit.fail is not None:
        parts.append(f"fails {beyond} {limit.fail:g}{unit}")
    return ", ".join(parts) or "no limit"


def is_beyond(metric: Metric, value: float, limit: float | None) -> bool:
    """Return whether a value is on the wrong side of a limit.

    Parameters
    ----------
    metric : Metric
        Tells whether higher or lower is better.
    value : float
        Of the metric.
    limit : float or None
        None is never passed.
    """
    if limit is None:
        return False
    return value < limit if metric.better == "higher" else value > limit


def _value_problems(key: str, changes: Any) -> list[str]:
    """Return what keeps the changes of one metric from being limits, a sentence each."""
    if not isinstance(changes, Mapping):
        return [f"{key!r} is {changes!r}; give 'doubtful', 'fail' or both, as {{'fail': 8}}"]
    unknown = sorted(set(changes) - {"doubtful", "fail"})
    if unknown:
        return [f"{key!r} has {unknown}; give 'doubtful', 'fail' or both"]
    return [
        f"'{key}.{kind}' is {value!r}; give a finite number, or null for no limit"
        for kind, value in changes.items()
        if value is not None
        and (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        )
    ]


def _order_problem(metric: Metric, limit: Limit) -> list[str]:
    """Return a sentence where a spectrum would fail before it is doubtful."""
    if limit.doubtful is None or limit.fail is None:
        return []
    if not is_beyond(metric, limit.doubtful, limit.fail):
        return []
    return [
        f"{metric.key!r} fails at {limit.fail:g} but is doubtful only at {limit.doubtful:g}, "
        f"and {metric.better} is better; exchange the two"
    ]
