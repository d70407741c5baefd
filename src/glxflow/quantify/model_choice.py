"""What the choice of the fit's model adds to the uncertainty of every reported quantity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.quantify.estimates import members_of
from glxflow.quantify.water import WaterScaling
from glxflow.spectrum import Kind, RealArray


@dataclass(frozen=True, slots=True)
class ModelSpread:
    """How far other models put one quantity of one spectrum.

    Attributes
    ----------
    sd_model : float
        Of the amplitude, in its units.
    ratio_tcr_sd_model, ratio_tnaa_sd_model : float
        Of the ratios.
    water_molal_sd_model : float
        Of the water-scaled concentration; NaN without water.
    ratio_tcr_change_sd_model, ratio_tnaa_change_sd_model : float
        Of the difference from the first spectrum, in which much of a model's error
        cancels; NaN for the first spectrum itself.
    """

    sd_model: float
    ratio_tcr_sd_model: float
    ratio_tnaa_sd_model: float
    water_molal_sd_model: float
    ratio_tcr_change_sd_model: float
    ratio_tnaa_change_sd_model: float


def model_spreads(
    names: Sequence[str],
    kinds: Sequence[Kind],
    amplitudes: RealArray,
    weights: RealArray,
    scaling: WaterScaling | None = None,
) -> tuple[dict[str, ModelSpread], ...]:
    """Return the spread over models of every metabolite and sum, for each spectrum.

    The root of the weighted mean square of each model's distance from the reported
    value: the variance between models by the law of total variance, and the square of
    how far their mean is from what is reported.

    Parameters
    ----------
    names, kinds : sequence
        Components.
    amplitudes : (1 + n_models, n_spectra, n_components) ndarray
        By the model that is reported, then by the others; NaN for a component that a
        model does not have.
    weights : (n_models,) ndarray
        Probability of each other model. Choices add up, so that these may exceed 1.
    scaling : WaterScaling, optional
        From amplitudes to concentrations.
    """
    members = members_of(names, kinds)
    to_amounts = np.array([[float(name in parts) for name in names] for parts in members.values()])
    molal = math.nan if scaling is None else scaling.molal_per_amplitude
    # A part that a model lacks leaves no value, unless the sum does not need it.
    is_lacking = np.isnan(amplitudes) @ to_amounts.T > 0
    amounts, concentrations = (
        np.where(is_lacking, np.nan, np.nan_to_num(amplitudes) @ matrix.T)
        for matrix in (to_amounts, to_amounts * molal)
    )
    ratios = [
        amounts / _positive(amounts[..., [list(members).index(total)]])
        if total in members
        else np.full(amounts.shape, np.nan)
        for total in ("tCr", "tNAA")
    ]
    changes = [ratio - ratio[:, :1] for ratio in ratios]
    for change in changes:
        change[:, 0] = np.nan
    spreads = np.stack(
        [_spread(values, weights) for values in (amounts, *ratios, concentrations, *changes)]
    )
    return tuple(
        {name: ModelSpread(*spreads[:, row, column]) for column, name in enumerate(members)}
        for row in range(amplitudes.shape[1])
    )


def _positive(values: RealArray) -> RealArray:
    """Return values, and NaN in place of those that nothing can be divided by."""
    return np.where(values > 0, values, np.nan)


def _spread(values: RealArray, weights: RealArray) -> RealArray:
    """Return the root of the weighted sum of squared distances from the first value."""
    squares = (values[1:] - values[0]) ** 2
    known = ~np.isnan(squares)
    total = np.einsum("m,m...->...", weights, np.where(known, squares, 0.0))
    spread: RealArray = np.where(known.any(axis=0), np.sqrt(total), np.nan)
    return spread
