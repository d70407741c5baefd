"""Responders against published intervals, and what they count."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.trial.changes import clinical_changes
from glxflow.trial.responders import (
    _mainland_gart,
    _paired,
    _unpaired,
    newcombe_groups,
    newcombe_pairs,
    responders,
)

RULES = {"instrument": "madrs", "day": 1, "responders": {"drop": 0.5, "remission": 10}}


def test_intervals_of_pairs_are_the_published_ones():
    # Newcombe 1998, Table II, method 10: printed with four digits.
    assert newcombe_pairs(36, 12, 2, 0, 0.95) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)


def test_intervals_of_groups_are_the_published_ones():
    # Newcombe 1998, Table II, method 10: 56/70 - 48/80 and 9/10 - 3/10.
    found = newcombe_groups((56, 48), (70, 80), 0.95)
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)  # as printed
    found = newcombe_groups((9, 3), (10, 10), 0.95)
    assert found == pytest.approx((0.6, 0.1705, 0.8090), abs=5e-5)


def test_interval_of_pairs_covers_the_truth():
    rng = np.random.default_rng(3)
    shares = np.array([0.35, 0.25, 0.1, 0.3])  # difference .15
    draws = rng.multinomial(30, shares, 1000)
    limits = np.array([newcombe_pairs(*map(int, row), 0.95)[1:] for row in draws])
    inside = ((limits[:, 0] <= 0.15) & (limits[:, 1] >= 0.15)).mean()
    assert 0.93 <= inside <= 0.985  # SE .007; the method is known to lie near .95 to .96


def scores_of(answers, design=("sequence", "period", "condition")):
    """Return a clinical table: (sequence, end under placebo, end under naltrexone), from 30."""
    rows = []
    for number, (sequence, *ends) in enumerate(answers):
        for label, end in zip(("placebo", "naltrexone"), ends, strict=True):
            period = sequence.index(label[0].upper()) + 1
            for day, score in ((0, 30), (1, end)):
                rows.append((f"s{number}", sequence, period, label, day, score))
    return pd.DataFrame(rows, columns=["subject", *design, "day", "madrs"])


ANSWERS = (
    [("PN", 10, 20)] * 4 + [("NP", 12, 25)] * 3 + [("PN", 8, 9)] * 2 + [("NP", 28, 14)]
    + [("NP", 28, 29)] * 2
)  # fmt: skip


def test_pairs_are_counted_and_tested(make_plan):
    plan = make_plan(clinical=RULES)
    table = responders(clinical_changes(scores_of(ANSWERS), plan), plan).set_index("analysis")
    # A fall to 15 or less is a response: 9 of 12 under placebo, 3 under naltrexone.
    assert table.loc["responders under placebo", "n_events"] == 9
    assert table.loc["responders under naltrexone", "n_events"] == 3
    assert table.loc["remitters under placebo", "n_events"] == 6  # 10 or less
    difference = table.loc["responders, naltrexone - placebo"]
    assert difference["estimate"] == pytest.approx(-0.5)
    # Seven pairs respond under placebo only, one under naltrexone only.
    assert difference["p"] == pytest.approx(stats.binomtest(1, 8).pvalue)
    expected = newcombe_pairs(2, 1, 7, 2, 0.95)
    assert difference["ci_low"] == pytest.approx(expected[1])
    # Of the pairs that differ, the first period won in 4 of 4 PN; in 1 of 4 NP.
    gart = table.loc["responders, naltrexone - placebo, period-adjusted", "p"]
    assert gart == pytest.approx(stats.fisher_exact([[1, 3], [4, 0]]).pvalue)


def test_a_fall_by_the_rule_itself_responds_and_other_days_do_not_count(make_plan):
    plan = make_plan(clinical=RULES)
    scores = scores_of([("PN", 15, 16), ("NP", 15, 16), ("NP", 15, 16)])
    later = scores[scores["day"] == 1].assign(day=7, madrs=2)
    changes = clinical_changes(pd.concat([scores, later]), plan)
    table = responders(changes, plan).set_index("analysis")
    for name, events in (("placebo", 3), ("naltrexone", 0)):
        row = table.loc[f"responders under {name}"]
        assert (row["n_events"], row["n_participants"]) == (events, 3)


def test_arms_are_compared_by_fisher(make_plan):
    plan = make_plan(clinical=RULES, design="parallel")
    rows = [(f"s{i}", "placebo" if i < 10 else "naltrexone", day, 30 if day == 0 else score)
            for i, score in enumerate([10] * 7 + [25] * 3 + [10] * 2 + [25] * 8)
            for day in (0, 1)]  # fmt: skip
    scores = pd.DataFrame(rows, columns=["subject", "condition", "day", "madrs"])
    table = responders(clinical_changes(scores, plan), plan).set_index("analysis")
    found = table.loc["responders, naltrexone - placebo"]
    assert found["p"] == pytest.approx(stats.fisher_exact([[7, 3], [2, 8]]).pvalue)
    assert found["estimate"] == pytest.approx(-0.5)


def test_a_comparison_with_nobody_has_no_p():
    nobody, some = np.zeros(0, dtype=bool), np.array([True, False])
    assert np.isnan(_paired("x", nobody, nobody, 0.95)["p"])
    assert np.isnan(_unpaired("x", nobody, some, 0.95)["p"])
    assert np.isnan(_mainland_gart("x", nobody, nobody, nobody)["p"])
    assert _paired("x", some, some, 0.95)["p"] == 1


def test_a_score_of_zero_at_the_start_is_no_response(make_plan):
    plan = make_plan(clinical=RULES)
    scores = scores_of([("PN", 0, 0), ("NP", 10, 20)])
    scores["madrs"] = scores["madrs"].where(scores["subject"] != "s0", 0)
    table = responders(clinical_changes(scores, plan), plan).set_index("analysis")
    assert table.loc["responders under placebo", "n_events"] == 1
    assert table.loc["remitters under placebo", "n_events"] == 2
