"""Exchanging the conditions in the allocation changes signs, and nothing else, everywhere."""

import numpy as np
import pandas as pd
import pytest

from glxflow.trial.analyse import analyse
from glxflow.trial.masking import letters_of, mask_plan, mask_table

SALT = "salt 0"
SIZES = ["se", "df", "statistic", "p", "p_holm", "p_permutation"]


@pytest.fixture(scope="module")
def both(make_plan, make_trial):
    """Return the masked analyses of a trial and of the same with the conditions exchanged."""
    plan = make_plan(clinical=None, permutation=100, bootstrap=100)
    trial = make_trial(n=10, effect=-0.03, seed=6)
    trial["glx_tcr"] = trial["glx_tnaa"] * 1.2 + np.random.default_rng(6).normal(
        0, 0.01, len(trial)
    )
    trial["glx_tnaa_sd"] = 0.03
    labels = ("placebo", "naltrexone")
    turned = trial.assign(
        condition=trial["condition"].map(dict(zip(labels, labels[::-1], strict=True))),
        sequence=trial["sequence"].map({"PN": "NP", "NP": "PN"}),
    )
    assert letters_of(labels, SALT) == letters_of(labels[::-1], SALT)
    return [analyse(mask_table(one, plan, SALT), None, mask_plan(plan)) for one in (trial, turned)]


def comparable(table):
    """Return a table in an order that does not depend on direction."""
    names = [name for name in ("model", "analysis", "term", "df_method") if name in table]
    return table.sort_values(names, kind="stable", ignore_index=True) if names else table


def is_rank_sum(table):
    return table["analysis"].str.contains("rank sum")


@pytest.mark.parametrize(
    "name", ["primary", "bins", "sensitivity", "crossover", "explor_sex", "explor_multiverse"]
)
def test_sizes_stay_and_signs_turn(name, both):
    one, other = (comparable(analysis.tables[name]) for analysis in both)
    assert len(one) == len(other) > 0
    if name == "crossover":
        # The rank sum counts from the other end; its P and estimate are compared.
        other["statistic"] = other["statistic"].where(~is_rank_sum(other), one["statistic"])
    if name == "explor_sex":
        # Sexes are drawn within sequences in their order: another draw, the same test.
        one, other = (table.drop(columns="p_permutation") for table in (one, other))
    for column in [name for name in SIZES if name in one]:
        # The searches start from designs of opposite sign, which costs the last digits.
        expected = one[column].abs().to_numpy(dtype=float)
        found = other[column].abs().to_numpy(dtype=float)
        assert found == pytest.approx(expected, rel=2e-5, abs=1e-7, nan_ok=True), column
    found, expected = (part["estimate"].to_numpy(dtype=float) for part in (other, one))
    assert np.abs(found) == pytest.approx(np.abs(expected), rel=2e-5, abs=1e-9, nan_ok=True)
    is_effect = one.get("term", pd.Series("Y - X", one.index)).fillna("").str.contains("Y - X")
    if "analysis" in one:
        is_effect = one["analysis"].str.contains("Y - X")
    is_effect &= np.isfinite(expected)
    assert is_effect.any()
    assert found[is_effect] == pytest.approx(-expected[is_effect], rel=2e-5, abs=1e-9)


def test_the_ratio_of_the_residuals_is_that_of_the_letters(both):
    ratios = []
    for analysis in both:
        table = analysis.tables["sensitivity"]
        note = table.loc[table["model"].str.contains("another SD"), "note"].iloc[0]
        assert note.startswith("SD of Y / X ")
        ratios.append(float(note.removeprefix("SD of Y / X ").split(",")[0]))
    assert ratios[0] * ratios[1] == pytest.approx(1, abs=0.02)  # printed with two decimals


def test_quantiles_have_no_direction(both):
    one, other = (analysis.quantiles for analysis in both)
    assert list(one) == list(other)
    for name, part in one.items():
        # The same model in another coding; a variance at its boundary is zero.
        assert other[name]["observed"] == pytest.approx(part["observed"], rel=1e-4, abs=1e-8)


def test_missing_cells_are_counted_under_the_other_letter(both):
    # The note stands at the first row, whichever letter that is.
    one, other = (
        analysis.tables["missing"].set_index("analysis").drop(columns="note") for analysis in both
    )
    for letter, turned in (("X", "Y"), ("Y", "X")):
        pd.testing.assert_series_equal(
            one.loc[f"data under {letter}"], other.loc[f"data under {turned}"], check_names=False
        )
