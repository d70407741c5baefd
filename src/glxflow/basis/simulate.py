"""Simulate the basis set of a protocol."""

from collections.abc import Sequence

import numpy as np

from glxflow.basis.density import simulate_group
from glxflow.basis.protocol import Protocol
from glxflow.basis.spins import metabolite_names, spin_groups
from glxflow.spectrum import BasisSet, Kind


def simulate_basis(protocol: Protocol, metabolites: Sequence[str] | None = None) -> BasisSet:
    """Return the responses of metabolites to a protocol, by density-matrix simulation.

    Parameters
    ----------
    protocol : Protocol
        Sequence with ideal pulses, delays and axis.
    metabolites : sequence of str, optional
        Names as in the spin systems; the default set of 22 when omitted.

    Returns
    -------
    BasisSet
        Undamped responses. The sign is the sequence's: one isolated proton
        starts at -1 for PRESS and +1/2 for STEAM.

    Raises
    ------
    BasisError
        If a metabolite has no spin system.
    """
    names = tuple(metabolites or metabolite_names())
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
