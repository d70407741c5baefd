"""The residual of one spectrum and its Jacobian, with everything linear projected out.

Variable projection (Golub & Pereyra 1973, doi:10.1137/0710036) with Kaufman's
Jacobian (1975, doi:10.1007/BF01932995): for given phase, shifts and widths the
amplitudes are the non-negative least-squares solution and the baseline is the
penalised spline, so that only the non-linear parameters are searched. Priors are
further rows of the residual; because they are part of the rows, the residual is
orthogonal to the active columns and the projection leaves the gradient right.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from glxflow.constants import load
from glxflow.fit.lineshape import lineshape
from glxflow.fit.model import FitModel
from glxflow.fit.nnls import nnls_gram
from glxflow.fit.parameters import SHARED, Prior, shapes_of
from glxflow.spectrum import BoolArray, ComplexArray, Kind, RealArray

_VALUE, _GAMMA, _SHIFT, _G = range(4)
_RIDGE = 1e-10
_LEAST_MACROMOLECULES = 0.1
_QUADRATURE_SD = 0.5


@dataclass(frozen=True, slots=True)
class Point:
    """The state of the fit at one parameter vector.

    Attributes
    ----------
    theta : (n_theta,) ndarray
        Non-linear parameters.
    amplitudes : (n_components,) ndarray
        Non-negative, at their optimum for `theta`.
    columns : (n_fit, n_components, 4) ndarray
        Component spectra and their derivatives by gamma, shift and g.
    data : (n_fit,) complex ndarray
        Phased spectrum.
    residual : (n_rows,) ndarray
        Whitened data rows, ratio rows, prior rows.
    """

    theta: RealArray
    amplitudes: RealArray
    columns: RealArray
    data: ComplexArray
    residual: RealArray

    @property
    def cost(self) -> float:
        """Sum of squares of the residual: chi-squared plus priors."""
        return float(self.residual @ self.residual)

    @property
    def remainder(self) -> RealArray:
        """What the components leave of the phased real data, over the noise, (n_fit,)."""
        left: RealArray = self.data.real - self.columns[:, :, _VALUE] @ self.amplitudes
        return left


class Problem:
    """One spectrum to be explained by a model at a given baseline stiffness.

    Parameters
    ----------
    model : FitModel
        Prepared for the basis set.
    spectrum : (n_fit,) complex ndarray
        Zero-filled spectrum of the aligned data.
    noise_sd : float
        SD of the noise in the real spectrum.
    prior : Prior
        Of the non-linear parameters.
    stiffness : float
        Weight of the baseline's roughness.
    ratio_rows : (n_ratios, n_components) ndarray
        Soft constraints on amplitudes, each divided by its SD.
    """

    def __init__(
        self,
        model: FitModel,
        spectrum: ComplexArray,
        noise_sd: float,
        prior: Prior,
        stiffness: float,
        ratio_rows: RealArray,
    ) -> None:
        self.model = model
        self.stiffness = stiffness
        self.prior = prior
        self.noise_sd = noise_sd
        self.ratio_rows = ratio_rows
        self.shares = model.spline.shares(stiffness)
        self._spectrum = spectrum
        self._frequency = (
            2e-6
            * np.pi
            * model.axis.spectrometer_frequency_mhz
            * (model.ppm - model.axis.reference_ppm)
        )
        self._keep = 1 - np.sqrt(np.clip(1 - self.shares, 0.0, 1.0))
        self._limited = np.isfinite(prior.sd)
        self._passive = np.ones(len(model.response), dtype=np.bool_)

    def with_ratios(self, rows: RealArray) -> "Problem":
        """Return the same problem under other soft constraints."""
        return Problem(self.model, self._spectrum, self.noise_sd, self.prior, self.stiffness, rows)

    def with_stiffness(self, stiffness: float) -> "Problem":
        """Return the same problem with a baseline of another stiffness."""
        return Problem(
            self.model, self._spectrum, self.noise_sd, self.prior, stiffness, self.ratio_rows
        )

    def with_noise(self, noise_sd: float) -> "Problem":
        """Return the same problem with another weight of the data against the priors."""
        return Problem(
            self.model, self._spectrum, noise_sd, self.prior, self.stiffness, self.ratio_rows
        )

    def whiten(self, columns: RealArray) -> RealArray:
        """Return columns with the square root of the baseline's weight applied."""
        modes = self.model.spline.modes
        reduced = (modes.T @ columns) * (self._keep if columns.ndim == 1 else self._keep[:, None])
        whitened: RealArray = columns - modes @ reduced
        return whitened

    def baseline(self, remainder: RealArray) -> RealArray:
        """Return the penalised spline through what the components leave, (n_fit,)."""
        modes = self.model.spline.modes
        spline: RealArray = modes @ (self.shares * (modes.T @ remainder))
        return spline

    def evaluate(self, theta: RealArray) -> Point:
        """Return amplitudes and residual at a parameter vector."""
        columns = self._columns(theta)
        data = (
            self._spectrum / self.noise_sd * np.exp(-1j * (theta[0] + self._frequency * theta[1]))
        )
        components = self.whiten(columns[:, :, _VALUE])
        observed = self.whiten(data.real)
        amplitudes = self._amplitudes(components, observed)
        residual = np.concatenate(
            [
                observed - components @ amplitudes,
                self.ratio_rows @ amplitudes,
                ((theta - self.prior.mean) / self.prior.sd)[self._limited],
            ]
        )
        return Point(theta, amplitudes, columns, data, residual)

    def jacobian(self, point: Point, vary: BoolArray) -> RealArray:
        """Return Kaufman's Jacobian of the residual by the varying parameters.

        Parameters
        ----------
        point : Point
            Where.
        vary : (n_theta,) bool ndarray
            Which parameters are searched.

        Returns
        -------
        (n_rows, n_varying) ndarray
            Derivative of the residual with amplitudes re-optimised to first order.
        """
        rows = self.fixed_jacobian(point)[:, vary]
        active = np.concatenate([self.whiten(point.columns[:, :, _VALUE]), -self.ratio_rows])[
            :, point.amplitudes != 0
        ]
        n_linear = len(active)
        basis, _ = np.linalg.qr(active)
        rows[:n_linear] -= basis @ (basis.T @ rows[:n_linear])
        return rows

    def fixed_jacobian(self, point: Point) -> RealArray:
        """Return the Jacobian of the residual at fixed amplitudes, (n_rows, n_theta)."""
        whitened = self.whiten(self._derivatives(point))
        prior_rows = np.diag(1 / self.prior.sd)[self._limited]
        ratio_rows = np.zeros((len(self.ratio_rows), whitened.shape[1]))
        return np.concatenate([whitened, ratio_rows, prior_rows])

    def linear_jacobian(self, point: Point) -> RealArray:
        """Return the derivative of the residual by the amplitudes, (n_rows, n_components)."""
        n_prior = int(self._limited.sum())
        whitened = self.whiten(point.columns[:, :, _VALUE])
        empty = np.zeros((n_prior, whitened.shape[1]))
        return np.concatenate([-whitened, self.ratio_rows, empty])

    def _columns(self, theta: RealArray) -> RealArray:
        """Return component spectra and derivatives over the noise, (n_fit, n_components, 4)."""
        model, shapes = self.model, shapes_of(self.model, theta)
        value = lineshape(model.node_s, shapes.gamma_per_s, shapes.g_per_s2, shapes.shift_hz)
        by_time = value * model.node_s
        kinds = [value, -by_time, 2j * np.pi * by_time, -by_time * model.node_s]
        spectra = model.columns(np.stack(kinds, axis=-1)) / self.noise_sd
        return np.ascontiguousarray(spectra.transpose(1, 0, 2))

    def _amplitudes(self, components: RealArray, observed: RealArray) -> RealArray:
        """Return the non-negative amplitudes, starting from the last active set."""
        gram = components.T @ components + self.ratio_rows.T @ self.ratio_rows
        gram[np.diag_indices_from(gram)] *= 1 + _RIDGE
        amplitudes = nnls_gram(gram, components.T @ observed, self._passive, self.model.is_signed)
        self._passive = amplitudes != 0
        return amplitudes

    def _derivatives(self, point: Point) -> RealArray:
        """Return d(data - fit)/d(theta) before whitening, (n_fit, n_theta)."""
        theta, model = point.theta, self.model
        shapes = shapes_of(model, theta)
        derivatives = np.zeros((len(model.ppm), theta.size))
        derivatives[:, 0] = point.data.imag
        derivatives[:, 1] = point.data.imag * self._frequency
        weighted = point.columns * point.amplitudes[:, np.newaxis]
        derivatives[:, 4] = -2 * shapes.g_per_s2 * weighted[:, :, _G].sum(axis=1)
        for index, group in enumerate(model.groups):
            members = list(group.members)
            by_shift = -weighted[:, members, _SHIFT].sum(axis=1)
            gamma = shapes.gamma_per_s[members[0]]
            by_width = -gamma * weighted[:, members, _GAMMA].sum(axis=1)
            column = len(SHARED) + 2 * index
            derivatives[:, column], derivatives[:, column + 1] = by_shift, by_width
            derivatives[:, 2] += by_shift
            if group.kind is Kind.METABOLITE:
                derivatives[:, 3] += by_width
        return derivatives


def ratio_rows(model: FitModel, amplitudes: RealArray, neighbour_sd: float) -> RealArray:
    """Return soft constraints on amplitudes, each row divided by its SD.

    Neighbouring macromolecules are held near their expected ratio (components
    are scaled so that this is 1), weak metabolites near their cited ratio to
    total creatine.

    Parameters
    ----------
    model : FitModel
        Tells what the components are.
    amplitudes : (n_components,) ndarray
        Present amplitudes, for the scale of the SDs.
    neighbour_sd : float
        Prior SD of the ratio of neighbouring macromolecules.

    Returns
    -------
    (n_ratios, n_components) ndarray
        Rows whose product with the amplitudes is normal with SD 1.
    """
    return np.concatenate(
        [
            _neighbour_rows(model, amplitudes, neighbour_sd),
            _expectation_rows(model, amplitudes),
            _quadrature_rows(model, amplitudes),
        ]
    )


def _quadrature_rows(model: FitModel, amplitudes: RealArray) -> RealArray:
    """Return the amplitudes of lipid in quadrature over their SD."""
    rows: RealArray = np.eye(len(model.response))[len(model.names) :]
    rows /= _QUADRATURE_SD * max(float(amplitudes.max()), 1e-300)
    return rows


def _neighbour_rows(model: FitModel, amplitudes: RealArray, relative_sd: float) -> RealArray:
    """Return the differences of neighbouring macromolecules over their SD."""
    members = [index for index, kind in enumerate(model.kinds) if kind is Kind.MACROMOLECULE]
    rows: RealArray = np.zeros((max(len(members) - 1, 0), len(model.response)))
    if not members:
        return rows
    # A prefit may find no macromolecules at all: that must not forbid them.
    scale = max(float(np.mean(amplitudes[members])), _LEAST_MACROMOLECULES * amplitudes.max())
    for row, (one, other) in enumerate(pairwise(members)):
        rows[row, one], rows[row, other] = 1.0, -1.0
    rows /= relative_sd * scale
    return rows


def _expectation_rows(model: FitModel, amplitudes: RealArray) -> RealArray:
    """Return weak metabolites less their expected share of creatine, over its SD."""
    expected = load("expectations")["ratio_to_tcr"]
    names = np.array(model.names + ("",) * len(model.quadrature_of))
    creatine = ((names == "Cr") | (names == "PCr")).astype(np.float64)
    scale = float(creatine @ amplitudes)
    weak = [name for name in model.names if name in expected]
    if scale <= 0:
        return np.zeros((0, names.size))
    rows = [
        ((names == name) - expected[name]["mean"] * creatine) / (expected[name]["sd"] * scale)
        for name in weak
    ]
    return np.array(rows).reshape(len(weak), names.size)
