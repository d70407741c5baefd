"""From amplitudes to ratios and concentrations, with their covariance."""

from glxflow.quantify.estimates import Estimate, estimates, ratio
from glxflow.quantify.model_choice import ModelSpread, model_spreads
from glxflow.quantify.water import (
    Acquisition,
    Timing,
    Tissue,
    WaterAmplitude,
    WaterScaling,
    water_amplitude,
    water_scaling,
)

__all__ = [
    "Acquisition",
    "Estimate",
    "ModelSpread",
    "Timing",
    "Tissue",
    "WaterAmplitude",
    "WaterScaling",
    "estimates",
    "model_spreads",
    "ratio",
    "water_amplitude",
    "water_scaling",
]
