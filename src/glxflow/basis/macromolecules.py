"""The default macromolecules and lipids: cited Gaussian lines with expected ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from glxflow.basis.lines import gaussian, in_lines
from glxflow.constants import load
from glxflow.spectrum import Axis, BasisSet, ComplexArray, Kind, percent, spectrum_of

_WEAK_PPM, _ALL_PPM = (3.1, 4.1), (0.5, 4.1)
_LEAST_SHARE = 0.05
"""Of macromolecules' signal in the second range, the share in the first: about 0.2 of the default
ones, 0.17 of one metabolite-nulled spectrum, 0.01 of the defaults of two other programs."""


def with_macromolecules(basis: BasisSet) -> BasisSet:
    """Return the basis set with the default macromolecules and lipids, where it has none.

    Each component is scaled by its expected amplitude, so that equal
    coefficients are the expected ratio. Their sign and phase are those of the
    metabolites (PRESS inverts both).

    Macromolecules that have no signal between 3.1 and 4.1 ppm, as the few lines at 0.9 to
    2.1 ppm that other programs add, give way to the default ones: what they leave out is
    taken for glutamate and glutamine. Others are taken apart into lines (`in_lines`).

    Parameters
    ----------
    basis : BasisSet
        Metabolites, and perhaps macromolecules.
    """
    basis = in_lines(without_partial(basis), common_phase(basis))
    for kind, subject in ((Kind.MACROMOLECULE, "macromolecules"), (Kind.LIPID, "lipids")):
        if kind not in basis.kinds:
            basis = basis.joined(_defaults(kind, subject, basis))
    return basis


def without_partial(basis: BasisSet) -> BasisSet:
    """Return the basis set with its own macromolecules upright, or without them.

    They are turned to the metabolites' side, and left out where they stand for some of
    all macromolecules only.
    """
    members = [n for n, kind in enumerate(basis.kinds) if kind is Kind.MACROMOLECULE]
    if not members:
        return basis
    names = ", ".join(basis.names[n] for n in members)
    ppm = basis.axis.ppm
    total = basis.fids[members].sum(axis=0) / common_phase(basis)
    # Half the first point, or the spectrum stands on an offset.
    curve = (spectrum_of(total) - total[0] / 2).real
    areas = [
        float(curve[(ppm >= low) & (ppm <= high)].sum()) for low, high in (_WEAK_PPM, _ALL_PPM)
    ]
    share = areas[0] / areas[1] if areas[1] else 0.0
    if share < _LEAST_SHARE:
        note = (
            f"macromolecules {names} left out: {percent(share, 1)} of their signal is between "
            f"{_WEAK_PPM[0]:g} and {_WEAK_PPM[1]:g} ppm, expected at least "
            f"{100 * _LEAST_SHARE:g} %"
        )
        return replace(basis.without(Kind.MACROMOLECULE), notes=(*basis.notes, note))
    if areas[1] > 0:
        return basis
    fids = basis.fids.copy()
    fids[members] *= -1
    note = f"macromolecules {names} point the other way than the metabolites and are turned"
    return replace(basis, fids=fids, notes=(*basis.notes, note))


def _defaults(kind: Kind, subject: str, basis: BasisSet) -> BasisSet:
    """Return the default components of a kind, of the phase of a basis set's metabolites."""
    components = load("macromolecules")[subject]["components"]
    f0_mhz = basis.axis.spectrometer_frequency_mhz
    fids = np.array([gaussian_lines([line], basis.axis) for line in components.values()])
    return replace(
        basis,
        names=tuple(components),
        kinds=(kind,) * len(components),
        fids=common_phase(basis) * fids,
        notes=(f"default {subject} added ({', '.join(components)})",),
        gaussian_hz=tuple(f0_mhz * line["fwhm_ppm"] for line in components.values()),
    )


def gaussian_lines(lines: Sequence[Mapping[str, float]], axis: Axis) -> ComplexArray:
    """Return the sum of Gaussian lines in the time domain, (n_points,).

    Parameters
    ----------
    lines : sequence of mapping
        `ppm`, `fwhm_ppm` and `amplitude` (value at t = 0, in protons) of each.
    axis : Axis
        Axes to sample on.
    """
    total = np.zeros(axis.n_points, dtype=np.complex128)
    for line in lines:
        total += line["amplitude"] * gaussian(line["ppm"], line["fwhm_ppm"], axis)
    return total


def common_phase(basis: BasisSet) -> complex:
    """Return the phase that all metabolites start with, as a unit number."""
    metabolites = [kind is Kind.METABOLITE for kind in basis.kinds]
    start = complex(basis.fids[metabolites, 0].sum())
    return start / abs(start)
