"""Read the conditions of an edited scan, pair by pair."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from glxflow.errors import DataError
from glxflow.io.acquired import done_on_reading, read_acquired
from glxflow.io.edit_order import edit_conditions
from glxflow.io.metadata import ScanHeader
from glxflow.spectrum import UNREADABLE, Series, Step


def read_conditions(header: ScanHeader) -> dict[str, Series]:
    """Return the transients of each condition, partners in the same order.

    The first transient of one condition is the partner of the first of the other, and
    so on. Those without a partner, and pairs that hold NaN or infinity, are left out.

    Parameters
    ----------
    header : ScanHeader
        Of a scan for which `glxflow.io.edit_order.edit_conditions` finds conditions.

    Raises
    ------
    HeaderError
        If names and transients do not fit.
    DataError
        If the samples cannot be read, or no pair is left.
    """
    labels = np.array(edit_conditions(header))
    samples, onset_s, finite = read_acquired(header)
    steps, flags = done_on_reading(header, finite, samples.shape[2])
    members = {str(name): np.flatnonzero(labels == name) for name in dict.fromkeys(labels)}
    n_pairs = min(map(len, members.values()))
    lonely = labels.size - n_pairs * len(members)
    if lonely:
        steps += (_unpaired(header.path, lonely, labels.size),)
    table = np.array([own[:n_pairs] for own in members.values()])
    table = table[:, finite[table].all(axis=0)]
    if not table.size:
        raise DataError(
            f"{header.path}: no pair of {', '.join(members)} is complete and finite. Check "
            "EditCondition, and convert the raw data again."
        )
    return {
        name: Series(
            samples=samples[:, own],
            axis=replace(header.axis, n_points=samples.shape[2]),
            onset_s=onset_s[own],
            echo_time_s=header.echo_time_s,
            repetition_time_s=header.repetition_time_s,
            steps=steps,
            flags=flags,
        )
        for name, own in zip(members, table, strict=True)
    }


def _unpaired(path: Path, n_lonely: int, n_transients: int) -> Step:
    """Say how many transients have no partner."""
    return Step(
        UNREADABLE,
        f"{path.name}: {n_lonely} of {n_transients} transients have no partner of the other "
        "condition and are left out, as after a scan that stopped.",
    )
