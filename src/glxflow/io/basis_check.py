"""Check a basis set against known singlets: its sign, its reference and its scale.

Tools disagree about the sign of the phase, about what sits at 0 Hz, and about
scale; each response keeps its scale relative to the others.
"""

from dataclasses import replace
from itertools import compress

import numpy as np

from glxflow.errors import BasisError
from glxflow.io.basis_names import alternatives, canonical_name
from glxflow.io.singlets import (
    REFERENCES,
    Singlets,
    fitted_singlets,
    full_name,
    is_all_singlets,
    peak_hz,
    protons,
    singlets_ppm,
)
from glxflow.spectrum import SCALE_UNKNOWN, SUMS, Axis, BasisSet, Kind

_BEST = ("Cr", "NAA")
"""Judge sign and reference alone where creatine is there."""

_TOLERANCE_PPM = 0.05
_EXACT_PPM = 0.002
_USUAL_REFERENCES_PPM = (4.65, 4.68, 4.7, 3.0)
_NEGLIGIBLE = 1e-2
_EMPTY = 1e-9
_HALF, _HALF_TOLERANCE = 0.5, 0.1
_SAME_SCALE = 1e-3
_SAME_WIDTH_HZ = 0.1
_NOT_FITTED = ("h2o", "water", "crch2", "-crch2")
"""Water, and corrections of other programs, in lower case."""

_LISTED = f"{', '.join(REFERENCES[:-1])} and {REFERENCES[-1]}"


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

    Without creatine other singlets are taken, too. A file that already has them there
    is returned as it is. Else the conjugate and the usual references are tried, and
    the change goes into the notes.

    Raises
    ------
    BasisError
        If nothing of that helps.
    """
    offsets_hz = _singlet_offsets_hz(basis)
    if not offsets_hz:
        return _noted(basis, f"sign and reference not checked: it holds none of {_LISTED}")
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
        f" (expected {singlets_ppm(name)[0]})"
        for name, offset in offsets_hz.items()
    )
    raise BasisError(
        f"{basis.source}: {found} ppm, and neither the conjugate nor a usual reference "
        f"({', '.join(map(str, _USUAL_REFERENCES_PPM))} ppm) mends it. Check the spectrometer "
        "frequency and the dwell time in the file."
    )


def for_fitting(basis: BasisSet) -> BasisSet:
    """Return a basis set with the package's names, a fine reference, its true width and scale.

    Parameters
    ----------
    basis : BasisSet
        As `oriented` returns it.
    """
    named = _selected(_renamed(_without_sums(basis)))
    # Empty ones last: a scale is not known by other lines where editing took creatine.
    return _without_empty(_scaled(_by_singlets(_aligned(named))))


def _without_sums(basis: BasisSet) -> BasisSet:
    """Refuse responses named like the sums that are reported of their parts.

    Such a response may be that of one molecule or of two, which no name tells.
    """
    sums = {total.lower(): (total, parts) for total, parts in SUMS.items()}
    for name in basis.names:
        if name.lower() in sums:
            total, (first, second) = sums[name.lower()]
            raise BasisError(
                f"{basis.source}: response {name!r} has the name of a sum: {total} is reported "
                f"as {first} + {second}. Export {first} and {second}, or name it {first} if it is "
                "the signal of one molecule."
            )
    return basis


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
    unwanted = [name.lower() in _NOT_FITTED or name in alternatives() for name in basis.names]
    if not any(unwanted):
        return basis
    kept = [index for index, is_unwanted in enumerate(unwanted) if not is_unwanted]
    dropped = ", ".join(compress(basis.names, unwanted))
    return _noted(basis.chosen(kept), f"left out {dropped}: not fitted as metabolites")


def _aligned(basis: BasisSet) -> BasisSet:
    """Relabel 0 Hz where the singlets lie beside their chemical shifts, all by as much."""
    found_ppm = [
        fitted_singlets(basis.fid(name), basis.axis, name).deviation_ppm
        for name in _singlet_offsets_hz(basis)
    ]
    deviation_ppm = min(found_ppm, key=abs, default=0.0)
    if not _EXACT_PPM < abs(deviation_ppm) <= _TOLERANCE_PPM:
        return basis
    stated_ppm = basis.axis.reference_ppm
    exact_ppm = round(stated_ppm - deviation_ppm, 4)
    usual_ppm = min(_USUAL_REFERENCES_PPM, key=lambda usual: abs(usual - exact_ppm))
    reference_ppm = usual_ppm if abs(usual_ppm - exact_ppm) <= _EXACT_PPM else exact_ppm
    return _noted(
        replace(basis, axis=replace(basis.axis, reference_ppm=reference_ppm)),
        f"0 Hz taken as {reference_ppm:g} ppm instead of {stated_ppm:g} ppm: the singlets are "
        f"{abs(deviation_ppm):.3f} ppm off otherwise",
    )


def _singlet_offsets_hz(basis: BasisSet) -> dict[str, float]:
    """Return where the highest lines of creatine and NAA lie, in Hz; without Cr, of all known."""
    largest = np.abs(basis.fids).max()
    offsets_hz = {}
    for name, fid in zip(basis.names, basis.fids, strict=True):
        singlet = canonical_name(name)
        # An edited difference spectrum holds no creatine, only its rounding errors.
        if singlet in REFERENCES and np.abs(fid).max() > _NEGLIGIBLE * largest:
            offsets_hz[singlet] = peak_hz(fid, basis.axis)
    if "Cr" not in offsets_hz:
        return offsets_hz
    return {name: offset_hz for name, offset_hz in offsets_hz.items() if name in _BEST}


def _deviation(axis: Axis, offsets_hz: dict[str, float], reference_ppm: float) -> float:
    """Return how far the nearer of the singlets is from its chemical shift, with sign, in ppm.

    The nearer, as an editing pulse may have removed the other.
    """
    deviations = [
        reference_ppm + offset / axis.spectrometer_frequency_mhz - singlets_ppm(name)[0]
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
    return _noted(changed, f"{' and '.join(changes)}: the singlets are elsewhere otherwise")


def _by_singlets(basis: BasisSet) -> BasisSet:
    """Take first point and width as a substance tells them that has no coupled lines."""
    name = _all_singlets(basis)
    if name is None:
        return basis
    # Its fit leaves the first point out, which the one may change and the other does not read.
    lines = fitted_singlets(basis.fid(name), basis.axis, name)
    return _of_width(_whole(basis, name, lines), name, lines)


def _whole(basis: BasisSet, name: str, lines: Singlets) -> BasisSet:
    """Undo a halved first point.

    Some programs halve it so that the spectrum has no offset; data do not.
    """
    start = basis.fid(name)[0] / lines.amplitudes.sum()
    if abs(start - _HALF) >= _HALF_TOLERANCE:
        return basis
    fids = np.concatenate([2 * basis.fids[:, :1], basis.fids[:, 1:]], axis=1)
    return _noted(replace(basis, fids=fids), "first point doubled: the file has it halved")


def _of_width(basis: BasisSet, name: str, lines: Singlets) -> BasisSet:
    """Take the widths that the lines have, where the file states another Lorentzian or none.

    The fit takes them off: what a response brings along would not count as the tissue's.
    """
    if lines.gaussian_hz >= _SAME_WIDTH_HZ:
        basis = _noted(
            replace(basis, gaussian_linewidth_hz=lines.gaussian_hz),
            f"lines {lines.gaussian_hz:.2g} Hz wide (Gaussian) by {full_name(name)}",
        )
    if abs(lines.lorentzian_hz - basis.linewidth_hz) < _SAME_WIDTH_HZ:
        return basis
    return _noted(
        replace(basis, linewidth_hz=lines.lorentzian_hz),
        f"lines {lines.lorentzian_hz:.2g} Hz wide (Lorentzian) by {full_name(name)}, not "
        f"{basis.linewidth_hz:.2g} Hz as the file says",
    )


def _all_singlets(basis: BasisSet) -> str | None:
    """Return the best substance without coupled lines of which a basis set holds signal."""
    names = (name for name in REFERENCES if name in basis.names and is_all_singlets(name))
    return next((name for name in names if not _is_edited_away(basis, name)), None)


def _is_edited_away(basis: BasisSet, name: str) -> bool:
    """Tell whether an edited spectrum holds nothing of a substance."""
    is_metabolite = np.array([kind is Kind.METABOLITE for kind in basis.kinds])
    largest = np.abs(basis.fids[is_metabolite]).max()
    return bool(np.abs(basis.fid(name)).max() <= _NEGLIGIBLE * largest)


def _scaled(basis: BasisSet) -> BasisSet:
    """Divide all by one proton of a singlet."""
    for name in (name for name in REFERENCES if name in basis.names):
        if _is_edited_away(basis, name):
            return _noted(basis, f"{SCALE_UNKNOWN}: {full_name(name)} is edited away")
        lines = fitted_singlets(basis.fid(name), basis.axis, name)
        # Editing may have taken the singlet, so that another line is the highest.
        if abs(lines.deviation_ppm) <= _TOLERANCE_PPM:
            break
    else:
        return _noted(basis, f"{SCALE_UNKNOWN}: it holds no singlet of {_LISTED}")
    proton = complex(lines.amplitudes[0]) / protons(name)
    if abs(proton - 1) < _SAME_SCALE:
        return basis
    phase_deg = 180 - (180 - round(np.degrees(np.angle(proton)))) % 360
    return _noted(
        replace(basis, fids=basis.fids / proton),
        f"divided by {abs(proton):.4g} (phase {phase_deg} deg), the signal of one proton of "
        f"{full_name(name)}",
    )


def _without_empty(basis: BasisSet) -> BasisSet:
    """Leave out what has no signal: its amplitude could be any number."""
    height = np.abs(basis.fids).max(axis=1)
    is_empty = height <= _EMPTY * height.max()
    if not is_empty.any():
        return basis
    if is_empty.all():
        raise BasisError(f"{basis.source}: every response is zero throughout. Export it again.")
    empty = ", ".join(compress(basis.names, is_empty))
    kept = np.flatnonzero(~is_empty).tolist()
    return _noted(basis.chosen(kept), f"left out {empty}: the response holds no signal")


def _noted(basis: BasisSet, note: str) -> BasisSet:
    """Add what was done to the notes, once."""
    return basis if note in basis.notes else replace(basis, notes=(*basis.notes, note))
