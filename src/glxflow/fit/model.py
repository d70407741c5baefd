"""The model prepared for one basis set, axis and range: what every spectrum of a study shares."""

from dataclasses import dataclass, field, replace

import numpy as np

from glxflow.fit.baseline import SplineSpace, spline_space
from glxflow.fit.groups import Group
from glxflow.fit.options import FitOptions
from glxflow.fit.prior import Prior
from glxflow.spectrum import Axis, BoolArray, ComplexArray, Fid, Kind, RealArray, SingleArray


@dataclass(frozen=True, slots=True)
class FitModel:
    """Everything about a fit that does not depend on the data.

    Attributes
    ----------
    names, kinds : tuple
        Components of the basis set.
    groups : tuple of Group
        Who shares shift and width.
    axis : Axis
        Of the data.
    n_kept : int
        Samples of the signal that are fitted; later ones hold only noise.
    rows : slice
        Fitted part of the zero-filled spectrum.
    ppm : (n_fit,) ndarray
        Chemical shifts of these points.
    weight : (n_fit,) ndarray
        Weight of each point, 1 unless `reweighted`.
    rotation : (n_fit, n_fit) ndarray
        Orthonormal columns, first the baseline's modes: in these coordinates the
        weight of the baseline is diagonal.
    response : (n_columns, 2 n_nodes, n_fit) ndarray
        Rotated real spectra of basis function times interpolant; the real and
        imaginary parts of a line shape at the nodes, times these, are its spectrum.
        The components come first, then quadratures.
    single : (n_columns, 2 n_nodes, n_fit) ndarray
        The same in single precision, enough for slopes and half the way in memory.
    quadrature_of : tuple of int
        Components whose curves in quadrature are the further columns: lipid from
        outside the voxel comes with any phase, and its amplitude has any sign.
    node_s : (n_nodes,) ndarray
        Times of the nodes, in s.
    slopes : (3, n_nodes) complex ndarray
        Factors of a decay for its derivatives: `lineshape_slopes`.
    turn_per_us : (n_fit,) ndarray
        Phase of each point per us of delay, in rad.
    spline : SplineSpace
        Of the baseline.
    reference : (n_points,) complex ndarray
        Typical signal to align data with.
    options : FitOptions
        Choices it was prepared for.
    prior : Prior
        Of the non-linear parameters.
    membership : (n_groups, n_columns) ndarray
        1 where a column belongs to a group.
    protons : (n_columns,) ndarray
        Signal of each response at t = 0, in that of one proton.
    is_broad : (n_columns,) bool ndarray
        Which columns have a width of their own beside the shim's: no metabolite.
    broadening_hz : (n_columns,) ndarray
        Gaussian width that these are expected to gain over `response`.
    lorentzian_hz : (n_columns,) ndarray
        Lorentzian width that a metabolite is expected to gain by its T2.
    share_sd : float
        By how much the share of a macromolecule may differ from its expected one, over that.
    collinear : tuple of pairs of str
        Metabolites that no data can tell apart, other than those the groups tie.
    known_weights : dict
        Splines, rotations and responses of weights that were asked for before.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    groups: tuple[Group, ...]
    axis: Axis
    n_kept: int
    rows: slice
    ppm: RealArray
    weight: RealArray
    rotation: RealArray
    response: RealArray
    single: SingleArray
    quadrature_of: tuple[int, ...]
    node_s: RealArray
    slopes: ComplexArray
    turn_per_us: RealArray
    spline: SplineSpace
    reference: ComplexArray
    options: FitOptions
    prior: Prior
    membership: RealArray
    protons: RealArray
    is_broad: BoolArray
    broadening_hz: RealArray
    lorentzian_hz: RealArray
    share_sd: float
    collinear: tuple[tuple[str, str], ...]
    known_weights: dict[bytes, tuple[SplineSpace, RealArray, RealArray, SingleArray]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def trusted_ppm(self) -> tuple[float, float]:
        """Lowest and highest chemical shift with full weight: an end is left out whole."""
        trusted = self.ppm[self.weight == 1]
        return float(trusted[0]), float(trusted[-1])

    @property
    def trusts_all(self) -> bool:
        """Tell whether neither end is left out."""
        return bool((self.weight == 1).all())

    @property
    def is_signed(self) -> BoolArray:
        """Which columns may have negative amplitudes, (n_columns,)."""
        return np.arange(len(self.response)) >= len(self.names)

    def phased(self, spectra: ComplexArray, theta: RealArray) -> ComplexArray:
        """Return spectra, (..., n_fit), with phase and delay of some parameters taken off."""
        phase_rad, delay_us = theta[:2]
        result: ComplexArray = spectra * np.exp(-1j * (phase_rad + self.turn_per_us * delay_us))
        return result

    def rotated(self, rows: RealArray) -> RealArray:
        """Return weighted rows, (..., n_fit), in the coordinates of the fit."""
        result: RealArray = (rows * self.weight) @ self.rotation
        return result

    def traced(self, rotated: RealArray) -> RealArray:
        """Return a rotated row as seen by rows that are not, (n_fit,).

        The product of rows with it is that of `rotated(rows)` with the row given.
        """
        back: RealArray = self.weight * (self.rotation @ rotated)
        return back

    def curve(self, rows: RealArray) -> RealArray:
        """Return rows, (..., n_fit), as curves on `ppm` again."""
        result: RealArray = (rows @ self.rotation.T) / self.weight
        return result

    def reweighted(self, weight: RealArray) -> "FitModel":
        """Return the model with less weight on points that it does not describe.

        Parameters
        ----------
        weight : (n_fit,) ndarray
            Positive; replaces the weight of this model.
        """
        if np.array_equal(weight, self.weight):
            return self
        key = weight.tobytes()
        if key not in self.known_weights:
            spline, rotation = coordinates(self.ppm, weight)
            change = self.rotation.T @ ((weight / self.weight)[:, np.newaxis] * rotation)
            response = self.response @ change
            self.known_weights[key] = (spline, rotation, response, response.astype(np.float32))
        spline, rotation, response, single = self.known_weights[key]
        return replace(
            self,
            weight=weight,
            spline=spline,
            rotation=rotation,
            response=response,
            single=single,
            known_weights={},
        )

    def with_baseline(self, ed_per_ppm: float) -> "FitModel":
        """Return the model with a baseline of a given effective dimension per ppm."""
        return replace(self, options=replace(self.options, baseline_ed_per_ppm=ed_per_ppm))

    @property
    def share_kept(self) -> float:
        """Share of the samples that are fitted."""
        return self.n_kept / self.axis.n_points

    def curves(self, shape: ComplexArray) -> RealArray:
        """Return the rotated real spectra of all columns, (n_columns, n_kinds, n_fit).

        Parameters
        ----------
        shape : (n_columns, n_kinds, n_nodes) complex ndarray
            Line shapes or their derivatives at the nodes.
        """
        # As pairs of real and imaginary parts, without a copy.
        curves: RealArray = shape.view(np.float64) @ self.response
        return curves

    def slope_curves(self, shape: ComplexArray) -> SingleArray:
        """Return what `curves` does in single precision, (n_columns, n_kinds, n_fit)."""
        curves: SingleArray = shape.astype(np.complex64).view(np.float32) @ self.single
        return curves

    def slope_sums(self, shape: ComplexArray) -> SingleArray:
        """Return the sum of `slope_curves` over all columns, (n_kinds, n_fit)."""
        flat = np.ascontiguousarray(shape.swapaxes(0, 1), dtype=np.complex64).view(np.float32)
        sums: SingleArray = flat.reshape(len(flat), -1) @ self.single.reshape(
            -1, self.single.shape[-1]
        )
        return sums

    def data_spectrum(self, fid: Fid) -> ComplexArray:
        """Return the fitted part of the twice zero-filled spectrum, (n_fit,)."""
        return zero_filled(fid.samples[: self.n_kept])[..., self.rows]


def coordinates(ppm: RealArray, weight: RealArray) -> tuple[SplineSpace, RealArray]:
    """Return the space of the baseline, and a rotation whose first columns are its modes.

    Parameters
    ----------
    ppm : (n_fit,) ndarray
        Chemical shifts of the points.
    weight : (n_fit,) ndarray
        Weight of each.

    Returns
    -------
    spline : SplineSpace
        Of the baseline.
    rotation : (n_fit, n_fit) ndarray
        Orthonormal.
    """
    spline = spline_space(ppm, weight)
    square, _ = np.linalg.qr(spline.modes, mode="complete")
    others = square[:, spline.modes.shape[1] :]
    return spline, np.concatenate([spline.modes, others], axis=1)


def zero_filled(samples: ComplexArray) -> ComplexArray:
    """Return the shifted spectrum of a signal of doubled length: all its information is real."""
    n_points = 2 * samples.shape[-1]
    spectrum: ComplexArray = np.fft.fftshift(np.fft.fft(samples, n_points, axis=-1), axes=-1)
    return spectrum
