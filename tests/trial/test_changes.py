"""How changes from the baseline are measured: as differences, or as a joint fit gives them."""

import numpy as np
import pytest

from glxflow.errors import TableError, TooFewError
from glxflow.trial.changes import glx_changes, left_out, scheduled_trial

COLUMN = "glx_tnaa_change_joint"


@pytest.fixture
def trial(make_trial):
    table = make_trial(n=8)
    return table.assign(**{COLUMN: np.where(table["bin"] > 0, 0.01 * table["bin"], np.nan)})


def test_the_plan_says_which_changes_are_analysed(trial, make_plan):
    separate, joint = (glx_changes(trial, make_plan(change=way)) for way in ("separate", "joint"))
    difference = separate["glx_tnaa"] - separate["base"]
    assert separate["delta"].tolist() == difference.tolist()
    assert joint["delta"].tolist() == (0.01 * joint["bin"]).tolist()
    # The baseline is a covariate of either.
    assert joint["base"].tolist() == separate["base"].tolist()
    assert joint["base_dev"].tolist() == separate["base_dev"].tolist()
    assert glx_changes(trial, make_plan())["delta"].tolist() == difference.tolist()


def test_a_bin_without_a_joint_change_is_missing(trial, make_plan):
    plan = make_plan(change="joint")
    first = (trial["subject"] == "sub-01") & (trial["period"] == 1)
    trial.loc[first & (trial["bin"] == 2), COLUMN] = np.nan
    assert len(glx_changes(trial, plan)) == 8 * 2 * 3 - 1
    trial.loc[first, COLUMN] = np.nan
    scheduled, _ = scheduled_trial(trial, plan)
    assert left_out(scheduled, plan) == [
        "trial table: left out and counted as missing for want of a later bin with "
        f"{COLUMN!r} in the analysis set 'qc_pass': sub-01 in period 1"
    ]
    # What is no change is no later bin either: it needs no outcome.
    trial.loc[trial["bin"] > 0, "glx_tnaa"] = np.nan
    assert len(glx_changes(trial, plan)) == 8 * 2 * 3 - 3


def test_a_table_without_joint_changes_is_refused_where_the_plan_takes_them(trial, make_plan):
    plan = make_plan(change="joint")
    with pytest.raises(TableError, match=f"no column '{COLUMN}', which `change: joint`"):
        glx_changes(trial.drop(columns=COLUMN), plan)
    with pytest.raises(TooFewError):
        glx_changes(trial.assign(**{COLUMN: np.nan}), plan)


@pytest.mark.parametrize("end", ["sd", "change_sd_model"])
def test_a_negative_sd_is_refused_with_its_row_and_value(make_trial, make_plan, end):
    table = make_trial().assign(**{f"glx_tnaa_{end}": 0.02})
    table.loc[0, f"glx_tnaa_{end}"] = 0.0
    glx_changes(table, make_plan())
    table.loc[[5, 6], f"glx_tnaa_{end}"] = -0.03
    words = (
        f"'glx_tnaa_{end}' is -0.03 in the row of sub-01, period 2, bin 1, and negative in 1 more"
    )
    with pytest.raises(TableError, match=words):
        glx_changes(table, make_plan())
