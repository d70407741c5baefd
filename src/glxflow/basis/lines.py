"""Macromolecules of a basis set, taken apart into lines that a fit can tell apart.

A measured or modelled spectrum that enters a fit whole can only scale, shift and widen as
one; people and protocols differ in the shares of its lines by 10 to 20 %, and whatever is
not as in the spectrum is taken for glutamate. Written as a sum of non-negative Gaussians
and cut half-way between the resonances of the consensus, it keeps its shape in the mean,
and each of its lines may differ.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from glxflow.constants import load
from glxflow.spectrum import Axis, BasisSet, ComplexArray, Kind, RealArray, percent, spectrum_of

_RANGE_PPM = (0.2, 4.45)
_POSITIONS_PPM = np.arange(0.3, 4.5, 0.05)
_WIDTHS_PPM = (0.10, 0.14, 0.19, 0.26)
_RIDGE = 0.02
_LARGEST_MISFIT = 0.2
_LEAST_SHARE = 0.002
_LEAST_ATOM = 0.01
_SPECTRUM_SHARE_SD = 0.2
"""By how much the shares in a spectrum of all macromolecules may be wrong: those of persons and
scans differ by 10 to 20 %."""


def gaussian(ppm: float, fwhm_ppm: float, axis: Axis) -> ComplexArray:
    """Return a Gaussian line of one proton in the time domain, (n_points,)."""
    width_hz = fwhm_ppm * axis.spectrometer_frequency_mhz
    # A Gaussian of FWHM w in frequency decays as exp(-(pi w t)^2 / (4 ln 2)).
    decay = (np.pi * width_hz * axis.time_s) ** 2 / (4 * np.log(2))
    line: ComplexArray = np.exp(2j * np.pi * axis.hz(ppm) * axis.time_s - decay)
    return line


def gaussians_of(atoms: Sequence[tuple[float, float]], axis: Axis) -> ComplexArray:
    """Return a Gaussian line a row, of these chemical shifts and widths in ppm."""
    return np.array([gaussian(ppm, width, axis) for ppm, width in atoms])


class Mixture:
    """Signals whose non-negative sum a spectrum is taken for; their columns are computed once.

    Parameters
    ----------
    fids : (n_signals, n_points) complex ndarray
        The signals.
    axis : Axis
        On which they are sampled.
    range_ppm : tuple of float
        Where their sum is compared with a spectrum.
    """

    def __init__(self, fids: ComplexArray, axis: Axis, range_ppm: tuple[float, float]) -> None:
        low, high = range_ppm
        self._inside = (axis.ppm >= low) & (axis.ppm <= high)
        spectra = self.spectra(fids)
        self._norms = np.linalg.norm(spectra, axis=1)
        columns = (spectra / self._norms[:, np.newaxis]).T
        # A little ridge: neighbouring Gaussians share what the data cannot divide.
        self._matrix = np.concatenate([columns, _RIDGE * np.eye(columns.shape[1])])

    def spectra(self, fids: ComplexArray) -> RealArray:
        """Return real and imaginary spectra of the compared range, (..., 2 n_inside)."""
        spectra = spectrum_of(fids)[..., self._inside]
        return np.concatenate([spectra.real, spectra.imag], axis=-1)

    def fitted(self, samples: ComplexArray) -> tuple[RealArray, float]:
        """Return the amplitudes, and residual and ridge as a share of the spectrum's norm."""
        # Only a basis set with macromolecules of its own pays for this import: 0.3 s.
        from scipy.optimize import nnls

        data = self.spectra(samples)
        target = np.concatenate([data, np.zeros(self._norms.size)])
        solution, misfit = nnls(self._matrix, target, maxiter=30 * target.size)
        return solution / self._norms, float(misfit / np.linalg.norm(data))


def in_lines(basis: BasisSet, phase: complex) -> BasisSet:
    """Return the basis set with its macromolecules, all together, as lines of their ratio.

    Lines that are known to be Gaussian stay as they are. What is no sum of upright broad
    lines is left whole, with a note.

    Parameters
    ----------
    basis : BasisSet
        Metabolites and macromolecules.
    phase : complex
        Of the metabolites' first point, a unit number: that of the lines.

    Returns
    -------
    BasisSet
        Macromolecules named as the default ones. Equal amplitudes are the ratio they had,
        which is surer (`share_sd`) where they came as one spectrum; together they have as many
        protons as the default ones.
    """
    whole = [
        index
        for index, kind in enumerate(basis.kinds)
        if kind is Kind.MACROMOLECULE and not (basis.gaussian_hz and basis.gaussian_hz[index])
    ]
    if not whole:
        return basis
    names = ", ".join(basis.names[index] for index in whole)
    atoms = [(ppm, width) for width in _WIDTHS_PPM for ppm in _POSITIONS_PPM]
    gaussians = gaussians_of(atoms, basis.axis)
    mixture = Mixture(gaussians, basis.axis, _RANGE_PPM)
    total = basis.fids[whole].sum(axis=0) / phase
    amplitudes, _ = mixture.fitted(total)
    left = mixture.spectra(total - amplitudes @ gaussians)
    misfit = float(np.linalg.norm(left) / np.linalg.norm(mixture.spectra(total)))
    if misfit > _LARGEST_MISFIT:
        note = (
            f"macromolecules {names} are no sum of broad lines (misfit {percent(misfit)}, "
            f"expected at most {100 * _LARGEST_MISFIT:.0f}) and are left whole"
        )
        return replace(basis, notes=(*basis.notes, note))
    note = f"macromolecules {names} taken apart into lines (misfit {percent(misfit, 1)})"
    kept = [index for index in range(len(basis.names)) if index not in whole]
    lines = _cut(amplitudes, atoms, phase * gaussians, basis)
    joined = basis.chosen(kept).joined(replace(lines, notes=(note,)))
    # Of components that a program fits one by one nobody knows the ratio so well.
    return replace(joined, share_sd=_SPECTRUM_SHARE_SD) if len(whole) == 1 else joined


def _cut(
    amplitudes: RealArray,
    atoms: list[tuple[float, float]],
    gaussians: ComplexArray,
    basis: BasisSet,
) -> BasisSet:
    """Return the Gaussians between the borders of each consensus line as its component."""
    components = load("macromolecules")["macromolecules"]["components"]
    places = [line["ppm"] for line in components.values()]
    borders = [-np.inf, *((one + other) / 2 for one, other in pairwise(places)), np.inf]
    ppm, width = np.array(atoms).T
    names, fids, widths_hz = [], [], []
    for name, (low, high) in zip(components, pairwise(borders), strict=True):
        own = amplitudes * ((ppm >= low) & (ppm < high))
        if own.sum() > _LEAST_SHARE * amplitudes.sum():
            names.append(name)
            fids.append(own @ gaussians)
            # No narrower than its narrowest part: this much a fit may take off and give back.
            narrowest = width[own > _LEAST_ATOM * own.sum()].min()
            widths_hz.append(float(narrowest) * basis.axis.spectrometer_frequency_mhz)
    protons = sum(line["amplitude"] for line in components.values())
    return replace(
        basis,
        names=tuple(names),
        kinds=(Kind.MACROMOLECULE,) * len(names),
        fids=np.array(fids) * (protons / amplitudes.sum()),
        gaussian_hz=tuple(widths_hz),
    )
