"""What the quality of its spectra says of a session."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from glxflow.spectrum import FitResult, Flag

_ORDER = ("pass", "doubtful", "fail")
_SUMMARY = {
    "pass": "Every figure of merit that could be computed is within its limit.",
    "doubtful": "Usable with care: no spectrum is left out of the trial for a doubt.",
    "fail": "A spectrum that fails enters only a trial whose plan analyses all rows.",
}


class Judged(Protocol):
    """One figure of merit as judged; `glxflow.qc.rules.Finding` is one."""

    @property
    def label(self) -> str:
        """Name for a reader."""

    @property
    def unit(self) -> str:
        """Unit, empty for a ratio."""

    @property
    def description(self) -> str:
        """What it measures."""

    @property
    def value(self) -> float:
        """Its value; NaN where it could not be computed."""

    @property
    def limit(self) -> str:
        """What was expected, in words."""

    @property
    def level(self) -> str:
        """One of pass, not computable, doubtful, fail."""

    @property
    def message(self) -> str:
        """Why it is no pass, and what to do; empty for a pass."""


class Verdict(Protocol):
    """The judgement of one spectrum; `glxflow.qc.rules.QcVerdict` is one."""

    @property
    def level(self) -> Enum:
        """Pass, doubtful or fail, as an enum whose values are these words."""

    @property
    def findings(self) -> Sequence[Judged]:
        """Every figure of merit that was judged."""

    @property
    def flags(self) -> Sequence[Flag]:
        """Each reason that is not a pass, in words."""


@dataclass(frozen=True, slots=True)
class FittedBin:
    """One fitted spectrum of a session.

    Attributes
    ----------
    label : str
        For the reader: "baseline", "0 to 10 min", or "whole scan".
    centre_min : float
        Middle of the bin after the start of the infusion, in min; NaN where the
        scan is not timed.
    fit : FitResult
        The fit.
    verdict : Verdict
        Its quality control.
    """

    label: str
    centre_min: float
    fit: FitResult
    verdict: Verdict


def session_verdict(bins: Sequence[FittedBin]) -> dict[str, Any]:
    """Return the worst verdict of a session, with every reason and where it applies.

    Parameters
    ----------
    bins : sequence of FittedBin
        Its spectra; none where it has no result.
    """
    if not bins:
        return {
            "level": "fail",
            "summary": "No result for this session.",
            "reasons": [],
            "unknown": [],
        }
    levels = [fitted.verdict.level.value for fitted in bins]
    worst = max(levels, key=_ORDER.index)
    counts = ", ".join(f"{levels.count(level)} {level}" for level in _ORDER if level in levels)
    summary = _SUMMARY[worst] + (f" Spectra: {counts}." if len(levels) > 1 else "")
    summary += _why_not_in_trial(bins)
    where: dict[str, list[str]] = {}
    for fitted in bins:
        for flag in fitted.verdict.flags:
            where.setdefault(flag.sentence, []).append(fitted.label)
    reasons = [(_places(labels, len(bins)), text) for text, labels in where.items()]
    unknown = [
        finding.label
        for fitted in bins
        for finding in fitted.verdict.findings
        if finding.level == "not computable"
    ]
    return {
        "level": worst,
        "summary": summary,
        "reasons": reasons,
        "unknown": list(dict.fromkeys(unknown)),
    }


def _places(labels: Sequence[str], n_bins: int) -> str:
    """Return the spectra that a reason applies to; nothing where there is one."""
    if n_bins == 1:
        return ""
    return "All spectra" if len(labels) == n_bins else ", ".join(labels).capitalize()


def _why_not_in_trial(bins: Sequence[FittedBin]) -> str:
    """Say why a session tells no change from its baseline; nothing where it may.

    A scan of one spectrum, without an infusion, is no session of a trial.
    """
    if len(bins) == 1:
        return ""
    before = [fitted for fitted in bins if fitted.centre_min < 0]
    after = [fitted for fitted in bins if not fitted.centre_min < 0]
    for part, when in ((before, "before the infusion"), (after, "after the infusion began")):
        if not part:
            return (
                " The session does not enter the trial, which takes changes from a baseline: "
                f"no spectrum is from {when}."
            )
        if all(fitted.verdict.level.value == "fail" for fitted in part):
            return (
                " The session does not enter the trial, unless the plan analyses all rows: "
                f"without a spectrum from {when} that passes there is no change from a baseline."
            )
    return ""
