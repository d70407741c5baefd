import numpy as np
import pytest
from nifti_mrs.nifti_mrs import NIFTI_MRS
from nifti_mrs.validator import validate_nifti_mrs

from glxflow.errors import DataError, HeaderError
from glxflow.io.edit_order import edit_conditions, edit_pulse
from glxflow.io.edited import read_conditions
from glxflow.io.metadata import read_header
from glxflow.io.nifti_mrs import read_reference, read_series, write_conditions
from glxflow.spectrum import Series

COILS, PAIRS = 3, 4
PULSES = {"ON": {"PulseOffset": 1.9}, "OFF": {"PulseOffset": 7.5}}


@pytest.fixture
def distinct(singlet):
    """Coils, pairs and conditions that can be told apart: NAA scaled by 1, 2, 3, ..."""
    scale = np.arange(1, COILS * PAIRS * 2 + 1).reshape(COILS, PAIRS, 2, 1)
    return scale * singlet(2.008)


def named(tag_position, names):
    return {f"dim_{tag_position}_header": {"EditCondition": names}}


@pytest.mark.parametrize(
    "tags",
    [
        ("DIM_COIL", "DIM_DYN", "DIM_EDIT"),
        ("DIM_EDIT", "DIM_COIL", "DIM_DYN"),
        ("DIM_DYN", "DIM_EDIT", "DIM_COIL"),
    ],
)
def test_conditions_are_read_whatever_the_order_of_dimensions(write_scan, distinct, tags):
    usual = ("DIM_COIL", "DIM_DYN", "DIM_EDIT")
    stored = distinct.transpose(*(usual.index(tag) for tag in tags), 3)
    place = tags.index("DIM_EDIT") + 5
    path = write_scan(stored, tags, header=named(place, ["OFF", "ON"]))
    found = read_conditions(read_header(path))
    assert list(found) == ["OFF", "ON"]
    for index, series in enumerate(found.values()):
        np.testing.assert_allclose(series.samples, distinct[:, :, index], rtol=1e-6)
        # Conditions alternate within a pair: TR 2 s, pairs every 4 s.
        np.testing.assert_array_equal(series.onset_s, 4.0 * np.arange(PAIRS) + 2.0 * index)


@pytest.mark.parametrize("cycle", [["OFF", "ON"], ["ON", "OFF"] * PAIRS])
def test_alternating_transients_follow_the_cycle_of_the_sidecar(write_scan, distinct, cycle):
    stored = distinct.reshape(COILS, 2 * PAIRS, -1)
    path = write_scan(stored, ("DIM_COIL", "DIM_DYN"), sidecar={"EditCondition": cycle})
    found = read_conditions(read_header(path))
    assert list(found) == cycle[:2]
    np.testing.assert_allclose(found[cycle[0]].samples, distinct[:, :, 0], rtol=1e-6)
    np.testing.assert_array_equal(found[cycle[1]].onset_s, 2.0 + 4.0 * np.arange(PAIRS))


def test_blocks_of_one_condition_are_paired_in_their_order(write_scan, distinct):
    stored = distinct.reshape(COILS, 2 * PAIRS, -1)
    cycle = ["OFF", "OFF", "ON", "ON"]
    path = write_scan(stored, ("DIM_COIL", "DIM_DYN"), sidecar={"EditCondition": cycle})
    found = read_conditions(read_header(path))
    np.testing.assert_array_equal(found["OFF"].onset_s, [0, 2, 8, 10])
    np.testing.assert_array_equal(found["ON"].onset_s, [4, 6, 12, 14])


def test_conditions_without_names_are_called_by_letters(write_scan, distinct):
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN", "DIM_EDIT"))
    assert list(read_conditions(read_header(path))) == ["A", "B"]


def test_a_transient_without_partner_is_left_out(write_scan, distinct):
    stored = distinct.reshape(COILS, 2 * PAIRS, -1)[:, :-1]
    path = write_scan(stored, ("DIM_COIL", "DIM_DYN"), sidecar={"EditCondition": ["OFF", "ON"]})
    found = read_conditions(read_header(path))
    assert found["OFF"].n_transients == found["ON"].n_transients == PAIRS - 1
    assert "1 of 7 transients have no partner" in found["OFF"].steps[0].details
    assert not found["OFF"].flags


def test_a_pair_with_nan_is_left_out(write_scan, distinct):
    distinct[1, 2, 1, 100] = np.nan
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN", "DIM_EDIT"))
    found = read_conditions(read_header(path))
    np.testing.assert_array_equal(found["A"].onset_s, [0, 4, 12])
    np.testing.assert_array_equal(found["B"].onset_s, [2, 6, 14])
    assert "counted from 0: 5" in found["A"].flags[0].message


def test_one_condition_of_nan_is_an_error(write_scan, distinct):
    distinct[:, :, 1] = np.nan
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN", "DIM_EDIT"))
    with pytest.raises(DataError, match="no pair of A, B is complete and finite"):
        read_conditions(read_header(path))


@pytest.mark.parametrize(
    ("tags", "names", "expected"),
    [
        (("DIM_COIL", "DIM_DYN", "DIM_EDIT"), ["OFF"], "DIM_EDIT has 2 conditions"),
        (("DIM_COIL", "DIM_DYN"), ["OFF", "ON"] * 5, "there are 8 transients"),
    ],
)
def test_names_that_do_not_fit_are_an_error(write_scan, distinct, tags, names, expected):
    stored = distinct if "DIM_EDIT" in tags else distinct.reshape(COILS, 2 * PAIRS, -1)
    path = write_scan(stored, tags, sidecar={"EditCondition": names})
    with pytest.raises(HeaderError, match=expected):
        edit_conditions(read_header(path))


@pytest.mark.parametrize(
    "names", [["DIFF", "SUM"], ["OFF", "diff"], ["Edit_Sum", "Edit_Difference"]]
)
def test_differences_and_sums_are_no_conditions(write_scan, distinct, names):
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN", "DIM_EDIT"), header=named(7, names))
    with pytest.raises(HeaderError, match="their difference and sum are made here"):
        edit_conditions(read_header(path))


@pytest.mark.parametrize(
    ("given", "renamed"),
    [
        ({"Edit_OFF": 7.5, "Edit_ON": 1.9}, {"Edit_OFF": "OFF", "Edit_ON": "ON"}),
        ({"on": 1.9, "off": 7.5}, {"off": "OFF", "on": "ON"}),
        ({"ON": 1.9, "OFF": 7.5}, {"A": "OFF", "B": "ON"}),
        ({"A": 1.9, "B": 7.5, "other": 4.7}, {"B": "OFF", "A": "ON"}),
    ],
)
def test_editing_pulses_take_the_names_of_the_conditions(write_scan, distinct, given, renamed):
    pulses = {name: {"PulseOffset": ppm} for name, ppm in given.items()}
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN", "DIM_EDIT"), header={"EditPulse": pulses})
    assert edit_pulse(read_header(path), renamed) == {
        "OFF": {"PulseOffset": 7.5},
        "ON": {"PulseOffset": 1.9},
    }


def test_a_scan_without_editing_pulses_has_none(write_scan, distinct):
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN", "DIM_EDIT"))
    assert edit_pulse(read_header(path), {"A": "OFF", "B": "ON"}) == {}


def test_names_that_are_no_list_are_an_error_and_never_passed_over(write_scan, distinct):
    stored = distinct.reshape(COILS, 2 * PAIRS, -1)
    path = write_scan(stored, ("DIM_COIL", "DIM_DYN"), sidecar={"EditCondition": "OFF,ON"})
    with pytest.raises(HeaderError, match="EditCondition is 'OFF,ON', expected a list"):
        read_series(path)


def test_scans_without_editing_have_no_conditions(write_scan, distinct):
    plain = write_scan(distinct[:, :, 0], ("DIM_COIL", "DIM_DYN"))
    assert edit_conditions(read_header(plain)) == ()
    half = write_scan(
        distinct[:, :, 0], ("DIM_COIL", "DIM_DYN"), sidecar={"EditCondition": ["OFF"]}
    )
    assert read_series(half).n_transients == PAIRS


def test_an_edited_scan_is_never_read_as_one_series(write_scan, distinct):
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN", "DIM_EDIT"))
    with pytest.raises(DataError, match=r"an edited scan \(A, B\)"):
        read_series(path)


def test_a_water_reference_is_read_with_all_its_conditions(write_scan, distinct):
    path = write_scan(distinct, ("DIM_COIL", "DIM_DYN", "DIM_EDIT"))
    header = read_header(path)
    assert read_reference(header, header).samples.shape[:2] == (COILS, 2 * PAIRS)


def test_pairs_are_written_valid_and_read_back(axis, distinct, tmp_path):
    conditions = {
        label: Series(distinct[:1, :, index], axis, 4.0 * np.arange(PAIRS), 0.068, 2.0)
        for index, label in enumerate(("OFF", "ON"))
    }
    path = tmp_path / "pairs.nii.gz"
    write_conditions(path, conditions, np.eye(4), PULSES)
    validate_nifti_mrs(NIFTI_MRS(path))
    header = read_header(path)
    assert header.dim_tags == ("DIM_EDIT", "DIM_DYN")
    assert edit_pulse(header, {"OFF": "OFF", "ON": "ON"}) == PULSES
    found = read_conditions(header)
    assert list(found) == ["OFF", "ON"]
    for label, series in conditions.items():
        np.testing.assert_allclose(found[label].samples, series.samples, rtol=1e-6)
