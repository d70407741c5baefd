"""Fit the bins of an edited session: difference and sum of ON and OFF together."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from glxflow.basis.coedited import edited_total, refuse_exchanged, with_coedited
from glxflow.basis.simulate import edited_difference
from glxflow.cli.changes import edited_changes_table
from glxflow.cli.fit_bins import FittedSession, members_to_profile, profile_limits
from glxflow.cli.fitting import responses_for
from glxflow.cli.model_choice import EddyCurrents, edited_session_ensemble
from glxflow.cli.prepared import read_bins
from glxflow.cli.scan_results import BinFit
from glxflow.errors import BasisError, DataError
from glxflow.fit import (
    FitOptions,
    edited_baseline_alternatives,
    fit_edited_alike,
    prepare_edited,
)
from glxflow.spectrum import BasisSet, Fid, Series


def edited_basis(
    off: Path, on: Path, series: Series, scan: Path | str
) -> tuple[BasisSet, BasisSet]:
    """Return the basis sets of the half sum and of the difference on a scan's axis.

    Raises
    ------
    BasisError
        If one cannot be read or does not fit the scan, they hold other substances, or each
        is the other's.
    """
    without, edited = (responses_for(path, series, scan) for path in (off, on))
    if without.names != edited.names:
        raise BasisError(
            f"{off} holds {', '.join(without.names)}, {on} holds {', '.join(edited.names)}: "
            "expected the same substances in one order. Simulate both with the same options."
        )
    difference = with_coedited(edited_difference(edited, without))
    refuse_exchanged(edited, without)
    return edited_total(edited, without), difference


def fit_edited_bins(
    source: Path,
    record: Mapping[str, Any],
    basis: tuple[BasisSet, BasisSet],
    options: FitOptions,
    eddies: EddyCurrents,
    profiled: tuple[str, ...],
) -> FittedSession:
    """Return the joint fit of every bin, what changes over them, and what other models say.

    Parameters
    ----------
    source : Path
        Record of the preprocessing; the spectra lie beside it.
    record : mapping
        Its content.
    basis : tuple of BasisSet
        Of the half sum and of the difference.
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
    DataError
        If the session is not an edited one.
    """
    if "Difference" not in record:
        raise DataError(
            f"{source}: not the record of an edited session, so that --basis-on has nothing to "
            "explain. Drop it, or preprocess the raw scan with its DIM_EDIT or EditCondition."
        )
    total, difference = (read_bins(source, record, key) for key in ("Sum", "Difference"))
    pairs = list(zip(_fids(total), _fids(difference), strict=True))
    model = prepare_edited(*basis, options)
    chosen = members_to_profile(profiled, model.difference)
    table = record["BinTable"]
    found, shared = fit_edited_alike(pairs, model)
    fitted = [fit.found is not None for fit in found]
    changes = edited_changes_table(total, difference, table, fitted, model)
    fits = [
        BinFit(
            fit.difference,
            edited_baseline_alternatives(*pair, shared, fit),
            profile_limits(fit, fit.difference.names, chosen),
        )
        for fit, pair in zip(found, pairs, strict=True)
    ]
    ensemble = edited_session_ensemble(total, difference, table, found, shared, eddies)
    sums = tuple(fit.total for fit in found)
    # What was added to the difference alone is part of the model, too.
    notes = tuple(dict.fromkeys(note for one in basis for note in one.notes))
    return FittedSession(tuple(fits), replace(basis[0], notes=notes), changes, ensemble, sums)


def _fids(series: Series) -> list[Fid]:
    """Return the bins of a series."""
    return [series.fid(index) for index in range(series.n_transients)]
