"""A mixed model of the trial, and how its results become rows of a table."""

from dataclasses import dataclass

import pandas as pd
from scipy import stats

from glxflow.spectrum import RealArray
from glxflow.trial.lmm import DdfMethod, LmmFit
from glxflow.trial.plan import Plan

RANDOM = "(1|subject) + (1|subject:visit)"
"""A session has an effect of its own, since conditions vary between sessions."""

METHODS: tuple[DdfMethod, ...] = ("kenward-roger", "satterthwaite")


@dataclass(frozen=True, slots=True)
class TrialModel:
    """A fitted model with its name.

    Attributes
    ----------
    name : str
        As the column `model` of the tables says.
    role : str
        Of its marginal contrast, as `primary`.
    fit : LmmFit
        The fit.
    """

    name: str
    role: str
    fit: LmmFit

    def rows(self, plan: Plan) -> pd.DataFrame:
        """Return the marginal contrast of conditions and all coefficients, by both methods."""
        contrast = self.condition_contrast(plan)
        parts = []
        for method in METHODS:
            marginal = self.fit.contrast(contrast, ddf=method).assign(
                term=contrast_name(plan),
                role=self.role if method == METHODS[0] else "sensitivity",
            )
            terms = self.fit.coefficients(ddf=method).reset_index().assign(role="coefficient")
            parts += [self.labelled(table, method, plan) for table in (marginal, terms)]
        return pd.concat(parts, ignore_index=True)

    def condition_contrast(self, plan: Plan) -> RealArray:
        """Return active minus reference, other factors weighted equally."""
        rows = self.fit.marginal_rows("condition")
        levels = self.fit.fixed.levels["condition"]
        contrast: RealArray = rows[levels.index(plan.active)] - rows[levels.index(plan.reference)]
        return contrast

    def at(self, condition: str, time: str | None, level: object) -> RealArray:
        """Return the contrast of one condition's mean, in one bin or over all."""
        if time is None:
            levels = self.fit.fixed.levels["condition"]
            row: RealArray = self.fit.marginal_rows("condition")[levels.index(condition)]
            return row
        return self.fit.cell_row({"condition": condition, time: level})

    def labelled(self, table: pd.DataFrame, method: DdfMethod, plan: Plan) -> pd.DataFrame:
        """Return results in the columns of every results table."""
        half = stats.t.ppf(0.5 + plan.confidence / 2, table["df"]) * table["se"]
        data = self.fit.data
        return pd.DataFrame(
            {
                "role": table["role"],
                "model": self.name,
                "term": table["term"],
                "estimate": table["estimate"],
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


def contrast_name(plan: Plan) -> str:
    """Return the name of the contrast that answers the question."""
    return f"{plan.active} - {plan.reference}"


def design_formula(table: pd.DataFrame, time: str) -> str:
    """Return the design-respecting formula, without factors the data do not vary in."""
    varying = [name for name in ("period", "sequence") if table[name].nunique() > 1]
    has_both = bool(table.groupby("subject")["visit"].nunique().max() > 1)
    baseline = ["base_sub_c", "base_dev"] if has_both else ["base_sub_c"]
    main = f"condition*{time}" if table[time].nunique() > 1 else "condition"
    random = RANDOM if table[time].nunique() > 1 else "(1|subject)"
    return f"delta ~ {' + '.join([main, *varying, *baseline])} + {random}"
