"""Check a basis set against known singlets: its sign, its reference and its scale.

Tools disagree about the sign of the phase, about what sits at 0 Hz, and about
scale; each response keeps its scale relative to the others.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from glxflow.errors import BasisError
from glxflow.io.basis_names import alternatives, canonical_name
from glxflow.spectrum import Axis, BasisSet, ComplexArray, Kind

_SINGLETS_PPM = {"Cr": 3.027, "NAA": 2.008}
"""Highest line of each, as in the spin systems (Govindaraju 2000)."""

_CREATINE_PPM = (3.027, 3.913, 6.649)
_CREATINE_CH3_PROTONS = 3
_TOLERANCE_PPM = 0.05
_FINE_PPM = 0.015
_USUAL_REFERENCES_PPM = (4.65, 4.68, 4.7, 3.0)
_WIDEST_HZ, _WIDTH_ACCURACY_HZ = 30.0, 1e-6
_GOLDEN = (math.sqrt(5) - 1) / 2
_FIT_S = 0.2
_NEGLIGIBLE = 1e-2
_HALF, _HALF_TOLERANCE = 0.5, 0.1
_SAME_SCALE = 1e-3
_NOT_FITTED = ("H2O", "CrCH2", "-CrCH2")
"""Water, and corrections of other programs."""


def at_reference(basis: BasisSet, reference_ppm: float) -> BasisSet:
    """Return the same responses sampled about another chemical shift at 0 Hz."""
    if reference_ppm == basis.axis.reference_ppm:
        return basis
    offset_hz = basis.axis.hz(reference_ppm)
    return replace(
        basis,
        fids=basis.fids * np.exp(-2j * np.pi * offset_hz * basis.axis.time_s),
        axis=replace(basis.axis, reference_ppm=reference_ppm),
    )


def oriented(basis: BasisSet) -> BasisSet:
    """Return a basis set whose creatine and NAA are where they belong, within 0.05 ppm.

    A file that already has them there is returned as it is. Else the conjugate
    and the usual references are tried, and the change goes into the notes.

    Raises
    ------
    BasisError
        If nothing of that helps.
    """
    offsets_hz = _singlet_offsets_hz(basis)
    if not offsets_hz:
        return _noted(basis, "sign and reference not checked: it holds neither Cr nor NAA")
    declared_ppm = basis.axis.reference_ppm
    if abs(_deviation(basis.axis, offsets_hz, declared_ppm)) <= _TOLERANCE_PPM:
        return basis
    for is_conjugate in (False, True):
        for reference_ppm in (declared_ppm, *_USUAL_REFERENCES_PPM):
            sign = -1 if is_conjugate else 1
            turned = {name: sign * offset for name, offset in offsets_hz.items()}
            if abs(_deviation(basis.axis, turned, reference_ppm)) <= _TOLERANCE_PPM:
                return _changed(basis, reference_ppm, is_conjugate=is_conjugate)
    found = ", ".join(
        f"{name} at {declared_ppm + offset / basis.axis.spectrometer_frequency_mhz:.2f}"
        f" (expected {_SINGLETS_PPM[name]})"
        for name, offset in offsets_hz.items()
    )
    raise BasisError(
        f"{basis.source}: {found} ppm, and neither the conjugate nor a usual reference "
        f"({', '.join(map(str, _USUAL_REFERENCES_PPM))} ppm) mends it. Check the spectrometer "
        "frequency and the dwell time in the file."
    )


def for_fitting(basis: BasisSet) -> BasisSet:
    """Return a basis set with the package's names, a fine reference and one proton as 1.

    Parameters
    ----------
    basis : BasisSet
        As `oriented` returns it.
    """
    return _scaled(_finely_referenced(_selected(_renamed(basis))))


def _renamed(basis: BasisSet) -> BasisSet:
    """Give the substances the package's names."""
    names = tuple(canonical_name(name) for name in basis.names)
    changed = [
        f"{old} as {new}" for old, new in zip(basis.names, names, strict=True) if old != new
    ]
    if len(set(names)) != len(names):
        raise BasisError(
            f"{basis.source}: two responses stand for the same substance ({', '.join(names)}). "
            "Leave one of them out."
        )
    renamed = replace(basis, names=names)
    return _noted(renamed, f"read {', '.join(changed)}") if changed else renamed


def _selected(basis: BasisSet) -> BasisSet:
    """Leave out what no fit of metabolites should hold, and second models of a metabolite."""
    unwanted = {*_NOT_FITTED, *alternatives()}
    kept = [index for index, name in enumerate(basis.names) if name not in unwanted]
    if len(kept) == len(basis.names):
        return basis
    dropped = ", ".join(name for name in basis.names if name in unwanted)
    return _noted(basis.chosen(kept), f"left out {dropped}: not fitted as metabolites")


def _finely_referenced(basis: BasisSet) -> BasisSet:
    """Relabel 0 Hz where a usual reference explains the singlets better than the stated one."""
    offsets_hz = _singlet_offsets_hz(basis)
    if not offsets_hz:
        return basis
    deviation = _deviation(basis.axis, offsets_hz, basis.axis.reference_ppm)
    best_ppm = min(
        _USUAL_REFERENCES_PPM,
        key=lambda reference_ppm: abs(_deviation(basis.axis, offsets_hz, reference_ppm)),
    )
    better = _deviation(basis.axis, offsets_hz, best_ppm)
    if abs(deviation) <= _FINE_PPM or abs(better) > _FINE_PPM:
        return basis
    return _noted(
        replace(basis, axis=replace(basis.axis, reference_ppm=best_ppm)),
        f"0 Hz taken as {best_ppm} ppm instead of {basis.axis.reference_ppm:g} ppm: "
        f"the singlets are {abs(deviation):.3f} ppm off otherwise",
    )


def _singlet_offsets_hz(basis: BasisSet) -> dict[str, float]:
    """Return where the highest line of creatine and NAA lies, in Hz from the reference."""
    largest = np.abs(basis.fids).max()
    spectral = 4 * basis.axis.n_points
    frequency_hz = np.fft.fftfreq(spectral, basis.axis.dwell_time_s)
    offsets = {}
    for name, fid in zip(basis.names, basis.fids, strict=True):
        singlet = canonical_name(name)
        # An edited difference spectrum holds no creatine, only its rounding errors.
        if singlet in _SINGLETS_PPM and np.abs(fid).max() > _NEGLIGIBLE * largest:
            peak = np.abs(np.fft.fft(fid, spectral)).argmax()
            offsets[singlet] = float(frequency_hz[peak])
    return offsets


def _deviation(axis: Axis, offsets_hz: dict[str, float], reference_ppm: float) -> float:
    """Return how far the nearer of the singlets is from its chemical shift, with sign, in ppm.

    The nearer, as an editing pulse may have removed the other.
    """
    deviations = [
        reference_ppm + offset / axis.spectrometer_frequency_mhz - _SINGLETS_PPM[name]
        for name, offset in offsets_hz.items()
    ]
    return min(deviations, key=abs)


def _changed(basis: BasisSet, reference_ppm: float, *, is_conjugate: bool) -> BasisSet:
    """Conjugate and relabel, and say so."""
    changes = ["conjugated"] if is_conjugate else []
    if reference_ppm != basis.axis.reference_ppm:
        changes.append(
            f"0 Hz taken as {reference_ppm:g} ppm instead of {basis.axis.reference_ppm:g} ppm"
        )
    fids = np.conj(basis.fids) if is_conjugate else basis.fids
    changed = replace(basis, fids=fids, axis=replace(basis.axis, reference_ppm=reference_ppm))
    return _noted(changed, f"{' and '.join(changes)}: creatine and NAA are elsewhere otherwise")


def _scaled(basis: BasisSet) -> BasisSet:
    """Divide all by one proton of creatine, and undo a halved first point."""
    if "Cr" not in basis.names:
        return _noted(basis, "scale not checked: it holds no Cr")
    creatine = basis.fid("Cr")
    is_metabolite = np.array([kind is Kind.METABOLITE for kind in basis.kinds])
    if np.abs(creatine).max() < _NEGLIGIBLE * np.abs(basis.fids[is_metabolite]).max():
        return _noted(basis, "scale not checked: creatine is edited away")
    lines = _creatine_lines(creatine, basis.axis)
    # Some programs halve the first point so that the spectrum has no offset; data do not.
    if abs(creatine[0] / lines.sum() - _HALF) < _HALF_TOLERANCE:
        fids = np.concatenate([2 * basis.fids[:, :1], basis.fids[:, 1:]], axis=1)
        basis = _noted(replace(basis, fids=fids), "first point doubled: the file has it halved")
    proton = complex(lines[0]) / _CREATINE_CH3_PROTONS
    if abs(proton - 1) < _SAME_SCALE:
        return basis
    phase_deg = round(np.degrees(np.angle(proton)))
    return _noted(
        replace(basis, fids=basis.fids / proton),
        f"divided by {abs(proton):.4g} (phase {phase_deg} deg), the signal of one proton of "
        "creatine",
    )


def _creatine_lines(creatine: ComplexArray, axis: Axis) -> ComplexArray:
    """Return the amplitudes at t = 0 of creatine's CH3, CH2 and NH, (3,)."""
    time_s = axis.time_s[axis.time_s < _FIT_S][1:]
    signal = creatine[1 : time_s.size + 1]
    offsets_hz = np.array([axis.hz(ppm) for ppm in _CREATINE_PPM])
    lines = np.exp(2j * np.pi * np.outer(time_s, offsets_hz))

    def amplitudes(width_hz: float) -> tuple[ComplexArray, float]:
        damped = lines * np.exp(-np.pi * width_hz * time_s)[:, np.newaxis]
        solution: ComplexArray = np.linalg.lstsq(damped, signal)[0].astype(np.complex128)
        return solution, float(np.linalg.norm(damped @ solution - signal))

    return amplitudes(_lowest(lambda width_hz: amplitudes(width_hz)[1]))[0]


def _lowest(misfit: Callable[[float], float]) -> float:
    """Return the line width of least misfit, in Hz, by golden sections."""
    low, high = 0.0, _WIDEST_HZ
    inner, outer = (1 - _GOLDEN) * high, _GOLDEN * high
    at_inner, at_outer = misfit(inner), misfit(outer)
    while high - low > _WIDTH_ACCURACY_HZ:
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner = misfit(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer = misfit(outer)
    return (low + high) / 2


def _noted(basis: BasisSet, note: str) -> BasisSet:
    """Add what was done to the notes, once."""
    return basis if note in basis.notes else replace(basis, notes=(*basis.notes, note))
