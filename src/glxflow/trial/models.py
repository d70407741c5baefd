"""A mixed model of the trial, and how its results become rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.spectrum import RealArray
from glxflow.trial.designs.question import Cell, contrast_name, question_cells, response_cells
from glxflow.trial.lmm import DdfMethod, LmmFit, fit_linear, fit_lmm
from glxflow.trial.plan import Plan

_CONSTANT = 1e-12
"""Range of a baseline's part over the baseline, below which it is rounding."""

METHODS: tuple[DdfMethod, ...] = ("kenward-roger", "satterthwaite")


@dataclass(frozen=True, slots=True)
class TrialModel:
    """A fitted model with its name.

    Attributes
    ----------
    name : str
        As the column `model` of the tables says.
    role : str
        Of the contrast that answers the question, as `primary`.
    fit : LmmFit
        The fit.
    """

    name: str
    role: str
    fit: LmmFit

    def rows(self, plan: Plan, at: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Return the contrast that answers the question and all coefficients, by both methods."""
        contrast = self.condition_contrast(plan, at)
        parts = []
        for method in METHODS:
            answer = self.fit.contrast(contrast, ddf=method).assign(
                term=term_at(plan, at),
                role=self.role if method == METHODS[0] else "sensitivity",
            )
            terms = self.fit.coefficients(ddf=method).reset_index().assign(role="coefficient")
            parts += [self.labelled(table, method, plan) for table in (answer, terms)]
        return pd.concat(parts, ignore_index=True)

    def condition_contrast(self, plan: Plan, at: Mapping[str, object] | None = None) -> RealArray:
        """Return the contrast that answers the question; `at` fixes other factors."""
        return self.weighted(question_cells(plan), at)

    def response(
        self, condition: str, plan: Plan, at: Mapping[str, object] | None = None
    ) -> RealArray:
        """Return the contrast of the response under one condition."""
        return self.weighted(response_cells(condition, plan), at)

    def weighted(
        self, cells: Sequence[tuple[Cell, float]], at: Mapping[str, object] | None = None
    ) -> RealArray:
        """Return a contrast of cells, factors that neither they nor `at` fix weighted equally."""
        rows = [weight * self.fit.cell_row({**cell, **(at or {})}) for cell, weight in cells]
        return np.asarray(np.sum(rows, axis=0))

    def labelled(self, table: pd.DataFrame, method: DdfMethod, plan: Plan) -> pd.DataFrame:
        """Return results in the columns of every results table.

        An estimate whose error is not known is not given.
        """
        half = stats.t.ppf(0.5 + plan.confidence / 2, table["df"]) * table["se"]
        data = self.fit.data
        return pd.DataFrame(
            {
                "role": table["role"],
                "model": self.name,
                "term": table["term"],
                "estimate": table["estimate"].where(table["se"].notna()),
                "se": table["se"],
                "df": table["df"],
                "df_method": method,
                "statistic": table["t"],
                "p": table["p"],
                "ci_low": table["estimate"] - half,
                "ci_high": table["estimate"] + half,
                "n_participants": data["subject"].nunique(),
                "n_sessions": len(data[["subject", "visit"]].drop_duplicates()),
                "n_rows": len(data),
            }
        )


def term_at(plan: Plan, at: Mapping[str, float] | None = None) -> str:
    """Return the name of the question's contrast, with the bin or day it is asked at."""
    times = [f"{name} {level:g}" for name, level in (at or {}).items()]
    return ", ".join([contrast_name(plan), *times])


def design_formula(table: pd.DataFrame, time: str, moderator: str | None = None) -> str:
    """Return the design-respecting formula, without factors the data do not vary in.

    A moderator takes the place of time in the interaction; time stays as a main effect.

    A factor that varies within participants has a random effect where it is crossed
    with another: a participant may respond to it in an own way.
    """
    sessions = table.groupby("subject")["visit"].nunique().max()
    is_long = bool(table[time].nunique() > 1)
    question = "condition*infusion" if "infusion" in table else "condition"
    varying = [
        name for name in ("period", "sequence") if name in table and table[name].nunique() > 1
    ]
    varying += [
        name
        for name in ("base_sub_c", "base_dev")
        if float(np.ptp(table[name])) > _CONSTANT * float(table["base"].abs().max())
    ]
    if moderator is not None:
        varying = [time, *varying] if is_long else varying
        fixed = [f"{question}*{moderator}", *varying]
    else:
        fixed = [f"{question}*{time}" if is_long else question, *varying]
    return f"delta ~ {' + '.join([*fixed, *_random(table, sessions > 1)])}"


def _random(table: pd.DataFrame, has_several: bool) -> list[str]:
    """Return the random terms that can be told from the residual."""
    groups: list[tuple[str, ...]] = [("subject",)]
    if "infusion" in table:
        groups += [
            ("subject", name)
            for name in ("condition", "infusion")
            if table.groupby("subject")[name].nunique().max() > 1
            and table.groupby(["subject", name], observed=True)["visit"].nunique().max() > 1
        ]
    if has_several:
        groups.append(("subject", "visit"))
    return [f"(1|{':'.join(group)})" for group in groups if _has_several_rows(table, group)]


def _has_several_rows(table: pd.DataFrame, group: tuple[str, ...]) -> bool:
    """Tell whether any group has several rows."""
    return bool(table.duplicated(list(group)).any())


def fit_design(
    table: pd.DataFrame,
    time: str,
    known: RealArray | None = None,
    moderator: str | None = None,
) -> LmmFit:
    """Fit the design-respecting model of changes from the baseline.

    Parameters
    ----------
    table : DataFrame
        From `glx_changes` or `clinical_changes`.
    time : str
        `bin` or `day`; every value is a level of its own.
    known : (n_rows, n_rows) ndarray, optional
        Known covariance of the rows' errors.
    moderator : str, optional
        Column by which the effect may differ.
    """
    table = table.assign(**{time: pd.Categorical(table[time])})
    return _fitted(design_formula(table, time, moderator), table, known)


def fit_published(table: pd.DataFrame) -> LmmFit:
    """Fit the model of the crossover as it was published, to changes from `glx_changes`.

    Its one random term is left out where every participant has a single row.
    """
    table = table.assign(bin=pd.Categorical(table["bin"]))
    fixed = ["condition*bin" if table["bin"].nunique() > 1 else "condition"]
    fixed += ["period"] if table["period"].nunique() > 1 else []
    return _fitted(f"delta ~ {' + '.join([*fixed, *_random(table, has_several=False)])}", table)


def _fitted(formula: str, table: pd.DataFrame, known: RealArray | None = None) -> LmmFit:
    """Fit a mixed model, or without random terms a linear one."""
    fit = fit_lmm if "|" in formula else fit_linear
    return fit(formula, table, known=known)
