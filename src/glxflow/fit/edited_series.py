"""The joint fit of a series of edited spectra: half sum and difference follow one design."""

from collections.abc import Sequence

import numpy as np

from glxflow.errors import DataError
from glxflow.fit.contrasts import Contrasts, Spectrum, changing_columns
from glxflow.fit.design import Design
from glxflow.fit.edited import fit_edited
from glxflow.fit.edited_model import EditedModel
from glxflow.fit.edited_problem import MISMATCH_ROWS, N_MISMATCH
from glxflow.fit.edited_result import EditedFound
from glxflow.fit.series import Mean, followed, reduced
from glxflow.fit.series_result import SeriesFit, failed_series
from glxflow.spectrum import ComplexArray, Fid, RealArray, Series


def fit_edited_series(
    total: Series,
    difference: Series,
    model: EditedModel,
    design: Design,
    weights: RealArray | None = None,
) -> SeriesFit:
    """Return the joint fit of half sum and difference of a series of edited spectra.

    Metabolites change alike in both; shift, phase, size and width of ON against OFF may
    change, too.
    The components are those of the difference.

    Parameters
    ----------
    total, difference : Series
        (ON + OFF) / 2 and ON - OFF, as `fit_series` takes them.
    model : EditedModel
        Prepared for their basis sets.
    design : Design
        How amplitudes may change.
    weights : (n_transients,) ndarray, optional
        Precision of each pair.

    Raises
    ------
    ConfigError
        If design or weights do not fit the series.
    DataError
        If both are not sampled alike, coils are not combined, or the data are conjugated
        or hold no noise.
    """
    if total.axis != difference.axis or total.samples.shape != difference.samples.shape:
        raise DataError(
            f"the sum has {total.samples.shape} coils, transients and points on {total.axis}, the "
            f"difference {difference.samples.shape} on {difference.axis}: expected the same."
        )
    reduction = reduced(total, design, weights)
    pseudo = [reduction.mixing @ series.samples[0] for series in (total, difference)]
    half_sum, less = (Fid(one[0], total.axis) for one in pseudo)
    mean = fit_edited(half_sum, less, model)
    found = mean.found
    if found is None:
        return failed_series(mean.difference, design)
    block = found.solution.joint.blocks[0]
    contrasts = _contrasts(found, model, pseudo)
    return followed(Mean(mean.difference, block, found.uncertainty), contrasts, reduction, design)


def _contrasts(
    found: EditedFound, model: EditedModel, pseudo: Sequence[ComplexArray]
) -> Contrasts:
    """Return what may change over a series: amplitudes of both spectra, and the mismatch."""
    joint, point = found.solution.joint, found.solution.point
    n_linear = point.blocks[0].linear.size
    spectra = []
    for index, base in enumerate((model.total, model.difference)):
        fixed = np.zeros((n_linear, len(base.ppm)))
        fixed[-N_MISMATCH:] = found.problem.mismatch[index]
        channel = joint.blocks[0].channels[index]
        spectra.append(Spectrum(channel, base, found.views[index], pseudo[index], fixed))
    of_total = changing_columns(model.total, point.blocks[0].points[0].amplitudes)
    changing = np.zeros((n_linear, of_total.shape[1] + N_MISMATCH))
    changing[: len(of_total), :-N_MISMATCH] = of_total
    changing[-N_MISMATCH:, -N_MISMATCH:] = np.eye(N_MISMATCH)
    soft_rows = np.zeros((len(MISMATCH_ROWS), changing.shape[1]))
    soft_rows[:, -N_MISMATCH:] = MISMATCH_ROWS
    return Contrasts(tuple(spectra), changing, joint.prior, point.theta, soft_rows)
