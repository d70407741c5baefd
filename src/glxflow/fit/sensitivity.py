"""How much an estimate depends on the stiffness of the baseline."""

from dataclasses import replace

from glxflow.fit.engine import fit_prepared
from glxflow.fit.model import FitModel
from glxflow.spectrum import Fid, FitResult

_LEAST_DIMENSION = 2.2


def baseline_alternatives(
    fid: Fid, model: FitModel, result: FitResult
) -> tuple[FitResult, FitResult]:
    """Return the fits with half and with double the baseline's effective dimension.

    Their Glu, Gln and Glx beside those of `result` are the sensitivity to a choice
    that data alone do not settle. Half is at least a bent line (2.2 dimensions).

    Parameters
    ----------
    fid : Fid
        The data.
    model : FitModel
        That `result` was fitted by.
    result : FitResult
        The fit whose baseline is changed.
    """
    least = _LEAST_DIMENSION / model.spline.width_ppm
    dimensions = (max(result.baseline_ed / 2, least), 2 * result.baseline_ed)
    stiffer, softer = (
        fit_prepared(
            fid, replace(model, options=replace(model.options, baseline_ed_per_ppm=dimension))
        ).result
        for dimension in dimensions
    )
    return stiffer, softer
