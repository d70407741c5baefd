"""Simulate the basis set of a protocol."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from glxflow.basis.density import simulate_group
from glxflow.basis.protocol import Protocol
from glxflow.basis.spins import metabolite_names, spin_groups
from glxflow.errors import BasisError
from glxflow.spectrum import BasisSet, Kind


def simulate_basis(protocol: Protocol, metabolites: Sequence[str] | None = None) -> BasisSet:
    """Return the responses of metabolites to a protocol, by density-matrix simulation.

    Parameters
    ----------
    protocol : Protocol
        Sequence, pulses, delays and axis.
    metabolites : sequence of str, optional
        Names as in the spin systems; the default set when omitted.

    Returns
    -------
    BasisSet
        Undamped responses. The sign is the sequence's: one isolated proton
        starts at -1 for PRESS and +1/2 for STEAM.

    Raises
    ------
    BasisError
        If a metabolite has no spin system, or is named twice.
    """
    names = tuple(metabolites or metabolite_names())
    if len(set(names)) != len(names):
        raise BasisError(f"a metabolite is named twice in {', '.join(names)}. Name each once.")
    fids = [
        np.sum([simulate_group(group, protocol) for group in spin_groups(name)], axis=0)
        for name in names
    ]
    return BasisSet(
        names=names,
        kinds=(Kind.METABOLITE,) * len(names),
        fids=np.array(fids),
        axis=protocol.axis,
        echo_time_s=protocol.echo_time_s,
        linewidth_hz=0.0,
        source=f"simulated: {protocol.description}",
    )


def edited_difference(on: BasisSet, off: BasisSet) -> BasisSet:
    """Return the edited minus the unedited responses of the same metabolites.

    Parameters
    ----------
    on, off : BasisSet
        The same sequence with the editing pulses at two frequencies.
    """
    return replace(on, fids=on.fids - off.fids, source=f"{on.source}, minus {off.source}")
