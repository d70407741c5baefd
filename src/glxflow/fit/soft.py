"""Soft constraints on amplitudes: what is known of their ratios before a fit."""

from itertools import pairwise

import numpy as np

from glxflow.constants import load
from glxflow.fit.model import FitModel
from glxflow.spectrum import Kind, RealArray

_LEAST_MACROMOLECULES = 0.1
_QUADRATURE_SD = 0.5
_BROAD_SD = 3.0


def ratio_rows(model: FitModel, amplitudes: RealArray, neighbour_sd: float) -> RealArray:
    """Return soft constraints on amplitudes, each row divided by its SD.

    Neighbouring macromolecules are held near their expected ratio (components
    are scaled so that this is 1), weak metabolites near their cited ratio to
    total creatine.

    Parameters
    ----------
    model : FitModel
        Tells what the components are.
    amplitudes : (n_components,) ndarray
        Present amplitudes, for the scale of the SDs.
    neighbour_sd : float
        Prior SD of the ratio of neighbouring macromolecules.

    Returns
    -------
    (n_ratios, n_components) ndarray
        Rows whose product with the amplitudes is normal with SD 1.
    """
    return np.concatenate(
        [
            _neighbour_rows(model, amplitudes, neighbour_sd),
            _expectation_rows(model, amplitudes),
            _broad_rows(model, amplitudes),
        ]
    )


def _broad_rows(model: FitModel, amplitudes: RealArray) -> RealArray:
    """Return the amplitudes of what is not a metabolite over a wide SD.

    Components outside the fitted range would otherwise be free to be anything.
    """
    sd = np.where(model.is_signed, _QUADRATURE_SD, _BROAD_SD)
    broad = [kind is not Kind.METABOLITE for kind in model.kinds] + [True] * len(
        model.quadrature_of
    )
    rows: RealArray = np.diag(1 / (sd * max(float(amplitudes.max()), 1e-300)))[broad]
    return rows


def _neighbour_rows(model: FitModel, amplitudes: RealArray, relative_sd: float) -> RealArray:
    """Return the differences of neighbouring macromolecules over their SD."""
    members = [index for index, kind in enumerate(model.kinds) if kind is Kind.MACROMOLECULE]
    rows: RealArray = np.zeros((max(len(members) - 1, 0), len(model.response)))
    if not members:
        return rows
    # A prefit may find no macromolecules at all: that must not forbid them.
    scale = max(float(np.mean(amplitudes[members])), _LEAST_MACROMOLECULES * amplitudes.max())
    for row, (one, other) in enumerate(pairwise(members)):
        rows[row, one], rows[row, other] = 1.0, -1.0
    rows /= relative_sd * scale
    return rows


def _expectation_rows(model: FitModel, amplitudes: RealArray) -> RealArray:
    """Return weak metabolites less their expected share of creatine, over its SD."""
    expected = load("expectations")["ratio_to_tcr"]
    names = np.array(model.names + ("",) * len(model.quadrature_of))
    creatine = ((names == "Cr") | (names == "PCr")).astype(np.float64)
    scale = float(creatine @ amplitudes)
    weak = [name for name in model.names if name in expected]
    if scale <= 0:
        return np.zeros((0, names.size))
    rows = [
        ((names == name) - expected[name]["mean"] * creatine) / (expected[name]["sd"] * scale)
        for name in weak
    ]
    return np.array(rows).reshape(len(weak), names.size)
