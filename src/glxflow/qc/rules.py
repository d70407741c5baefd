"""Judge a spectrum by limits: a verdict with every reason in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from glxflow.qc.limits import Limit, is_beyond, limit_in_words
from glxflow.qc.metrics import METRICS, Metric
from glxflow.spectrum import FitStatus, Flag

DEALT_WITH = ("ENDS", "BASELINE_END")
"""Doubts that the fit has acted on: spectra with them are as near the truth as others.

RMS error of Glx over tCr with and without them: 6.1 and 9.7 %, 11.9 and 15.5 % (two generators).
"""


class Level(Enum):
    """How a figure of merit, or a whole spectrum, is judged; the value is what pages print."""

    PASS = "pass"
    NOT_COMPUTABLE = "not computable"
    DOUBTFUL = "doubtful"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure of merit as judged: value, limit and verdict, and why in words.

    Attributes
    ----------
    key, label, unit, description : str
        As in `Metric`.
    value : float
        NaN where it could not be computed.
    limit : str
        What was expected, such as "at least 20, fails below 8".
    level : str
        Value of a `Level`.
    message : str
        Empty for a pass; else what was found, what was expected, what to do.
    """

    key: str
    label: str
    unit: str
    description: str
    value: float
    limit: str
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class QcVerdict:
    """The judgement of one spectrum.

    Attributes
    ----------
    level : Level
        PASS, DOUBTFUL or FAIL: the worst of the findings and of the fit's own doubts.
    findings : tuple of Finding
        Every figure of merit that was judged.
    flags : tuple of Flag
        Each reason that is not a pass, in words, the worst first.
    """

    level: Level
    findings: tuple[Finding, ...]
    flags: tuple[Flag, ...]

    @property
    def is_usable(self) -> bool:
        """Whether the spectrum is in the analysis set `qc_pass`: all but failures are."""
        return self.level is not Level.FAIL

    @property
    def row(self) -> dict[str, float | str | bool]:
        """Columns of `qc.tsv`: every figure, `qc_level`, `qc_pass` and the reasons in words."""
        figures: dict[str, float | str | bool] = {f.key: f.value for f in self.findings}
        reasons = " ".join(flag.sentence for flag in self.flags)
        return figures | {
            "qc_level": self.level.value,
            "qc_pass": self.is_usable,
            "flags": reasons,
        }


def judge(
    metrics: Mapping[str, float],
    limits: Mapping[str, Limit],
    *,
    status: FitStatus,
    flags: Sequence[Flag] = (),
) -> QcVerdict:
    """Return the verdict on one spectrum.

    Parameters
    ----------
    metrics : mapping
        From the key of a metric to its value; one that is absent or NaN is "not
        computable", which is no failure by itself. Other keys are ignored.
    limits : mapping
        As `limits_from` returns them.
    status : FitStatus
        How the fit ended; anything but convergence fails.
    flags : sequence of Flag
        The fit's own doubts; each makes the spectrum doubtful, but for `DEALT_WITH`.
    """
    findings = tuple(
        _finding(metric, metrics.get(metric.key, math.nan), limits[metric.key])
        for metric in METRICS
    )
    # The study's limits decide what they judge; the fit would only say it again.
    judged = {m.same_doubt for m in METRICS if not math.isnan(metrics.get(m.key, math.nan))}
    own = [flag for flag in flags if flag.code not in judged]
    fails = [Flag(f.key, f.message) for f in findings if f.level == Level.FAIL.value]
    doubts = [Flag(f.key, f.message) for f in findings if f.level == Level.DOUBTFUL.value]
    if status is not FitStatus.CONVERGED:
        fails.insert(0, Flag("status", f"The fit has {status.value}."))
    is_doubtful = doubts or any(flag.code not in DEALT_WITH for flag in own)
    level = Level.FAIL if fails else Level.DOUBTFUL if is_doubtful else Level.PASS
    return QcVerdict(level, findings, (*fails, *doubts, *own))


def _finding(metric: Metric, value: float, limit: Limit) -> Finding:
    """Judge one figure of merit."""
    level = _level(metric, value, limit)
    return Finding(
        metric.key,
        metric.label,
        metric.unit,
        metric.description,
        value,
        limit_in_words(metric, limit),
        level.value,
        _message(metric, value, limit, level),
    )


def _level(metric: Metric, value: float, limit: Limit) -> Level:
    """Return where a value stands."""
    if math.isnan(value):
        return Level.NOT_COMPUTABLE
    if is_beyond(metric, value, limit.fail):
        return Level.FAIL
    return Level.DOUBTFUL if is_beyond(metric, value, limit.doubtful) else Level.PASS


def _message(metric: Metric, value: float, limit: Limit, level: Level) -> str:
    """Say what was found, what was expected and what to do; nothing for a pass."""
    if level is Level.PASS:
        return ""
    if level is Level.NOT_COMPUTABLE:
        return f"{metric.label} is not computable: {metric.when_missing}."
    unit = f" {metric.unit}" if metric.unit else ""
    return (
        f"{metric.label} is {_shown(metric, value, limit)}{unit}; expected "
        f"{limit_in_words(metric, limit)}. {metric.remedy}"
    )


def _shown(metric: Metric, value: float, limit: Limit) -> str:
    """Return a value with as many digits as keep it on its side of the limits."""
    edges = (limit.doubtful, limit.fail)
    sides = [is_beyond(metric, value, edge) for edge in edges]
    texts = (f"{value:.{digits}g}" for digits in range(3, 17))
    kept = (text for text in texts if [is_beyond(metric, float(text), e) for e in edges] == sides)
    return next(kept, repr(value))
