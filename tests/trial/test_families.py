"""Families and gates against hand-computed values, decision rules and the error rate."""

import numpy as np
import pandas as pd
import pytest

from glxflow.trial.analyse import analyse
from glxflow.trial.families import adjust, fixed_sequence, hochberg, with_families
from glxflow.trial.plan_parts import Family

P = {"one": np.array([0.01, 0.03]), "two": np.array([0.02, 0.04, 0.001])}


def families(first="bonferroni", second="holm", gate="parallel"):
    return [Family("one", ("a", "b"), first, None, None),
            Family("two", ("c", "d", "e"), second, "one", gate)]  # fmt: skip


def test_hochberg_by_hand():
    # Sorted .01 .02 .03 .04 times 4 3 2 1, then the least of each and all larger.
    assert hochberg(np.array([0.04, 0.01, 0.03, 0.02])) == pytest.approx([0.04] * 4)
    assert hochberg(np.array([0.5, 0.001, 0.04])) == pytest.approx([0.5, 0.003, 0.08])


def test_a_fixed_sequence_ends_where_a_test_fails():
    assert fixed_sequence(np.array([0.01, 0.2, 0.001])) == pytest.approx([0.01, 0.2, 0.2])


def test_a_serial_gate_needs_every_test_before():
    found = adjust(P, families("holm", "holm", "serial"))
    assert found["one"] == pytest.approx([0.02, 0.03])
    # Holm of .02 .04 .001 is .04 .04 .003; the gate's largest is .03.
    assert found["two"] == pytest.approx([0.04, 0.04, 0.03])


def test_a_parallel_gate_by_hand():
    found = adjust(P, families())
    assert found["one"] == pytest.approx([0.02, 0.06])  # Bonferroni
    # Holm: .04 .04 .003. With one of two rejected (from .02) half the level is passed on:
    # 2 x .04 = .08, or, from .06 with both rejected, max(.06, .04); 2 x .003 against .02.
    assert found["two"] == pytest.approx([0.06, 0.06, 0.02])


@pytest.mark.parametrize("method", ["holm", "hochberg", "fixed_sequence", "bonferroni"])
def test_adjusted_p_say_what_the_decision_rule_says_at_every_level(method):
    rng = np.random.default_rng(4)
    for _ in range(50):
        p = {"one": rng.uniform(0, 0.1, 3), "two": rng.uniform(0, 0.1, 3)}
        found = adjust(p, families(second=method))
        for level in rng.uniform(0, 0.3, 20):
            rejected = p["one"] <= level / 3
            passed = level * rejected.sum() / 3
            assert ((found["one"] <= level) == rejected).all()
            own = adjust({"two": p["two"]}, [Family("two", (), method, None, None)])["two"]
            assert ((found["two"] <= level) == (own <= passed)).all()


@pytest.mark.parametrize("gate", ["serial", "parallel"])
def test_the_error_rate_is_kept_where_the_gate_is_half_true(gate):
    rng = np.random.default_rng(8)
    wrong = 0
    for _ in range(4000):
        p = {"one": np.array([1e-9, rng.uniform()]), "two": rng.uniform(size=3)}
        found = adjust(p, families("bonferroni", "holm", gate))
        wrong += bool(found["one"][1] <= 0.05 or (found["two"] <= 0.05).any())
    assert wrong / 4000 <= 0.05 + 3 * (0.0475 / 4000) ** 0.5  # three SE of the rate


def test_a_chain_of_serial_gates_keeps_the_error_rate_at_its_weakest_place():
    chain = [Family("one", ("a", "b"), "holm", None, None),
             Family("two", ("c",), "hochberg", "one", "serial"),
             Family("three", ("d", "e"), "holm", "two", "serial")]  # fmt: skip
    rng = np.random.default_rng(9)
    wrong = 0
    for _ in range(4000):
        p = {
            "one": np.array([1e-9, 1e-9]),
            "two": rng.uniform(size=1),
            "three": rng.uniform(size=2),
        }
        found = adjust(p, chain)
        wrong += bool((np.concatenate([found["two"], found["three"]]) <= 0.05).any())
    assert wrong / 4000 <= 0.05 + 3 * (0.0475 / 4000) ** 0.5  # three SE of the rate


def test_a_test_that_could_not_be_done_counts_as_one():
    tables = {"primary": pd.DataFrame({"p": [0.02, 0.5], "member": ["primary", ""]})}
    plan = [Family("both", ("primary", "clinical"), "holm", None, None)]
    found, warnings = with_families(tables, plan)
    assert found["primary"]["p_adjusted"].iloc[0] == pytest.approx(0.04)
    assert found["primary"]["family"].tolist() == ["both", "exploratory"]
    assert "'clinical' could not be tested" in warnings[0]


def test_a_test_without_a_p_is_said_to_be_untested():
    tables = {"responders": pd.DataFrame({"p": [np.nan, 0.5], "member": ["responders", ""]})}
    plan = [Family("one", ("responders",), "holm", None, None)]
    assert "'responders' could not be tested" in with_families(tables, plan)[1][0]


def test_every_p_of_an_analysis_has_its_family_or_is_exploratory(make_plan, read_stats):
    plan = make_plan(
        permutation=100,
        bootstrap=100,
        families=[
            {"name": "claim", "members": ["primary"], "method": "holm"},
            {"name": "key", "members": ["clinical"], "method": "holm", "after": "claim",
             "gate": "serial"},
            {"name": "bins", "members": ["bins"], "method": "holm"},
        ],
    )  # fmt: skip
    trial = read_stats("fmrs_A").query("bin < 3")
    columns = ["subject", "sex", "sequence", "period", "condition", "bin", "glx_tnaa", "qc_pass"]
    tables = analyse(trial[columns], read_stats("madrs_A"), plan).tables
    for name, table in tables.items():
        if "p" in table:
            assert (table["family"].ne("") == table["p"].notna()).all(), name
            assert "member" not in table
    primary, clinical = tables["primary"], tables["clinical"]
    assert primary["family"].tolist()[:2] == ["claim", "exploratory"]
    key = clinical[clinical["family"] == "key"].iloc[0]
    assert key["term"] == "naltrexone - placebo, day 1"
    assert key["p_adjusted"] == max(key["p"], primary["p"].iloc[0])  # the gate before it
    assert tables["bins"]["p_adjusted"].tolist() == tables["bins"]["p_holm"].tolist()
    assert tables["explor_sex"]["family"].eq("exploratory").all()
