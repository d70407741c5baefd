"""Planning against tabulated sample sizes, and simulation against the closed form."""

import numpy as np
import pytest

from glxflow.errors import TableError
from glxflow.trial.changes import glx_changes
from glxflow.trial.planning import (
    Design,
    design_from,
    detectable,
    participants_needed,
    power,
    power_table,
    simulate_changes,
    simulate_power,
)
from glxflow.trial.sensitivity import contrast_model

# Session .02, residual .04 in four bins: the difference of means has the SD .04.
DESIGN = Design(26, 4, 0.023, 0.03, 0.02, 0.04, 0.0, 0.0)


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


def test_effect_size_of_a_design():
    assert DESIGN.dz == pytest.approx(0.023 / 0.04)


def test_simulated_power_is_that_of_the_closed_form():
    p, width = simulate_power(DESIGN, alpha=0.05, n_trials=80, rng=np.random.default_rng(6))
    # dz .575 has 80 %; the baseline costs a df, and the SE of a rate of 80 trials is .045.
    assert (p < 0.05).mean() == pytest.approx(0.79, abs=0.12)
    # 2 t(.975, 24) x .04 / sqrt(26), with 1/24 more for the baseline's deviation.
    assert width.mean() == pytest.approx(0.0324 * 1.03, rel=0.04)


def test_losses_are_those_asked_for():
    design = Design(400, 5, 0.0, 0.03, 0.02, 0.04, 0.2, 0.1)
    table = simulate_changes(design, np.random.default_rng(1))
    sessions = table[["subject", "visit"]].drop_duplicates()
    assert len(sessions) == pytest.approx(400 * 1.8, abs=4 * (400 * 0.16) ** 0.5)  # four SD
    assert len(table) / (5 * len(sessions)) == pytest.approx(0.9, abs=0.02)  # four SD


def test_components_come_from_the_fit(make_plan, read_stats):
    plan = make_plan()
    fit = contrast_model(glx_changes(read_stats("fmrs_A"), plan)).fit
    design = design_from(fit, 40, -0.018, 0.1, 0.1)
    # As lme4 has them in the primary model of trial A.
    assert design.session_sd == pytest.approx(0.02155, abs=1e-5)
    assert design.residual_sd == pytest.approx(0.03875, abs=1e-5)
    table = power_table(design, alpha=0.05, n_trials=5, rng=np.random.default_rng(1))
    assert table["estimate"].notna().all()


def test_impossible_designs_are_refused(make_plan, read_stats):
    fit = contrast_model(glx_changes(read_stats("fmrs_A"), make_plan())).fit
    with pytest.raises(TableError, match="dropout is 1"):
        design_from(fit, 40, -0.018, 1.0, 0.1)
    with pytest.raises(TableError, match="give 4 or more"):
        design_from(fit, 2, -0.018, 0.0, 0.0)
    with pytest.raises(TableError, match="more than 10000 participants"):
        participants_needed(0.001, 0.9, 0.05)
