"""Gaussian linear mixed models with small-sample inference.

The interface of the trial's analyses: a formula in lme4's notation, sum-to-zero
contrasts, Kenward-Roger or Satterthwaite degrees of freedom; small and dense.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.design import check_rank, check_spread, outcome_of, random_block
from glxflow.trial.formula import FixedPart, numeric_column, parse
from glxflow.trial.inference import Estimates, KenwardRoger, Satterthwaite, SmallSample
from glxflow.trial.known_error import KnownErrorLikelihood
from glxflow.trial.reml import Likelihood
from glxflow.trial.search import Optimum, optimise

DdfMethod = Literal["kenward-roger", "satterthwaite"]


@dataclass(frozen=True)
class LmmFit:
    """A fitted mixed model.

    Attributes
    ----------
    formula : str
        As given.
    data : DataFrame
        The rows that were used.
    likelihood : Likelihood
        Data and structure; rows are divided by the known relative error.
    optimum : Optimum
        Variance parameters.
    fixed : FixedPart
        Coding of the fixed effects.
    log_weight : float
        Sum of the logarithms of the weights, for the likelihood.
    """

    formula: str
    data: pd.DataFrame
    likelihood: Likelihood
    optimum: Optimum
    fixed: FixedPart
    log_weight: float

    @property
    def singular(self) -> bool:
        """Whether a variance component is at its boundary."""
        return self.optimum.is_singular

    @property
    def log_likelihood(self) -> float:
        """The (restricted) log likelihood."""
        return -self.optimum.deviance / 2 + self.log_weight / 2

    @cached_property
    def variance_components(self) -> pd.DataFrame:
        """Variances and covariances, a row each: group, effect, other, variance."""
        rows: list[tuple[str, str, str | None]] = [
            (block.label, block.effects[row], None if row == column else block.effects[column])
            for block in self.likelihood.blocks
            for row, column in block.pairs
        ]
        table = pd.DataFrame([*rows, ("Residual", "", None)], columns=["group", "effect", "other"])
        variances = self.likelihood.variances(self.optimum.theta, self.optimum.sigma)
        return table.assign(variance=variances)

    def inference(self, ddf: DdfMethod = "kenward-roger") -> SmallSample:
        """Return covariance and F tests by a method."""
        if ddf == "satterthwaite":
            if isinstance(self.likelihood, KnownErrorLikelihood):
                raise TableError("a fit with known errors has Kenward-Roger inference only.")
            return self._satterthwaite
        if ddf != "kenward-roger":
            raise TableError(f"ddf is {ddf!r}, expected 'kenward-roger' or 'satterthwaite'.")
        if not self.likelihood.reml:
            raise TableError("Kenward-Roger needs a fit by REML. Fit with reml=True.")
        return self._kenward_roger

    @cached_property
    def _kenward_roger(self) -> KenwardRoger:
        return KenwardRoger(self.likelihood, self.optimum)

    @cached_property
    def _satterthwaite(self) -> Satterthwaite:
        return Satterthwaite(self.likelihood, self.optimum)

    @property
    def beta(self) -> RealArray:
        """Coefficients, (n_coefficients,)."""
        return self._estimates.beta

    @cached_property
    def _estimates(self) -> Estimates:
        return Estimates(self.likelihood, self.optimum)

    def coefficients(self, ddf: DdfMethod = "kenward-roger") -> pd.DataFrame:
        """Return a row a coefficient: estimate, se, df, t, p."""
        identity = np.eye(len(self.beta))
        return self.contrast(identity, ddf=ddf).set_axis(
            pd.Index(self.fixed.names, name="term"), axis=0
        )

    def contrast(self, contrast: npt.ArrayLike, ddf: DdfMethod = "kenward-roger") -> pd.DataFrame:
        """Return estimate, se, df, t, p of each row; se to p are NaN with less than one df.

        Parameters
        ----------
        contrast : (n_contrasts, n_coefficients) or (n_coefficients,) array-like
            Weights of the coefficients.
        ddf : {"kenward-roger", "satterthwaite"}
            Method.
        """
        rows = np.atleast_2d(np.asarray(contrast, dtype=np.float64))
        method = self.inference(ddf)
        tests = [method.f_test(row[np.newaxis]) for row in rows]
        estimate = rows @ self.beta
        variance = np.einsum("ij,jk,ik->i", rows, method.covariance, rows)
        degrees = np.array([test.ddf for test in tests])
        # With very few groups the adjusted variance can be negative: then there is no error.
        error = np.sqrt(np.where((variance > 0) & ~np.isnan(degrees), variance, np.nan))
        t = estimate / error
        return pd.DataFrame(
            {
                "estimate": estimate,
                "se": error,
                "df": degrees,
                "t": t,
                "p": 2 * stats.t.sf(np.abs(t), degrees),
            }
        )

    def anova(self, ddf: DdfMethod = "kenward-roger") -> pd.DataFrame:
        """Return type III F tests, a row a term: ndf, ddf, F, p."""
        method = self.inference(ddf)
        terms = self.fixed.parsed.terms
        tests = [method.f_test(self.fixed.hypothesis(term)) for term in terms]
        table = pd.DataFrame(
            {
                "ndf": [test.ndf for test in tests],
                "ddf": [test.ddf for test in tests],
                "F": [test.statistic for test in tests],
            },
            index=pd.Index([":".join(term) for term in terms], name="term"),
        )
        return table.assign(p=stats.f.sf(table["F"], table["ndf"], table["ddf"]))

    def emmeans(self, factor: str, ddf: DdfMethod = "kenward-roger") -> pd.DataFrame:
        """Return estimated marginal means, a row a level: estimate, se, df, t, p.

        Other factors have equal weights; numbers stand at their mean.
        """
        means = self.contrast(self.marginal_rows(factor), ddf=ddf)
        return means.set_axis(pd.Index(self.fixed.levels[factor], name=factor), axis=0)

    def marginal_rows(self, factor: str) -> RealArray:
        """Return the contrast of each level's marginal mean, (n_levels, n_coefficients)."""
        if factor not in self.fixed.levels:
            known = ", ".join(self.fixed.levels)
            raise TableError(f"{factor!r} is no factor of {self.formula}: {known}.")
        return np.array([self.cell_row({factor: level}) for level in self.fixed.levels[factor]])

    def cell_row(self, at: Mapping[str, object]) -> RealArray:
        """Return the contrast of the mean at given levels, (n_coefficients,).

        Factors that are not given have equal weights; numbers stand at their mean.
        """
        variables = dict.fromkeys(name for term in self.fixed.parsed.terms for name in term)
        choices = {name: [at[name]] if name in at else self._choices(name) for name in variables}
        grid = pd.DataFrame(list(product(*choices.values())), columns=list(choices))
        row: RealArray = self.fixed.matrix(grid).mean(axis=0)
        return row

    def _choices(self, name: str) -> list[object]:
        """Return what a variable is averaged over: all levels, or a number's mean."""
        if name in self.fixed.levels:
            return self.fixed.levels[name]
        return [float(numeric_column(name, self.data).mean())]


def fit_lmm(
    formula: str,
    data: pd.DataFrame,
    weights: npt.ArrayLike | None = None,
    reml: bool = True,
    known: npt.ArrayLike | None = None,
) -> LmmFit:
    """Fit a Gaussian linear mixed model.

    Parameters
    ----------
    formula : str
        In lme4's notation: ``delta ~ condition*bin + (1|subject) + (1|subject:session)``.
        Text and categorical columns are factors with sum-to-zero contrasts.
    data : DataFrame
        A row a measurement; rows with missing values are left out.
    weights : (n_rows,) array-like, optional
        Prior weights: the residual variance of a row is sigma^2 / weight.
    reml : bool
        Restricted maximum likelihood, else maximum likelihood.
    known : (n_rows, n_rows) array-like, optional
        Known covariance of the rows' errors, to which the model adds its own.

    Raises
    ------
    ValueError
        If both weights and known errors are given.
    TableError
        If there is no random term, columns are missing, nothing is left, a factor has
        one level, the outcome does not vary, or coefficients are aliased (named).
    """
    if weights is not None and known is not None:
        raise ValueError("weights and known errors exclude each other")
    if not parse(formula).random:
        raise TableError(f"formula {formula!r} has no random term such as (1|subject). Add one.")
    return _fit(formula, data, weights, reml, known)


def fit_linear(formula: str, data: pd.DataFrame, known: npt.ArrayLike | None = None) -> LmmFit:
    """Fit a linear model: a mixed one without random terms, for a row a participant.

    Kenward and Roger's degrees of freedom are then those of least squares.

    Parameters
    ----------
    formula, data, known
        As `fit_lmm` takes them; the formula has fixed terms alone.

    Raises
    ------
    TableError
        As `fit_lmm`.
    """
    return _fit(formula, data, None, True, known)


def _fit(
    formula: str,
    data: pd.DataFrame,
    weights: npt.ArrayLike | None,
    reml: bool,
    known: npt.ArrayLike | None,
) -> LmmFit:
    """Fit a model with or without random terms."""
    parsed = parse(formula)
    missing = [name for name in parsed.variables if name not in data and name.isidentifier()]
    if missing:
        raise TableError(
            f"columns {missing} of {formula!r} are not in the table. "
            f"It has {', '.join(map(str, data.columns))}."
        )
    weight = _positive(weights, len(data))
    needed = [name for name in parsed.variables if name in data]
    complete = data[needed].notna().all(axis=1).to_numpy()
    used, weight = data.loc[complete].reset_index(drop=True), weight[complete]
    y = outcome_of(parsed, used)
    fixed = FixedPart.of(parsed, used)
    x = fixed.matrix(used)
    check_rank(x, fixed)
    check_spread(y, x)
    root = np.sqrt(weight)
    blocks = tuple(random_block(term, used, root) for term in dict.fromkeys(parsed.random))
    if known is None:
        likelihood = Likelihood(y * root, x * root[:, np.newaxis], blocks, reml)
    else:
        errors = np.asarray(known, dtype=np.float64)[np.ix_(complete, complete)]
        likelihood = KnownErrorLikelihood(y, x, blocks, reml, errors)
    return LmmFit(
        formula, used, likelihood, _optimum(likelihood), fixed, float(np.log(weight).sum())
    )


def _optimum(likelihood: Likelihood) -> Optimum:
    """Return the maximum of the likelihood; without random terms there is nothing to search."""
    if likelihood.is_diagonal.size:
        return optimise(likelihood)
    theta = np.zeros(0)
    sigma = float(np.sqrt(likelihood.sigma2(theta)))
    return Optimum(theta, sigma, likelihood.profiled_deviance(theta), is_singular=False)


def _positive(weights: npt.ArrayLike | None, n_rows: int) -> RealArray:
    """Return prior weights, all one where none are given."""
    weight = np.ones(n_rows) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (weight > 0).all():
        raise TableError(
            f"{(~(weight > 0)).sum()} weights are not positive. Leave those rows out."
        )
    return weight
