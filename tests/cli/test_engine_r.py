"""R as a second opinion on the trial's models; a stand-in for R where only the words count."""

import numpy as np
import pandas as pd
import pytest

from glxflow.cli import engine_r
from glxflow.cli.engine_r import disagreement, second_opinion
from glxflow.errors import ConfigError
from glxflow.trial.lmm import fit_lmm
from glxflow.trial.models import METHODS
from glxflow.trial.plan import plan_from


@pytest.fixture
def small():
    """Return a trial of six participants with two bins, whose changes differ."""
    rng, rows = np.random.default_rng(4), []
    for index in range(6):
        sequence = ("PN", "NP")[index % 2]
        for period in (1, 2):
            condition = {"P": "placebo", "N": "naltrexone"}[sequence[period - 1]]
            for number in range(3):
                value = 1 + 0.05 * index * number + rng.normal(0, 0.02)
                rows.append((f"sub-{index}", sequence, period, condition, number, value))
    columns = ["subject", "sequence", "period", "condition", "bin", "glx_tnaa"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def plan():
    """Return a plan for it."""
    return plan_from(
        {
            "id": "r", "conditions": {"reference": "placebo", "active": "naltrexone"},
            "outcome": "glx_tnaa", "clinical": None, "analysis_set": "all", "confidence": 0.95,
            "bootstrap": 100, "permutation": 100, "seed": 1,
        },
        "plan.yaml",
    )  # fmt: skip


MODEL = {"model": "as published", "formula": "delta ~ condition*bin + period + (1|subject)"}


def agreeing(scale):
    """Return a stand-in for R that multiplies one estimate of its answer."""

    def answer(formula, table, levels, contrasts):
        assert list(contrasts)[1] == "condition1"
        assert set(levels) == {"condition", "bin", "period", "subject"}
        typed = table.assign(
            **{name: pd.Categorical(table[name], own) for name, own in levels.items()
               if name != "subject"}
        )  # fmt: skip
        fit = fit_lmm(formula, typed)
        parts = [fit.coefficients(ddf=method).assign(df_method=method) for method in METHODS]
        found = pd.concat(parts, ignore_index=True).rename(columns={"t": "statistic"})
        found.loc[1, "estimate"] *= scale
        return found

    return answer


def test_agreement_is_silent_and_a_difference_is_named(small, plan, monkeypatch):
    monkeypatch.setattr(engine_r, "fit_in_r", agreeing(1.0))
    table = second_opinion([MODEL], small, None, plan)
    assert table["difference"].max() < 1e-9  # the same engine twice
    assert list(disagreement(table)) == []
    monkeypatch.setattr(engine_r, "fit_in_r", agreeing(1.01))
    (message,) = disagreement(second_opinion([MODEL], small, None, plan))
    assert "as published, kenward-roger: condition1 differs from R's" in message
    monkeypatch.setattr(engine_r, "fit_in_r", agreeing(np.nan))
    assert len(list(disagreement(second_opinion([MODEL], small, None, plan)))) == 1


def test_designs_without_random_terms_are_not_asked(small, plan):
    table = second_opinion([{"model": "m", "formula": "delta ~ condition"}], small, None, plan)
    assert any("R was not asked" in message for message in disagreement(table))


def test_r_agrees_where_it_is_installed(small, plan):
    try:
        table = second_opinion([MODEL], small, None, plan)
    except ConfigError as error:
        pytest.skip(f"R is absent: {error}")
    # Two searches of the same likelihood.
    assert table["difference"].max() < engine_r.AGREEMENT
