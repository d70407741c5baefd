"""Simulate the basis set of a protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from glxflow.basis.density import simulate_group
from glxflow.basis.protocol import Protocol
from glxflow.basis.spins import metabolite_names, spin_groups
from glxflow.errors import BasisError
from glxflow.spectrum import BasisSet, Kind


def simulate_basis(
    protocol: Protocol,
    metabolites: Sequence[str] | None = None,
    spin_systems: Mapping[str, str] | None = None,
) -> BasisSet:
    """Return the responses of metabolites to a protocol, by density-matrix simulation.

    Parameters
    ----------
    protocol : Protocol
        Sequence, pulses, delays and axis.
    metabolites : sequence of str, optional
        Names as in the spin systems; the default set when omitted.
    spin_systems : mapping, optional
        Another spin system for a metabolite that the literature disputes, such
        as ``{"GABA": "GABA_gov"}``.

    Returns
    -------
    BasisSet
        Undamped responses. The sign is the sequence's: one isolated proton
        starts at -1 for PRESS and +1/2 for STEAM.

    Raises
    ------
    BasisError
        If a metabolite has no spin system or is named twice, or a spin system is
        chosen for one that is not simulated.
    """
    names = tuple(metabolites or metabolite_names())
    if len(set(names)) != len(names):
        raise BasisError(f"a metabolite is named twice in {', '.join(names)}. Name each once.")
    chosen = dict(spin_systems or {})
    if unused := [name for name in chosen if name not in names]:
        raise BasisError(f"a spin system is chosen for {', '.join(unused)}, not simulated here.")
    fids = [
        np.sum(
            [simulate_group(group, protocol) for group in spin_groups(chosen.get(name, name))],
            axis=0,
        )
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
        notes=(
            *(f"spin system of {name}: {other}" for name, other in chosen.items()),
            *filter(None, [protocol.assumption]),
        ),
    )


def edited_difference(on: BasisSet, off: BasisSet) -> BasisSet:
    """Return the edited minus the unedited responses of the same metabolites.

    Parameters
    ----------
    on, off : BasisSet
        The same sequence with the editing pulses at two frequencies.
    """
    return replace(on, fids=on.fids - off.fids, source=f"{on.source}, minus {off.source}")
