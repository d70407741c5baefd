import math

import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.quantify import (
    Acquisition,
    Timing,
    Tissue,
    WaterAmplitude,
    estimates,
    water_scaling,
)
from glxflow.spectrum import Axis

AXIS = Axis(2048, 5e-4, 123.25, 4.65)


def acquired(echo_time_s, repetition_time_s, frequency_mhz=123.25, per_proton=1.0, water=None):
    timing = Timing(echo_time_s, repetition_time_s)
    return Acquisition(timing, water or timing, frequency_mhz, per_proton)


AT_ONCE = acquired(0.0, 1e6)
PRESS = acquired(0.03, 2.0)


def test_without_relaxation_signal_per_proton_is_concentration(fit_of):
    """One mole of protons a litre: water has two protons and 55.51 mol per kg."""
    voxel = Tissue(gm=1.0, wm=0.0, csf=0.0)
    fit = fit_of({"Glu": 0.010, "Cr": 0.008})
    water_signal = WaterAmplitude(2 * 55.510, 0.0)
    scaling = water_scaling(fit.names, water_signal, AT_ONCE, voxel)
    glu = estimates(fit, scaling)[0]
    assert glu.water_molal == pytest.approx(10.0, rel=1e-4)  # saturation at TR 1e6 s is none


def test_stimulated_echo_halves_both_signals():
    names = ("Glu",)
    half = acquired(0.0, 1e6, per_proton=0.5)
    full = water_scaling(names, WaterAmplitude(100.0, 0.0), AT_ONCE)
    stimulated = water_scaling(names, WaterAmplitude(50.0, 0.0), half)
    assert stimulated.molal_per_amplitude == pytest.approx(full.molal_per_amplitude)


def test_csf_raises_the_concentration_of_what_is_left():
    """Gasparovic 2006: csf adds water and no metabolites (densities of Ernst 1993)."""
    names = ("Glu",)
    tissue = Tissue(gm=0.8, wm=0.0, csf=0.2)
    signal = WaterAmplitude(100.0, 0.0)
    brain = water_scaling(names, signal, AT_ONCE, Tissue(gm=1.0, wm=0.0, csf=0.0))
    mixed = water_scaling(names, signal, AT_ONCE, tissue)
    brain_share = 0.8 * 0.78 / (0.8 * 0.78 + 0.2 * 0.97)
    assert mixed.molal_per_amplitude / brain.molal_per_amplitude == pytest.approx(1 / brain_share)


def test_relaxation_at_3_t_is_that_of_the_cited_times():
    """Grey matter, TE 30, TR 2000: by hand from T1 1.5/1.27 s and T2 88/128.5 ms."""
    scaling = water_scaling(
        ("Glu",), WaterAmplitude(2.0, 0.0), PRESS, Tissue(gm=1.0, wm=0.0, csf=0.0)
    )
    water_left = (1 - math.exp(-2 / 1.5)) * math.exp(-0.03 / 0.088)
    glu_left = (1 - math.exp(-2 / 1.27)) * math.exp(-0.03 / 0.1285)
    assert scaling.molal_per_amplitude[0] == pytest.approx(55510 * water_left / glu_left)


# T1 and T2 in s, of grey and white matter: of glutamate, and of what was not measured by itself.
TIMES = {
    ("Glu", 123.25): (1.27, 0.1285, 1.17, 0.124),
    ("Asc2", 123.25): (1.34, 0.140, 1.19, 0.169),
    ("Glu", 297.2): (1.61, 0.107, 1.75, 0.117),
    ("Asc2", 297.2): (1.43, 0.131, 1.43, 0.131),
    ("Lac", 297.2): (1.43, 0.182, 1.43, 0.182),
}


@pytest.mark.parametrize(("name", "frequency_mhz"), TIMES)
def test_metabolites_lose_what_each_tissue_takes_by_its_volume(name, frequency_mhz):
    voxel, signal = Tissue(gm=0.4, wm=0.2, csf=0.4), WaterAmplitude(2.0, 0.0)
    how = {"frequency_mhz": frequency_mhz, "water": Timing(0.0, 1e6)}
    both, neither = (
        water_scaling((name,), signal, acquired(*timing, **how), voxel).molal_per_amplitude[0]
        for timing in ((0.03, 2.0), (0.0, 1e6))
    )
    t1_gm, t2_gm, t1_wm, t2_wm = TIMES[name, frequency_mhz]
    grey, white = (
        (1 - math.exp(-2.0 / t1)) * math.exp(-0.03 / t2)
        for t1, t2 in ((t1_gm, t2_gm), (t1_wm, t2_wm))
    )
    assert neither / both == pytest.approx((2 * grey + white) / 3)


def test_water_loses_what_its_own_timing_takes():
    tissue, signal = Tissue(gm=1.0, wm=0.0, csf=0.0), WaterAmplitude(2.0, 0.0)
    other = acquired(0.03, 2.0, water=Timing(0.035, 5.0))
    shared, own = (water_scaling(("Glu",), signal, one, tissue) for one in (PRESS, other))
    left = (1 - math.exp(-5 / 1.5)) * math.exp(-0.035 / 0.088)
    shared_left = (1 - math.exp(-2 / 1.5)) * math.exp(-0.03 / 0.088)
    gain = own.molal_per_amplitude[0] / shared.molal_per_amplitude[0]
    assert gain == pytest.approx(left / shared_left)
    assert "own TE of 35 ms and TR of 5000 ms" in own.correction
    assert "own TE" not in shared.correction


@pytest.mark.parametrize(("water_signal", "is_doubted"), [(1e2, False), (1e4, True), (1.0, True)])
def test_a_reference_by_which_no_brain_has_such_creatine_is_doubted(
    fit_of, water_signal, is_doubted
):
    fit = fit_of({"Cr": 0.008, "PCr": 0.004})
    scaling = water_scaling(fit.names, WaterAmplitude(water_signal, 0.0), AT_ONCE)
    total = next(one for one in estimates(fit, scaling) if one.metabolite == "tCr")
    assert ("WATER" in {flag.code for flag in total.flags}) == is_doubted


def test_uncertainty_of_water_enters_once_for_a_sum(fit_of):
    fit = fit_of({"Glu": 9.0, "Gln": 3.0}, np.zeros((2, 2)))
    scaling = water_scaling(fit.names, WaterAmplitude(100.0, 2.0), PRESS)
    glx = next(one for one in estimates(fit, scaling) if one.metabolite == "Glx")
    assert glx.water_molal_sd == pytest.approx(0.02 * glx.water_molal)


def test_concentrations_are_as_unsure_as_water_and_amplitude_together(fit_of):
    """By the delta method, of independent errors: squares of relative SDs add up."""
    fit = fit_of({"Glu": 9.0, "Gln": 3.0}, np.array([[0.09, -0.02], [-0.02, 0.04]]))
    scaling = water_scaling(fit.names, WaterAmplitude(100.0, 3.0), PRESS)
    for one in estimates(fit, scaling)[:2]:
        expected = math.hypot(one.sd / one.amplitude, 0.03)
        assert one.water_molal_sd / one.water_molal == pytest.approx(expected)


@pytest.mark.parametrize("frequency_mhz", [127.7, 297.2])
def test_gaba_plus_does_not_depend_on_its_split(fit_of, frequency_mhz):
    """Three parts in all, with creatine that stays the same."""
    edited = acquired(0.068, 2.0, frequency_mhz)
    found = []
    for gaba in (2.0, 1.5, 1.0):
        fit = fit_of({"GABA": gaba, "MM30co": 3.0 - gaba, "Cr": 7.0})
        scaling = water_scaling(fit.names, WaterAmplitude(8e4, 0.0), edited)
        table = {one.metabolite: one for one in estimates(fit, scaling)}
        found.append(table["GABA+"].water_molal / table["Cr"].water_molal)
    assert found == pytest.approx([found[0]] * 3)


def test_correction_says_what_was_assumed_and_claims_none_that_was_not_made():
    signal, voxel = WaterAmplitude(100.0, 1.0), Tissue(gm=0.45, wm=0.45, csf=0.1)
    plain = water_scaling(("Glu",), signal, PRESS)
    segmented = water_scaling(("Glu",), signal, PRESS, voxel)
    assert "10 % CSF (segmented), whose water is taken off" in segmented.correction
    assert "taken off" not in plain.correction
    assert "voxel taken as 50 % grey and 50 % white matter" in plain.correction
    low = 1 - plain.molal_per_amplitude[0] / segmented.molal_per_amplitude[0]
    assert f"10 % of the voxel these values are {100 * low:.0f} % too low" in plain.correction
    assert low == pytest.approx(0.089, abs=5e-4)  # by hand from the cited times


@pytest.mark.parametrize(
    ("acquisition", "message"),
    [
        (acquired(0.03, math.nan), "TR of the spectra is nan"),
        (acquired(0.03, 2.0, water=Timing(0.03, math.nan)), "TR of the water is nan"),
        (acquired(0.03, 2.0, 63.9), "1.50 T"),
    ],
)
def test_unknown_relaxation_is_an_error(acquisition, message):
    with pytest.raises(DataError, match=message):
        water_scaling(("Glu",), WaterAmplitude(100.0, 1.0), acquisition)


def test_fractions_must_sum_to_one():
    with pytest.raises(DataError, match=r"sum to 0\.8"):
        Tissue(gm=0.5, wm=0.3, csf=0.0)


def test_fractions_must_not_be_negative():
    with pytest.raises(DataError, match=r"csf -0\.1 sum to 1"):
        Tissue(gm=0.6, wm=0.5, csf=-0.1)
