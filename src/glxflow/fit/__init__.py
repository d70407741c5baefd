"""Linear-combination modelling of a spectrum."""

from glxflow.fit.engine import Fit, fit_prepared, fit_spectrum
from glxflow.fit.model import FitModel, prepare
from glxflow.fit.options import FitOptions
from glxflow.fit.sensitivity import baseline_alternatives

__all__ = [
    "Fit",
    "FitModel",
    "FitOptions",
    "baseline_alternatives",
    "fit_prepared",
    "fit_spectrum",
    "prepare",
]
