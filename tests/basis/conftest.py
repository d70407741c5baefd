"""Fixtures of the basis tests: a 3 T axis, an independent simulator, reference signals."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from glxflow.basis.spins import spin_groups
from glxflow.spectrum import Axis

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def axis_4khz():
    """Return the axis of the reference sets, cut to 80 ms."""
    return Axis(320, 1 / 4000, 123.25, 4.65)


@pytest.fixture
def direct_system():
    """Return the class of the direct full-space simulator that the benchmark uses."""
    path = PROJECT / "benchmarks" / "basis" / "direct.py"
    spec = importlib.util.spec_from_file_location("direct", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.DirectSystem


@pytest.fixture
def distance():
    """Return a measure of how far two signals differ in shape: 1 - correlation, with phase."""

    def measure(one, other):
        return 1 - np.vdot(one, other).real / (np.linalg.norm(one) * np.linalg.norm(other))

    return measure


@pytest.fixture
def reference():
    """Return reference responses by name, from an independent simulator.

    Origin: full Hilbert space with matrix exponentials, confirmed by a second
    program; 16 metabolites, the first 320 points, single precision.
    """
    stored = np.load(Path(__file__).with_name("reference.npz"))

    def responses(key):
        return dict(zip(stored[f"{key}_names"].tolist(), stored[key], strict=True))

    return responses


@pytest.fixture
def shared_reference():
    """Return the folder of full reference sets beside the project, or skip."""
    folder = PROJECT.parent / "shared" / "reference" / "basis"
    if not folder.is_dir():
        pytest.skip("no reference sets in ../shared/reference/basis")
    return folder


@pytest.fixture
def spin_group():
    """Return the only spin group of a metabolite."""

    def group(metabolite):
        (only,) = spin_groups(metabolite)
        return only

    return group
