"""The sub-commands of ``glxflow trial``, called as a user calls them."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from glxflow.cli.trial import app
from glxflow.errors import GlxflowError

STATS = Path(__file__).parents[1] / "data" / "stats"
PLAN = Path(__file__).parents[2] / "config" / "trial.yaml"


@pytest.fixture
def plan(tmp_path):
    """Return the project's plan with few draws."""
    content = yaml.safe_load(PLAN.read_text()) | {"bootstrap": 200, "permutation": 200}
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def call(*arguments):
    return CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)


def test_run_writes_the_results_of_the_reference_trial(tmp_path, plan):
    out = tmp_path / "out"
    result = call(
        "run", "--table", STATS / "fmrs_A.csv", "--clinical", STATS / "madrs_A.csv",
        "--plan", plan, "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0
    claim = pd.read_csv(out / "primary.tsv", sep="\t").iloc[0]
    # As printed by the reference: F = 5.583 on 23.008 df, P = .0270.
    assert claim["df"] == pytest.approx(23.008, abs=5e-4)
    assert claim["p"] == pytest.approx(0.0270, abs=5e-5)
    percent = pd.read_csv(out / "attenuation.tsv", sep="\t")
    madrs = percent[percent["outcome"] == "madrs, day 1"].iloc[0]
    assert [round(madrs[name], 1) for name in ("estimate", "ci_low", "ci_high")] == [
        37.4,
        25.8,
        48.2,
    ]
    record = json.loads((out / "inference.json").read_text())
    assert len(record["PlanSHA256"]) == 64
    assert [Path(source["Path"]).name for source in record["Sources"]] == [
        "fmrs_A.csv",
        "madrs_A.csv",
        "plan.yaml",
    ]


def test_a_wrong_plan_writes_nothing(tmp_path, plan):
    plan.write_text(plan.read_text() + "bootstraps: 3\n")
    with pytest.raises(GlxflowError, match="did you mean 'bootstrap'"):
        call("run", "--table", STATS / "fmrs_A.csv", "--plan", plan, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
