"""From amplitudes to ratios and concentrations, with their covariance."""

from glxflow.quantify.estimates import Estimate, estimates, ratio
from glxflow.quantify.model_choice import ModelSpread, model_spreads
from glxflow.quantify.water import (
    Acquisition,
    Timing,
    Tissue,
    WaterScaling,
    water_scaling,
)
from glxflow.quantify.water_signal import WaterAmplitude, water_amplitude

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
