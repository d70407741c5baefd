import json

import nibabel as nib
import numpy as np
import pytest

from glxflow.io.header_table import HEADER_COLUMNS, header_row
from glxflow.io.metadata import PRIVATE_FIELDS, read_header


@pytest.fixture
def row(write_scan, singlet):
    """Return what is passed on of a scan with these fields."""

    def read(*conditions, **header):
        return header_row(read_header(write_scan(singlet(2.008), header=header)), conditions)

    return read


def test_nothing_that_could_name_a_person_is_passed_on(row):
    private = dict.fromkeys((*PRIVATE_FIELDS, "StationName", "OperatorsName"), "Smith")
    free = {"ProtocolName": "PRESS Smith", "OriginalFile": ["Smith.dat"], "PatientWeight": 70.5}
    file = {"PulseSequenceFile": {"Value": "C:\\Users\\Smith\\svs_se", "Description": "Path."}}
    found = row(**private | free | file)
    assert "Smith" not in json.dumps(found)
    assert "70.5" not in json.dumps(found)
    assert found["sequence_recognised"] == "press"
    assert found["PulseSequenceFile"] == "svs_se"


def test_values_are_text_on_one_line(row):
    pulses = {"ON": {"PulseOffset": 1.9, "PulseDuration": 0.02}, "OFF": {"PulseOffset": 7.5}}
    found = row(
        *("OFF", "ON", "OFF", "ON"),
        ReceiveCoilName={"Value": '"32Ch\tHead"', "Description": "Name."},
        SoftwareVersions="syngo\nXA30",
        WaterSuppressed=True,
        EditPulse=pulses,
    )
    assert found["ReceiveCoilName"] == "32Ch Head"
    assert found["SoftwareVersions"] == "syngo XA30"
    assert found["WaterSuppressed"] == "yes"
    assert found["edit_conditions"] == "OFF, ON"
    assert found["EditPulse"] == "ON (PulseOffset 1.9, PulseDuration 0.02), OFF (PulseOffset 7.5)"
    assert set(found) <= set(HEADER_COLUMNS)


def test_the_field_follows_from_the_frequency_of_protons(row):
    assert row(SpectrometerFrequency=[297.2])["field_t"] == "6.98"  # 42.577 MHz a tesla


def test_a_voxel_is_known_only_to_a_file_that_knows_its_place(write_scan, singlet):
    path = write_scan(singlet(2.008))
    assert "voxel_mm" not in header_row(read_header(path), ())
    image = nib.load(path)
    image.set_sform([[0, -30, 0, 9], [20.25, 0, 0, 9], [0, 0, 25, 9], [0, 0, 0, 1]], 1)
    nib.save(image, path)
    assert header_row(read_header(path), ())["voxel_mm"] == "20.25, 30, 25"


def test_numbers_keep_the_digits_that_were_given(row):
    assert row(RepetitionTime=1.23456)["RepetitionTime"] == "1.23456"


def test_transients_are_counted_over_all_conditions_and_one_coil_is_not_taken_for_all(
    write_scan, singlet
):
    samples = np.broadcast_to(singlet(2.008), (4, 2, singlet(2.008).size))
    path = write_scan(samples, ("DIM_DYN", "DIM_EDIT"), header={"EditCondition": ["OFF", "ON"]})
    found = header_row(read_header(path), ("OFF", "ON"))
    assert found["transients_stored"] == "8"
    assert "coils_stored" not in found
    path = write_scan(samples, ("DIM_DYN", "DIM_COIL"))
    assert header_row(read_header(path), ())["coils_stored"] == "2"
