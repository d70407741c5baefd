"""The model prepared for one basis set, axis and range: what every spectrum of a study shares."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.errors import BasisError
from glxflow.fit.baseline import SplineSpace, spline_space
from glxflow.fit.lineshape import lineshape_family
from glxflow.fit.options import FitOptions
from glxflow.fit.start import template
from glxflow.spectrum import (
    Axis,
    BasisSet,
    BoolArray,
    ComplexArray,
    Fid,
    Kind,
    RealArray,
    spectrum_of,
)

TIED = (("Cr", "PCr"), ("GPC", "PCh", "Cho"), ("NAA", "NAAG"))
"""Substances that no 3 T spectrum tells apart: they share shift and width."""

_LIPID_END_PPM = 1.6


@dataclass(frozen=True, slots=True)
class Group:
    """Components that share one shift and one width.

    Attributes
    ----------
    name : str
        Of the group: its first component, or `MM`, or `Lip`.
    members : tuple of int
        Indices of the components.
    kind : Kind
        Decides the priors.
    """

    name: str
    members: tuple[int, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class FitModel:
    """Everything about a fit that does not depend on the data.

    Attributes
    ----------
    names, kinds : tuple
        Components of the basis set.
    groups : tuple of Group
        Who shares shift and width.
    axis : Axis
        Of the data.
    rows : slice
        Fitted part of the zero-filled spectrum.
    ppm : (n_fit,) ndarray
        Chemical shifts of these points.
    response : (n_columns, n_fit, 2 n_nodes) ndarray
        Real spectra of basis function times interpolant; multiplied by the real
        and imaginary parts of a line shape at the nodes they give its spectrum.
        The components come first, then quadratures.
    quadrature_of : tuple of int
        Components whose curves in quadrature are the further columns: lipid from
        outside the voxel comes with any phase, and its amplitude has any sign.
    node_s : (n_nodes,) ndarray
        Times of the nodes, in s.
    spline : SplineSpace
        Of the baseline.
    reference : (n_points,) complex ndarray
        Typical signal to align data with.
    options : FitOptions
        Choices it was prepared for.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    groups: tuple[Group, ...]
    axis: Axis
    rows: slice
    ppm: RealArray
    response: RealArray
    quadrature_of: tuple[int, ...]
    node_s: RealArray
    spline: SplineSpace
    reference: ComplexArray
    options: FitOptions

    @property
    def is_signed(self) -> BoolArray:
        """Which columns may have negative amplitudes, (n_columns,)."""
        return np.arange(len(self.response)) >= len(self.names)

    def columns(self, shape: ComplexArray) -> RealArray:
        """Return the spectra of all components under given line shapes.

        Parameters
        ----------
        shape : (n_columns, n_nodes, n_kinds) complex ndarray
            Line shapes or their derivatives at the nodes.

        Returns
        -------
        (n_columns, n_fit, n_kinds) ndarray
            Real spectra on `ppm`.
        """
        spectra: RealArray = self.response @ np.concatenate([shape.real, shape.imag], axis=1)
        return spectra

    def data_spectrum(self, fid: Fid) -> ComplexArray:
        """Return the fitted part of the twice zero-filled spectrum, (n_fit,)."""
        return _zero_filled(fid.samples)[..., self.rows]


def prepare(basis: BasisSet, options: FitOptions) -> FitModel:
    """Return the model of a basis set that is on the data's axis.

    Raises
    ------
    BasisError
        If the basis set lacks glutamate, or does not cover the fitted range.
    """
    if "Glu" not in basis.names:
        raise BasisError(
            f"{basis.source}: no glutamate among {', '.join(basis.names)}. "
            "Its name must be Glu; rename it, or take a complete basis set."
        )
    axis = basis.axis
    zero_filled = Axis(
        2 * axis.n_points, axis.dwell_time_s, axis.spectrometer_frequency_mhz, axis.reference_ppm
    )
    rows = _fitted_rows(zero_filled, options.ppm_range, basis.source)
    family = lineshape_family(axis.time_s)
    reference = template(basis)
    # Sequences differ in sign (a PRESS singlet starts at -1): curves are shown upright.
    upright = np.conj(reference[0]) / abs(reference[0])
    quadrature_of = _far_lipids(basis)
    fids = upright * np.concatenate([basis.fids, 1j * basis.fids[list(quadrature_of)]])
    response = np.empty((len(fids), rows.stop - rows.start, 2 * family.node_s.size))
    for index, fid in enumerate(fids):
        spectra = _zero_filled(fid * family.interpolant.T)[:, rows].T
        response[index] = np.concatenate([spectra.real, -spectra.imag], axis=1)
    return FitModel(
        names=basis.names,
        kinds=basis.kinds,
        groups=_groups(basis.names, basis.kinds, quadrature_of),
        axis=axis,
        rows=rows,
        ppm=zero_filled.ppm[rows],
        response=response,
        quadrature_of=quadrature_of,
        node_s=family.node_s,
        spline=spline_space(zero_filled.ppm[rows]),
        reference=upright * reference,
        options=options,
    )


def _zero_filled(samples: ComplexArray) -> ComplexArray:
    """Return the shifted spectrum of a signal of doubled length: all its information is real."""
    n_points = 2 * samples.shape[-1]
    spectrum: ComplexArray = np.fft.fftshift(np.fft.fft(samples, n_points, axis=-1), axes=-1)
    return spectrum


def _fitted_rows(axis: Axis, ppm_range: tuple[float, float], source: str) -> slice:
    """Return the part of the spectrum within a range of chemical shifts."""
    low, high = ppm_range
    ppm = axis.ppm
    if not low < high or low < ppm[0] or high > ppm[-1]:
        raise BasisError(
            f"{source}: the fitted range {low:g} to {high:g} ppm must ascend and lie within the "
            f"data's {ppm[0]:.2f} to {ppm[-1]:.2f} ppm. Correct fit.ppm_range."
        )
    first, last = np.searchsorted(ppm, [low, high])
    return slice(int(first), int(last))


def _far_lipids(basis: BasisSet) -> tuple[int, ...]:
    """Return the lipids upfield of the metabolites of interest."""
    peaks_ppm = basis.axis.ppm[np.abs(spectrum_of(basis.fids)).argmax(axis=1)]
    return tuple(
        index
        for index, kind in enumerate(basis.kinds)
        if kind is Kind.LIPID and peaks_ppm[index] < _LIPID_END_PPM
    )


def _groups(
    names: Sequence[str], kinds: Sequence[Kind], quadrature_of: tuple[int, ...]
) -> tuple[Group, ...]:
    """Return who shares shift and width, metabolites first."""
    groups = []
    taken: set[str] = set()
    for name, kind in zip(names, kinds, strict=True):
        if kind is not Kind.METABOLITE or name in taken:
            continue
        tied = next((tie for tie in TIED if name in tie), (name,))
        members = tuple(index for index, other in enumerate(names) if other in tied)
        taken.update(names[index] for index in members)
        groups.append(Group(name, members, kind))
    for kind, label in ((Kind.MACROMOLECULE, "MM"), (Kind.LIPID, "Lip")):
        members = tuple(index for index, other in enumerate(kinds) if other is kind)
        if kind is Kind.LIPID:
            members += tuple(range(len(names), len(names) + len(quadrature_of)))
        if members:
            groups.append(Group(label, members, kind))
    return tuple(groups)
