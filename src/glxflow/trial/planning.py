"""Plan the next trial: power and width of the interval, in closed form and by simulation."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import optimize, stats

from glxflow.errors import TableError
from glxflow.spectrum import BoolArray, RealArray
from glxflow.trial.components import components_for
from glxflow.trial.designs.question import contrast_name
from glxflow.trial.models import TrialModel
from glxflow.trial.plan import Plan
from glxflow.trial.simulated import Design, orders_of
from glxflow.trial.simulated_power import Simulated, simulate_power

_MOST_PARTICIPANTS = 10_000
_FAR = 6.0
_FACTORS = ("condition", "infusion")
# Participants minus df of the classical test, by design and number of factors within.
_LOST = {("crossover", 1): 2, ("parallel", 0): 2, ("factorial", 2): 1, ("factorial", 1): 2,
         ("factorial", 0): 4}  # fmt: skip
_LABELS = ("reference infusion", "active infusion")


def planned(plan: Plan, kind: str, within: tuple[str, ...]) -> Plan:
    """Return a plan of another design, for a trial that is planned from this one.

    Parameters
    ----------
    plan : Plan
        The present plan.
    kind : str
        `crossover`, `parallel` or `factorial`.
    within : tuple of str
        Factors of a factorial trial that vary within participants.

    Raises
    ------
    TableError
        If the design or a factor is unknown, or the design leaves no choice of factors.
    """
    known = ("crossover", "parallel", "factorial")
    if kind not in known:
        raise TableError(f"design {kind!r} is not one of {', '.join(known)}.")
    if unknown := set(within) - set(_FACTORS):
        raise TableError(
            f"within {', '.join(map(repr, sorted(unknown)))} is not condition or infusion. Write "
            "--within once for each."
        )
    if within and kind != "factorial":
        raise TableError(f"--within belongs to a factorial trial, but the design is {kind!r}.")
    own = {"crossover": ("condition",), "parallel": ()}.get(kind, within)
    infusion = (plan.infusion or _LABELS) if kind == "factorial" else None
    order = tuple(name for name in _FACTORS if name in own)
    return replace(plan, design=kind, within=order, infusion=infusion)


def design_from(
    model: TrialModel,
    plan: Plan,
    to_come: Plan,
    *,
    n_participants: int,
    effect: float,
    dropout: float = 0.0,
    qc_loss: float = 0.0,
    sex_difference: float = 0.0,
) -> Design:
    """Return a design with the variance components and the response of a fitted model.

    Parameters
    ----------
    model : TrialModel
        The primary model of the present trial.
    plan, to_come : Plan
        Of the present trial and of the one to come.
    n_participants, effect, dropout, qc_loss, sex_difference
        As `Design` has them.

    Raises
    ------
    TableError
        If shares are not between 0 and 1, or there are too few participants.
    """
    fewest = _fewest(_LOST[to_come.design, len(to_come.within)])
    if n_participants < fewest:
        raise TableError(
            f"{n_participants} participants cannot carry the model; give {fewest} or more."
        )
    for name, share in (("dropout", dropout), ("qc loss", qc_loss)):
        if not 0 <= share < 1:
            raise TableError(f"{name} is {share:g}, expected a share from 0 to below 1.")
    response = model.fit.contrast(model.response(plan.reference, plan))["estimate"].iloc[0]
    found = components_for(model, plan, to_come)
    return Design(
        n_participants=n_participants,
        n_bins=int(model.fit.data["bin"].nunique()),
        effect=effect,
        response=float(response),
        subject_sd=found.subject_sd,
        infusion_sd=found.infusion_sd,
        session_sd=found.session_sd,
        residual_sd=found.residual_sd,
        dropout=dropout,
        qc_loss=qc_loss,
        sex_difference=sex_difference,
        cautions=found.cautions,
    )


@dataclass(frozen=True, slots=True)
class Precision:
    """What the closed form knows of a design.

    Attributes
    ----------
    dz : float
        Effect over the standard error of one participant: shift of t is dz sqrt(n).
    error : float
        That standard error, in the unit of the outcome.
    lost : int
        Participants minus degrees of freedom.
    """

    dz: float
    error: float
    lost: int


def precision(design: Design, plan: Plan) -> Precision:
    """Return the effect size of the classical test of a design, nothing lost."""
    session = design.session_sd**2 + design.residual_sd**2 / design.n_bins
    person = design.subject_sd**2 + session
    # Variance of the estimate times participants: n/2 in each of two arms, n/4 of four.
    kind = plan.design, len(plan.within)
    variance = {
        ("crossover", 1): 2 * session,
        ("parallel", 0): 4 * person,
        ("factorial", 2): 4 * session,
        ("factorial", 1): 8 * session,
        ("factorial", 0): 16 * person,
    }[kind]
    error = float(np.sqrt(variance))
    return Precision(design.effect / error, error, _LOST[kind])


def _fewest(lost: int) -> int:
    """Return the smallest number of participants that leaves the classical test a df."""
    return max(4, lost + 1)


def power(dz: float, n_participants: int, alpha: float, lost: int = 2) -> float:
    """Return the power of a t test.

    Parameters
    ----------
    dz : float
        Effect over the standard error of one participant; in a crossover, over the SD
        of the paired difference.
    n_participants : int
        Complete, balanced over the orders.
    alpha : float
        Two-sided level.
    lost : int
        Participants minus degrees of freedom; 2 for the period-adjusted test of a crossover.
    """
    df = n_participants - lost
    critical = stats.t.ppf(1 - alpha / 2, df)
    shift = abs(dz) * np.sqrt(n_participants)
    # Rejection on the wrong side is below 1e-9 from here, where scipy's tail becomes NaN.
    wrong_side = float(stats.nct.cdf(-critical, df, shift)) if shift < _FAR else 0.0
    return float(stats.nct.sf(critical, df, shift)) + wrong_side


def participants_needed(
    dz: float, wanted: float, alpha: float, lost: int = 2, step: int = 2
) -> int:
    """Return the smallest multiple of `step`, as of the orders, with the wanted power.

    Raises
    ------
    TableError
        If no trial of 10,000 participants has it.
    """
    first = -(-_fewest(lost) // step) * step
    for n in range(first, _MOST_PARTICIPANTS + 1, step):
        if power(dz, n, alpha, lost) >= wanted:
            return n
    raise TableError(
        f"an effect of dz = {dz:.3g} needs more than {_MOST_PARTICIPANTS} participants."
    )


def detectable(n_participants: int, wanted: float, alpha: float, lost: int = 2) -> float:
    """Return the smallest dz that a number of participants detects with the wanted power."""
    high = 0.1
    while power(high, n_participants, alpha, lost) < wanted:
        high *= 1.5
    found: float = optimize.brentq(
        lambda dz: power(dz, n_participants, alpha, lost) - wanted, high / 100, high
    )
    return found


def power_table(
    design: Design, plan: Plan, *, n_trials: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return simulated power and widths beside the closed form, a row each.

    A trial that cannot be analysed rejects nothing, and is counted in the note. What the
    variance components leave open comes first.
    """
    alpha = 1 - plan.confidence
    trials = simulate_power(design, plan, n_trials=n_trials, rng=rng)
    name = contrast_name(plan)
    widths = trials.width[np.isfinite(trials.width)]
    rows = [
        *({"analysis": "caution", "estimate": np.nan, "note": text} for text in design.cautions),
        _power("power, simulated", trials.p, alpha, f"{name}: primary model, Kenward-Roger"),
        {"analysis": "width of the interval, simulated mean",
         "estimate": widths.mean() if widths.size else np.nan, "note": "unit of the outcome"},
        *_attenuation(design, trials),
    ]  # fmt: skip
    if design.sex_difference != 0:
        note = f"the effect differs by {design.sex_difference:g}"
        rows.append(
            _power("power of the interaction with sex, simulated", trials.p_sex, alpha, note)
        )
    return pd.DataFrame([*rows, *_closed(design, plan, alpha)])


def _power(analysis: str, p: RealArray, alpha: float, note: str) -> dict[str, object]:
    """Return the share of trials that reject, and say how many had no P."""
    unknown = int(np.isnan(p).sum())
    if unknown:
        note += f"; {unknown} could not be analysed and count as no rejection"
    return _rate(analysis, p < alpha, note)


def _rate(analysis: str, happened: BoolArray, note: str) -> dict[str, object]:
    """Return a share of trials with its Monte-Carlo interval."""
    n = happened.size
    interval = stats.binomtest(int(happened.sum()), n).proportion_ci(method="wilson")
    return {"analysis": analysis, "estimate": float(happened.mean()), "ci_low": interval.low,
            "ci_high": interval.high, "note": f"{n} trials, {note}"}  # fmt: skip


def _attenuation(design: Design, trials: Simulated) -> list[dict[str, object]]:
    """Return how often the percentage is bounded, and the typical width of its interval."""
    bounded = np.isfinite(trials.percent_width)
    truth = f"truth {-100 * design.effect / design.response:.0f} %" if design.response else ""
    rows = [_rate("attenuation is bounded, simulated", bounded, truth)]
    if bounded.any():
        rows.append(
            {"analysis": "width of the attenuation's interval, simulated median",
             "estimate": float(np.median(trials.percent_width[bounded])), "note": "percent"}
        )  # fmt: skip
    return rows


def _closed(design: Design, plan: Plan, alpha: float) -> list[dict[str, object]]:
    """Return what the closed form says, nothing lost."""
    n, size = design.n_participants, precision(design, plan)
    smallest = detectable(n, 0.8, alpha, size.lost)
    rows: list[dict[str, object]] = [
        {"analysis": "power, closed form", "estimate": power(size.dz, n, alpha, size.lost),
         "note": f"t with n - {size.lost} df, nothing lost, dz = {size.dz:.3f}"},
        {"analysis": "detectable dz at 80 % power",
         "estimate": smallest,
         "note": f"closed form, {n} participants; dz: effect over its standard error and sqrt(n)"},
        {"analysis": "detectable effect at 80 % power", "estimate": smallest * size.error,
         "note": f"closed form, {n} participants, unit of the outcome"},
    ]  # fmt: skip
    if design.effect != 0:
        step = len(orders_of(plan))
        rows += [_needed(size, wanted, alpha, step) for wanted in (0.8, 0.9)]
    return rows


def _needed(size: Precision, wanted: float, alpha: float, step: int) -> dict[str, object]:
    """Return the participants for the wanted power, or that no trial has so many."""
    row: dict[str, object] = {"analysis": f"participants for {100 * wanted:g} % power"}
    try:
        found = participants_needed(size.dz, wanted, alpha, size.lost, step)
    except TableError as error:
        return row | {"estimate": np.nan, "note": str(error)}
    return row | {"estimate": found, "note": "closed form"}
