"""The constants: every number has its source, and the tables are whole."""

import numpy as np
import pytest

from glxflow.constants import load

SYSTEMS = load("spin_systems")["metabolites"]
_NUCLEI = {"P31", "N14"}


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_spin_system_is_cited_and_whole(name):
    entry = SYSTEMS[name]
    assert len(entry["reference"]) > 10
    for group in entry["groups"]:
        spins = group["spins"]
        for first, second, _ in group.get("J", []):
            assert {first, second} <= set(spins)
            assert first != second
        for nucleus, couplings in group.get("passive", {}).items():
            assert nucleus in _NUCLEI
            assert set(couplings["J"]) <= set(spins)


@pytest.mark.parametrize("name", SYSTEMS)
def test_protons_add_up(name):
    protons = sum(group["scale"] * len(group["spins"]) for group in SYSTEMS[name]["groups"])
    assert protons == pytest.approx(SYSTEMS[name]["n_protons"])


def test_names_and_aliases_are_unique():
    spellings = [name.lower() for name in SYSTEMS]
    spellings += [
        alias.lower()
        for name, entry in SYSTEMS.items()
        for alias in entry["aka"]
        if alias.lower() != name.lower()
    ]
    assert len(spellings) == len(set(spellings))


def test_alternatives_stand_for_a_known_metabolite_and_are_not_simulated_by_default():
    for entry in SYSTEMS.values():
        if "alternative_of" in entry:
            assert entry["alternative_of"] in SYSTEMS
            assert not entry["in_default_set"]


def test_pulse_waveforms_turn_by_180_degrees():
    entry = load("pulses")["refocusing_1100hz"]
    step_s = entry["duration_s"] / len(entry["waveform_hz"])
    assert 360 * np.sum(entry["waveform_hz"]) * step_s == pytest.approx(180, abs=1e-3)  # digits


def test_relaxation_times_are_positive_and_t2_is_shorter_than_t1():
    relaxation = load("relaxation")["metabolite_relaxation_s"]
    for field in ("3T", "7T"):
        for name, values in relaxation[field]["per_metabolite"].items():
            times = np.array([np.nan if value is None else value for value in values])
            assert not (times <= 0).any(), name
            assert not (times[2:] >= times[:2]).any(), name


@pytest.mark.parametrize("subject", ["macromolecules", "pulses", "relaxation", "water"])
def test_every_subject_names_a_reference(subject):
    assert "ref" in repr(load(subject))
