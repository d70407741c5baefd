"""Macromolecules from a metabolite-nulled spectrum, freed of metabolites and of noise."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import fmin

from glxflow.basis.lines import Mixture, gaussians_of
from glxflow.basis.macromolecules import common_phase
from glxflow.constants import load
from glxflow.errors import BasisError
from glxflow.spectrum import BasisSet, ComplexArray, Fid, Kind, RealArray, percent

_RANGE_PPM = (0.2, 4.2)
_MOSTLY_PPM = (0.6, 2.4)
_UNIT_PPM, _UNIT_PROTONS = (0.2, 1.06), 3.0

MOST_METABOLITES = 0.2
"""Narrow lines over macromolecules, as norms of spectra, above which metabolites are not nulled.

One nulled scan has 0.12; two that were not nulled have 0.34 and 0.61 (3 T, TE 35 and 30 ms).
"""


def measured_macromolecules(nulled: Fid, basis: BasisSet, linewidth_hz: float) -> BasisSet:
    """Return macromolecules measured by nulling metabolites, as one component.

    The spectrum is the sum of broad non-negative Gaussian lines
    (macromolecules), narrow lines of either sign (what inversion leaves of the
    metabolites) and a smooth baseline. The Gaussian lines alone are kept, so
    that no noise enters the basis set. A fit takes them apart again
    (`glxflow.basis.lines`).

    Parameters
    ----------
    nulled : Fid
        Coil-combined, averaged, without residual water.
    basis : BasisSet
        Metabolites of the same protocol on the same axis.
    linewidth_hz : float
        Lorentzian width of the metabolites in that spectrum, in Hz.

    Returns
    -------
    BasisSet
        One component, `MM`, with three protons at 0.9 ppm, upright as the metabolites are.

    Raises
    ------
    BasisError
        If the axes differ, no signal is found at 0.9 ppm, or metabolites are not nulled.

    References
    ----------
    Cudalbu C. et al., NMR Biomed 34:e4393 (2021). doi:10.1002/nbm.4393
    """
    if nulled.axis != basis.axis:
        raise BasisError("the basis set is not on the axis of the nulled spectrum: resample it.")
    model = _Model(basis, linewidth_hz)
    phase, offset_ppm = _alignment(nulled, model)
    amplitudes, misfit = model.fitted(nulled, phase, offset_ppm)
    lines = amplitudes[: len(model.lines)]
    low, high = _UNIT_PPM
    at_unit = np.array([low <= ppm < high for ppm, _ in model.lines])
    unit = float(lines[at_unit].sum()) / _UNIT_PROTONS
    if not unit > 0:
        raise BasisError("the nulled spectrum holds no macromolecules at 0.9 ppm. Check the file.")
    share = _nulled_share(model, amplitudes)
    return replace(
        basis,
        names=("MM",),
        kinds=(Kind.MACROMOLECULE,),
        fids=common_phase(basis) * (lines @ model.gaussians)[np.newaxis] / unit,
        linewidth_hz=0.0,
        source="macromolecules from a metabolite-nulled spectrum",
        notes=(
            f"phase {np.degrees(phase):.0f} deg and offset {offset_ppm:.3f} ppm taken off; "
            f"residual {percent(misfit, 1)} of the spectrum's norm; narrow lines of metabolites "
            f"{percent(share)} of the macromolecules",
        ),
    )


def _nulled_share(model: "_Model", amplitudes: RealArray) -> float:
    """Return what is left of metabolites over the macromolecules, which must be little."""
    share = model.metabolites_over_lines(amplitudes)
    if share > MOST_METABOLITES:
        raise BasisError(
            f"narrow lines of metabolites are {percent(share)} of the macromolecules of the "
            f"nulled spectrum (limit {percent(MOST_METABOLITES)}): metabolites are not nulled. "
            "Give the scan with inversion; if it is that one, its inversion time does not fit."
        )
    return share


def with_measured(basis: BasisSet, measured: BasisSet) -> BasisSet:
    """Return metabolites with measured macromolecules in place of any others.

    Parameters
    ----------
    basis : BasisSet
        Metabolites, and perhaps macromolecules and lipids.
    measured : BasisSet
        On the same axis, as `measured_macromolecules` returns it.
    """
    note = f"{measured.source}: {'; '.join(measured.notes)}"
    return basis.without(Kind.MACROMOLECULE).joined(replace(measured, notes=(note,)))


class _Model:
    """The columns of the linear fit, computed once."""

    def __init__(self, basis: BasisSet, linewidth_hz: float) -> None:
        """Lay out Gaussian lines, metabolite residuals and the baseline."""
        self.axis = basis.axis
        settings = load("macromolecules")["nulled"]
        positions = np.arange(*settings["positions_ppm"])
        self.lines = [(ppm, width) for width in settings["fwhm_ppm"] for ppm in positions]
        broad = np.arange(_RANGE_PPM[0], _RANGE_PPM[1] + 0.1, settings["baseline_step_ppm"])
        self.residual = self._residual(basis, linewidth_hz, settings)
        baseline = gaussians_of([(ppm, settings["baseline_fwhm_ppm"]) for ppm in broad], self.axis)
        signed = np.concatenate([self.residual, baseline, 1j * baseline])
        self.gaussians = gaussians_of(self.lines, self.axis)
        columns = np.concatenate([self.gaussians, signed, -signed])
        self.mixture = Mixture(columns, self.axis, _RANGE_PPM)

    def _residual(
        self, basis: BasisSet, linewidth_hz: float, settings: Mapping[str, Any]
    ) -> ComplexArray:
        """Return what inversion may leave of metabolites: multiplets, and each singlet alone."""
        damping = np.exp(-np.pi * linewidth_hz * self.axis.time_s)
        singlets = [
            np.exp(2j * np.pi * self.axis.hz(ppm) * self.axis.time_s)
            for ppm in settings["singlets_ppm"]
        ]
        upright = np.sign(basis.fids[:, 0].sum().real)
        multiplets = [
            upright * basis.fid(str(name))
            for name in settings["multiplets"]
            if name in basis.names
        ]
        narrow: ComplexArray = np.array([*singlets, *multiplets]) * damping
        return narrow

    def fitted(self, nulled: Fid, phase: float, offset_ppm: float) -> tuple[RealArray, float]:
        """Return all amplitudes, and the residual as a share of the spectrum's norm."""
        offset_hz = offset_ppm * self.axis.spectrometer_frequency_mhz
        turn = np.exp(-1j * phase - 2j * np.pi * offset_hz * self.axis.time_s)
        return self.mixture.fitted(nulled.samples * turn)

    def metabolites_over_lines(self, amplitudes: RealArray) -> float:
        """Return the norm of what is left of metabolites over that of the Gaussian lines."""
        n_lines = len(self.lines)
        plus, minus = np.split(amplitudes[n_lines:], 2)
        left = (plus - minus)[: len(self.residual)] @ self.residual
        lines = amplitudes[:n_lines] @ self.gaussians
        both = self.mixture.spectra(np.array([left, lines]))
        narrow, broad = np.linalg.norm(both, axis=1)
        return float(narrow / broad)


def _alignment(nulled: Fid, model: _Model) -> tuple[float, float]:
    """Return the phase (rad) and the offset (ppm) at which the parts explain the most."""
    start = _phase(nulled)

    def misfit_at(theta: RealArray) -> float:
        return model.fitted(nulled, float(theta[0]), float(theta[1]))[1]

    phase, offset_ppm = fmin(
        misfit_at,
        [start, 0.0],
        ftol=1e-4,
        initial_simplex=[[start, 0.0], [start + 0.2, 0.0], [start, 0.02]],
        disp=False,
    )
    return float(phase), float(offset_ppm)


def _phase(nulled: Fid) -> float:
    """Return the phase of the integral where macromolecules dominate: absorption adds up."""
    low, high = _MOSTLY_PPM
    inside = (nulled.axis.ppm >= low) & (nulled.axis.ppm <= high)
    return float(np.angle(nulled.spectrum[inside].sum()))
