"""Fixtures of the fit's tests: a small basis set, and signals made without the fit's code."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.basis.protocol import protocol_for
from glxflow.basis.simulate import simulate_basis
from glxflow.fit import FitModel, FitOptions, prepare
from glxflow.spectrum import Axis, BasisSet, Fid, Kind

AXIS = Axis(2048, 5e-4, 123.25, 4.65)
TRUTH_MM = {
    "NAA": 10.0,
    "NAAG": 1.5,
    "Cr": 4.5,
    "PCr": 4.0,
    "GPC": 1.0,
    "PCh": 0.6,
    "Ins": 6.0,
    "Glu": 9.0,
    "Gln": 2.5,
    "GSH": 1.5,
    "Tau": 1.5,
}
MACROMOLECULES = 2.0


@cache
def _metabolites() -> BasisSet:
    return simulate_basis(protocol_for("press", AXIS, echo_time_s=0.03), tuple(TRUTH_MM))


@cache
def _complete() -> BasisSet:
    return with_macromolecules(_metabolites())


@cache
def _model() -> FitModel:
    return prepare(_complete(), FitOptions(baseline_ed_per_ppm=1.5))


@pytest.fixture
def metabolites() -> BasisSet:
    """Return a basis set of metabolites alone."""
    return _metabolites()


@pytest.fixture
def basis() -> BasisSet:
    """Return a basis set with macromolecules and lipids."""
    return _complete()


@pytest.fixture
def model() -> FitModel:
    """Return the model of `basis`, prepared once for all tests."""
    return _model()


@pytest.fixture
def truth() -> Mapping[str, float]:
    """Return the concentrations of `make_fid`, in mM."""
    return TRUTH_MM


@pytest.fixture
def make_fid() -> Callable[..., Fid]:
    """Return a maker of noisy signals: the basis set times a Voigt decay, in the time domain."""

    def make(
        seed: int = 1,
        *,
        noise_sd: float = 0.1,
        phase_rad: float = 0.0,
        offset_ppm: float = 0.0,
        width_hz: float = 5.0,
    ) -> Fid:
        basis = _complete()
        weights = [
            TRUTH_MM[name]
            if kind is Kind.METABOLITE
            else MACROMOLECULES * (kind is Kind.MACROMOLECULE)
            for name, kind in zip(basis.names, basis.kinds, strict=True)
        ]
        time_s = AXIS.time_s
        gaussian = np.exp(-((3.0 * time_s) ** 2))
        # Macromolecules are Gaussian lines in the basis: of the shim they have that part.
        decays = [
            gaussian * np.exp(-np.pi * width_hz * (kind is Kind.METABOLITE) * time_s)
            for kind in basis.kinds
        ]
        turn = 2 * np.pi * offset_ppm * AXIS.spectrometer_frequency_mhz * time_s
        signal = np.array(weights) @ (basis.fids * np.array(decays))
        clean = signal * np.exp(1j * (phase_rad + turn))
        noise = np.random.default_rng(seed).normal(scale=noise_sd, size=(2, AXIS.n_points))
        return Fid(clean + noise[0] + 1j * noise[1], AXIS)

    return make
