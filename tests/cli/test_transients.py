"""From the record of preprocessing to the figure of transients."""

import numpy as np
import pytest

from glxflow.cli.transients import transients_of


def record(**changes):
    table = {
        "onset_s": [0.0, 60.0, 120.0, 180.0],
        "frequency_hz": [1.0, None, -1.0, 0.5],
        "phase_rad": [0.0, np.pi, -np.pi / 2, 0.1],
        "weight": [1.0, 0.5, 0.0, 1.0],
    }
    bins = [{"start_s": -120.0, "stop_s": 0.0}, {"start_s": 0.0, "stop_s": 120.0}]
    found = {"TransientTable": table, "BinTable": bins, "Parameters": {"onset_s": 120.0}}
    return found | changes


def test_transients_are_on_the_clock_of_their_bins_in_degrees():
    found = transients_of(record())
    assert found.has_infusion
    np.testing.assert_allclose(found.time_min, [-2, -1, 0, 1])
    np.testing.assert_allclose(found.edges_min, [[-2, 0], [0, 2]])
    np.testing.assert_allclose(found.frequency_hz, [1, np.nan, -1, 0.5])
    np.testing.assert_allclose(found.phase_deg, [0, 180, -90, np.degrees(0.1)])
    assert found.is_rejected.tolist() == [False, False, True, False]
    assert found.is_on is None
    assert (found.n_acquired, found.n_rejected) == (4, 1)


def test_an_infusion_that_starts_with_the_scan_is_one():
    found = transients_of(record(Parameters={"onset_s": 0.0}))
    assert found.has_infusion
    np.testing.assert_allclose(found.time_min, [0, 1, 2, 3])


def test_conditions_of_an_edited_scan_are_counted_as_pairs():
    edited = record()
    edited["TransientTable"] |= {"condition": ["OFF", "ON"] * 2, "weight": [1.0, 1.0, 0.0, 0.0]}
    found = transients_of(edited)
    assert found.is_on.tolist() == [False, True, False, True]
    assert found.number.tolist() == [0, 0, 1, 1]
    assert (found.n_acquired, found.n_rejected) == (2, 1)


@pytest.mark.parametrize("parameters", [{}, {"Parameters": {"onset_s": None}}])
def test_without_an_infusion_times_are_those_of_the_scan(parameters):
    whole = record(BinTable=[{"start_s": 0.0, "stop_s": 240.0}])
    del whole["Parameters"]
    found = transients_of(whole | parameters)
    assert not found.has_infusion
    np.testing.assert_allclose(found.time_min, [0, 1, 2, 3])
