"""Macromolecules in edited spectra: what editing for GABA edits with it, and what it saturates."""

from dataclasses import replace

import numpy as np

from glxflow.basis.macromolecules import gaussian_lines, with_macromolecules, without_partial
from glxflow.basis.protocol import EDITED_PPM
from glxflow.constants import load
from glxflow.errors import BasisError
from glxflow.spectrum import BasisSet, Kind, spectrum_of

COEDITED = "MM30co"
"""Lysine in macromolecules: its signal at 3.0 ppm is coupled to 1.7 ppm, within reach of the
editing pulse at 1.9 ppm. Its part in the difference is not all there is at 3.0 ppm (MM30)."""

_LINE = "MM30"

EDITED_AT_PPM = 1.9
"""Carrier of the editing pulse for GABA."""

_GABA_PPM = (2.8, 3.2)
_NAA_PPM = (1.9, 2.1)
_DAMPING_HZ = 5.0


def edited_total(on: BasisSet, off: BasisSet) -> BasisSet:
    """Return the basis set of half the sum of ON and OFF, with macromolecules and lipids.

    Macromolecules that the editing pulse reaches have no signal in ON, and so half of it
    here: without that their expected shares would be wrong by a factor of two.

    Parameters
    ----------
    on, off : BasisSet
        Metabolites, or all, with the editing pulse at 1.9 ppm and away from everything.
    """
    total = without_partial(replace(off, fids=(on.fids + off.fids) / 2))
    complete = with_macromolecules(total)
    places_ppm = off.axis.ppm[np.abs(spectrum_of(complete.fids)).argmax(axis=1)]
    # Macromolecules of the basis sets themselves know what the pulse does to them.
    broad = [kind is Kind.MACROMOLECULE and kind not in total.kinds for kind in complete.kinds]
    reached = np.array(broad) & (np.abs(places_ppm - EDITED_AT_PPM) <= EDITED_PPM)
    share = np.where(reached, 0.5, 1.0)
    return replace(
        complete,
        fids=complete.fids * share[:, np.newaxis],
        source=f"half the sum of {on.source} and {off.source}",
    )


def with_coedited(difference: BasisSet) -> BasisSet:
    """Return a difference basis set with the co-edited macromolecules at 3.0 ppm.

    They are scaled to the area of GABA's signal there, so that an amplitude of 1 is as
    much signal as 1 of GABA, and the sum of both is what is called GABA+.

    Parameters
    ----------
    difference : BasisSet
        ON less OFF; of what is no metabolite nothing is kept.

    Raises
    ------
    BasisError
        If there is no GABA, or it has no signal at 3.0 ppm: the set is not one for
        editing GABA.
    """
    difference = difference.without(Kind.MACROMOLECULE, Kind.LIPID)
    if "GABA" not in difference.names:
        raise BasisError(
            f"{difference.source}: no GABA among {', '.join(difference.names)}, so that the "
            "co-edited macromolecules cannot be scaled to it. Simulate it as well."
        )
    axis, area = difference.axis, _area(difference, "GABA", _GABA_PPM)
    # One resonance of two protons gives 2; a tenth of it is no editing.
    if abs(area) < 0.2:
        raise BasisError(
            f"{difference.source}: GABA has {abs(area):.2f} protons between {_GABA_PPM[0]:g} and "
            f"{_GABA_PPM[1]:g} ppm in the difference, expected about 2. Simulate ON with the "
            "editing pulse at 1.9 ppm and OFF at 7.5 ppm."
        )
    line = load("macromolecules")["macromolecules"]["components"][_LINE]
    unit = replace(
        difference,
        names=(COEDITED,),
        kinds=(Kind.MACROMOLECULE,),
        fids=gaussian_lines([{**line, "amplitude": 1.0}], axis)[np.newaxis],
        notes=(f"co-edited macromolecules added ({COEDITED})",),
        gaussian_hz=(line["fwhm_ppm"] * axis.spectrometer_frequency_mhz,),
    )
    # Both between the same chemical shifts: of a broad line some lies beyond.
    scale = area / _area(unit, COEDITED, _GABA_PPM)
    return difference.joined(replace(unit, fids=scale * unit.fids))


def refuse_exchanged(on: BasisSet, off: BasisSet) -> None:
    """Stop where the basis sets of ON and OFF stand in each other's place.

    Parameters
    ----------
    on, off : BasisSet
        With GABA; without NAA, whose signal tells what is upright, nothing is compared.

    Raises
    ------
    BasisError
        If GABA is inverted in ON less OFF.
    """
    if "NAA" not in off.names:
        return
    less, both = (replace(on, fids=on.fids + sign * off.fids) for sign in (-1, 1))
    upright = _area(both, "NAA", _NAA_PPM)
    protons = (_area(less, "GABA", _GABA_PPM) * upright.conjugate()).real / abs(upright)
    if protons < 0:
        raise BasisError(
            f"{on.source}, less {off.source}: GABA has {protons:.2f} protons between "
            f"{_GABA_PPM[0]:g} and {_GABA_PPM[1]:g} ppm, expected about 2: the editing pulse of "
            "the set given as OFF is at 1.9 ppm. Exchange --basis and --basis-on."
        )


def _area(basis: BasisSet, name: str, range_ppm: tuple[float, float]) -> complex:
    """Return the area of a component between two chemical shifts, in protons."""
    axis = basis.axis
    # As wide as any other set's: of a metabolite the fit takes off what the set brings along.
    own_hz = 0.0 if name == COEDITED else basis.linewidth_hz
    damping_hz = max(_DAMPING_HZ - own_hz, 0.0)
    damped = basis.fid(name) * np.exp(-np.pi * damping_hz * axis.time_s)
    inside = (axis.ppm >= range_ppm[0]) & (axis.ppm <= range_ppm[1])
    # Less half the first point, or the spectrum stands on an offset that counts as area. What
    # is left of one proton has an area of a half, as its signal begins at t = 0.
    return 2 * complex((spectrum_of(damped) - damped[0] / 2)[inside].sum()) / axis.n_points
