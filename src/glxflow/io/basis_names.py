"""Which substance a basis file's name stands for."""

import re
from functools import cache

from glxflow.constants import load
from glxflow.spectrum import Kind

_MACROMOLECULE = re.compile(r"mm|mac", re.I)
_LIPID = re.compile(r"lip", re.I)


def kind_of(name: str) -> Kind:
    """Return what a name stands for, by the prefixes that all packages use."""
    if _MACROMOLECULE.match(name):
        return Kind.MACROMOLECULE
    return Kind.LIPID if _LIPID.match(name) else Kind.METABOLITE


def canonical_name(name: str) -> str:
    """Return the package's name of a substance; unknown ones keep theirs."""
    return _names().get(name.lower(), name)


@cache
def _names() -> dict[str, str]:
    """Return every known spelling in lower case with the package's name."""
    entries = load("spin_systems")["metabolites"]
    known = {alias.lower(): name for name, entry in entries.items() for alias in entry["aka"]}
    return known | {name.lower(): name for name in entries}


@cache
def alternatives() -> frozenset[str]:
    """Return the second spin systems of metabolites that the literature disputes."""
    entries = load("spin_systems")["metabolites"]
    return frozenset(name for name, entry in entries.items() if "alternative_of" in entry)
