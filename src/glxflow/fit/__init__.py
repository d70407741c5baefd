"""Linear-combination modelling of a spectrum."""

from glxflow.fit.engine import Fit, fit_prepared, fit_spectrum
from glxflow.fit.model import FitModel, prepare
from glxflow.fit.options import FitOptions

__all__ = ["Fit", "FitModel", "FitOptions", "fit_prepared", "fit_spectrum", "prepare"]
