"""Ask the question in every defensible way, and test the whole curve at once.

Single specifications say nothing on their own: sequences are exchanged between
participants for all of them together, so that their dependence is kept.

References
----------
Simonsohn U, Simmons JP, Nelson LD. Nat Hum Behav 4:1208-1214 (2020).
doi:10.1038/s41562-020-0912-z
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.changes import glx_changes
from glxflow.trial.plan import Plan

CONTROLS = ("tnaa_tcr", "fwhm_hz")
"""Columns in which no effect is expected; they are shown and stay out of the curve."""

_OUTCOME = re.compile(r"^(glx|glu|gln)_(tnaa|tcr|tcho|water)\w*$")
_ROWS_AT_ONCE = 10_000
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Specification:
    """One way to ask, with its data.

    Attributes
    ----------
    labels : dict
        Outcome, baseline, qc and method.
    who : (n_used,) ndarray of int
        Places of its participants among all.
    difference : (n_used,) ndarray
        Period 1 minus period 2, cleared of the nuisance.
    nuisance : (n_used, n_nuisance) ndarray
        Orthonormal basis of the intercept and, where asked for, the baseline.
    scale : float
        From the regression's coefficient to the effect; NaN for ranks.
    """

    labels: dict[str, str]
    who: "np.ndarray[tuple[int], np.dtype[np.intp]]"
    difference: RealArray
    nuisance: RealArray
    scale: float

    @property
    def df(self) -> int:
        """Residual degrees of freedom."""
        return int(self.difference.size - self.nuisance.shape[1] - 1)

    def statistic(self, is_active_first: RealArray) -> tuple[RealArray, RealArray]:
        """Return effect and t for each row of assignments, (n_assignments, n_all)."""
        side = is_active_first[:, self.who]
        side = side - (side @ self.nuisance) @ self.nuisance.T
        length = np.sqrt((side**2).sum(axis=1))
        total = float(np.sqrt(self.difference @ self.difference))
        with np.errstate(divide="ignore", invalid="ignore"):
            # An assignment may put all participants of a specification into one sequence.
            r = np.nan_to_num(side @ self.difference / (length * total))
            effect = r * total / length * self.scale
        return effect, r * np.sqrt(self.df / np.maximum(1 - r**2, 1e-12))


def specifications(
    trial: pd.DataFrame, subjects: list[str], plan: Plan
) -> Iterator[Specification]:
    """Yield every specification that the table's columns allow."""
    columns = [str(name) for name in trial]
    outcomes = [name for name in columns if _OUTCOME.match(name) and not name.endswith("_sd")]
    outcomes += [name for name in CONTROLS if name in trial]
    sets = ("all", "qc_pass") if "qc_pass" in trial else ("all",)
    place = {subject: index for index, subject in enumerate(subjects)}
    for outcome, qc in product(outcomes, sets):
        try:
            changes = glx_changes(trial, replace(plan, outcome=outcome, analysis_set=qc))
        except TableError:
            continue
        wide = changes.pivot_table(
            index="subject", columns="period", values=["delta", "base"], observed=True
        ).dropna()
        if len(wide) < 2 * _FEWEST or wide.shape[1] < 4:
            continue
        who = np.array([place[subject] for subject in wide.index])
        change, base = ((wide[name][1] - wide[name][2]).to_numpy() for name in ("delta", "base"))
        for baseline, method in product(("subtracted", "covariate"), ("t", "ranks")):
            labels = {"outcome": outcome, "baseline": baseline, "qc": qc, "method": method}
            design = [np.ones(change.size)] + ([base] if baseline == "covariate" else [])
            nuisance = np.linalg.qr(np.column_stack(design))[0]
            values = stats.rankdata(change) if method == "ranks" else change
            left = values - nuisance @ (nuisance.T @ values)
            if left @ left > 0:
                scale = np.nan if method == "ranks" else 0.5
                yield Specification(labels, who, left, nuisance, scale)


def multiverse(trial: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return a row a specification, and the joint tests of the curve.

    Parameters
    ----------
    trial : DataFrame
        The long table, with a column for each outcome.
    plan : Plan
        Conditions, draws and seed; its outcome is one of many here.

    Returns
    -------
    DataFrame
        role, kind (curve, negative control, joint), outcome, baseline, qc, method,
        estimate (active minus reference), statistic, df, p, n_participants. Empty
        where no specification has enough participants.
    """
    allocation = trial.drop_duplicates("subject")
    first = (allocation["sequence"] == plan.sequences[1]).to_numpy()
    found = list(specifications(trial, allocation["subject"].tolist(), plan))
    curve = [one for one in found if one.labels["outcome"] not in CONTROLS]
    if not curve:
        return pd.DataFrame()
    rows = [_row(one, first) for one in sorted(found, key=lambda one: one in curve, reverse=True)]
    return pd.DataFrame([*rows, *_joint(curve, first, plan)]).assign(role="exploratory")


def _row(one: Specification, first: BoolArray) -> dict[str, object]:
    """Return one specification as a row."""
    effect, t = one.statistic(first[np.newaxis].astype(np.float64))
    is_control = one.labels["outcome"] in CONTROLS
    return {
        "kind": "negative control" if is_control else "curve",
        **one.labels,
        "estimate": float(effect[0]),
        "statistic": float(t[0]),
        "df": one.df,
        "p": 2 * float(stats.t.sf(abs(t[0]), one.df)),
        "n_participants": one.difference.size,
    }


def _joint(curve: list[Specification], first: BoolArray, plan: Plan) -> list[dict[str, object]]:
    """Return the tests of the median statistic and of the share of small P."""
    observed = _summaries(curve, first[np.newaxis].astype(np.float64))
    rng = np.random.default_rng([plan.seed, 7])
    extreme, left = np.zeros(2), plan.n_permutations
    while left > 0:
        size = min(left, _ROWS_AT_ONCE)
        drawn = rng.permuted(np.tile(first, (size, 1)), axis=1).astype(np.float64)
        extreme += (_summaries(curve, drawn) >= observed * (1 - 1e-12)).sum(axis=1)
        left -= size
    p = (extreme + 1) / (plan.n_permutations + 1)
    names = (
        f"size of the median statistic of {len(curve)}",
        "share with P < .05 in one direction",
    )
    return [
        {"kind": "joint", "outcome": name, "statistic": float(value[0]), "p": float(chance)}
        for name, value, chance in zip(names, observed, p, strict=True)
    ]


def _summaries(curve: list[Specification], assignments: RealArray) -> RealArray:
    """Return the curve's two summaries for each assignment, (2, n_assignments)."""
    t = np.array([one.statistic(assignments)[1] for one in curve])
    critical = np.array([stats.t.ppf(0.975, one.df) for one in curve])[:, np.newaxis]
    shares = [(side * t > critical).mean(axis=0) for side in (1, -1)]
    return np.array([np.abs(np.median(t, axis=0)), np.maximum(*shares)])
