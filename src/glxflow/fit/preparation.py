"""From a basis set to the model that every spectrum of a study is fitted with."""

from dataclasses import replace

import numpy as np

from glxflow.errors import BasisError, DataError
from glxflow.fit.groups import Group, collinear_pairs, far_lipids, groups_of, membership, shared
from glxflow.fit.lineshape import LineshapeFamily, lineshape_family, lineshape_slopes
from glxflow.fit.model import FitModel, coordinates, zero_filled
from glxflow.fit.options import FitOptions
from glxflow.fit.prior import Prior, prior_of
from glxflow.fit.start import template
from glxflow.fit.widths import broadening_hz, lorentzian_hz, narrowed, uncertain_by_t2
from glxflow.spectrum import Axis, BasisSet, ComplexArray, Kind, RealArray

FITTED_S = 0.25
"""Samples up to here are fitted: of a 3 Hz line, 0.9 % of the energy comes later."""

SHORTEST_S = 0.1
"""A signal that ends before is not fitted."""


def prepare(basis: BasisSet, options: FitOptions, upright: complex | None = None) -> FitModel:
    """Return the model of a basis set that is on the data's axis.

    Parameters
    ----------
    basis : BasisSet
        The basis set.
    options : FitOptions
        Choices of the fit.
    upright : complex, optional
        What turns its responses upright; by what most of them are, if absent.

    Raises
    ------
    BasisError
        If the basis set lacks glutamate, or does not cover the fitted range.
    DataError
        If the signal is too short.
    """
    _check(basis)
    axis = basis.axis
    n_kept = min(round(FITTED_S / axis.dwell_time_s), axis.n_points)
    doubled = replace(axis, n_points=2 * n_kept)
    rows = _fitted_rows(doubled, options.ppm_range, basis.source)
    family = lineshape_family(axis.time_s[:n_kept], axis.spectrometer_frequency_mhz)
    weight = np.ones(rows.stop - rows.start)
    spline, rotation = coordinates(doubled.ppm[rows], weight)
    upright = upright_by(basis) if upright is None else upright
    quadrature_of = far_lipids(basis)
    groups = groups_of(basis.names, basis.kinds, quadrature_of)
    columns = [*range(len(basis.names)), *quadrature_of]
    response = _responses(_fids(basis, columns, upright, n_kept), family, rows, rotation)
    return FitModel(
        names=basis.names,
        kinds=basis.kinds,
        groups=groups,
        axis=axis,
        n_kept=n_kept,
        rows=rows,
        ppm=doubled.ppm[rows],
        weight=weight,
        rotation=rotation,
        response=response,
        single=response.astype(np.float32),
        quadrature_of=quadrature_of,
        node_s=family.node_s,
        slopes=lineshape_slopes(family.node_s),
        turn_per_us=2e-6 * np.pi * doubled.frequency_hz[rows],
        spline=spline,
        reference=upright * template(basis),
        options=options,
        prior=_prior(basis, groups, columns, options),
        membership=membership(groups, len(columns)),
        protons=np.abs(basis.fids[columns, 0]),
        is_broad=np.array([kind is not Kind.METABOLITE for kind in basis.kinds])[columns],
        broadening_hz=broadening_hz(basis)[columns],
        lorentzian_hz=shared(lorentzian_hz(basis)[columns], groups),
        share_sd=basis.share_sd,
        collinear=collinear_pairs(basis),
    )


def _prior(
    basis: BasisSet, groups: tuple[Group, ...], columns: list[int], options: FitOptions
) -> Prior:
    """Return the prior, with what published T2 leave open of the width of each group."""
    by_t2 = uncertain_by_t2(basis)[[columns[group.members[0]] for group in groups]]
    return prior_of(groups, basis.axis.spectrometer_frequency_mhz, options, by_t2.tolist())


def _check(basis: BasisSet) -> None:
    """Stop where there is nothing to fit for, or lines cannot be told apart."""
    if "Glu" not in basis.names:
        raise BasisError(
            f"{basis.source}: no glutamate among {', '.join(basis.names)}. "
            "Its name must be Glu; rename it, or take a complete basis set."
        )
    lasts_s = basis.axis.n_points * basis.axis.dwell_time_s
    if lasts_s < SHORTEST_S:
        raise DataError(
            f"the signal lasts {lasts_s:.3f} s, expected at least {SHORTEST_S:g} s: lines nearer "
            f"than {1 / lasts_s:.0f} Hz are one. Acquire more points or with a narrower bandwidth."
        )


def upright_by(basis: BasisSet) -> complex:
    """Return what turns responses upright, by the sum that a brain has of them.

    Sequences differ in sign (a PRESS singlet starts at -1).
    """
    reference = template(basis)
    return complex(np.conj(reference[0]) / abs(reference[0]))


def _fids(basis: BasisSet, columns: list[int], upright: complex, n_kept: int) -> ComplexArray:
    """Return the upright responses of the model's columns, second ones in quadrature."""
    fids = upright * narrowed(basis)[columns, :n_kept]
    fids[len(basis.names) :] *= 1j
    return fids


def _responses(
    fids: ComplexArray, family: LineshapeFamily, rows: slice, rotation: RealArray
) -> RealArray:
    """Return the rotated real spectra of every response times every interpolant."""
    response = np.empty((len(fids), 2 * family.node_s.size, rows.stop - rows.start))
    for index, fid in enumerate(fids):
        spectra = zero_filled(fid * family.interpolant.T)[:, rows] @ rotation
        response[index, ::2], response[index, 1::2] = spectra.real, -spectra.imag
    return response


def _fitted_rows(axis: Axis, ppm_range: tuple[float, float], source: str) -> slice:
    """Return the part of the spectrum within a range of chemical shifts."""
    low, high = ppm_range
    ppm = axis.ppm
    if not low < high or low < ppm[0] or high > ppm[-1]:
        raise BasisError(
            f"{source}: the fitted range {low:g} to {high:g} ppm must ascend and lie within the "
            f"data's {ppm[0]:.2f} to {ppm[-1]:.2f} ppm. Narrow the fitted range."
        )
    first, last = np.searchsorted(ppm, [low, high])
    return slice(int(first), int(last))
