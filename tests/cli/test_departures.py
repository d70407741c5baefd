"""What the study page says of departures from the plan, from what the records hold."""

from dataclasses import asdict

from glxflow.cli.departures import departures
from glxflow.qc.limits import limits_from


def judged_by(overrides):
    """Return the record of a fit whose spectra were judged by some limits."""
    limits = {key: asdict(limit) for key, limit in limits_from(overrides).items()}
    return {"Parameters": {"qc": limits}}


def test_a_changed_limit_is_named_beside_the_one_it_stands_for():
    record = judged_by({"snr": {"doubtful": 30}, "drift_hz": {"fail": 25}})
    assert departures([record, record], [])[0] == (
        "Quality limits are not those that glxflow comes with: Signal to noise at least 30, fails "
        "below 8 (instead of at least 20, fails below 8); Frequency drift at most 10 Hz, fails "
        "above 25 Hz (instead of at most 10 Hz)."
    )


def test_limits_that_are_as_usual_are_said_to_be_so_whatever_failed():
    failed = {"Status": "failed", "Stage": "fit", "Error": "no minimum"}
    limits = departures([failed, judged_by({"snr": {"doubtful": 20}})], [])[0]
    assert limits == "Quality limits are those that glxflow comes with."


def test_sessions_that_were_judged_differently_are_no_one_plan():
    limits = departures([judged_by({}), judged_by({"snr": {"fail": 10}})], [])[0]
    assert "Not all sessions were judged by the same" in limits
    # Limits stand in the configuration, not in the plan.
    assert limits.endswith("run the workflow again with one configuration.")


def test_limits_in_another_order_are_the_same():
    limits = judged_by({})["Parameters"]["qc"]
    turned = {"Parameters": {"qc": dict(reversed(limits.items()))}}
    assert "those that glxflow comes with" in departures([judged_by({}), turned], [])[0]


def test_what_is_not_recorded_is_not_claimed():
    limits, noted, lock = departures([], [])
    assert "which are not beside these tables" in limits
    assert noted == "The analysis has noted nothing that it left out or could not do."
    assert lock.startswith("Nothing here tells whether the plan and the data were frozen")
    assert "notes at the top (2)" in departures([], ["one", "two"])[1]
