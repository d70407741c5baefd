"""Amplitudes, sums and ratios of one fit, each with its uncertainty by the fit's covariance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.constants import load
from glxflow.quantify.water import WaterScaling
from glxflow.spectrum import SUMS, FitResult, FitStatus, Flag, Kind, RealArray

EDITED_SUMS = {"GABA+": ("GABA", "MM30co")}
"""Reported like `SUMS` in the difference of an edited scan, where all parts are there."""

# 95 % quantile of a half-normal distribution: what a value at its bound of zero may be.
_HALF_NORMAL_95 = 1.96
_INSEPARABLE = -0.7
# Twice beyond what is published of brain tissue and of tumours, in mmol per kg of water.
_PLAUSIBLE_TCR = (2.0, 30.0)
# A posterior SD above this share of the prior's: less is known by the data than before them.
_LITTLE_LEARNT = 1 / math.sqrt(2)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metabolite, or a sum of them, in every unit that could be computed.

    Attributes
    ----------
    metabolite : str
        Name of a component, or `Glx`, `tNAA`, `tCr`, `tCho`.
    amplitude, sd, crlb : float
        In signal units per proton; posterior SD and Cramer-Rao bound.
    ratio_tcr, ratio_tcr_sd, ratio_tnaa, ratio_tnaa_sd : float
        Ratio to total creatine and total NAA; NaN where there is none.
    limit95 : float
        Upper limit of an amplitude that was fitted as zero; NaN for others.
    water_molal, water_molal_sd : float
        Water-scaled concentration, mmol per kg of tissue water; NaN without water.
    flags : tuple of Flag
        Doubts about this estimate.
    """

    metabolite: str
    amplitude: float
    sd: float
    crlb: float
    ratio_tcr: float
    ratio_tcr_sd: float
    ratio_tnaa: float
    ratio_tnaa_sd: float
    limit95: float
    water_molal: float
    water_molal_sd: float
    flags: tuple[Flag, ...]


def estimates(fit: FitResult, scaling: WaterScaling | None = None) -> tuple[Estimate, ...]:
    """Return the estimates of one fit: every metabolite, then the sums.

    Parameters
    ----------
    fit : FitResult
        A fit; a failed one gives NaN throughout.
    scaling : WaterScaling, optional
        From amplitudes to concentrations, for the same components.
    """
    return tuple(
        _estimate(fit, name, members, scaling)
        for name, members in members_of(fit.names, fit.kinds).items()
    )


def members_of(names: Sequence[str], kinds: Sequence[Kind]) -> dict[str, tuple[str, ...]]:
    """Return what is reported, every metabolite and then the sums, with its components."""
    parts: dict[str, tuple[str, ...]] = {
        name: (name,) for name, kind in zip(names, kinds, strict=True) if kind is Kind.METABOLITE
    }
    sums: dict[str, tuple[str, ...]] = {
        name: members for name, members in SUMS.items() if any(one in parts for one in members)
    }
    return parts | sums | edited_sums(names)


def edited_sums(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return those of `EDITED_SUMS` whose parts are all among some components."""
    return {name: members for name, members in EDITED_SUMS.items() if set(members) <= set(names)}


def ratio(fit: FitResult, numerator: RealArray, denominator: RealArray) -> tuple[float, float]:
    """Return the ratio of two sums of amplitudes and its SD, to first order.

    Parameters
    ----------
    fit : FitResult
        Amplitudes and covariance.
    numerator, denominator : (n_components,) ndarray
        Weights of the amplitudes.

    Returns
    -------
    ratio, sd : float
        NaN where the denominator is not positive.
    """
    below = float(denominator @ fit.amplitudes)
    if not below > 0:
        return math.nan, math.nan
    value = float(numerator @ fit.amplitudes) / below
    gradient = (numerator - value * denominator) / below
    return value, _sd(gradient, fit.covariance)


def _estimate(
    fit: FitResult, name: str, members: tuple[str, ...], scaling: WaterScaling | None
) -> Estimate:
    """Return one row of the table."""
    weights = _weights(fit, members)
    amplitude = float(weights @ fit.amplitudes)
    sd = _sd(weights, fit.covariance)
    tcr, tcr_sd = ratio(fit, weights, _weights(fit, SUMS["tCr"]))
    tnaa, tnaa_sd = ratio(fit, weights, _weights(fit, SUMS["tNAA"]))
    molal, molal_sd = _molal(fit, weights, scaling)
    return Estimate(
        metabolite=name,
        amplitude=amplitude,
        sd=sd,
        crlb=_sd(weights, fit.noise_covariance),
        ratio_tcr=tcr,
        ratio_tcr_sd=tcr_sd,
        ratio_tnaa=tnaa,
        ratio_tnaa_sd=tnaa_sd,
        limit95=_HALF_NORMAL_95 * sd if amplitude == 0 else math.nan,
        water_molal=molal,
        water_molal_sd=molal_sd,
        flags=(
            *_doubts(fit, name, members, amplitude),
            *_decided(fit, name, tcr_sd),
            *_implausible(name, molal),
        ),
    )


def _weights(fit: FitResult, members: tuple[str, ...]) -> RealArray:
    """Return 1 for each component that is a member, else 0."""
    return np.array([name in members for name in fit.names], dtype=np.float64)


def _sd(weights: RealArray, covariance: RealArray) -> float:
    """Return the SD of a weighted sum; rounding may leave a tiny negative variance."""
    return math.sqrt(max(float(weights @ covariance @ weights), 0.0))


def _molal(
    fit: FitResult, weights: RealArray, scaling: WaterScaling | None
) -> tuple[float, float]:
    """Return the water-scaled concentration and its SD, with that of the water signal."""
    if scaling is None:
        return math.nan, math.nan
    weights = weights * scaling.molal_per_amplitude
    value = float(weights @ fit.amplitudes)
    return value, math.hypot(_sd(weights, fit.covariance), value * scaling.relative_sd)


def _doubts(fit: FitResult, name: str, members: tuple[str, ...], amplitude: float) -> list[Flag]:
    """Return what there is to doubt about one estimate."""
    if fit.status is FitStatus.FAILED:
        return [Flag("FAILED", "the fit failed: no value")]
    flags = []
    if amplitude == 0:
        flags.append(
            Flag("AT_ZERO", f"{name} was fitted as zero: read its upper limit, not a percentage")
        )
    missing = [one for one in members if one not in fit.names]
    if missing:
        flags.append(
            Flag("PART_MISSING", f"{name} is without {', '.join(missing)}: not in the basis set")
        )
    flags.extend(
        Flag(f"NO_{total.upper()}", f"no ratio to {total}: it is absent or zero here")
        for total in ("tCr", "tNAA")
        if not _weights(fit, SUMS[total]) @ fit.amplitudes > 0
    )
    return flags + _inseparable(fit, name)


def _decided(fit: FitResult, name: str, ratio_sd: float) -> list[Flag]:
    """Return a doubt where data say less of a weak metabolite than was believed before."""
    expected = load("expectations")["ratio_to_tcr"].get(name)
    if fit.status is FitStatus.FAILED or expected is None:
        return []
    mean, sd = expected["mean"], expected["sd"]
    if not ratio_sd > _LITTLE_LEARNT * sd:
        return []
    return [
        Flag(
            "PRIOR",
            f"the data say less of {name} than what is expected of it beforehand, "
            f"{mean:g} ± {sd:g} of tCr",
        )
    ]


def _implausible(name: str, molal: float) -> list[Flag]:
    """Return a doubt about the water reference where no brain has so much or little creatine."""
    low, high = _PLAUSIBLE_TCR
    if name != "tCr" or math.isnan(molal) or low <= molal <= high:
        return []
    return [
        Flag(
            "WATER",
            f"tCr of {molal:.3g} mmol/kg, expected {low:g} to {high:g} in a brain: is the water "
            "reference that of this scan, with the same coils and receiver gain?",
        )
    ]


def _inseparable(fit: FitResult, name: str) -> list[Flag]:
    """Return a doubt where a metabolite cannot be told from its partner in a sum."""
    flags = []
    for total, members in (SUMS | EDITED_SUMS).items():
        if name not in members or not all(one in fit.names for one in members):
            continue
        other = next(one for one in members if one != name)
        rows = [fit.names.index(name), fit.names.index(other)]
        block = fit.covariance[np.ix_(rows, rows)]
        spread = math.sqrt(block[0, 0] * block[1, 1])
        if block[0, 1] < _INSEPARABLE * spread:
            flags.append(
                Flag(
                    "INSEPARABLE",
                    f"{name} and {other} are correlated by {block[0, 1] / spread:.2f}: "
                    f"report {total}",
                )
            )
    return flags
