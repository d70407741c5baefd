import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.report.change import (
    by_infusion,
    by_participant,
    change_from_baseline,
    counted,
    group_means,
    groups,
)


@pytest.fixture
def table():
    rows = [
        (subject, session, condition, time, start + slope * time)
        for subject, session, condition, start, slope in (
            ("a", "1", "placebo", 1.0, 0.2),
            ("a", "2", "naltrexone", 2.0, 0.1),
            ("b", "1", "placebo", 1.5, 0.4),
            ("b", "2", "naltrexone", 1.4, 0.0),
            ("c", "1", "placebo", 1.1, 0.3),
        )
        for time in (0.0, 1.0, 2.0)
    ]
    return pd.DataFrame(rows, columns=["subject", "session", "condition", "time", "y"])


def test_the_change_of_a_straight_line_is_its_slope_times_time(table):
    changes, _ = change_from_baseline(table, "y", "time", table["time"] == 0)
    last = changes[changes["time"] == 2.0].set_index(["subject", "session"])["change"]
    expected = {("a", "1"): 0.4, ("a", "2"): 0.2, ("b", "1"): 0.8, ("b", "2"): 0, ("c", "1"): 0.6}
    assert last.to_dict() == pytest.approx(expected, abs=1e-12)  # rounding


def test_a_session_without_its_baseline_has_no_change_and_is_counted(table):
    table.loc[(table["subject"] == "a") & (table["time"] == 0.0), "y"] = np.nan
    changes, n_left_out = change_from_baseline(table, "y", "time", table["time"] == 0)
    assert set(changes["subject"]) == {"b", "c"}
    assert n_left_out == 2


def test_no_later_time_point_takes_the_place_of_the_baseline(table):
    late = table[table["time"] > 0]
    changes, n_left_out = change_from_baseline(late, "y", "time", late["time"] == 0)
    assert changes.empty
    assert n_left_out == 5


def test_a_baseline_of_several_bins_is_their_mean(table):
    changes, _ = change_from_baseline(table, "y", "time", table["time"] <= 1)
    last = changes[changes["time"] == 2.0].set_index(["subject", "session"])["change"]
    assert last["a", "1"] == pytest.approx(0.2 * 1.5, abs=1e-12)  # rounding


def test_joint_changes_stand_in_the_place_of_differences(table):
    is_baseline = table["time"] == 0
    table["joint"] = np.where(is_baseline, np.nan, 0.01 * table["time"])
    table.loc[(table["subject"] == "c") & (table["time"] == 2.0), "joint"] = np.nan
    changes, n_left_out = change_from_baseline(table, "y", "time", is_baseline, "joint")
    assert changes.loc[changes["time"] == 0, "change"].tolist() == [0.0] * 5
    assert changes.loc[changes["time"] == 1.0, "change"].to_numpy() == pytest.approx(0.01)
    # What was not fitted jointly is no change, though the outcome is there.
    assert set(changes.loc[changes["time"] == 2.0, "subject"]) == {"a", "b"}
    assert n_left_out == 0


def test_the_interval_is_students(table):
    means = group_means(change_from_baseline(table, "y", "time", table["time"] == 0)[0], "time")
    row = means[(means["condition"] == "placebo") & (means["time"] == 1.0)].iloc[0]
    low, high = stats.t.interval(0.95, 2, np.mean([0.2, 0.4, 0.3]), stats.sem([0.2, 0.4, 0.3]))
    assert row["mean"] == pytest.approx((low + high) / 2, rel=1e-9)  # rounding
    assert row["half"] == pytest.approx((high - low) / 2, rel=1e-9)
    assert row["n"] == 3


def test_the_sessions_behind_each_mean_are_counted(table):
    table.loc[(table["subject"] == "b") & (table["time"] == 1.0), "y"] = np.nan
    late = table[(table["condition"] == "placebo") | (table["time"] < 2)]
    changes, _ = change_from_baseline(late, "y", "time", late["time"] == 0)
    said = counted(changes, "time", ("placebo", "naltrexone"))
    assert said == (
        " Sessions at each mark, from left to right: placebo 3, 2, 3; naltrexone 2, 1, 0."
    )
    assert counted(changes.head(0), "time", ("placebo", "naltrexone")) == ""


@pytest.fixture
def participants():
    rows = [
        ("a", "placebo", 0.3), ("a", "naltrexone", 0.15), ("b", "placebo", 0.6),
        ("b", "naltrexone", 0.0), ("c", "placebo", 0.4),
        ("d", "placebo", np.nan), ("d", "naltrexone", np.nan),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["subject", "condition", "change"])


def test_pairs_are_ordered_by_difference_and_single_sessions_come_last(participants):
    pairs = by_participant(participants, ("placebo", "naltrexone"))
    assert list(pairs.index) == ["a", "b", "c"]  # d has no bin in common
    assert pairs.loc["b"].tolist() == [0.6, 0.0]
    assert np.isnan(pairs.loc["c", "naltrexone"])


def test_participants_of_one_condition_stand_together_by_their_change():
    rows = {"subject": list("abcd"), "condition": ["placebo", "naltrexone"] * 2}
    table = pd.DataFrame(rows | {"session": "1", "change": [0.4, 0.2, 0.3, 0.1]})
    pairs = by_participant(table, ("placebo", "naltrexone"))
    assert list(pairs.index) == ["c", "a", "d", "b"]


def test_with_both_infusions_the_marks_are_the_response_that_is_the_infusions_own():
    levels = {("placebo", "saline"): 0.1, ("placebo", "ketamine"): 0.5,
              ("naltrexone", "saline"): 0.2, ("naltrexone", "ketamine"): 0.3}  # fmt: skip
    rows = [(name, *cell, level) for name in "ab" for cell, level in levels.items()]
    table = pd.DataFrame(rows[:-1], columns=["subject", "condition", "infusion", "change"])
    pairs = by_participant(table, ("placebo", "naltrexone"), ("saline", "ketamine"))
    assert pairs.loc["a"].tolist() == pytest.approx([0.4, 0.1])
    assert pairs.loc["b", "placebo"] == pytest.approx(0.4)
    assert np.isnan(pairs.loc["b", "naltrexone"])  # one infusion compares nothing


def test_participants_with_an_infusion_each_stand_with_their_like():
    rows = {"subject": list("abc"), "infusion": ["saline", "ketamine", "ketamine"]}
    table = pd.DataFrame(rows | {"condition": "placebo", "change": [0.1, 0.4, 0.3]})
    pairs = by_participant(table, ("placebo", "naltrexone"))
    assert list(pairs.index) == ["c, ketamine", "b, ketamine", "a, saline"]


def test_a_course_tells_the_infusions_of_a_factorial_design_apart(table):
    both = pd.concat([table.assign(infusion=name) for name in ("saline", "ketamine")])
    named = by_infusion(both, ("saline", "ketamine"))
    names = groups(("placebo", "naltrexone"), ("saline", "ketamine"))
    assert names[:2] == ("placebo with ketamine", "naltrexone with ketamine")
    assert set(named["condition"]) == set(names)
    assert by_infusion(table, ()) is table
    assert groups(("placebo", "naltrexone"), ()) == ("placebo", "naltrexone")


def test_a_table_without_values_gives_nothing(table):
    nothing = table.assign(y=np.nan)
    empty, n_left_out = change_from_baseline(nothing, "y", "time", nothing["time"] == 0)
    assert empty.empty
    assert n_left_out == 0
