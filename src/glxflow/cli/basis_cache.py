"""Keep simulated basis sets by the hash of everything that decides them."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from glxflow import __version__
from glxflow.basis.protocol import Protocol
from glxflow.basis.simulate import simulate_basis
from glxflow.errors import BasisError
from glxflow.io.nifti_basis import read_nifti_basis, write_nifti_basis
from glxflow.spectrum import BasisSet

_CONSTANTS = ("spin_systems.yaml", "pulses.yaml")

_NO_CACHE = (OSError, RuntimeError)
"""No room or no right to keep anything, or (`Path.home`) no home: that costs seconds alone."""


def cached_basis(
    protocol: Protocol, metabolites: Sequence[str] | None, spin_systems: Mapping[str, str]
) -> BasisSet:
    """Return the simulated basis set, from the cache where it was made before.

    The cache is ``$XDG_CACHE_HOME/glxflow/basis`` (else ``~/.cache``). Ideal
    pulses are simulated at once: that is as quick as reading a file.

    Parameters
    ----------
    protocol, metabolites, spin_systems
        As for `simulate_basis`.
    """
    if protocol.localisation is None and protocol.editing is None:
        return simulate_basis(protocol, metabolites, spin_systems)
    choice = (metabolites, sorted(spin_systems.items()))
    name = f"{_content_hash(protocol, choice)}.nii.gz"
    kept = _kept(name)
    if kept is not None:
        return kept
    return _keep(name, simulate_basis(protocol, metabolites, spin_systems))


def _kept(name: str) -> BasisSet | None:
    """Return a basis set from the cache; None where it is not there, damaged or not readable."""
    try:
        path = _folder() / name
        return read_nifti_basis(path) if path.exists() else None
    except (BasisError, *_NO_CACHE):
        return None


def _keep(name: str, basis: BasisSet) -> BasisSet:
    """Return a basis set as the cache keeps it, so that the first caller gets the same numbers.

    What is kept is rounded to single precision.
    """
    try:
        path = _folder() / name
        write_nifti_basis(path, basis)
    except _NO_CACHE:
        return basis
    return read_nifti_basis(path)


def _folder() -> Path:
    """Return where basis sets are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "glxflow" / "basis"


def _content_hash(protocol: Protocol, choice: object) -> str:
    """Return the hash of version, constants, protocol (with its waveforms) and names."""
    content = hashlib.sha256(f"{__version__} {protocol!r} {choice!r}".encode())
    for shape in map(protocol.shape_of, range(len(protocol.pulses))):
        # repr shortens long arrays, so the waveforms are hashed themselves.
        content.update(shape.waveform_hz.tobytes() if shape else b"ideal")
    for name in _CONSTANTS:
        content.update(files("glxflow.constants").joinpath(name).read_bytes())
    return content.hexdigest()
