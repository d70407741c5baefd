"""How much an estimate depends on the stiffness of the baseline."""

from glxflow.fit.edited import fit_edited
from glxflow.fit.edited_model import EditedModel
from glxflow.fit.edited_result import EditedFit
from glxflow.fit.engine import fit_prepared
from glxflow.fit.found import Fit
from glxflow.fit.model import FitModel
from glxflow.spectrum import Fid, FitResult, FitStatus


def baseline_alternatives(fid: Fid, model: FitModel, fit: Fit) -> tuple[FitResult, ...]:
    """Return the fits with half and with double the baseline's effective dimension.

    Their Glu, Gln and Glx beside those of the fit are the sensitivity to a choice
    that data alone do not settle.

    Parameters
    ----------
    fid : Fid
        The data.
    model : FitModel
        That they were fitted by.
    fit : Fit
        The fit whose baseline is changed.

    Returns
    -------
    tuple of FitResult
        The stiffer and the softer one; none of a fit that did not converge.
    """
    if fit.result.status is not FitStatus.CONVERGED:
        return ()
    others = model.spline.alternatives(fit.result.baseline_ed)
    return tuple(fit_prepared(fid, model.with_baseline(ed)).result for ed in others)


def edited_baseline_alternatives(
    total: Fid, difference: Fid, model: EditedModel, fit: EditedFit
) -> tuple[FitResult, ...]:
    """Return the same of an edited session, with the curves of the difference.

    Parameters
    ----------
    total, difference : Fid
        Half sum and difference.
    model : EditedModel
        That they were fitted by.
    fit : EditedFit
        The fit whose baselines are changed.
    """
    if fit.total.status is not FitStatus.CONVERGED:
        return ()
    others = model.total.spline.alternatives(fit.total.baseline_ed)
    return tuple(
        fit_edited(total, difference, model.with_baseline(ed)).difference for ed in others
    )
