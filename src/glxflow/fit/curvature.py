"""Derivatives of the lines of a model, first and second.

Second ones are what Gauss-Newton leaves out of a Hessian: the residual times them.
Without these a search converges step by step where the residual is large or data say
little of a parameter; with them, quadratically (Newton's method on the cost whose
amplitudes are at their optimum; Golub & Pereyra 2003, doi:10.1088/0266-5611/19/2/201).
A derivative of a decay is the decay times slopes at few nodes, so that all second
derivatives against a residual follow from one product of it with the responses.
"""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.model import FitModel
from glxflow.fit.prior import SHARED
from glxflow.fit.shapes import GAUSSIAN, LORENTZIAN, OF_ALL, OF_OWN, OF_SHIM, WIDTH, Shapes
from glxflow.fit.square import diagonal
from glxflow.spectrum import ComplexArray, RealArray, SingleArray

_SHIFTS = (0.0, 0.01, 0.04, 0.16, 0.64, 2.56)


@dataclass(frozen=True, slots=True)
class Quadratic:
    """Half the cost near a point, by the varying parameters, amplitudes at their optimum.

    Attributes
    ----------
    hessian : (n_varying, n_varying) ndarray
        Positive definite: near the minimum exact, elsewhere J'J.
    normal : (n_varying, n_varying) ndarray
        J'J of Kaufman's Jacobian J, priors included.
    gradient : (n_varying,) ndarray
        J'r.
    is_exact : bool
        Whether second derivatives are in the Hessian.
    """

    hessian: RealArray
    normal: RealArray
    gradient: RealArray
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Curvature:
    """Second derivatives of what components add to half the cost, at fixed residual.

    Attributes
    ----------
    of_theta : (n_theta, n_theta) ndarray
        By two non-linear parameters.
    mixed : (n_columns, n_theta) ndarray
        By one amplitude and one non-linear parameter.
    """

    of_theta: RealArray
    mixed: RealArray


def line_slopes(
    model: FitModel,
    shapes: Shapes,
    slopes: ComplexArray,
    decays: ComplexArray,
    *,
    has_own: bool,
) -> SingleArray:
    """Return the derivatives of the sum of all lines, rotated, (n_theta - 2, n_fit).

    By all parameters but phase and delay.

    Parameters
    ----------
    model, shapes, slopes
        As `line_curvature` takes them.
    decays : (n_columns, n_nodes) complex ndarray
        At the nodes, times amplitudes.
    has_own : bool
        Whether also by those of single groups, or by the shared ones alone.
    """
    along = decays[:, np.newaxis] * slopes
    if not has_own:
        return model.slope_sums(along[:, OF_ALL])
    n_lines, n_fit = len(SHARED) - 2, len(model.ppm)
    rows = np.empty((n_lines + 2 * len(model.groups), n_fit), dtype=np.float32)
    curves = model.slope_curves(along[:, GAUSSIAN:])
    # A metabolite's own width has the derivative of the common one, of which macromolecules
    # and lipids know nothing.
    per_hz = np.zeros(len(curves), dtype=np.float32)
    np.divide(np.pi, shapes.own_gamma_per_s, out=per_hz, where=~model.is_broad)
    rows[LORENTZIAN] = per_hz @ curves[:, -1]
    rows[GAUSSIAN:n_lines] = np.add.reduce(curves[:, :-1])
    members, own = model.membership.astype(np.float32), curves[:, -2:]
    rows[n_lines:] = (members @ own.reshape(len(own), -1)).reshape(-1, n_fit)
    return rows


def line_curvature(
    model: FitModel,
    shapes: Shapes,
    slopes: ComplexArray,
    decays: ComplexArray,
    amplitudes: RealArray,
    residual: RealArray,
) -> Curvature:
    """Return the curvature that line shapes give the cost.

    Parameters
    ----------
    model : FitModel
        Prepared for the basis set.
    shapes : Shapes
        Line shapes.
    slopes : (n_columns, 7, n_nodes) complex ndarray
        Of their decays, as `slopes_of` returns them.
    decays : (n_columns, n_nodes) complex ndarray
        At the nodes, over the noise.
    amplitudes : (n_columns,) ndarray
        Of the columns.
    residual : (n_fit,) ndarray
        Rotated data less components over the noise, times the baseline's weight.
    """
    n_shared, n_columns, n_groups = len(SHARED), len(amplitudes), len(model.groups)
    turned = turned_responses(model, decays, residual)
    once = slopes * turned[:, np.newaxis]
    first: RealArray = once.sum(axis=-1).real
    second = (once @ slopes.transpose(0, 2, 1)).real
    # The exponents are straight in shifts and the common Lorentzian.
    by_g = model.slopes[2].real
    second[:, WIDTH, WIDTH] += first[:, WIDTH] + 2 * shapes.own_g_per_s2 * (turned.real @ by_g)
    second *= -amplitudes[:, np.newaxis, np.newaxis]
    of_all = second[:, OF_ALL, OF_ALL].sum(axis=0)
    of_all[OF_SHIM, OF_SHIM] = -(shapes.at_nodes.curvature() @ (amplitudes @ turned)).real
    own = second[:, OF_OWN].reshape(n_columns, -1)
    of_group = (model.membership @ own).reshape(n_groups, 2, -1)
    of_theta = np.zeros((n_shared + 2 * n_groups,) * 2)
    of_theta[2:n_shared, 2:n_shared] = of_all
    by_both = of_group[:, :, OF_ALL].reshape(2 * n_groups, -1)
    of_theta[n_shared:, 2:n_shared] = by_both
    of_theta[2:n_shared, n_shared:] = by_both.T
    by_own = np.zeros((n_groups, 2, n_groups, 2))
    np.einsum("iaib->iab", by_own)[:] = of_group[:, :, OF_OWN]
    of_theta[n_shared:, n_shared:] = by_own.reshape(2 * n_groups, -1)
    mixed = np.empty((n_columns, len(of_theta)))
    mixed[:, :2] = 0.0
    mixed[:, 2:n_shared] = -first[:, OF_ALL]
    of_columns = model.membership.T[:, :, np.newaxis] * -first[:, np.newaxis, OF_OWN]
    mixed[:, n_shared:] = of_columns.reshape(n_columns, -1)
    return Curvature(of_theta, mixed)


def line_gradient(
    model: FitModel,
    slopes: ComplexArray,
    decays: ComplexArray,
    amplitudes: RealArray,
    residual: RealArray,
) -> RealArray:
    """Return what line shapes give the gradient of half the cost, (n_theta - 2,).

    By all parameters but phase and delay; the arguments are those of `line_curvature`.
    """
    turned = turned_responses(model, decays, residual)
    first = -amplitudes[:, np.newaxis] * (slopes @ turned[:, :, np.newaxis])[..., 0].real
    of_group: RealArray = model.membership @ first[:, OF_OWN]
    return np.concatenate([first[:, OF_ALL].sum(axis=0), of_group.ravel()])


def turned_responses(model: FitModel, decays: ComplexArray, residual: RealArray) -> ComplexArray:
    """Return what the decays at the nodes add to the product of spectra and residual.

    Its real part sums over the nodes to that product; (n_columns, n_nodes). The
    arguments are those of `line_curvature`.
    """
    of_nodes = model.single.reshape(-1, residual.size) @ residual.astype(np.float32)
    turned: ComplexArray = of_nodes.view(np.complex64).reshape(decays.shape).conj() * decays
    return turned


def definite(hessian: RealArray, normal: RealArray) -> RealArray:
    """Return a Hessian, with as much of another's diagonal as makes it positive definite.

    Parameters
    ----------
    hessian : (n, n) ndarray
        Symmetric.
    normal : (n, n) ndarray
        Positive definite; returned where no reasonable share of its diagonal is enough.
    """
    for shift in _SHIFTS:
        shifted = hessian.copy()
        if shift:
            diagonal(shifted)[:] += shift * diagonal(normal)
        try:
            np.linalg.cholesky(shifted)
        except np.linalg.LinAlgError:
            continue
        return shifted
    return normal


def decrease(hessian: RealArray, gradient: RealArray) -> float:
    """Return by how much the step of a quadratic model of half the cost lowers the cost."""
    return float(gradient @ np.linalg.solve(hessian, gradient))
