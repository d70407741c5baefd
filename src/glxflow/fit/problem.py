"""The residual of one spectrum and its Jacobian, with everything linear projected out.

Variable projection (Golub & Pereyra 1973, doi:10.1137/0710036) with Kaufman's
Jacobian (1975, doi:10.1007/BF01932995): for given phase, shifts and widths the
amplitudes are the non-negative least-squares solution and the baseline is the
penalised spline, so that only the non-linear parameters are searched. Priors are
further rows of the residual; because they are part of the rows, the residual is
orthogonal to the active columns and the projection leaves the gradient right.
"""

from dataclasses import dataclass

import numpy as np

from glxflow.fit.lineshape import lineshape, skew_phase
from glxflow.fit.model import FitModel
from glxflow.fit.nnls import nnls_gram
from glxflow.fit.prior import SHARED
from glxflow.fit.shapes import shapes_of
from glxflow.spectrum import BoolArray, ComplexArray, RealArray

_VALUE, _GAMMA, _SHIFT, _G, _SKEW = range(5)
_RIDGE = 1e-10


@dataclass(frozen=True, slots=True)
class Point:
    """The state of the fit at one parameter vector; rows are rotated as in the model.

    Attributes
    ----------
    theta : (n_theta,) ndarray
        Non-linear parameters.
    amplitudes : (n_columns,) ndarray
        Non-negative but for quadratures, at their optimum for `theta`.
    columns : (n_columns, n_fit, 5) ndarray
        Spectra over the noise and derivatives by gamma, shift, g and skew.
    data : (3, n_fit) ndarray
        Phased data over the noise, with its derivatives by phase and by delay.
    whitened : (n_fit, n_columns) ndarray
        Spectra under the square root of the baseline's weight.
    residual : (n_rows,) ndarray
        Whitened data rows, ratio rows, prior rows.
    """

    theta: RealArray
    amplitudes: RealArray
    columns: RealArray
    data: RealArray
    whitened: RealArray
    residual: RealArray

    @property
    def cost(self) -> float:
        """Sum of squares of the residual: chi-squared plus priors."""
        return float(self.residual @ self.residual)

    @property
    def remainder(self) -> RealArray:
        """What the components leave of the phased data, over the noise, (n_fit,)."""
        left: RealArray = self.data[0] - self.amplitudes @ self.columns[:, :, _VALUE]
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
    stiffness : float
        Weight of the baseline's roughness.
    ratio_rows : (n_ratios, n_columns) ndarray
        Soft constraints on amplitudes over the noise, each divided by its SD.
    """

    def __init__(
        self,
        model: FitModel,
        spectrum: ComplexArray,
        noise_sd: float,
        stiffness: float,
        ratio_rows: RealArray,
    ) -> None:
        self.model = model
        self.prior = model.prior
        self.noise_sd = noise_sd
        self.stiffness = stiffness
        self.ratio_rows = ratio_rows
        self.shares = model.spline.shares(stiffness)
        self._spectrum = spectrum
        self._frequency = (
            2e-6
            * np.pi
            * model.axis.spectrometer_frequency_mhz
            * (model.ppm - model.axis.reference_ppm)
        )
        self._limited = np.isfinite(self.prior.sd)
        self._passive = np.ones(len(model.response), dtype=np.bool_)
        self._root_weight = np.ones(len(model.ppm))
        self._root_weight[: self.shares.size] = np.sqrt(np.clip(1 - self.shares, 0.0, 1.0))

    def with_ratios(self, rows: RealArray) -> "Problem":
        """Return the same problem under other soft constraints."""
        return Problem(self.model, self._spectrum, self.noise_sd, self.stiffness, rows)

    def with_stiffness(self, stiffness: float) -> "Problem":
        """Return the same problem with a baseline of another stiffness."""
        return Problem(self.model, self._spectrum, self.noise_sd, stiffness, self.ratio_rows)

    def with_model(self, model: FitModel) -> "Problem":
        """Return the same problem with a model of other weights."""
        return Problem(model, self._spectrum, self.noise_sd, self.stiffness, self.ratio_rows)

    def with_noise(self, noise_sd: float) -> "Problem":
        """Return the same problem with another weight of the data against the priors."""
        rows = self.ratio_rows * (noise_sd / self.noise_sd)
        return Problem(self.model, self._spectrum, noise_sd, self.stiffness, rows)

    def whiten(self, rows: RealArray) -> RealArray:
        """Return rotated rows, (n_fit, ...), under the square root of the baseline's weight."""
        weight = self._root_weight if rows.ndim == 1 else self._root_weight[:, np.newaxis]
        whitened: RealArray = rows * weight
        return whitened

    def baseline(self, remainder: RealArray) -> RealArray:
        """Return the penalised spline through a rotated remainder, rotated, (n_fit,)."""
        spline = np.zeros_like(remainder)
        spline[: self.shares.size] = self.shares * remainder[: self.shares.size]
        return spline

    def evaluate(self, theta: RealArray) -> Point:
        """Return amplitudes and residual at a parameter vector."""
        phased = self._spectrum * np.exp(-1j * (theta[0] + self._frequency * theta[1]))
        rows = np.stack([phased.real, phased.imag, phased.imag * self._frequency])
        data = self.model.rotated(rows) / self.noise_sd
        return self._complete(theta, self._columns(theta), data)

    def moved(self, point: Point) -> Point:
        """Return the state of this problem where another of the same noise was evaluated."""
        return self._complete(point.theta, point.columns, point.data)

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
        active = self.linear_jacobian(point)[:, point.amplitudes != 0]
        n_linear = len(rows) - int(self._limited.sum())
        active = active[:n_linear]
        gram = active.T @ active
        gram[np.diag_indices_from(gram)] *= 1 + _RIDGE
        rows[:n_linear] -= active @ np.linalg.solve(gram, active.T @ rows[:n_linear])
        return rows

    def fixed_jacobian(self, point: Point) -> RealArray:
        """Return the Jacobian of the residual at fixed amplitudes, (n_rows, n_theta)."""
        whitened = self.whiten(self._derivatives(point))
        prior_rows = np.diag(1 / self.prior.sd)[self._limited]
        ratio_rows = np.zeros((len(self.ratio_rows), whitened.shape[1]))
        return np.concatenate([whitened, ratio_rows, prior_rows])

    def linear_jacobian(self, point: Point) -> RealArray:
        """Return the derivative of the residual by the amplitudes, (n_rows, n_columns)."""
        empty = np.zeros((int(self._limited.sum()), len(point.amplitudes)))
        return np.concatenate([-point.whitened, self.ratio_rows, empty])

    def _complete(self, theta: RealArray, columns: RealArray, data: RealArray) -> Point:
        """Return the state once columns and data are known."""
        whitened = self.whiten(columns[:, :, _VALUE].T)
        observed = self.whiten(data[0])
        amplitudes = self._amplitudes(whitened, observed)
        residual = np.concatenate(
            [
                observed - whitened @ amplitudes,
                self.ratio_rows @ amplitudes,
                ((theta - self.prior.mean) / self.prior.sd)[self._limited],
            ]
        )
        return Point(theta, amplitudes, columns, data, whitened, residual)

    def _columns(self, theta: RealArray) -> RealArray:
        """Return spectra and derivatives over the noise, (n_columns, n_fit, 5)."""
        model, shapes = self.model, shapes_of(self.model, theta)
        time_s = model.node_s
        value = lineshape(
            time_s,
            shapes.gamma_per_s,
            shapes.shift_hz,
            g_per_s2=shapes.g_per_s2,
            skew=shapes.skew,
        )
        factors = np.stack(
            [
                np.ones_like(time_s),
                -time_s,
                2j * np.pi * time_s,
                -(time_s**2),
                1j * skew_phase(time_s),
            ]
        )
        kinds = value[:, :, np.newaxis] * factors.T / self.noise_sd
        return model.columns(kinds)

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
        derivatives[:, 0], derivatives[:, 1] = point.data[1], point.data[2]
        members = -model.membership * point.amplitudes
        spectra = point.columns[:, :, _GAMMA:].reshape(len(point.columns), -1)
        by_group = (members @ spectra).reshape(len(members), len(model.ppm), 4)
        derivatives[:, 4] = 2 * shapes.g_per_s2 * by_group[:, :, _G - 1].sum(axis=0)
        derivatives[:, 5] = by_group[:, :, _SKEW - 1].sum(axis=0)
        first = [group.members[0] for group in model.groups]
        by_shift = by_group[:, :, _SHIFT - 1].T
        by_width = by_group[:, :, _GAMMA - 1].T * shapes.gamma_per_s[first]
        derivatives[:, len(SHARED) :: 2], derivatives[:, len(SHARED) + 1 :: 2] = by_shift, by_width
        derivatives[:, 2] = by_shift.sum(axis=1)
        derivatives[:, 3] = by_width @ model.follows_shim
        return derivatives
