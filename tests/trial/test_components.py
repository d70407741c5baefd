"""Variances of one design in the terms of another, each against the sum that the design has."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.errors import TableError
from glxflow.trial.components import components_for
from glxflow.trial.planning import planned
from glxflow.trial.sensitivity import contrast_model
from glxflow.trial.simulated import Design, simulate_changes

DESIGN = Design(
    n_participants=24, n_bins=2, effect=0.0, response=0.05, subject_sd=0.03, infusion_sd=0.03,
    session_sd=0.03, residual_sd=0.01, dropout=0.0, qc_loss=0.0, sex_difference=0.0, cautions=(),
)  # fmt: skip
KINDS = {
    "crossover": ("crossover", ()),
    "parallel": ("parallel", ()),
    "between": ("factorial", ()),
    "condition": ("factorial", ("condition",)),
    "infusion": ("factorial", ("infusion",)),
    "both": ("factorial", ("condition", "infusion")),
}


@pytest.fixture(scope="module")
def told(make_plan):
    """Return a maker of the parts of a table's fit, and of what they say for another design."""
    plans = {name: planned(make_plan(), *kind) for name, kind in KINDS.items()}

    def make(table, to_come, **changes):
        design = replace(DESIGN, **changes)
        rows = simulate_changes(design, plans[table], np.random.default_rng(2))
        own = rows["subject"] + rows["condition"].astype(str)
        size = np.random.default_rng(3).normal(0, 0.03, own.nunique())
        rows["delta"] += size[np.unique(own, return_inverse=True)[1]]
        model = contrast_model(rows)
        parts = model.fit.variance_components.set_index("group")["variance"]
        return parts, components_for(model, plans[table], plans[to_come])

    return make


def variances(found):
    return [found.subject_sd**2, found.infusion_sd**2, found.session_sd**2]


@pytest.mark.parametrize("table", list(KINDS))
def test_a_trial_of_the_tables_own_design_has_its_variances(table, told):
    parts, found = told(table, table)
    assert sum(variances(found)) + found.residual_sd**2 == pytest.approx(parts.sum())
    assert found.residual_sd**2 == pytest.approx(parts["Residual"])
    if "subject:visit" in parts:
        assert found.session_sd**2 == pytest.approx(parts["subject:visit"])
    assert not any("cannot tell" in text for text in found.cautions)


def test_what_a_crossover_does_not_cancel_is_taken_whole_from_parallel_groups(told):
    parts, found = told("parallel", "crossover")
    assert variances(found) == pytest.approx([0, 0, parts["subject"]])
    (caution,) = found.cautions
    assert "(none as people): power is at least" in caution


def test_own_effects_of_the_condition_do_not_cancel_in_a_crossover(told):
    parts, found = told("both", "crossover")
    session = parts["subject:visit"] + parts["subject:condition"]
    person = parts["subject"] + parts["subject:infusion"]
    assert parts["subject:condition"] > 0
    assert variances(found) == pytest.approx([person, 0, session])
    assert found.cautions == ()


def test_own_responses_to_the_infusion_do_not_cancel_where_it_alone_is_within(told):
    parts, found = told("both", "infusion")
    session = parts["subject:visit"] + parts["subject:infusion"]
    person = parts["subject"] + parts["subject:condition"]
    assert variances(found) == pytest.approx([person, 0, session])


def test_a_crossover_knows_the_sum_that_groups_have(told):
    parts, found = told("crossover", "parallel")
    assert sum(variances(found)) == pytest.approx(parts["subject"] + parts["subject:visit"])
    assert found.cautions == ()


def test_sessions_of_a_crossover_are_the_most_that_those_of_a_factorial_can_be(told):
    parts, found = told("crossover", "both")
    assert found.session_sd**2 == pytest.approx(parts["subject:visit"])
    assert len(found.cautions) == 2  # sessions, and responses to the infusion, are not apart


def test_of_one_bin_sessions_are_in_the_residual(told):
    parts, found = told("parallel", "crossover", n_bins=1)
    assert variances(found) == [0, 0, 0]
    assert found.residual_sd**2 == pytest.approx(parts["Residual"])
    assert "cannot tell" in found.cautions[0]


def test_a_variance_at_its_boundary_is_said_where_it_matters(make_plan):
    plan = planned(make_plan(), *KINDS["crossover"])
    rows = simulate_changes(replace(DESIGN, session_sd=0.0), plan, np.random.default_rng(2))
    session = rows.groupby(["subject", "visit"]).ngroup()
    size = np.random.default_rng(3).normal(0, 0.05, session.nunique())
    # Bins of a session that go apart leave nothing to what they have in common.
    rows["delta"] += size[session] * np.where(rows["bin"] == 1, 1, -1)
    model = contrast_model(rows)
    for name in ("crossover", "parallel"):
        (caution,) = components_for(model, plan, planned(plan, *KINDS[name])).cautions
        assert "the variance of subject:visit is zero" in caution


def test_a_factorial_table_without_repeated_conditions_is_refused(make_plan):
    plan = planned(make_plan(), *KINDS["both"])
    rows = simulate_changes(DESIGN, plan, np.random.default_rng(2))
    is_active = rows["infusion"] == "active infusion"
    is_even = (rows["subject"].astype(int) // 4 % 2).astype(bool)
    model = contrast_model(rows[((rows["condition"] == plan.active) == is_active) == is_even])
    with pytest.raises(TableError, match="no variance of subject:condition, subject:infusion"):
        components_for(model, plan, plan)
