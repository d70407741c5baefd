"""What the study page says of departures from the plan, from what the records hold."""

import json
from dataclasses import asdict

import pytest

from glxflow.cli.departures import departures
from glxflow.cli.scan_paths import ListedScan
from glxflow.qc.rules import limits_from

SCANS = [ListedScan("sub-01", f"ses-{number}", f"sub-01_ses-{number}") for number in (1, 2)]


@pytest.fixture
def record(tmp_path):
    """Return a function that writes the record of a fit under some limits."""

    def write(scan, **content):
        path = scan.result(tmp_path, "desc-fit_concentrations.json")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))

    return write


def judged_by(overrides):
    return {"qc": {key: asdict(limit) for key, limit in limits_from(overrides).items()}}


def test_a_changed_limit_is_named_beside_the_one_it_stands_for(record, tmp_path):
    for scan in SCANS:
        record(scan, Parameters=judged_by({"snr": {"doubtful": 30}, "drift_hz": {"fail": 25}}))
    assert departures(tmp_path, SCANS, [])[0] == (
        "Quality limits are not those that glxflow comes with: Signal to noise at least 30, fails "
        "below 8 (instead of at least 20, fails below 8); Frequency drift at most 10 Hz, fails "
        "above 25 Hz (instead of at most 10 Hz)."
    )


def test_limits_that_are_as_usual_are_said_to_be_so_whatever_failed(record, tmp_path):
    record(SCANS[0], Status="failed", Stage="fit", Error="no minimum")
    record(SCANS[1], Parameters=judged_by({"snr": {"doubtful": 20}}))
    limits = departures(tmp_path, SCANS, [])[0]
    assert limits == "Quality limits are those that glxflow comes with."


def test_sessions_that_were_judged_differently_are_no_one_plan(record, tmp_path):
    record(SCANS[0], Parameters=judged_by({}))
    record(SCANS[1], Parameters=judged_by({"snr": {"fail": 10}}))
    assert "Not all sessions were judged by the same" in departures(tmp_path, SCANS, [])[0]


def test_limits_in_another_order_are_the_same(record, tmp_path):
    limits = judged_by({})["qc"]
    record(SCANS[0], Parameters={"qc": limits})
    record(SCANS[1], Parameters={"qc": dict(reversed(limits.items()))})
    assert "those that glxflow comes with" in departures(tmp_path, SCANS, [])[0]


def test_what_is_not_recorded_is_not_claimed(tmp_path):
    limits, noted, lock = departures(tmp_path, SCANS, [])
    assert "which are not beside these tables" in limits
    assert noted == "The analysis has noted nothing that it left out or could not do."
    assert lock.startswith("Nothing here tells whether the plan and the data were frozen")
    assert "notes at the top (2)" in departures(tmp_path, SCANS, ["one", "two"])[1]
