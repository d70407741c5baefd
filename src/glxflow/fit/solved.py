"""A finished fit as one problem at its optimum, of one spectrum or of an edited session."""

from dataclasses import dataclass

from glxflow.fit.edited_result import EditedFit
from glxflow.fit.found import Fit
from glxflow.fit.joint import Joint, JointPoint
from glxflow.fit.optimum import Optimum, View, optimum_of
from glxflow.spectrum import BoolArray, FitResult


@dataclass(frozen=True, slots=True)
class Solved:
    """What was fitted, in one block, and where the search ended.

    Attributes
    ----------
    joint : Joint
        What was fitted.
    point : JointPoint
        Its optimum.
    free : (n_theta,) bool ndarray
        Non-linear parameters that were searched and are not at a bound.
    views : tuple of View
        How the data of each spectrum were made.
    reported : FitResult
        What is reported: of an edited session, its difference.
    """

    joint: Joint
    point: JointPoint
    free: BoolArray
    views: tuple[View, ...]
    reported: FitResult

    @property
    def optimum(self) -> Optimum:
        """Its view to first order."""
        return optimum_of(self.joint, self.point, self.free, self.views)


def solved(fit: Fit | EditedFit) -> Solved | None:
    """Return a fit as one problem at its optimum; None where it failed.

    Parameters
    ----------
    fit : Fit or EditedFit
        A finished fit.
    """
    if isinstance(fit, EditedFit):
        return _edited(fit)
    if fit.found is None:
        return None
    best, view = fit.found.solution, View(fit.found.alignment, fit.result.noise_sd)
    joint = Joint.of(fit.found.problem)
    return Solved(joint, joint.evaluate(best.point.theta), best.free, (view,), fit.result)


def _edited(fit: EditedFit) -> Solved | None:
    """Return the joint fit of an edited session at its optimum; None where it failed."""
    if fit.found is None:
        return None
    best, found = fit.found.solution, fit.found
    return Solved(best.joint, best.point, found.uncertainty.free, found.views, fit.difference)
