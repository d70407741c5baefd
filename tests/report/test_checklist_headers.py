import re

import pandas as pd
import pytest

from glxflow.io.header_table import HEADER_COLUMNS
from glxflow.report.checklist_headers import header_items

SCAN = {
    "subject": "sub-01",
    "session": "ses-1",
    "image": "svs",
    "Manufacturer": "Siemens",
    "ResonantNucleus": "1H",
    "RepetitionTime": "2",
    "EchoTime": "0.03",
    "field_t": "2.89",
    "transients_stored": "320",
    "spectral_width_hz": "2000",
    "points": "1024",
}
LETTERS = {"1": "abcde", "2": "abcdefghi"}


@pytest.fixture
def items():
    """Return the lines, by item and name, of a table whose rows are `SCAN` with changes."""

    def find(*changes):
        table = pd.DataFrame([SCAN | one for one in changes], columns=list(HEADER_COLUMNS))
        return {f"{row.item} {row.name}": row for row in header_items(table)}

    return find


def test_every_item_of_hardware_and_acquisition_has_a_line(items):
    found = {row.item for row in items({}).values()}
    assert found == {number + letter for number, letters in LETTERS.items() for letter in letters}


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ("1c Model and software version", "ManufacturersModelName", "A"),
        ("1c Model and software version", "SoftwareVersions", "software A"),
        ("2a Pulse sequence", "PulseSequenceType", "A"),
        ("2a Pulse sequence", "SequenceName", "named A"),
        ("2a Pulse sequence", "PulseSequenceFile", "file A"),
        ("2a Pulse sequence", "PulseSequenceDetails", "A"),
        ("2b Volume of interest: location", "BodyPart", "A"),
        ("2e Acquisitions of a scan", "NumberOfTransients", "320 stored, A acquired"),
        ("2e Acquisitions of a scan", "edit_conditions", "320 stored, of the conditions A"),
        ("2f Frequency offsets", "TxOffset", "transmitter A ppm"),
        ("2f Frequency offsets", "RxOffset", "receiver A ppm"),
        ("2f Frequency offsets", "SpecFreqChemShift", "spectrometer frequency at A ppm"),
        (
            "2f Spectral width and number of points",
            "FlipAngle",
            "2000 Hz, 1024 points, flip angle A degrees",
        ),
        (
            "2f Spectral width and number of points",
            "ExcitationFlipAngle",
            "2000 Hz, 1024 points, flip angle A degrees",
        ),
        ("2g Water suppression", "WaterSuppressed", "used: A"),
        ("2g Water suppression", "WaterSuppressionTechnique", "A"),
        ("2h Shimming method", "B0ShimmingTechnique", "A"),
        ("2i Triggering", "SequenceTriggered", "A"),
    ],
)
def test_each_field_stands_in_its_item_with_what_it_is(items, line, field, words):
    row = items({field: "A"})[line]
    known, *_ = re.split("; [a-z' ]+: not recorded", row.value)
    assert known == words
    source = {"edit_conditions": "EditCondition"}.get(field, field)
    assert source in row.source


def test_coils_are_told_by_what_they_do(items):
    fields = {"TxCoil": "Body", "RxCoil": "Head", "NumberReceiveCoilActiveElements": "32"}
    name = next(name for name in items({}) if name.startswith("1d"))
    assert items(fields)[name].value == "1H, transmit Body, receive Head, 32 channels"
    assert items({"ReceiveCoilName": "Neck", "coils_stored": "4"})[name].value.startswith(
        "1H, receive Neck, 4 channels"
    )


def test_a_value_of_all_scans_stands_alone_with_its_field(items):
    row = items({}, {}, {})["1b Manufacturer"]
    assert (row.value, row.source) == ("Siemens", "header: Manufacturer (3 scans)")


def test_values_that_differ_are_all_listed_with_their_scans_and_stay_together(items):
    other = {"RepetitionTime": "1.5", "EchoTime": "0.068"}
    row = items({}, other, other)["2d Repetition time, echo time"]
    assert row.value == "TR 1500 ms, TE 68 ms (2 scans); TR 2000 ms, TE 30 ms (1 scan)"


def test_scans_that_lack_what_others_tell_are_counted(items):
    row = items({}, {"Manufacturer": None})["1b Manufacturer"]
    assert row.value == "Siemens (1 scan); manufacturer not recorded (1 scan)"


def test_what_no_header_tells_is_asked_for_by_its_field(items):
    rows = items({})
    asked = "not recorded in the headers: fill in by hand (sidecar field "
    assert rows["2h Shimming method"].value == f"{asked}B0ShimmingTechnique)"
    model = rows["1c Model and software version"]
    assert model.value == f"{asked}ManufacturersModelName and SoftwareVersions)"
    assert model.source == "fill in by hand"
    assert rows["1e Additional hardware"].value == "no header field holds it: fill in by hand"


def test_a_part_that_is_lacking_is_asked_for_beside_what_is_known(items):
    row = items({"SoftwareVersions": "E11"})["1c Model and software version"]
    assert re.fullmatch(r"software E11; model: not recorded .*ManufacturersModelName\)", row.value)


def test_a_field_that_is_stated_goes_before_what_follows_from_the_frequency(items):
    found = items({"MagneticFieldStrength": "3"}, {})["1a Field strength"]
    assert found.value == "3 T (1 scan); 2.89 T (1 scan)"
    assert found.source == "header: MagneticFieldStrength, SpectrometerFrequency (2 scans)"


def test_a_voxel_has_its_edges_and_its_volume(items):
    row = items({"AcquisitionVoxelSize": "20, 30, 25"})["2c Volume of interest: nominal size"]
    assert row.value == "20 × 30 × 25 mm (15 mL)"


def test_mixing_time_and_editing_are_asked_for_only_where_there_are_any(items):
    assert not {"2f Mixing time", "2f Editing"} & set(items({}))
    rows = items(
        {"sequence_recognised": "steam"}, {"edit_conditions": "OFF, ON", "MixingTime": "0.01"}
    )
    assert rows["2f Mixing time"].value == "TM not recorded (1 scan); TM 10 ms (1 scan)"
    assert "EditPulse" in rows["2f Editing"].value


def test_the_water_reference_is_reported_beside_the_spectra(items):
    rows = items({}, {"image": "mrsref", "RepetitionTime": "5", "WaterSuppression": "no"})
    times = rows["2d Water reference: repetition time, echo time"]
    assert (times.value, times.source[-19:]) == ("TR 5000 ms, TE 30 ms", "(1 water reference)")
    assert rows["2g Water reference: water suppression"].value == "used: no"
    assert rows["2d Repetition time, echo time"].value == "TR 2000 ms, TE 30 ms"


def test_a_water_reference_that_does_not_tell_of_suppression_is_asked_to(items):
    value = items({}, {"image": "mrsref"})["2g Water reference: water suppression"].value
    assert value.endswith("(sidecar field WaterSuppressed or WaterSuppression)")


def test_what_is_no_number_is_shown_as_it_stands(items):
    rows = items({"EchoTime": "short", "AcquisitionVoxelSize": "2 x 3"})
    assert rows["2d Repetition time, echo time"].value == "TR 2000 ms, TE short"
    assert rows["2c Volume of interest: nominal size"].value == "2 x 3"


@pytest.mark.parametrize(
    ("given", "found", "other"),
    [
        ({"sequence_recognised": "steam"}, "2f Mixing time", "2f Editing"),
        ({"MixingTime": "0.01"}, "2f Mixing time", "2f Editing"),
        ({"EditPulse": "20 ms"}, "2f Editing", "2f Mixing time"),
        ({"EditTarget": "GABA"}, "2f Editing", "2f Mixing time"),
    ],
)
def test_one_sign_of_a_sequence_is_enough_to_ask_for_its_item(items, given, found, other):
    rows = items({}, given)
    assert found in rows
    assert other not in rows


def test_a_source_that_no_scan_has_is_not_named(items):
    row = items({"field_t": None}, {})["1a Field strength"]
    assert row.value == "field not recorded (1 scan); 2.89 T (1 scan)"
    assert row.source == "header: SpectrometerFrequency (2 scans)"


def test_what_only_some_sequences_have_is_not_missed_in_the_others(items):
    row = items({"InversionTime": "0.02"}, {})["2d Repetition time, echo time"]
    assert row.value == "TR 2000 ms, TE 30 ms, TI 20 ms (1 scan); TR 2000 ms, TE 30 ms (1 scan)"


def test_a_scan_without_any_part_of_an_item_is_counted_in_words(items):
    name = "2b Volume of interest: location"
    value = items({"BodyPart": "BRAIN"}, {}, {})[name].value
    assert value.startswith("not recorded (2 scans); BRAIN (1 scan); location: not recorded")


def test_a_location_in_the_header_goes_before_the_label_in_the_name(items):
    name = "2b Volume of interest: location"
    assert items({"voi": "acc", "BodyPartDetails": "pregenual"})[name].value == "pregenual"
    assert items({"voi": "acc"})[name].value == "acc"


def test_a_study_without_water_references_is_said_to_have_none(items):
    assert items({})["2d Water reference"].value == "none"
