"""Whether the primary result depends on what its model takes for granted."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from glxflow.spectrum import RealArray
from glxflow.trial.inference import Estimates
from glxflow.trial.lmm import LmmFit
from glxflow.trial.models import METHODS, TrialModel
from glxflow.trial.plan import Plan
from glxflow.trial.residuals import (
    Shape,
    ShapedFit,
    autoregressive,
    compound_symmetric,
    fit_shaped,
    heteroscedastic,
)

SESSION = "subject:visit"
"""Label of the random effect of sessions."""


def robustness(model: TrialModel, term: str, plan: Plan) -> Iterator[pd.DataFrame]:
    """Yield the primary contrast under other residuals, a row each, and what was found of them.

    Parameters
    ----------
    model : TrialModel
        The primary model; residuals over bins are asked for where sessions have several.
    term : str
        Name of the contrast.
    plan : Plan
        Conditions and confidence.
    """
    likelihood = model.fit.likelihood
    if SESSION not in [block.label for block in likelihood.blocks]:
        return
    contrast = model.condition_contrast(plan)
    for shape in _shapes(model.fit.data, plan):
        try:
            found = fit_shaped(likelihood, shape)
        except np.linalg.LinAlgError:
            continue
        note = _note(shape, found, model.fit.optimum.deviance, plan)
        row = _contrast_row(found, contrast).assign(term=term, role="sensitivity")
        if row["df"].isna().all():
            continue
        yield replace(model, name=shape.name).labelled(row, METHODS[0], plan).assign(note=note)


def _shapes(data: pd.DataFrame, plan: Plan) -> Iterator[Shape]:
    """Yield the residuals to try."""
    session = (data["subject"].astype(str) + ":" + data["visit"]).to_numpy(dtype=str)
    # Of two bins the correlation is that of the session effect.
    if data["bin"].nunique() > 2:
        yield autoregressive(session, data["bin"].to_numpy(dtype=np.float64))
    yield compound_symmetric(session, drops=SESSION)
    is_active = (data["condition"] == plan.active).to_numpy()
    yield heteroscedastic("residuals: another SD under each condition", is_active)


def _note(shape: Shape, found: ShapedFit, plain: float, plan: Plan) -> str:
    """Return the estimated shape, and whether the likelihood asks for it."""
    if shape.drops is not None:
        return f"correlation {found.parameter:.2f}"
    better = max(plain - found.deviance, 0.0)
    p = float(stats.chi2.sf(better, 1))
    if shape.name.endswith("condition"):
        ratio = float(np.exp(found.parameter))
        what = f"SD of {plan.active} / {plan.reference} {ratio:.2f}"
    else:
        what = f"correlation {found.parameter:.2f}"
    return f"{what}, likelihood ratio P {p:.3f}"


def _contrast_row(found: ShapedFit, contrast: RealArray) -> pd.DataFrame:
    """Return estimate, se, df, t and p of a contrast."""
    inference = found.inference
    test = inference.f_test(contrast[np.newaxis])
    estimate = float(contrast @ inference.beta)
    error = float(np.sqrt(contrast @ inference.covariance @ contrast))
    p = 2 * stats.t.sf(abs(estimate / error), test.ddf)
    return pd.DataFrame(
        [{"estimate": estimate, "se": error, "df": test.ddf, "t": estimate / error, "p": p}]
    )


def quantiles(fit: LmmFit) -> dict[str, dict[str, list[float]]]:
    """Return normal quantiles beside those of the residuals and of each random effect.

    Returns
    -------
    dict
        From `Residual` and each random effect to `expected`, in SD, and `observed`, in
        the outcome's unit, both ascending. What is at its boundary is zero throughout.
    """
    model, optimum = fit.likelihood, fit.optimum
    solved = Estimates(model, optimum)
    left = solved.inverse @ (model.y - model.x @ solved.beta)
    residual = optimum.sigma**2 * left
    parts = {"Residual": residual} | _random_effects(fit, left)
    return {name: _against_normal(values) for name, values in parts.items()}


def _random_effects(fit: LmmFit, left: RealArray) -> dict[str, RealArray]:
    """Return the predicted random effects by name, (n_groups,) each."""
    model, optimum = fit.likelihood, fit.optimum
    found = {}
    for block, factor in zip(model.blocks, model.factors(optimum.theta), strict=True):
        covariance = optimum.sigma**2 * factor @ factor.T
        pulls = np.array([design.T @ left for design in block.designs])
        for effect, values in zip(block.effects, covariance @ pulls, strict=True):
            found[block.label if effect == "(Intercept)" else f"{effect} | {block.label}"] = values
    return found


def _against_normal(values: RealArray) -> dict[str, list[float]]:
    """Return sorted values and the normal quantiles of their ranks."""
    expected = stats.norm.ppf((np.arange(values.size) + 0.5) / values.size)
    return {"expected": expected.tolist(), "observed": np.sort(values).tolist()}
