"""The models another analyst might have chosen, each one choice away from that of a fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from glxflow.fit.prior import Prior
from glxflow.fit.problem import Problem
from glxflow.fit.soft import deviations
from glxflow.spectrum import BoolArray, Kind, RealArray

WEAK_MACROMOLECULES = ("MM25", "MM27", "MM32", "MM36")
"""Default macromolecules that one metabolite-nulled spectrum hardly shows."""

RANGES_PPM = ((0.5, 4.1), (1.8, 4.2))
"""Ranges that are fitted in the literature; the second leaves lipid out."""

_FACTORS = {"half": 0.5, "double": 2.0}
_WIDTHS = {"narrower": 0.5, "wider": 1.5}
_OUTSIDE = 1e-3


@dataclass(frozen=True, slots=True)
class Variant:
    """A spectrum to be explained by a model that differs in one choice.

    Attributes
    ----------
    choice : str
        What was chosen otherwise; variants of one choice exclude each other.
    label : str
        How.
    problem : Problem
        The same data, alignment and noise under the other model.
    """

    choice: str
    label: str
    problem: Problem


def variants_of(problem: Problem) -> tuple[Variant, ...]:
    """Return the variants of a fit's model: macromolecules, baseline, priors and range.

    Parameters
    ----------
    problem : Problem
        Of the fit, with its weights and stiffness.
    """
    return (
        *_baselines(problem),
        *_line_priors(problem),
        *_macromolecules(problem),
        *_ranges(problem),
    )


def _baselines(problem: Problem) -> Iterator[Variant]:
    """Yield half and double the baseline's effective dimension."""
    spline = problem.model.spline
    others = spline.alternatives(float(problem.shares.sum()) / spline.width_ppm)
    for label, ed_per_ppm in zip(_FACTORS, others, strict=True):
        other = problem.with_stiffness(spline.stiffness(ed_per_ppm))
        yield Variant("baseline", f"{label} dimension", other)


def _line_priors(problem: Problem) -> Iterator[Variant]:
    """Yield half and double the prior SD of the metabolites' shifts and widths."""
    metabolites = [g.name for g in problem.model.groups if g.kind is Kind.METABOLITE]
    for what in ("shift", "width"):
        chosen = np.isin(problem.prior.names, [f"{what}_{name}" for name in metabolites])
        for label, factor in _FACTORS.items():
            sd = np.where(chosen, factor, 1.0) * problem.prior.sd
            prior = replace(problem.prior, sd=sd)
            yield Variant(f"{what} prior", f"{label} SD", _with_prior(problem, prior))


def _macromolecules(problem: Problem) -> Iterator[Variant]:
    """Yield other ratios, widths and lines of the macromolecules, where there are some."""
    members = [n for n, kind in enumerate(problem.model.kinds) if kind is Kind.MACROMOLECULE]
    rows = problem.ratio_rows
    if len(members) > 1:
        ratios = np.count_nonzero(rows[:, members], axis=1) > 1
        for label, factor in _FACTORS.items():
            scaled = np.where(ratios, 1 / factor, 1.0)[:, np.newaxis] * rows
            yield Variant("macromolecule ratios", f"{label} SD", problem.with_ratios(scaled))
        strong = _without_weak(problem, members, ratios)
        if strong is not None:
            yield Variant("macromolecule lines", "without weak lines", problem.with_ratios(strong))
    if members:
        names = [f"width_{g.name}" for g in problem.model.groups if g.kind is Kind.MACROMOLECULE]
        chosen = np.isin(problem.prior.names, names)
        for label, factor in _WIDTHS.items():
            mean = problem.prior.mean + np.where(chosen, np.log(factor), 0.0)
            yield Variant(
                "macromolecule widths",
                label,
                _with_prior(problem, replace(problem.prior, mean=mean)),
            )


def _without_weak(problem: Problem, members: list[int], ratios: BoolArray) -> RealArray | None:
    """Return soft constraints that forbid weak lines and link those that remain."""
    names, rows = problem.model.names, problem.ratio_rows
    weak = [n for n in members if names[n] in WEAK_MACROMOLECULES]
    if not weak:
        return None
    kept = [n for n in members if n not in weak]
    weight = float(np.abs(rows[ratios]).max())
    links = weight * deviations(kept, np.ones(rows.shape[1]))
    forbidden = np.zeros((len(weak), rows.shape[1]))
    # A thousandth of the ratio's SD: zero, as far as any number shows.
    forbidden[np.arange(len(weak)), weak] = 1e3 * weight
    return np.concatenate([rows[~ratios], links, forbidden])


def _ranges(problem: Problem) -> Iterator[Variant]:
    """Yield narrower ranges of chemical shift: what is outside weighs nothing."""
    model = problem.model
    for low, high in RANGES_PPM:
        outside = (model.ppm < low) | (model.ppm > high)
        if outside.any() and not outside.all():
            weight = np.where(outside, _OUTSIDE, model.weight)
            narrowed = problem.with_model(model.reweighted(weight))
            yield Variant("range", f"{low:g}-{high:g} ppm", narrowed)


def _with_prior(problem: Problem, prior: Prior) -> Problem:
    """Return the problem under another prior of its non-linear parameters."""
    return problem.with_model(replace(problem.model, prior=prior))
