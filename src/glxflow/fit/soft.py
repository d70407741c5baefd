"""Soft constraints on amplitudes: what is known of their ratios before a fit."""

from collections.abc import Sequence

import numpy as np

from glxflow.constants import load
from glxflow.fit.model import FitModel
from glxflow.fit.point import Point
from glxflow.spectrum import BoolArray, Kind, RealArray

_LEAST_MACROMOLECULES = 0.1
_QUADRATURE_SD = 0.5
_BROAD_SD = 3.0
_UNSURE_PROTONS = 1.0
_LEAST_HEIGHT = 0.2


def ratio_rows(model: FitModel, point: Point) -> RealArray:
    """Return soft constraints on amplitudes, each row divided by its SD.

    Macromolecules are held near their expected ratio to all of them (components are
    scaled so that this is 1), weak metabolites near their cited ratio to total creatine.

    Parameters
    ----------
    model : FitModel
        Tells what the components are.
    point : Point
        A fit without them, for the scale of the SDs.

    Returns
    -------
    (n_ratios, n_components) ndarray
        Rows whose product with the amplitudes is normal with SD 1.
    """
    is_seen = _is_seen(model, point)
    amplitudes = np.where(is_seen, point.amplitudes, 0.0)
    return np.concatenate(
        [
            _macromolecule_rows(model, amplitudes, is_seen),
            _expectation_rows(model, amplitudes),
            _broad_rows(model, amplitudes),
        ]
    )


def _is_seen(model: FitModel, point: Point) -> BoolArray:
    """Tell which columns have signal in the fitted range: the amplitude of others may be any.

    Metabolites count as seen; a broad line is where it stands out of a baseline by a fifth of
    what the best seen one does for its protons.
    """
    height = np.linalg.norm(point.whitened, axis=1) / model.protons
    best = height[model.is_broad].max(initial=0.0)
    seen: BoolArray = ~model.is_broad | (height >= _LEAST_HEIGHT * best)
    return seen


def _broad_rows(model: FitModel, amplitudes: RealArray) -> RealArray:
    """Return the amplitudes of what is not a metabolite over a wide SD.

    Components outside the fitted range would otherwise be free to be anything.
    """
    sd = np.where(model.is_signed, _QUADRATURE_SD, _BROAD_SD)
    rows: RealArray = np.diag(1 / (sd * max(float(amplitudes.max()), 1e-300)))[model.is_broad]
    return rows


def _macromolecule_rows(model: FitModel, amplitudes: RealArray, is_seen: BoolArray) -> RealArray:
    """Return the macromolecules less their mean, over their SD."""
    members = [index for index, kind in enumerate(model.kinds) if kind is Kind.MACROMOLECULE]
    if len(members) < 2:
        return np.zeros((0, len(model.response)))
    seen = [index for index in members if is_seen[index]]
    # A prefit may find no macromolecules at all: that must not forbid them.
    least = _LEAST_MACROMOLECULES * float(amplitudes.max())
    scale = max(float(np.mean(amplitudes[seen])) if seen else 0.0, least)
    # Of a weak line the share is known less well than of a strong one.
    sd = model.share_sd * np.hypot(1.0, _UNSURE_PROTONS / model.protons)
    rows: RealArray = deviations(members, sd) / scale
    return rows


def deviations(members: Sequence[int], sd: RealArray) -> RealArray:
    """Return rows whose products with amplitudes are members less their mean, over their SD.

    Parameters
    ----------
    members : sequence of int
        Columns that are compared.
    sd : (n_columns,) ndarray
        Of each; the surer ones make the mean.
    """
    weight = sd[list(members)] ** -2.0
    rows: RealArray = np.zeros((len(members), sd.size))
    rows[:, members] = np.eye(len(members)) - weight / weight.sum()
    rows /= sd[list(members), np.newaxis]
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
