"""Fit every time bin of a session, with what is asked for beside the estimates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from glxflow.cli.changes import changes_table
from glxflow.cli.model_choice import EddyCurrents, session_ensemble
from glxflow.cli.scan_results import BinFit
from glxflow.errors import ConfigError
from glxflow.fit import (
    EditedFit,
    Ensemble,
    Fit,
    FitModel,
    FitOptions,
    baseline_alternatives,
    fit_alike,
    prepare,
    profile_interval,
)
from glxflow.quantify.estimates import members_of
from glxflow.spectrum import SUMS, BasisSet, FitResult, Series, reported

Profile = Annotated[
    str,
    typer.Option(help="Metabolites and sums to give profile intervals of, such as Glu,Glx."),
]


@dataclass(frozen=True, slots=True)
class FittedSession:
    """The fits of a session.

    Attributes
    ----------
    fits : tuple of BinFit
        One a bin; of an edited session with the curves of the difference.
    basis : BasisSet
        That was fitted; of an edited session that of the half sum.
    changes : DataFrame or None
        What changes over the bins; None where they cannot be compared.
    ensemble : Ensemble or None
        What other models say.
    sums : tuple of FitResult
        Of an edited session, the same amplitudes with the curves of the half sum.
    """

    fits: tuple[BinFit, ...]
    basis: BasisSet
    changes: pd.DataFrame | None
    ensemble: Ensemble | None
    sums: tuple[FitResult, ...] = ()


def names_of(profile: str) -> tuple[str, ...]:
    """Return the names in a list with commas; none in an empty one."""
    return tuple(name.strip() for name in profile.split(",") if name.strip())


def members_to_profile(profiled: tuple[str, ...], model: FitModel) -> dict[str, tuple[str, ...]]:
    """Return the parts of every metabolite or sum whose profile interval is wanted.

    Raises
    ------
    ConfigError
        If one of these is not reported.
    """
    members = {
        reported(name): (name, parts)
        for name, parts in members_of(model.names, model.kinds).items()
    }
    wanted = [reported(name) for name in profiled]
    unknown = [name for name in wanted if name not in members]
    if unknown:
        raise ConfigError(
            f"--profile {','.join(profiled)}: {', '.join(unknown)} not among what is reported, "
            f"{', '.join(members)}. Correct the name."
        )
    return dict(members[name] for name in wanted)


def fit_bins(
    bins: Series,
    table: Sequence[Mapping[str, Any]],
    basis: BasisSet,
    options: FitOptions,
    eddies: EddyCurrents,
    profiled: tuple[str, ...],
) -> FittedSession:
    """Return the fit of every time bin, what changes over them, and what other models say.

    Parameters
    ----------
    bins : Series
        One average a time bin.
    table : sequence of mapping
        Its bin table with the weight of each.
    basis : BasisSet
        On the axis of the data, with macromolecules.
    options : FitOptions
        Choices of the fit.
    eddies : EddyCurrents
        What water says of them.
    profiled : tuple of str
        Metabolites and sums whose profile intervals are wanted.

    Raises
    ------
    ConfigError
        If one of these is not reported.
    """
    model = prepare(basis, options)
    chosen = members_to_profile(profiled, model)
    fids = [bins.fid(index) for index in range(bins.n_transients)]
    fits, shared = fit_alike(fids, model)
    shown = [
        BinFit(
            fit.result,
            baseline_alternatives(fid, shared, fit),
            profile_limits(fit, fit.result.names, chosen),
        )
        for fid, fit in zip(fids, fits, strict=True)
    ]
    return FittedSession(
        fits=tuple(shown),
        basis=basis,
        changes=changes_table(bins, table, [bool(fit.found) for fit in fits], model),
        ensemble=session_ensemble(bins, table, fits, shared, basis, eddies),
    )


def profile_limits(
    fit: Fit | EditedFit, names: tuple[str, ...], chosen: Mapping[str, tuple[str, ...]]
) -> dict[str, dict[str, float]]:
    """Return the 95 % limits of amplitudes and of their ratios, as columns of the table.

    Parameters
    ----------
    fit : Fit or EditedFit
        The fit of a bin.
    names : tuple of str
        Its components.
    chosen : mapping of str to tuple of str
        The parts of what is wanted, by its name.
    """
    return {name: _limits(fit, names, parts) for name, parts in chosen.items()}


def _limits(
    fit: Fit | EditedFit, names: tuple[str, ...], parts: tuple[str, ...]
) -> dict[str, float]:
    """Return the 95 % limits of an amplitude and of its ratios."""

    def weights(chosen: tuple[str, ...]) -> np.ndarray:
        return np.array([float(name in chosen) for name in names])

    below = {"": None} | {f"ratio_{name.lower()}_": SUMS[name] for name in ("tCr", "tNAA")}
    found = {
        start: profile_interval(fit, weights(parts), None if sums is None else weights(sums))
        for start, sums in below.items()
    }
    return {
        f"{start}{end}95": value
        for start, interval in found.items()
        for end, value in (("low", interval.low95), ("high", interval.high95))
    }
