"""Spreads over models against closed forms."""

import math

import numpy as np
import pytest

from glxflow.quantify import WaterScaling, model_spreads
from glxflow.spectrum import Kind

NAMES = ("Glu", "Gln", "Cr", "NAA", "MM09")
KINDS = (Kind.METABOLITE,) * 4 + (Kind.MACROMOLECULE,)
OWN = np.array([10.0, 3.0, 8.0, 12.0, 1.0])


def spreads(models, weights, scaling=None):
    """Return the spreads of one spectrum a row of amplitudes."""
    return model_spreads(NAMES, KINDS, np.array(models), np.array(weights), scaling)


def test_a_single_alternative_counts_by_its_weight():
    other = np.array([12.0, 3.0, 8.0, 12.0, 1.0])
    (found,) = spreads([[OWN], [other]], [0.25])
    assert found["Glu"].sd_model == pytest.approx(1.0)  # 2 times the root of 0.25
    assert found["Glu"].ratio_tcr_sd_model == pytest.approx(1.0 / 8)
    assert found["Glx"].ratio_tnaa_sd_model == pytest.approx(1.0 / 12)
    assert found["Gln"].sd_model == 0.0
    assert "MM09" not in found


def test_independent_choices_add_up_as_their_combinations_do():
    """The variance of all combinations of two choices, enumerated."""
    one, two = np.array([2.0, 0, 0, 0, 0]), np.array([-3.0, 0, 0, 0, 0])
    (found,) = spreads([[OWN], [OWN + one], [OWN + two]], [0.5, 0.5])
    combined = [0.0, 2.0, -3.0, -1.0]
    # Effects that both have probability 1/2, about the mean of all, and the mean's distance
    # from the value that is reported, choice by choice.
    variance = np.var(combined) + (2.0 / 2) ** 2 + (3.0 / 2) ** 2
    assert found["Glu"].sd_model == pytest.approx(math.sqrt(variance))


def test_what_all_bins_share_cancels_in_their_change():
    shift = np.array([1.0, 0, 0, 0, 0])
    later = OWN * [1.1, 1, 1, 1, 1]
    found = spreads([[OWN, later], [OWN + shift, later + shift]], [1.0])
    assert math.isnan(found[0]["Glu"].ratio_tcr_change_sd_model)
    assert found[1]["Glu"].ratio_tcr_change_sd_model == pytest.approx(0, abs=1e-12)  # rounding
    assert found[1]["Glu"].ratio_tcr_sd_model == pytest.approx(1 / 8)


def test_a_model_without_a_component_says_nothing_of_it():
    other = np.array([11.0, np.nan, 8.0, 12.0, np.nan])
    (found,) = spreads([[OWN], [other]], [1.0])
    assert math.isnan(found["Gln"].sd_model)
    assert math.isnan(found["Glx"].sd_model)
    assert found["Glu"].sd_model == pytest.approx(1.0)


def test_concentrations_spread_as_their_parts_do_each_by_its_own_factor():
    scaling = WaterScaling(np.array([2.0, 3.0, 5.0, 7.0, 1.0]), 0.0, "")
    other = OWN + np.array([1.0, -2.0, 0.0, 0.5, 0.0])
    (found,) = spreads([[OWN], [other]], [0.25], scaling)
    assert found["Gln"].water_molal_sd_model == pytest.approx(2.0 * 3.0 / 2)
    assert found["Glx"].water_molal_sd_model == pytest.approx(abs(1.0 * 2.0 - 2.0 * 3.0) / 2)
    # What a model does not have has no concentration by it either.
    (found,) = spreads([[OWN], [other * [1, np.nan, 1, 1, 1]]], [0.25], scaling)
    assert math.isnan(found["Gln"].water_molal_sd_model)
    assert math.isnan(found["Glx"].water_molal_sd_model)
    assert found["NAA"].water_molal_sd_model == pytest.approx(0.5 * 7.0 / 2)
    (found,) = spreads([[OWN], [other]], [0.25])
    assert math.isnan(found["Glu"].water_molal_sd_model)


def test_a_model_of_negative_creatine_says_nothing_of_ratios_to_it():
    (found,) = spreads([[OWN], [OWN * [1, 1, -1, 1, 1]]], [1.0])
    assert math.isnan(found["Glu"].ratio_tcr_sd_model)
    assert found["Glu"].ratio_tnaa_sd_model == 0.0


def test_a_ratio_without_a_denominator_is_nan():
    (found,) = model_spreads(
        ("Glu",), (Kind.METABOLITE,), np.array([[[1.0]], [[2.0]]]), np.array([1.0])
    )
    assert math.isnan(found["Glu"].ratio_tcr_sd_model)
