"""Water scaling: from signal to mmol per kg of tissue water, saying what was corrected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glxflow.constants import load
from glxflow.errors import DataError
from glxflow.quantify.water_signal import WaterAmplitude
from glxflow.spectrum import RealArray, percent

_TISSUES = ("gm", "wm", "csf")
_SOURCES = {3: ("3T", "fallback_osprey"), 7: ("7T", "generic_fsl_mrs")}
_WATER_SOURCE = "default_fsl_mrs"
_ATTENUATED_AS = {"MM30co": "GABA"}
"""GABA+ is in units of GABA, however a fit splits it."""

_SOME_CSF = 0.1
_FIELD_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Tissue:
    """Volume fractions of the voxel; they sum to 1.

    Raises
    ------
    DataError
        If a fraction is negative, they do not sum to 1 within 2 %, or all is CSF.
    """

    gm: float
    wm: float
    csf: float

    def __post_init__(self) -> None:
        total = self.gm + self.wm + self.csf
        is_whole = min(self.gm, self.wm, self.csf) >= 0 and abs(total - 1) <= 0.02
        if not (is_whole and self.gm + self.wm > 0):
            raise DataError(
                f"tissue fractions gm {self.gm:g}, wm {self.wm:g}, csf {self.csf:g} sum to "
                f"{total:g}, expected non-negative fractions that sum to 1, not all of them CSF. "
                "Divide percent by 100."
            )


@dataclass(frozen=True, slots=True)
class Timing:
    """What a signal loses to relaxation depends on.

    Attributes
    ----------
    echo_time_s, repetition_time_s : float
        TE and TR.
    """

    echo_time_s: float
    repetition_time_s: float


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What the relaxation corrections depend on.

    Attributes
    ----------
    metabolites, water : Timing
        Of the spectra and of the water reference, which may have been acquired with others.
    spectrometer_frequency_mhz : float
        Tells the field.
    signal_per_proton : float
        What the basis set gives one isolated proton at t = 0: 1 for spin echoes,
        0.5 for STEAM.
    """

    metabolites: Timing
    water: Timing
    spectrometer_frequency_mhz: float
    signal_per_proton: float


@dataclass(frozen=True, slots=True)
class WaterScaling:
    """Factors from amplitudes to concentrations.

    Attributes
    ----------
    molal_per_amplitude : (n_components,) ndarray
        mmol per kg of tissue water, per amplitude.
    relative_sd : float
        Relative SD of the water signal, common to all.
    correction : str
        Which corrections were applied, in words.
    """

    molal_per_amplitude: RealArray
    relative_sd: float
    correction: str


def water_scaling(
    names: Sequence[str],
    water: WaterAmplitude,
    acquisition: Acquisition,
    tissue: Tissue | None = None,
) -> WaterScaling:
    """Return factors from amplitudes to molal concentrations.

    Parameters
    ----------
    names : sequence of str
        Components of the fit, in its order.
    water : WaterAmplitude
        Of the same voxel, receiver gain and coil combination as the metabolites.
    acquisition : Acquisition
        Timings and field.
    tissue : Tissue, optional
        Fractions of the voxel. Without them the voxel is taken as equal parts of
        grey and white matter, and `correction` says what CSF would make of it.

    Raises
    ------
    DataError
        If TR is not known or no relaxation times are known for the field.

    References
    ----------
    Gasparovic C. et al., Magn Reson Med 55:1219-1226 (2006), eqs 5-8. doi:10.1002/mrm.20901
    Near J. et al., NMR Biomed 34:e4257 (2021). doi:10.1002/nbm.4257
    """
    for whose, timing in (("spectra", acquisition.metabolites), ("water", acquisition.water)):
        if not (timing.repetition_time_s > 0 and timing.echo_time_s >= 0):
            raise DataError(
                f"water scaling: TR of the {whose} is {timing.repetition_time_s} s and TE "
                f"{timing.echo_time_s} s, expected both. Add RepetitionTime and EchoTime to the "
                "header or the sidecar, or leave out the water reference."
            )
    field, fallback = _SOURCES[_nearest_field(acquisition.spectrometer_frequency_mhz)]
    voxel = tissue or Tissue(gm=0.5, wm=0.5, csf=0.0)
    pure_water = load("water")["physics"]["water_molality_mmol_per_kg"]["value"]
    per_proton = water.value / (2 * acquisition.signal_per_proton)
    relaxation = load("relaxation")["metabolite_relaxation_s"][field]
    attenuation = np.array(
        [
            _metabolite_attenuation(name, relaxation, fallback, voxel, acquisition.metabolites)
            for name in names
        ]
    )
    brain_water = _water_per_brain(voxel, field, acquisition.water)
    factors = pure_water * brain_water / (per_proton * attenuation)
    return WaterScaling(
        factors, water.sd / water.value, _in_words(tissue, voxel, field, acquisition)
    )


def _nearest_field(frequency_mhz: float) -> int:
    """Return the field, in T, for which relaxation times are known."""
    field_t = frequency_mhz / load("water")["physics"]["gamma_1H_mhz_per_t"]["value"]
    nearest = min(_SOURCES, key=lambda known: abs(known - field_t))
    if abs(nearest - field_t) > _FIELD_TOLERANCE * nearest:
        raise DataError(
            f"water scaling: no relaxation times are known for {field_t:.2f} T "
            f"({frequency_mhz:g} MHz), only for {' and '.join(f'{t} T' for t in _SOURCES)}. "
            "Use ratios to tCr or tNAA."
        )
    return nearest


def _molal_fractions(voxel: Tissue) -> dict[str, float]:
    """Return the share of the voxel's water that each tissue holds."""
    density = load("water")["tissue_water_fraction"]
    mass = {name: getattr(voxel, name) * density[name]["value"] for name in _TISSUES}
    return {name: value / sum(mass.values()) for name, value in mass.items()}


def _attenuation(t1_s: float, t2_s: float, timing: Timing) -> float:
    """Return what saturation and decay leave of a signal."""
    saturation = 1 - np.exp(-timing.repetition_time_s / t1_s)
    return float(saturation * np.exp(-timing.echo_time_s / t2_s))


def _water_per_brain(voxel: Tissue, field: str, timing: Timing) -> float:
    """Return what relaxation leaves of the voxel's water, over the share that brain holds."""
    share = _molal_fractions(voxel)
    times = load("relaxation")["water_relaxation_s"][field][_WATER_SOURCE]
    visible = sum(
        share[name] * _attenuation(times["T1"][name], times["T2"][name], timing)
        for name in _TISSUES
    )
    return visible / (1 - share["csf"])


def _metabolite_attenuation(
    name: str,
    relaxation: Mapping[str, Any],
    fallback: str,
    voxel: Tissue,
    timing: Timing,
) -> float:
    """Return what relaxation leaves of a metabolite, averaged over grey and white matter."""
    generic = relaxation[fallback]
    default = [
        generic.get(f"{kind}_{part}", generic.get(kind))
        for kind in ("T1", "T2")
        for part in ("gm", "wm")
    ]
    known = relaxation["per_metabolite"].get(_ATTENUATED_AS.get(name, name), default)
    t1_gm, t1_wm, t2_gm, t2_wm = (
        other if value is None else value for value, other in zip(known, default, strict=True)
    )
    brain = voxel.gm + voxel.wm
    return (
        voxel.gm * _attenuation(t1_gm, t2_gm, timing)
        + voxel.wm * _attenuation(t1_wm, t2_wm, timing)
    ) / brain


def _in_words(tissue: Tissue | None, voxel: Tissue, field: str, acquisition: Acquisition) -> str:
    """Say which corrections were applied, and which was not."""
    water = acquisition.water
    timing = (
        ""
        if water == acquisition.metabolites
        else f" (water by its own TE of {1000 * water.echo_time_s:g} ms and TR of "
        f"{1000 * water.repetition_time_s:g} ms)"
    )
    relaxation = f"water and metabolites corrected for T1 and T2 at {field}{timing}"
    parts = f"{percent(voxel.gm)} grey and {percent(voxel.wm)} white matter"
    if tissue is not None:
        return (
            f"mmol per kg of tissue water; voxel of {parts} and {percent(voxel.csf)} CSF "
            f"(segmented), whose water is taken off (Gasparovic 2006); {relaxation}"
        )
    half = (1 - _SOME_CSF) / 2
    without, with_csf = (
        _water_per_brain(one, field, water) for one in (voxel, Tissue(half, half, _SOME_CSF))
    )
    return (
        f"mmol per kg of tissue water; voxel taken as {parts}, as no segmentation was given; "
        f"{relaxation}. CSF is not corrected: where it is {percent(_SOME_CSF)} of the voxel "
        f"these values are {percent(1 - without / with_csf)} too low."
    )
