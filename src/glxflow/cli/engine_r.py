"""Fit the trial's mixed models in R too, and say how far the two engines are apart."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from glxflow.io.r_engine import fit_in_r
from glxflow.trial.changes import clinical_changes, glx_changes
from glxflow.trial.formula import parse
from glxflow.trial.lmm import LmmFit, fit_lmm
from glxflow.trial.models import METHODS
from glxflow.trial.plan import Plan

ENGINE_R = "engine_r"
"""Name of the table."""

AGREEMENT = 1e-5
"""Difference up to which two searches of the same likelihood agree."""


class Engine(StrEnum):
    """What fits the mixed models."""

    OWN = "glxflow"
    R = "r"


def second_opinion(
    models: Sequence[Mapping[str, Any]],
    trial: pd.DataFrame,
    scores: pd.DataFrame | None,
    plan: Plan,
) -> pd.DataFrame:
    """Return R's tests of every coefficient of the trial's mixed models.

    Parameters
    ----------
    models : sequence of mapping
        Name and formula of each model, as an analysis records them.
    trial, scores : DataFrame
        The tables that were analysed.
    plan : Plan
        The plan that was followed.

    Returns
    -------
    DataFrame
        model, term, df_method, estimate, se, df, statistic, p by R, and `difference`:
        the largest one from this program's, of estimates over their se, of se and df
        over their value.
    """
    parts = []
    for model in models:
        formula, is_clinical = str(model["formula"]), model["model"] == "clinical"
        if "|" not in formula:
            continue
        if is_clinical and scores is not None:
            table, time = clinical_changes(scores, plan), "day"
        else:
            table, time = glx_changes(trial, plan), "bin"
        fit = fit_lmm(formula, table.assign(**{time: pd.Categorical(table[time])}))
        parts.append(_compared(fit).assign(model=model["model"]))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"model": []})
    return found[["model", *(name for name in found if name != "model")]]


def disagreement(table: pd.DataFrame) -> Iterator[str]:
    """Yield what a reader must know where R and this program differ."""
    if table.empty:
        yield "engine r: no model of this design has random terms, so that R was not asked"
        return
    for (model, method), rows in table.groupby(["model", "df_method"]):
        apart = rows["difference"].to_numpy()
        # Not a number is no agreement.
        if not (apart <= AGREEMENT).all():
            term = rows["term"].iloc[int(apart.argmax())]
            yield (
                f"engine r: {model}, {method}: {term} differs from R's by {apart.max():.1e}, "
                f"{AGREEMENT:.0e} is expected. At a boundary Satterthwaite's df depend "
                "on the parametrisation; anything else is worth a look."
            )


def _compared(fit: LmmFit) -> pd.DataFrame:
    """Return R's tests of a model's coefficients beside the difference from its own."""
    names = fit.fixed.names
    grouping = {name for term in parse(fit.formula).random for name in term.group}
    levels = dict(fit.fixed.levels)
    for name in grouping - set(levels):
        levels[name] = sorted(fit.data[name].astype(str).unique())
    by_r = fit_in_r(
        fit.formula,
        fit.data[list(parse(fit.formula).variables)],
        levels,
        pd.DataFrame(np.eye(len(names)), columns=names),
    )
    own = pd.concat([fit.coefficients(ddf=method) for method in METHODS], ignore_index=True)
    apart = [
        np.abs(by_r["estimate"] - own["estimate"]) / own["se"],
        *(np.abs(by_r[name] / own[name] - 1) for name in ("se", "df")),
    ]
    return by_r.assign(term=names * len(METHODS), difference=np.max(apart, axis=0))
