"""The classical 2x2 analysis against R and against textbooks.

The reference values are first letter minus second (placebo minus active where the
sequence is AB with A placebo), which `is_first` chooses; the trial's tables ask for
active minus reference.
"""

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import TableError
from glxflow.trial.crossover import analyse_crossover

DATA = ("senn", "gr", "cc", "glx_A", "glx_C", "madrs_A", "madrs_C")
ROWS = {
    "A - B, period-adjusted": "treatment_period_adjusted",
    "A - B, unadjusted paired": "treatment_unadjusted_paired",
    "period 1 - period 2": "period",
    "carry-over, sequence sums, of A - B (description only, gates nothing)": (
        "carryover_sum_test_DO_NOT_GATE"
    ),
}


def analyse(table, first="A", n_permutations=200):
    result = analyse_crossover(
        table["y1"].to_numpy(dtype=float),
        table["y2"].to_numpy(dtype=float),
        table["seq"].str.startswith(first).to_numpy(),
        np.full(len(table), ""),
        contrast="A - B" if first == "A" else "B - A",
        confidence=0.95,
        n_permutations=n_permutations,
        rng=np.random.default_rng(5),
    )
    return result.set_index("analysis")


@pytest.mark.parametrize("data", DATA)
def test_estimates_and_tests_are_those_of_r(data, read_stats, answers):
    expected = answers("reference_crossover")[data]
    found = analyse(read_stats(f"crossover_{data}"))
    columns = {"estimate": "est", "statistic": "t", "df": "df", "p": "p"}
    for row, key in ROWS.items():
        for column, name in {**columns, "ci_low": "lo", "ci_high": "hi"}.items():
            # Closed forms on both sides; glx is stored with 15 digits.
            assert found.loc[row, column] == pytest.approx(expected[key][name], rel=1e-9), row
    rank = found.loc["A - B, Wilcoxon rank sum"]
    assert rank["statistic"] == expected["wilcoxon"]["W"]
    assert rank["p"] == pytest.approx(expected["wilcoxon"]["p"], rel=1e-9)


@pytest.mark.parametrize("data", ["senn", "gr", "cc"])
def test_randomisation_test_is_exact_where_all_assignments_can_be_listed(
    data, read_stats, answers
):
    found = analyse(read_stats(f"crossover_{data}")).loc["A - B, randomisation test"]
    assert found["note"].startswith("exact")
    expected = answers("reference_crossover")[data]["exact_randomisation_p"]
    assert found["p"] == pytest.approx(expected, rel=1e-12)  # a ratio of two counts


def test_textbook_answers_are_reproduced(read_stats, answers):
    published = answers("published_crossover")
    machines = analyse(read_stats("crossover_cc")).loc["A - B, period-adjusted"]
    printed = published["cc"]["published"]
    assert machines["statistic"] ** 2 == pytest.approx(printed["F_machine"], abs=5e-3)  # printed
    assert machines["p"] == pytest.approx(printed["p_machine"], abs=5e-5)  # as printed
    drug = analyse(read_stats("crossover_gr"))
    printed = published["gr"]["published"]
    treatment, period = drug.loc["A - B, period-adjusted"], drug.loc["period 1 - period 2"]
    assert treatment["statistic"] ** 2 == pytest.approx(
        printed["F_trt_period_adjusted"], abs=5e-3
    )  # printed with two digits
    assert treatment["p"] == pytest.approx(printed["p_trt_period_adjusted"], abs=5e-5)  # printed
    assert period["statistic"] ** 2 == pytest.approx(printed["F_period"], abs=5e-3)  # printed
    assert period["df"] == printed["df_error"]


def test_asking_for_the_other_sign_turns_the_treatment_effect_only(read_stats):
    table = read_stats("crossover_senn")
    one, other = analyse(table), analyse(table, first="B")
    for row in ("period-adjusted", "unadjusted paired", "Wilcoxon rank sum"):
        turned = other.loc[f"B - A, {row}"]
        assert turned["estimate"] == pytest.approx(-one.loc[f"A - B, {row}", "estimate"])
        assert turned["p"] == pytest.approx(one.loc[f"A - B, {row}", "p"])
    pd.testing.assert_series_equal(
        one.loc["period 1 - period 2"], other.loc["period 1 - period 2"]
    )


def test_an_effect_moves_every_estimate_by_itself(read_stats):
    table = read_stats("crossover_senn")
    has_a = table["seq"].str.startswith("A")
    moved = table.assign(
        y1=table["y1"] + 7.0 * has_a, y2=table["y2"] + 7.0 * ~has_a
    )  # fmt: skip
    one, other = analyse(table)["estimate"], analyse(moved)["estimate"]
    for row in ("period-adjusted", "unadjusted paired", "Wilcoxon rank sum"):
        assert other[f"A - B, {row}"] == pytest.approx(one[f"A - B, {row}"] + 7)
    for row in one.index[one.index.str.startswith(("period 1", "carry-over"))]:
        assert other[row] == pytest.approx(one[row])


def test_drawn_assignments_agree_with_the_t_test(read_stats):
    found = analyse(read_stats("crossover_glx_A"), n_permutations=20_000)
    drawn = found.loc["A - B, randomisation test"]
    assert drawn["note"] == "20000 drawn assignments"
    # Monte-Carlo error of P = .125 is .0023; with 26 participants t and randomisation agree.
    assert drawn["p"] == pytest.approx(found.loc["A - B, period-adjusted", "p"], abs=0.01)


def test_two_participants_a_sequence_are_needed():
    table = pd.DataFrame({"y1": [1.0, 2, 3], "y2": [2.0, 2, 1], "seq": ["AB", "AB", "BA"]})
    with pytest.raises(TableError, match="2 and 1 complete participants"):
        analyse(table)
