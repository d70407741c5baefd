"""How wide each component is by itself: what a fit expects of its decay beside the shim's.

Metabolites decay by their own T2. Lines of macromolecules are sums of many, and Gaussian
(Cudalbu 2021, doi:10.1002/nbm.4393). A component that is known to be one Gaussian line
enters the fit without part of its own width and gets it back as a parameter, so that it
may turn out narrower as well as wider. Of a measured spectrum nothing can be taken off:
it is broadened a little.
"""

import numpy as np

from glxflow.constants import load
from glxflow.fit.lineshape import gaussian_rate
from glxflow.spectrum import BasisSet, BoolArray, ComplexArray, Kind, RealArray

_LINE_PPM = 0.11
_MEASURED_PPM = 0.05
_LARGEST_SHARE = 0.8
_USUAL_T2_S = 0.14
_BELIEVED, _BELIEVED_SD = 0.5, 0.3
"""Share of the published differences of T2, in logarithms, that is expected: studies differ."""

_T2_OF_TISSUES = slice(2, 4)
_BETWEEN_FIELDS_MHZ = 213.0


def _is_metabolite(basis: BasisSet) -> BoolArray:
    """Tell which components are metabolites, (n_components,)."""
    return np.array([kind is Kind.METABOLITE for kind in basis.kinds])


def broadening_hz(basis: BasisSet) -> RealArray:
    """Return the Gaussian width that a fit expects to give each component, (n_components,)."""
    f0_mhz = basis.axis.spectrometer_frequency_mhz
    own_hz = np.array(basis.gaussian_hz or np.zeros(len(basis.names)))
    of_line = np.minimum(_LINE_PPM * f0_mhz, _LARGEST_SHARE * own_hz)
    broad_hz = np.where(own_hz > 0, of_line, _MEASURED_PPM * f0_mhz)
    return np.where(_is_metabolite(basis), 0.0, broad_hz)


def lorentzian_hz(basis: BasisSet) -> RealArray:
    """Return the Lorentzian width that each metabolite's T2 gives it, (n_components,); else 0.

    Published T2 (3 T or 7 T, whichever is nearer), half-way to a usual one. As in
    quantification, a voxel is taken for half grey and half white matter.
    """
    usual_hz = _is_metabolite(basis) / (np.pi * _USUAL_T2_S)
    width_hz: RealArray = usual_hz * np.exp(_BELIEVED * _published(basis))
    return width_hz


def uncertain_by_t2(basis: BasisSet) -> RealArray:
    """Return what the logarithm of each width moves by 1 SD of the share, (n_components,).

    How much of the published differences holds is one unknown for all of them: broad lines
    of creatine beside a narrow one of NAA tell how much broader those of glutamate are.
    """
    moved: RealArray = _BELIEVED_SD * _published(basis)
    return moved


def _published(basis: BasisSet) -> RealArray:
    """Return by how much the logarithm of each width differs by published T2; else 0."""
    field = "3T" if basis.axis.spectrometer_frequency_mhz < _BETWEEN_FIELDS_MHZ else "7T"
    table = load("relaxation")["metabolite_relaxation_s"][field]["per_metabolite"]
    ratio = np.array(
        [
            np.exp(np.mean(np.log(table[name][_T2_OF_TISSUES]))) / _USUAL_T2_S
            if name in table
            else 1.0
            for name in basis.names
        ]
    )
    difference: RealArray = _is_metabolite(basis) * -np.log(ratio)
    return difference


def narrowed(basis: BasisSet) -> ComplexArray:
    """Return the responses less what the fit gives their lines, (n_components, n_points).

    Of metabolites that is the width that they were simulated with.
    """
    is_line = np.array(basis.gaussian_hz or np.zeros(len(basis.names))) > 0
    is_metabolite = _is_metabolite(basis)
    gaussian_hz = np.where(is_line, broadening_hz(basis), 0.0)
    rate = gaussian_rate(np.where(is_metabolite, basis.gaussian_linewidth_hz, gaussian_hz))
    decay = np.pi * basis.linewidth_hz * is_metabolite
    time_s = basis.axis.time_s
    growth = np.multiply.outer(rate, time_s**2) + np.multiply.outer(decay, time_s)
    # Late in a line that has decayed to nothing, zero times a very large number is zero.
    result: ComplexArray = basis.fids * np.exp(np.minimum(growth, 700.0))
    return result
