"""The default macromolecules and lipids: cited Gaussian lines with expected ratios."""

from collections.abc import Mapping, Sequence

import numpy as np

from glxflow.constants import load
from glxflow.spectrum import Axis, BasisSet, ComplexArray, Kind


def with_macromolecules(basis: BasisSet) -> BasisSet:
    """Return the basis set with the default macromolecules and lipids, where it has none.

    Each component is scaled by its expected amplitude, so that equal
    coefficients are the expected ratio. Their sign and phase are those of the
    metabolites (PRESS inverts both).

    Parameters
    ----------
    basis : BasisSet
        Metabolites, and perhaps macromolecules.
    """
    phase = _common_phase(basis)
    names, kinds, fids = [], [], []
    for kind, subject in ((Kind.MACROMOLECULE, "macromolecules"), (Kind.LIPID, "lipids")):
        if kind in basis.kinds:
            continue
        for name, lines in load("macromolecules")[subject]["components"].items():
            names.append(name)
            kinds.append(kind)
            fids.append(phase * gaussian_lines(lines, basis.axis))
    if not names:
        return basis
    return BasisSet(
        names=(*basis.names, *names),
        kinds=(*basis.kinds, *kinds),
        fids=np.concatenate([basis.fids, fids]),
        axis=basis.axis,
        echo_time_s=basis.echo_time_s,
        linewidth_hz=basis.linewidth_hz,
        source=basis.source,
        notes=(*basis.notes, f"default macromolecules and lipids added ({', '.join(names)})"),
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
        width_hz = line["fwhm_ppm"] * axis.spectrometer_frequency_mhz
        # A Gaussian of FWHM w in frequency decays as exp(-(pi w t)^2 / (4 ln 2)).
        decay = (np.pi * width_hz * axis.time_s) ** 2 / (4 * np.log(2))
        total += line["amplitude"] * np.exp(
            2j * np.pi * axis.hz(line["ppm"]) * axis.time_s - decay
        )
    return total


def _common_phase(basis: BasisSet) -> complex:
    """Return the phase that all metabolites start with, as a unit number."""
    metabolites = [kind is Kind.METABOLITE for kind in basis.kinds]
    start = complex(basis.fids[metabolites, 0].sum())
    return start / abs(start)
