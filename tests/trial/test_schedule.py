"""Times that few sessions have change no result; what was planned stays."""

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import TooFewError
from glxflow.trial.analyse import analyse
from glxflow.trial.changes import clinical_changes, glx_changes, scheduled_scores, scheduled_trial


def with_rows(table, time, value, n):
    """Return a table in which the first sessions have another time after the baseline."""
    more = table[table[time] == 1].head(n).assign(**{time: value})
    return pd.concat([table, more], ignore_index=True)


@pytest.fixture
def scores(make_trial):
    """Return scores of eight participants on days 0, 1 and 7."""
    table = make_trial(n_bins=2).rename(columns={"bin": "day", "glx_tnaa": "madrs"})
    return table.assign(day=table["day"].replace({2: 7}), madrs=100 * table["madrs"])


def test_a_bin_and_a_day_of_one_session_change_no_result(make_plan, make_trial, scores):
    plan, trial = make_plan(), make_trial()
    plain = analyse(trial, scores, plan)
    other = analyse(with_rows(trial, "bin", 4, 1), with_rows(scores, "day", 3, 1), plan)
    assert list(other.tables) == list(plain.tables)
    for name, table in plain.tables.items():
        pd.testing.assert_frame_equal(other.tables[name], table)
    assert set(other.warnings) - set(plain.warnings) == {
        "trial table: bin 4 is left out of every analysis, since fewer than half of the sessions "
        "have one to analyse (0 of 8 under naltrexone)",
        "clinical table: day 3 is left out of every analysis, since fewer than half of the "
        "sessions have one to analyse (0 of 8 under naltrexone)",
    }


@pytest.mark.parametrize(("n", "stays"), [(7, False), (8, True), (16, True)])
def test_half_of_the_sessions_of_both_conditions_are_enough(n, stays, make_plan, make_trial):
    trial = with_rows(make_trial(), "bin", 4, n)
    # A bin without a value is none, and a session without a baseline is not counted.
    empty = with_rows(trial, "bin", 5, 16).assign(
        glx_tnaa=lambda t: t["glx_tnaa"].where(t["bin"] < 5)
    )
    alone = trial[trial["bin"] == 1].assign(subject=lambda t: "x" + t["subject"])
    table, notes = scheduled_trial(pd.concat([empty, alone]), make_plan())
    assert (4 in set(table["bin"])) is stays
    assert len(notes) == (0 if stays else 1)


def test_a_bin_of_one_condition_is_left_out_and_the_model_answers(make_plan, make_trial):
    """All sessions under naltrexone are half of all, and leave bin by condition aliased."""
    trial = make_trial()
    longer = trial[(trial["bin"] == 1) & (trial["condition"] == "naltrexone")].assign(bin=4)
    table, (said,) = scheduled_trial(pd.concat([trial, longer]), make_plan())
    assert 4 not in set(table["bin"])
    assert said.endswith("(0 of 8 under placebo)")


def test_a_bin_that_fails_quality_nearly_everywhere_is_left_out(make_plan, make_trial):
    trial = make_trial()
    last = trial["bin"].max()
    lost = (trial["bin"] == last) & (trial["subject"] > "sub-02")
    table, notes = scheduled_trial(trial.assign(qc_pass=~lost), make_plan())
    assert last not in set(table["bin"])
    assert len(notes) == 1


def test_the_day_of_the_plan_stays(make_plan, scores):
    few = scores[(scores["day"] != 1) | (scores["subject"] <= "sub-02")]
    table, notes = scheduled_scores(few, make_plan())
    assert notes == []
    assert set(clinical_changes(table, make_plan())["day"]) == {1, 7}


def test_sessions_without_a_time_in_common_are_said(make_plan, make_trial):
    trial = make_trial(n_bins=1)
    number = np.arange(len(trial)) // 2 % 4 + 1
    trial = trial.assign(bin=np.where(trial["bin"] > 0, number, 0))
    with pytest.raises(
        TooFewError, match="no bin after the baseline is in half of the sessions of every"
    ):
        glx_changes(trial, make_plan())
