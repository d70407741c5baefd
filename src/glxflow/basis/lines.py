"""Macromolecules of a basis set, taken apart into lines that a fit can tell apart.

A measured or modelled spectrum that enters a fit whole can only scale, shift and widen as
one; people and protocols differ in the shares of its lines by 10 to 20 %, and whatever is
not as in the spectrum is taken for glutamate. Written as a sum of non-negative Gaussians
and cut half-way between the resonances of the consensus, it keeps its shape in the mean,
and each of its lines may differ.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from glxflow.constants import load
from glxflow.spectrum import Axis, BasisSet, ComplexArray, Kind, RealArray, spectrum_of

_RANGE_PPM = (0.2, 4.45)
_POSITIONS_PPM = np.arange(0.3, 4.5, 0.05)
_WIDTHS_PPM = (0.10, 0.14, 0.19, 0.26)
_RIDGE = 0.02
_LARGEST_MISFIT = 0.2
_LEAST_SHARE = 0.002
_LEAST_ATOM = 0.01


def gaussian(ppm: float, fwhm_ppm: float, axis: Axis) -> ComplexArray:
    """Return a Gaussian line of one proton in the time domain, (n_points,)."""
    width_hz = fwhm_ppm * axis.spectrometer_frequency_mhz
    # A Gaussian of FWHM w in frequency decays as exp(-(pi w t)^2 / (4 ln 2)).
    decay = (np.pi * width_hz * axis.time_s) ** 2 / (4 * np.log(2))
    line: ComplexArray = np.exp(2j * np.pi * axis.hz(ppm) * axis.time_s - decay)
    return line


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
        Macromolecules named as the default ones. Equal amplitudes are the ratio they had;
        together they have as many protons as the default ones.
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
    gaussians = np.array([gaussian(ppm, width, basis.axis) for ppm, width in atoms])
    amplitudes, misfit = _fitted(basis.fids[whole].sum(axis=0) / phase, gaussians, basis.axis)
    if misfit > _LARGEST_MISFIT:
        note = (
            f"macromolecules {names} are no sum of broad lines (misfit {100 * misfit:.0f} %, "
            f"expected at most {100 * _LARGEST_MISFIT:.0f}) and are left whole"
        )
        return replace(basis, notes=(*basis.notes, note))
    note = f"macromolecules {names} taken apart into lines (misfit {100 * misfit:.1f} %)"
    kept = [index for index in range(len(basis.names)) if index not in whole]
    lines = _cut(amplitudes, atoms, phase * gaussians, basis)
    return basis.chosen(kept).joined(replace(lines, notes=(note,)))


def _fitted(total: ComplexArray, gaussians: ComplexArray, axis: Axis) -> tuple[RealArray, float]:
    """Return the amplitudes of Gaussians and the misfit as a share of the spectrum's norm."""
    # Only a basis set with macromolecules of its own pays for this import: 0.3 s.
    from scipy.optimize import nnls

    inside = (axis.ppm >= _RANGE_PPM[0]) & (axis.ppm <= _RANGE_PPM[1])

    def rows(fids: ComplexArray) -> RealArray:
        spectra = spectrum_of(fids)[..., inside]
        return np.concatenate([spectra.real, spectra.imag], axis=-1)

    columns, data = rows(gaussians), rows(total)
    norms = np.linalg.norm(columns, axis=1)
    columns = columns / norms[:, np.newaxis]
    # A little ridge: neighbouring Gaussians share what the data cannot divide.
    matrix = np.concatenate([columns.T, _RIDGE * np.eye(len(norms))])
    solution, _ = nnls(matrix, np.concatenate([data, np.zeros(len(norms))]), maxiter=20_000)
    misfit = np.linalg.norm(solution @ columns - data) / np.linalg.norm(data)
    return solution / norms, float(misfit)


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
