"""Plan the next trial: power and width of the interval, in closed form and by simulation."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.lmm import LmmFit, fit_lmm
from glxflow.trial.models import design_formula

_MOST_PARTICIPANTS = 10_000
_FAR = 6.0


@dataclass(frozen=True, slots=True)
class Design:
    """A trial to come.

    Attributes
    ----------
    n_participants, n_bins : int
        Participants, alternating between the sequences, and bins after the baseline.
    effect : float
        Active minus reference, in units of the outcome.
    subject_sd, session_sd, residual_sd : float
        Of the change from baseline.
    dropout : float
        Share of participants without a second session.
    qc_loss : float
        Share of bins that quality control takes.
    """

    n_participants: int
    n_bins: int
    effect: float
    subject_sd: float
    session_sd: float
    residual_sd: float
    dropout: float
    qc_loss: float

    @property
    def dz(self) -> float:
        """Effect over the SD of the difference of a participant's session means."""
        variance = self.session_sd**2 + self.residual_sd**2 / self.n_bins
        return self.effect / float(np.sqrt(2 * variance))


def design_from(
    fit: LmmFit, n_participants: int, effect: float, dropout: float, qc_loss: float
) -> Design:
    """Return a design with the variance components of a fitted primary model.

    Raises
    ------
    TableError
        If shares are not between 0 and 1, or there are fewer than four participants.
    """
    if n_participants < 4:
        raise TableError(f"{n_participants} participants cannot carry the model; give 4 or more.")
    for name, share in (("dropout", dropout), ("qc loss", qc_loss)):
        if not 0 <= share < 1:
            raise TableError(f"{name} is {share:g}, expected a share from 0 to below 1.")
    parts = fit.variance_components.set_index("group")["variance"]
    sd = {group: float(np.sqrt(parts.get(group, 0.0))) for group in
          ("subject", "subject:visit", "Residual")}  # fmt: skip
    n_bins = int(fit.data["bin"].nunique())
    return Design(
        n_participants, n_bins, effect, sd["subject"], sd["subject:visit"], sd["Residual"],
        dropout, qc_loss,
    )  # fmt: skip


def power(dz: float, n_participants: int, alpha: float) -> float:
    """Return the power of the period-adjusted t test of a balanced crossover.

    Parameters
    ----------
    dz : float
        Effect over the SD of the paired difference.
    n_participants : int
        With both sessions, half in each sequence.
    alpha : float
        Two-sided level.
    """
    df = n_participants - 2
    critical = stats.t.ppf(1 - alpha / 2, df)
    shift = abs(dz) * np.sqrt(n_participants)
    # Rejection on the wrong side is below 1e-9 from here, where scipy's tail becomes NaN.
    wrong_side = float(stats.nct.cdf(-critical, df, shift)) if shift < _FAR else 0.0
    return float(stats.nct.sf(critical, df, shift)) + wrong_side


def participants_needed(dz: float, wanted: float, alpha: float) -> int:
    """Return the smallest even number of participants with the wanted power.

    Raises
    ------
    TableError
        If no trial of 10,000 participants has it.
    """
    for n in range(4, _MOST_PARTICIPANTS, 2):
        if power(dz, n, alpha) >= wanted:
            return n
    raise TableError(
        f"an effect of dz = {dz:.3g} needs more than {_MOST_PARTICIPANTS} participants."
    )


def detectable(n_participants: int, wanted: float, alpha: float) -> float:
    """Return the smallest dz that a number of participants detects with the wanted power."""
    high = 0.1
    while power(high, n_participants, alpha) < wanted:
        high *= 1.5
    found: float = optimize.brentq(
        lambda dz: power(dz, n_participants, alpha) - wanted, high / 100, high
    )
    return found


def simulate_changes(design: Design, rng: np.random.Generator) -> pd.DataFrame:
    """Return the changes of one trial, as `glx_changes` does, with its losses."""
    rows = []
    for index in range(design.n_participants):
        own, baseline = rng.normal(0, design.subject_sd), rng.normal()
        n_sessions = 1 if rng.random() < design.dropout else 2
        for period in range(1, n_sessions + 1):
            is_active = (index + period) % 2 == 1
            level = own + rng.normal(0, design.session_sd) + design.effect * is_active
            values = level + rng.normal(0, design.residual_sd, design.n_bins)
            base = baseline + rng.normal()
            kept = np.flatnonzero(rng.random(design.n_bins) >= design.qc_loss)
            rows += [
                (index, index % 2, period, is_active, int(bin_), values[bin_], base)
                for bin_ in kept
            ]
    columns = ["subject", "sequence", "period", "condition", "bin", "delta", "base"]
    table = pd.DataFrame(rows, columns=columns)
    own_base = table.groupby("subject")["base"].transform("mean")
    return table.assign(
        subject=table["subject"].astype(str),
        visit=table["period"].astype(str),
        base_sub_c=own_base - own_base.mean(),
        base_dev=table["base"] - own_base,
        **{name: pd.Categorical(table[name]) for name in
           ("sequence", "period", "condition", "bin")},
    )  # fmt: skip


def simulate_power(
    design: Design, *, alpha: float, n_trials: int, rng: np.random.Generator
) -> tuple[RealArray, RealArray]:
    """Return P and the interval's width of simulated trials by the primary model.

    Returns
    -------
    p, width : (n_trials,) ndarray
        Of the marginal contrast, with Kenward-Roger df.
    """
    found = np.empty((n_trials, 2))
    for number in range(n_trials):
        table = simulate_changes(design, rng)
        fit = fit_lmm(design_formula(table, "bin"), table)
        row = fit.contrast(np.diff(fit.marginal_rows("condition"), axis=0)).iloc[0]
        width = 2 * stats.t.ppf(1 - alpha / 2, row["df"]) * row["se"]
        found[number] = row["p"], width
    return found[:, 0], found[:, 1]


def power_table(
    design: Design, *, alpha: float, n_trials: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Return simulated power and width beside the closed form, a row each."""
    p, width = simulate_power(design, alpha=alpha, n_trials=n_trials, rng=rng)
    interval = stats.binomtest(int((p < alpha).sum()), n_trials).proportion_ci(method="wilson")
    n = design.n_participants
    rows: list[dict[str, object]] = [
        {"analysis": "power, simulated", "estimate": (p < alpha).mean(), "ci_low": interval.low,
         "ci_high": interval.high, "note": f"{n_trials} trials, primary model, Kenward-Roger"},
        {"analysis": "width of the interval, simulated mean", "estimate": width.mean(),
         "note": "unit of the outcome"},
        {"analysis": "power, closed form", "estimate": power(design.dz, n, alpha),
         "note": f"period-adjusted t, nothing lost, dz = {design.dz:.3f}"},
        {"analysis": "detectable dz at 80 % power", "estimate": detectable(n, 0.8, alpha),
         "note": f"closed form, {n} participants"},
    ]  # fmt: skip
    if design.effect != 0:
        rows += [
            {"analysis": f"participants for {100 * wanted:g} % power", "note": "closed form",
             "estimate": participants_needed(design.dz, wanted, alpha)}
            for wanted in (0.8, 0.9)
        ]  # fmt: skip
    return pd.DataFrame(rows)
