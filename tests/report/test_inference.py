import math

import pandas as pd
import pytest

from glxflow.report.inference import (
    attenuation_sentence,
    other_analyses,
    reading,
    result_table,
    sentence,
    steadiness,
)

ROW = {
    "model": "primary",
    "term": "naltrexone − placebo",
    "estimate": -0.0312,
    "se": 0.0132,
    "df": 23.01,
    "df_method": "kenward-roger",
    "statistic": 5.583,
    "p": 0.0270,
    "ci_low": -0.0585,
    "ci_high": -0.0039,
    "n_participants": 26,
    "n_sessions": 52,
    "n_rows": 260,
}


def test_a_sentence_holds_everything_that_a_claim_needs():
    assert sentence(ROW, 0.95) == (
        "estimate −0.0312, 95 % interval [−0.0585, −0.0039]; "
        "statistic 5.58 on 23.0 df (Kenward-Roger); P = 0.027; "
        "26 participants, 52 sessions, 260 rows."
    )


def test_without_an_estimate_the_sentence_is_the_reason():
    row = ROW | {"estimate": math.nan, "note": "3 participants are too few."}
    assert sentence(row, 0.95) == "no answer: 3 participants are too few."


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-2.0, -1.0, "excludes zero"),
        (1.0, 2.0, "excludes zero"),
        (-1.0, 2.0, "no evidence that there is none"),
        (0.0, 2.0, "no evidence that there is none"),
        (math.nan, 2.0, "nothing can be concluded"),
    ],
)
def test_the_reading_follows_the_interval(low, high, words):
    assert words in reading({"ci_low": low, "ci_high": high})


def test_a_percentage_never_stands_without_its_interval():
    row = {"estimate": 28.0, "ci_low": 4.2, "ci_high": 47.1}
    assert attenuation_sentence(row, 0.95) == "28.0 % (95 % interval 4.2 % to 47.1 %)."


@pytest.mark.parametrize("missing", ["estimate", "ci_low", "ci_high"])
@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_an_unbounded_attenuation_has_no_number(missing, value):
    row = {"estimate": 28.0, "ci_low": 4.2, "ci_high": 47.1, missing: value}
    text = attenuation_sentence(row, 0.95)
    assert text.startswith("not bounded")
    assert not any(character.isdigit() for character in text)


def test_the_reason_of_an_unbounded_attenuation_is_given_once():
    nothing = {"estimate": math.nan, "ci_low": math.nan, "ci_high": math.nan}
    note = "not bounded: the reference effect is not told from zero (g = 1.32)"
    assert attenuation_sentence(nothing | {"note": note}, 0.95) == note + "."


def test_a_table_joins_interval_and_counts_and_drops_what_is_empty():
    table = pd.DataFrame([ROW | {"outcome": None}])
    headings, rows, _ = result_table(table, 0.95)
    assert "outcome" not in headings
    cells = dict(zip(headings, rows[0], strict=True))
    assert cells["95 % interval"] == "[−0.0585,\u00a0−0.0039]"
    assert headings.index("95 % interval") == headings.index("estimate") + 1
    assert cells["participants / sessions / rows"] == "26 / 52 / 260".replace(" ", "\u00a0")
    assert cells["P"] == "0.027"


def test_intervals_are_called_by_the_confidence_of_the_plan():
    assert ", 80 % interval" in sentence(ROW, 0.8)
    row = {"estimate": 28.0, "ci_low": 4.2, "ci_high": 47.1}
    assert "(97.5 % interval" in attenuation_sentence(row, 0.975)
    assert "80 % interval" in result_table(pd.DataFrame([ROW]), 0.8)[0]
    # Two one-sided tests at 5 % each.
    assert "90 % interval" in result_table(pd.DataFrame([ROW | {"margin": 0.1}]), 0.95)[0]


def test_the_p_of_equivalence_is_called_one_sided():
    headings, rows, _ = result_table(pd.DataFrame([ROW | {"margin": 0.1}]), 0.95)
    assert rows[0][headings.index("P (one-sided, TOST)")] == "0.027"
    assert "P" not in headings
    assert "P" in result_table(pd.DataFrame([ROW]), 0.95)[0]


def test_a_missing_count_is_not_printed_as_a_number():
    _, rows, _ = result_table(
        pd.DataFrame({"analysis": ["a", "b"], "n_cells": [4.0, math.nan]}), 0.95
    )
    assert [row[1] for row in rows] == ["4", "n/a"]


def test_a_note_stands_below_its_row():
    table = pd.DataFrame({"analysis": ["a", "b"], "estimate": [1.0, 2.0], "note": ["why", None]})
    headings, rows, notes = result_table(table, 0.95)
    assert "note" not in headings
    assert notes == ["why", ""]
    assert len(rows) == 2


def test_analyses_that_come_to_another_end_are_named_with_their_intervals():
    row = {"estimate": -0.04, "ci_low": -0.06, "ci_high": -0.02}
    columns = ["model", "estimate", "ci_low", "ci_high"]
    alike = pd.DataFrame([("set: all", -0.041, -0.06, -0.021)], columns=columns)
    assert "come to the same end" in steadiness(row, alike, 0.95)
    others = pd.DataFrame(
        [
            ("set: all", -0.041, -0.06, -0.021),
            ("jointly", -0.016, -0.026, -0.007),
            ("known errors", -0.03, -0.07, 0.01),
        ],
        columns=columns,
    )
    said = steadiness(row, others, 0.95)
    assert "There are 3 other analyses" in said
    assert "of 1 of them the estimate lies outside of this interval: jointly (−0.016" in said
    assert "of 1 of them the interval, unlike this one, holds zero: known errors" in said
    assert "set: all" not in said
    assert steadiness(row, pd.DataFrame(), 0.95) == ""


def test_an_analysis_that_excludes_zero_where_the_primary_does_not_is_named():
    row = {"estimate": -0.0145, "ci_low": -0.03, "ci_high": 0.001}
    other = {"model": "all rows", "estimate": -0.02, "ci_low": -0.035, "ci_high": -0.005}
    said = steadiness(row, pd.DataFrame([other]), 0.95)
    assert "of 1 of them the interval, unlike this one, excludes zero: all rows" in said


def test_the_classical_analyses_of_the_contrast_are_among_the_others():
    row = ROW | {"term": "naltrexone - placebo"}
    names = ["unadjusted paired", "Wilcoxon rank sum", "randomisation test", "period 1 - period 2"]
    classical = pd.DataFrame(
        {
            "analysis": [f"naltrexone - placebo, {name}" for name in names[:3]] + names[3:],
            "outcome": "glx_tnaa",
            "estimate": [-0.03, -0.07, math.nan, 5.0],
            "p": [0.09, 0.01, 0.08, 0.01],
            "ci_low": [-0.07, math.nan, math.nan, 4.0],
            "ci_high": [0.01, math.nan, math.nan, 6.0],
        }
    )
    of_scores = classical.assign(outcome="madrs", estimate=9.0)
    both = pd.concat([classical, of_scores], ignore_index=True)
    others = other_analyses(row, "glx_tnaa", pd.DataFrame(), both)
    said = steadiness(row, others, 0.95)
    assert "There are 3 other analyses of this contrast (below: sensitivity and classical)" in said
    assert "the interval, unlike this one, holds zero: classical, unadjusted paired (−0.03" in said
    assert "lies outside of this interval: classical, Wilcoxon rank sum (−0.07" in said
    assert (
        "P, unlike this interval, leaves zero: classical, randomisation test (P = 0.080)" in said
    )
    assert "madrs" not in said
    alone = other_analyses(row, "glx_tnaa", pd.DataFrame([row | {"model": "all rows"}]), both)
    assert len(alone) == 4
    nothing = other_analyses(row, "glx_tnaa", pd.DataFrame(), of_scores)
    assert steadiness(row, nothing, 0.95) == ""


def test_contrasts_and_numbers_in_words_have_a_true_minus_sign():
    row = ROW | {
        "term": "naltrexone - placebo in F",
        "note": "sub-01: naltrexone - placebo is -0.05 to 1e-05 (-.3), see /data-2/a-1.tsv, or -v",
    }
    headings, rows, notes = result_table(pd.DataFrame([row]), 0.95)
    assert rows[0][headings.index("term")] == "naltrexone − placebo in F"
    assert notes == [
        "sub-01: naltrexone − placebo is −0.05 to 1e-05 (−.3), see /data-2/a-1.tsv, or -v"
    ]
