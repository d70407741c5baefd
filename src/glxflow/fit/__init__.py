"""Linear-combination modelling of a spectrum."""

from glxflow.fit.alike import fit_alike
from glxflow.fit.edited import fit_edited, fit_edited_alike
from glxflow.fit.edited_model import EditedModel, prepare_edited
from glxflow.fit.edited_result import EditedFit
from glxflow.fit.edited_series import fit_edited_series
from glxflow.fit.engine import fit_prepared, fit_spectrum
from glxflow.fit.ensemble import Ensemble, fit_ensemble
from glxflow.fit.found import Fit
from glxflow.fit.model import FitModel
from glxflow.fit.options import FitOptions
from glxflow.fit.preparation import prepare
from glxflow.fit.profile import ProfileInterval, profile_interval
from glxflow.fit.sensitivity import baseline_alternatives, edited_baseline_alternatives
from glxflow.fit.series import fit_series

__all__ = [
    "EditedFit",
    "EditedModel",
    "Ensemble",
    "Fit",
    "FitModel",
    "FitOptions",
    "ProfileInterval",
    "baseline_alternatives",
    "edited_baseline_alternatives",
    "fit_alike",
    "fit_edited",
    "fit_edited_alike",
    "fit_edited_series",
    "fit_ensemble",
    "fit_prepared",
    "fit_series",
    "fit_spectrum",
    "prepare",
    "prepare_edited",
    "profile_interval",
]
