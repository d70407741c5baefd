"""Two one-sided tests against scipy, and the identity with their interval."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.trial.analyse import analyse
from glxflow.trial.equivalence import Estimate, baseline_shift, equivalence, two_one_sided
from glxflow.trial.families import MEMBER


@pytest.mark.parametrize("shift", [-0.4, 0.0, 0.3])
def test_the_test_is_two_one_sample_tests(shift):
    values = np.random.default_rng(1).normal(shift, 1, 30)
    error = values.std(ddof=1) / 30**0.5
    found = two_one_sided(Estimate("x", values.mean(), error, 29, 30), 0.7, 0.05)
    expected = max(
        stats.ttest_1samp(values, -0.7, alternative="greater").pvalue,
        stats.ttest_1samp(values, 0.7, alternative="less").pvalue,
    )
    assert found["p"] == pytest.approx(expected, rel=1e-9)  # the same t
    is_inside = found["ci_low"] > -0.7 and found["ci_high"] < 0.7
    assert is_inside == (found["p"] < 0.05)
    assert ("equivalent" in found["note"]) == is_inside


def test_effects_and_baselines_are_held_against_the_margins(make_plan, read_stats):
    plan = make_plan(
        permutation=100, bootstrap=100, equivalence={"outcome": 0.05, "clinical": 2.0}
    )
    trial = read_stats("fmrs_A").query("bin < 2")
    columns = ["subject", "sequence", "period", "condition", "bin", "glx_tnaa", "qc_pass"]
    tables = analyse(trial[columns], read_stats("madrs_A"), plan).tables
    found = tables["equivalence"]
    assert found["analysis"].tolist() == [
        "glx_tnaa, naltrexone - placebo",
        "glx_tnaa, baseline of period 2 - period 1",
        "madrs, naltrexone - placebo",
        "madrs, baseline of period 2 - period 1",
    ]
    claim = tables["primary"].iloc[0]
    assert found["estimate"].iloc[0] == claim["estimate"]
    assert found["ci_low"].iloc[0] > claim["ci_low"]  # 90 % within 95 %
    on_day = tables["clinical"].query("term == 'naltrexone - placebo, day 1'").iloc[0]
    assert found["estimate"].iloc[2] == pytest.approx(on_day["estimate"], rel=1e-9)  # same


def test_a_baseline_that_both_sessions_share_is_said_and_not_tested():
    sessions = [(who, period, 30.0 + who) for who in range(4) for period in (1, 2)]
    shift = baseline_shift(pd.DataFrame(sessions, columns=["subject", "period", "base"]), "madrs")
    found = two_one_sided(shift, 3.0, 0.05)
    assert found["estimate"] == 0.0
    assert np.isnan([found["p"], found["ci_low"], found["ci_high"]]).all()
    assert "nothing to test" in found["note"]


def test_a_shift_is_that_of_the_second_period_and_no_test_of_a_family(make_plan):
    sessions = [(who, period, 30.0 + who + (period - 1) * rise)
                for who, rise in enumerate((1.0, 2.0, 6.0)) for period in (2, 1)]  # fmt: skip
    table = pd.DataFrame(sessions, columns=["subject", "period", "base"])
    shift = baseline_shift(table, "madrs")
    assert shift.value == pytest.approx(3.0)
    assert shift.error == pytest.approx(stats.sem([1.0, 2.0, 6.0]))
    assert shift.df == 2
    effect = Estimate("madrs, naltrexone - placebo", 1.0, 0.5, 7.0, 9)
    rows = equivalence([(effect, 2.0), (shift, 2.0)], make_plan())
    assert rows[MEMBER].tolist() == ["equivalence", ""]
