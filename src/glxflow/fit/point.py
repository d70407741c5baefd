"""The state of a fit at one parameter vector."""

from dataclasses import dataclass

from glxflow.fit.shapes import Shapes
from glxflow.spectrum import ComplexArray, RealArray


@dataclass(frozen=True, slots=True)
class Curves:
    """Model and data at one parameter vector, before amplitudes; rows are rotated as in the model.

    Attributes
    ----------
    theta : (n_theta,) ndarray
        Non-linear parameters.
    shapes : Shapes
        Line shapes these stand for.
    decays : (n_columns, n_nodes) complex ndarray
        Line shapes at the nodes, over the noise.
    spectra : (n_columns, n_fit) ndarray
        Spectra over the noise.
    phased : (n_fit,) complex ndarray
        Phased spectrum over the noise, on the points of the data.
    data : (n_fit,) ndarray
        Its real part, rotated.
    """

    theta: RealArray
    shapes: Shapes
    decays: ComplexArray
    spectra: RealArray
    phased: ComplexArray
    data: RealArray


@dataclass(frozen=True, slots=True)
class Fitted(Curves):
    """The same with amplitudes.

    Attributes
    ----------
    amplitudes : (n_columns,) ndarray
        Non-negative but for quadratures, at their optimum for `theta`.
    """

    amplitudes: RealArray

    @property
    def remainder(self) -> RealArray:
        """What the components leave of the phased data, over the noise, (n_fit,)."""
        left: RealArray = self.data - self.amplitudes @ self.spectra
        return left


@dataclass(frozen=True, slots=True)
class Point(Fitted):
    """The state of the fit of one spectrum at one parameter vector.

    Attributes
    ----------
    whitened : (n_columns, n_fit) ndarray
        Spectra under the square root of the baseline's weight.
    gram : (n_columns, n_columns) ndarray
        Normal matrix of the amplitudes, with the ratios.
    residual : (n_rows,) ndarray
        Whitened data rows, ratio rows, prior rows.
    """

    whitened: RealArray
    gram: RealArray
    residual: RealArray

    @property
    def cost(self) -> float:
        """Sum of squares of the residual: chi-squared plus priors."""
        return float(self.residual @ self.residual)
