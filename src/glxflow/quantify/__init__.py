"""From amplitudes to ratios and concentrations, with their covariance."""

from glxflow.quantify.estimates import Estimate, estimates, ratio
from glxflow.quantify.water import (
    Acquisition,
    Tissue,
    WaterAmplitude,
    WaterScaling,
    water_amplitude,
    water_scaling,
)

__all__ = [
    "Acquisition",
    "Estimate",
    "Tissue",
    "WaterAmplitude",
    "WaterScaling",
    "estimates",
    "ratio",
    "water_amplitude",
    "water_scaling",
]
