"""Blinding indices at the points where their values are known by definition."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.errors import TableError
from glxflow.trial.blinding import blinding_indices, james, score_interval
from glxflow.trial.responders import wilson


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[10, 0, 0], [0, 10, 0]], 0.0),  # all right
        ([[0, 10, 0], [10, 0, 0]], 1.0),  # all wrong
        ([[5, 5, 0], [5, 5, 0]], 0.5),  # at random
        ([[0, 0, 10], [0, 0, 10]], 1.0),  # nobody says
        ([[5, 0, 5], [0, 5, 5]], 0.5),  # half know, half do not say
        ([[5, 5, 10], [5, 5, 10]], 0.75),  # half at random, half do not say
    ],
)
def test_james_index_at_its_landmarks(counts, expected):
    assert james(np.array(counts, dtype=float)) == pytest.approx(expected, abs=1e-12)


def sessions(placebo, naltrexone):
    guesses = [("placebo", guess) for guess in placebo] + [
        ("naltrexone", guess) for guess in naltrexone
    ]
    table = pd.DataFrame(guesses, columns=["condition", "guess"])
    return table.assign(subject=[*range(len(placebo)), *range(len(naltrexone))])


def test_bangs_index_tells_the_conditions_apart(make_plan):
    # All guess placebo: right under placebo, wrong under naltrexone.
    table = blinding_indices(sessions(["placebo"] * 8, ["placebo"] * 8), make_plan())
    assert table["estimate"].iloc[:2].tolist() == [1.0, -1.0]
    assert table["estimate"].iloc[2] == pytest.approx(0.5)  # no more right than by chance


def test_guesses_of_one_participant_under_one_condition_are_not_taken_for_two(make_plan):
    table = sessions(["placebo"] * 8, ["placebo"] * 8)
    # As in a factorial trial within participants: each has a condition with both infusions.
    twice = table.assign(subject=table["subject"] // 2)
    notes = [blinding_indices(one, make_plan())["note"].iloc[0] for one in (table, twice)]
    said = "score interval; takes 8 guesses of 4 participants for independent: too narrow"
    assert notes == ["score interval", said]


def test_undecided_participants_count_as_neither(make_plan):
    guesses = ["placebo", "naltrexone", "dont_know", "dont_know"]
    table = blinding_indices(sessions(guesses, guesses), make_plan())
    assert table["estimate"].iloc[:2].tolist() == [0.0, 0.0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 6])
def test_an_index_that_is_not_defined_has_a_reason_and_no_interval(n, make_plan):
    guesses = ["placebo"] * n + ["dont_know"] * (6 - n)
    row = blinding_indices(sessions(guesses, ["dont_know"] * 6), make_plan()).iloc[2]
    assert row[["estimate", "ci_low", "ci_high"]].isna().all()
    assert row["note"].startswith("not defined: all who decided had placebo and named it")


def test_draws_without_an_index_are_counted(make_plan):
    # A draw of the one who was right without the one who was wrong has none.
    guesses = ["placebo", "naltrexone", "dont_know"]
    row = blinding_indices(sessions(guesses, ["dont_know"] * 3), make_plan()).iloc[2]
    assert row["ci_low"] <= row["estimate"] <= row["ci_high"]
    assert "of 500 draws, which have no index, left out" in row["note"]


def test_participants_are_drawn_with_both_their_guesses(make_plan):
    # Half are right twice and half wrong twice: two sessions tell no more than one.
    right, wrong = ["placebo"] * 10, ["naltrexone"] * 10
    table, plan = sessions(right + wrong, wrong + right), make_plan(bootstrap=2000)
    apart = table.assign(subject=range(len(table)))
    widths = [
        (row := blinding_indices(one, plan).iloc[2])["ci_high"] - row["ci_low"]
        for one in (table, apart)
    ]
    # By 1.4, less what the shares of both conditions and guesses vary in the draws of sessions.
    assert widths[0] / widths[1] == pytest.approx(1.3, abs=0.12)


def test_interval_of_bangs_index_covers_at_its_confidence():
    n, p_right, p_wrong = 26, 0.5, 0.2
    outcomes = [(right, wrong) for right in range(n + 1) for wrong in range(n + 1 - right)]
    shares = [p_right, p_wrong, 1 - p_right - p_wrong]
    inside = 0.0
    for right, wrong in outcomes:
        low, high = score_interval(right, wrong, n, 0.95)
        if low <= p_right - p_wrong <= high:
            inside += stats.multinomial.pmf([right, wrong, n - right - wrong], n, shares)
    # Exact: counts are discrete, and no interval of them covers at 95 % everywhere.
    assert inside == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("n", [2, 10, 26])
def test_score_interval_has_a_width_wherever_the_guesses_lie(n):
    # All right: Wilson's interval of that share, on the scale from -1 to 1.
    assert score_interval(n, 0, n, 0.95)[0] == pytest.approx(2 * wilson(n, n, 0.95)[1] - 1)
    for right in range(n + 1):
        for wrong in range(n + 1 - right):
            low, high = score_interval(right, wrong, n, 0.95)
            assert -1 <= low <= (right - wrong) / n <= high <= 1
            assert high - low > 0.05
            # Exchanging right and wrong turns it over; brentq stops at 2e-12.
            assert score_interval(wrong, right, n, 0.95) == pytest.approx((-high, -low), abs=1e-8)


def test_reference_sessions_have_indices(make_plan, read_stats):
    table = blinding_indices(read_stats("session_A"), make_plan())
    assert table[["estimate", "ci_low", "ci_high"]].notna().all(axis=None)
    assert ((table["ci_low"] <= table["estimate"]) & (table["estimate"] <= table["ci_high"])).all()


def test_unknown_guesses_and_conditions_and_missing_columns_are_refused(make_plan):
    with pytest.raises(TableError, match="guess 'ketamine'"):
        blinding_indices(sessions(["ketamine"], ["placebo"]), make_plan())
    table = sessions(["placebo"] * 2, ["placebo"]).assign(
        condition=["placbo", "placebo", "naltrexone"]
    )
    with pytest.raises(TableError, match="condition 'placbo' is not one of placebo, naltrexone"):
        blinding_indices(table, make_plan())
    with pytest.raises(TableError, match="columns guess"):
        blinding_indices(sessions(["placebo"], ["placebo"]).drop(columns="guess"), make_plan())
