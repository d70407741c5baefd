"""Fit every time bin of a session, with what is asked for beside the estimates."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import typer

from glxflow.cli.scan_results import BinFit
from glxflow.errors import ConfigError
from glxflow.fit import (
    EditedFit,
    Fit,
    FitModel,
    baseline_alternatives,
    fit_alike,
    profile_interval,
)
from glxflow.quantify.estimates import members_of
from glxflow.spectrum import SUMS, Series, reported

Profile = Annotated[
    str,
    typer.Option(help="Metabolites and sums to give profile intervals of, such as Glu,Glx."),
]


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
    bins: Series, model: FitModel, profiled: tuple[str, ...]
) -> tuple[tuple[BinFit, ...], tuple[Fit, ...], FitModel]:
    """Return the fit of every time bin, also with other baselines, and the model of all.

    Parameters
    ----------
    bins : Series
        One average a time bin.
    model : FitModel
        Prepared for its basis set.
    profiled : tuple of str
        Metabolites and sums whose profile intervals are wanted.

    Returns
    -------
    shown : tuple of BinFit
        What is reported of every bin.
    fits : tuple of Fit
        The fits behind it.
    model : FitModel
        The model of all.

    Raises
    ------
    ConfigError
        If one of these is not reported.
    """
    chosen = members_to_profile(profiled, model)
    fids = [bins.fid(index) for index in range(bins.n_transients)]
    alike, shared = fit_alike(fids, model)
    fits = [
        BinFit(
            fit.result,
            baseline_alternatives(fid, shared, fit),
            profile_limits(fit, fit.result.names, chosen),
        )
        for fid, fit in zip(fids, alike, strict=True)
    ]
    return tuple(fits), alike, shared


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
