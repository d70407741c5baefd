"""Planning against tabulated sample sizes, and simulation against the closed form."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from glxflow.errors import TableError
from glxflow.trial.changes import glx_changes
from glxflow.trial.designs.classical import classical
from glxflow.trial.planning import (
    design_from,
    detectable,
    participants_needed,
    planned,
    power,
    power_table,
    precision,
)
from glxflow.trial.sensitivity import contrast_model
from glxflow.trial.simulated import Design, orders_of, simulate_changes
from glxflow.trial.simulated_power import simulate_power

# Session .02, residual .04 in four bins: the difference of means has the SD .04.
DESIGN = Design(
    n_participants=26, n_bins=4, effect=0.023, response=-0.06, subject_sd=0.03, infusion_sd=0.0,
    session_sd=0.02, residual_sd=0.04, dropout=0.0, qc_loss=0.0, sex_difference=0.0, cautions=(),
)  # fmt: skip
KINDS = {
    "parallel": ("parallel", ()),
    "both": ("factorial", ("condition", "infusion")),
    "infusion": ("factorial", ("infusion",)),
    "condition": ("factorial", ("condition",)),
    "between": ("factorial", ()),
}


@pytest.mark.parametrize(
    ("dz", "n_80", "n_90"),
    [(0.30, 90, 120), (0.35, 68, 88), (0.43, 46, 60), (0.50, 34, 46), (0.60, 24, 32)],
)
def test_sample_sizes_are_the_tabulated_ones(dz, n_80, n_90):
    assert participants_needed(dz, 0.8, 0.05) == n_80
    assert participants_needed(dz, 0.9, 0.05) == n_90


def test_power_of_the_published_size():
    assert power(0.43, 26, 0.05) == pytest.approx(0.56, abs=0.005)  # as tabulated
    assert detectable(26, 0.8, 0.05) == pytest.approx(0.575, abs=0.003)  # tabulated to .005
    assert power(0.0, 26, 0.05) == pytest.approx(0.05, rel=1e-6)  # the level itself


def test_power_of_two_groups_is_the_textbooks():
    # Cohen 1988, Table 2.4.1: d = .5 needs 64 in each group for 80 %.
    assert participants_needed(0.5 / 2, 0.8, 0.05) == 128


def test_effect_size_of_a_design(make_plan):
    assert precision(DESIGN, make_plan()).dz == pytest.approx(0.023 / 0.04)


@pytest.mark.parametrize("kind", ["crossover", *KINDS])
def test_the_closed_form_has_the_error_and_df_of_the_classical_test(kind, make_plan):
    plan = make_plan(permutation=100)
    plan = plan if kind == "crossover" else planned(plan, *KINDS[kind])
    design = replace(DESIGN, n_participants=800, n_bins=2)
    found = classical(simulate_changes(design, plan, np.random.default_rng(4)), "x", plan).iloc[0]
    size = precision(design, plan)
    assert found["df"] == 800 - size.lost
    error = found["estimate"] / found["statistic"]
    # The SE of a standard error of 800 is 2.5 %; four of it.
    assert design.effect / size.dz / 800**0.5 == pytest.approx(error, rel=0.1)


def test_simulated_power_is_that_of_the_closed_form(make_plan):
    found = simulate_power(DESIGN, make_plan(), n_trials=80, rng=np.random.default_rng(6))
    # dz .575 has 80 %; the baseline costs a df, and the SE of a rate of 80 trials is .045.
    assert (found.p < 0.05).mean() == pytest.approx(0.79, abs=0.12)
    # 2 t(.975, 24) x .04 / sqrt(26), with 1/24 more for the baseline's deviation.
    assert found.width.mean() == pytest.approx(0.0324 * 1.03, rel=0.04)
    assert np.isnan(found.p_sex).all()


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_design_has_the_power_of_its_closed_form(kind, make_plan):
    plan = planned(make_plan(), *KINDS[kind])
    n = 24 if kind == "both" else 40
    large = replace(DESIGN, n_participants=n, n_bins=1, subject_sd=0.02, residual_sd=0.01)
    # The effect that the closed form says is found in 70 % of trials.
    size = precision(replace(large, effect=1.0), plan)
    design = replace(large, effect=detectable(n, 0.7, 0.05, size.lost) / size.dz)
    trials = 60
    found = simulate_power(design, plan, n_trials=trials, rng=np.random.default_rng(12))
    # With one bin the session is the residual, which the closed form adds up. Four SE of .7 in
    # 60 trials; the baseline, and with four periods the orders, cost some df.
    assert (found.p < 0.05).mean() == pytest.approx(0.68, abs=0.2)


def test_interaction_with_sex_costs_more(make_plan):
    design = replace(DESIGN, n_participants=32, n_bins=2, effect=0.04, sex_difference=0.04)
    table = power_table(design, make_plan(), n_trials=30, rng=np.random.default_rng(2))
    rates = table.set_index("analysis")["estimate"]
    # Half the participants in each sex: the same difference has half the effect size.
    assert rates["power of the interaction with sex, simulated"] < rates["power, simulated"]
    assert rates["attenuation is bounded, simulated"] > 0.9  # the response is five errors large
    assert rates["width of the attenuation's interval, simulated median"] > 0
    # A response of -.06 that is larger by .04.
    bounded = table[table["analysis"] == "attenuation is bounded, simulated"]
    assert bounded["note"].iloc[0] == "30 trials, truth 67 %"


@pytest.mark.parametrize(("effect", "difference"), [(0.0, 0.2), (0.2, 1e-9)])
def test_the_sexes_differ_about_the_effect_of_all(effect, difference, make_plan):
    design = replace(DESIGN, n_participants=16, n_bins=1, effect=effect, session_sd=0.01,
                     residual_sd=0.01, sex_difference=difference)  # fmt: skip
    found = simulate_power(design, make_plan(), n_trials=12, rng=np.random.default_rng(3))
    # Errors of .007 beside .2; of 12 trials without an effect four reject by chance once in 300.
    there, absent = (found.p, found.p_sex) if effect else (found.p_sex, found.p)
    assert (there < 0.05).all()
    assert (absent < 0.05).sum() < 4


def test_losses_are_those_asked_for(make_plan):
    design = replace(DESIGN, n_participants=400, n_bins=5, effect=0.0, dropout=0.2, qc_loss=0.1)
    table = simulate_changes(design, make_plan(), np.random.default_rng(1))
    sessions = table[["subject", "visit"]].drop_duplicates()
    # A tenth of the sessions loses its baseline, and with it every change. Four SD.
    sd = (400 * 0.16 * 0.9**2 + 720 * 0.9 * 0.1) ** 0.5
    assert len(sessions) == pytest.approx(400 * 1.8 * 0.9, abs=4 * sd)
    assert len(table) / (5 * len(sessions)) == pytest.approx(0.9, abs=0.02)  # four SD


def test_every_cell_follows_every_other_once_in_the_orders_within(make_plan):
    orders = orders_of(planned(make_plan(), *KINDS["both"]))
    pairs = [pair for order in orders for pair in itertools.pairwise(order)]
    assert len(set(pairs)) == len(pairs) == 12
    for period in range(4):
        assert len({order[period] for order in orders}) == 4


def test_components_come_from_the_fit(make_plan, read_stats):
    plan = make_plan()
    model = contrast_model(glx_changes(read_stats("fmrs_A"), plan))
    design = design_from(
        model, plan, plan, n_participants=40, effect=-0.018, dropout=0.1, qc_loss=0.1
    )
    # As lme4 has them in the primary model of trial A.
    assert design.session_sd == pytest.approx(0.02155, abs=1e-5)
    assert design.residual_sd == pytest.approx(0.03875, abs=1e-5)
    means = model.fit.emmeans("condition")["estimate"]
    assert design.response == pytest.approx(means["placebo"], rel=1e-9)
    table = power_table(design, plan, n_trials=5, rng=np.random.default_rng(1))
    assert table["estimate"].notna().all()


def test_impossible_designs_are_refused(make_plan, read_stats):
    plan = make_plan()
    model = contrast_model(glx_changes(read_stats("fmrs_A"), plan))
    with pytest.raises(TableError, match="dropout is 1"):
        design_from(model, plan, plan, n_participants=40, effect=-0.018, dropout=1.0)
    with pytest.raises(TableError, match="give 4 or more"):
        design_from(model, plan, plan, n_participants=2, effect=-0.018)
    with pytest.raises(TableError, match="more than 10000 participants"):
        participants_needed(0.001, 0.9, 0.05)
    with pytest.raises(TableError, match="design 'cross' is not one of crossover"):
        planned(plan, "cross", ())
    with pytest.raises(TableError, match="within 'condition,infusion' is not condition or inf"):
        planned(plan, "factorial", ("condition,infusion",))
    with pytest.raises(TableError, match="--within belongs to a factorial trial"):
        planned(plan, "crossover", ("infusion",))
    between = planned(plan, "factorial", ())
    with pytest.raises(TableError, match="4 participants cannot carry the model; give 5 or more"):
        design_from(model, plan, between, n_participants=4, effect=-0.018)


def test_participants_fill_every_order_alike():
    assert participants_needed(0.5, 0.8, 0.05, 1, 4) == 36  # 33 have 79.5 %
    for dz in (0.3, 0.475, 0.6, 3.0):
        for lost in (1, 2, 4):
            found = participants_needed(dz, 0.8, 0.05, lost, 4)
            assert found % 4 == 0
            assert power(dz, found, 0.05, lost) >= 0.8
            assert found <= lost + 4 or power(dz, found - 4, 0.05, lost) < 0.8


def test_the_detectable_effect_of_two_groups_is_the_textbooks(make_plan):
    # Cohen 1988, Table 2.4.1: 64 in each group find d = .5, of an SD of one here, in 80 %.
    design = replace(DESIGN, n_participants=128, n_bins=1, subject_sd=0.8, session_sd=0.0,
                     residual_sd=0.6)  # fmt: skip
    plan = planned(make_plan(), "parallel", ())
    table = power_table(design, plan, n_trials=1, rng=np.random.default_rng(1))
    found = table.set_index("analysis")["estimate"]
    assert found["detectable effect at 80 % power"] == pytest.approx(0.5, abs=0.005)  # tabulated
    assert found["detectable dz at 80 % power"] == pytest.approx(0.25, abs=0.0025)  # half of d


def test_an_effect_that_no_trial_finds_leaves_the_other_answers(make_plan):
    design = replace(DESIGN, n_participants=8, n_bins=2, effect=1e-5)
    table = power_table(design, make_plan(), n_trials=2, rng=np.random.default_rng(1))
    rows = table.set_index("analysis")
    row = rows.loc["participants for 80 % power"]
    assert np.isnan(row["estimate"])
    assert "needs more than 10000 participants" in row["note"]
    assert np.isfinite(rows.loc["detectable dz at 80 % power", "estimate"])


def test_trials_that_cannot_be_analysed_reject_nothing_and_are_counted(make_plan):
    design = replace(DESIGN, n_participants=6, n_bins=1, effect=0.5, dropout=0.2, qc_loss=0.1)
    table = power_table(design, make_plan(), n_trials=8, rng=np.random.default_rng(3))
    rows = table.set_index("analysis")
    row = rows.loc["power, simulated"]
    counted = re.search(r"8 trials, .*; (\d+) could not be analysed", row["note"])
    assert counted is not None
    assert row["estimate"] <= 1 - int(counted[1]) / 8
    assert np.isfinite(rows.loc["width of the interval, simulated mean", "estimate"])
