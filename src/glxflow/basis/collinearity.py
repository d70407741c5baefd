"""Which responses a protocol cannot tell apart."""

from dataclasses import dataclass

import numpy as np

from glxflow.spectrum import BasisSet, ComplexArray, spectrum_of


@dataclass(frozen=True, slots=True)
class Pair:
    """Two responses and how alike they are.

    Attributes
    ----------
    first, second : str
        Names.
    correlation : float
        Cosine between the real spectra; 1 for the same shape, -1 for the
        mirrored one. SDs of the two grow by 1/sqrt(1 - r^2) together.
    """

    first: str
    second: str
    correlation: float


def collinear_pairs(
    basis: BasisSet, *, ppm_range: tuple[float, float], linewidth_hz: float, limit: float
) -> list[Pair]:
    """Return the pairs whose spectra are more alike than `limit`, the worst first.

    Parameters
    ----------
    basis : BasisSet
        Responses in their common phase.
    ppm_range : tuple of float
        Where a fit would look, in ppm.
    linewidth_hz : float
        Lorentzian width to give them, in Hz.
    limit : float
        Smallest absolute correlation that is listed, 0 to 1.
    """
    spectra = broadened_spectra(basis, linewidth_hz).real
    inside = (basis.axis.ppm >= ppm_range[0]) & (basis.axis.ppm <= ppm_range[1])
    norms = np.linalg.norm(spectra[:, inside], axis=1, keepdims=True)
    shapes = spectra[:, inside] / np.where(norms > 0, norms, 1)
    correlation = shapes @ shapes.T
    pairs = [
        Pair(basis.names[i], basis.names[j], float(correlation[i, j]))
        for i, j in zip(*np.triu_indices(len(basis.names), 1), strict=True)
        if abs(correlation[i, j]) >= limit
    ]
    return sorted(pairs, key=lambda pair: -abs(pair.correlation))


def broadened_spectra(basis: BasisSet, linewidth_hz: float) -> ComplexArray:
    """Return the spectra with a Lorentzian width added, (n_components, n_points).

    Parameters
    ----------
    basis : BasisSet
        Responses.
    linewidth_hz : float
        Full width at half height to add, in Hz.
    """
    damped = basis.fids * np.exp(-np.pi * linewidth_hz * basis.axis.time_s)
    # Half the first point: the integral from t = 0, which leaves no offset in the spectrum.
    damped[:, 0] /= 2
    return spectrum_of(damped)
