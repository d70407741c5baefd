"""``glxflow trial`` on designs beyond the crossover, from tables of a user's own."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from glxflow.cli.trial import app
from glxflow.errors import TableError

PLAN = {
    "id": "own",
    "conditions": {"reference": "placebo", "active": "naltrexone"},
    "outcome": "glx_tnaa",
    "clinical": None,
    "analysis_set": "all",
    "confidence": 0.95,
    "bootstrap": 100,
    "permutation": 100,
    "seed": 1,
}
FACTORIAL = {"design": "factorial", "infusion": {"reference": "saline", "active": "ketamine"},
             "within": ["infusion"]}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """Return a maker of a plan and a table: 16 people, a session with each infusion."""

    def make(**changes):
        rng = np.random.default_rng(6)
        rows = []
        for index in range(16):
            condition = ("placebo", "naltrexone")[index % 2]
            levels = ("saline", "ketamine")[:: 1 if index // 2 % 2 else -1]
            for period, infusion in enumerate(levels, start=1):
                rise = 0.05 * (infusion == "ketamine") * (0.6 if index % 2 else 1.0)
                for number in (0, 1):
                    value = 1 + rise * number + rng.normal(0, 0.01)
                    rows.append((f"s{index}", condition, infusion, period, number, value))
        columns = ["subject", "condition", "infusion", "period", "bin", "glx_tnaa"]
        table = pd.DataFrame(rows, columns=columns)
        if changes.get("design") == "parallel":
            table = table[table["infusion"] == "ketamine"].drop(columns=["infusion", "period"])
        table.to_csv(tmp_path / "trial.csv", index=False)
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(PLAN | changes))
        return "--table", str(tmp_path / "trial.csv"), "--plan", str(tmp_path / "plan.yaml")

    return make


def call(*arguments):
    return CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("changes", "term", "caution"),
    [
        ({"design": "parallel"}, "naltrexone - placebo", "No reference infusion"),
        (FACTORIAL, "(naltrexone - placebo) of (ketamine - saline)", "1.4 times"),
    ],
)
def test_a_design_is_run_from_its_tables(changes, term, caution, files, tmp_path):
    out = tmp_path / "out"
    assert call("run", *files(**changes), "--out", out).exit_code == 0
    claim = pd.read_csv(out / "primary.tsv", sep="\t").iloc[0]
    assert claim["term"] == term
    # The truth is -.02; four errors.
    assert claim["estimate"] == pytest.approx(-0.02, abs=4 * claim["se"])
    assert (claim["family"], claim["p_adjusted"]) == ("primary", claim["p"])
    record = json.loads((out / "inference.json").read_text())
    assert record["Design"] == changes["design"]
    assert any(caution in text for text in record["Cautions"])


def test_receptor_imaging_is_read_beside_the_plan(files, tmp_path):
    part = {"table": "pet.tsv", "column": "bp_nd", "role": "moderator"}
    arguments = files(design="parallel", imaging=part)
    values = np.random.default_rng(2).normal(1.5, 0.2, 16)
    pet = pd.DataFrame({"subject": [f"s{index}" for index in range(16)], "bp_nd": values})
    pet.to_csv(tmp_path / "pet.tsv", sep="\t", index=False)
    assert call("run", *arguments, "--out", tmp_path / "out").exit_code == 0
    table = pd.read_csv(tmp_path / "out" / "imaging.tsv", sep="\t")
    assert table["term"].iloc[0] == "naltrexone - placebo, per unit of bp_nd"
    assert table["role"].eq("exploratory").all()
    record = json.loads((tmp_path / "out" / "inference.json").read_text())
    assert [source["Path"].rsplit("/")[-1] for source in record["SourceFiles"]] == [
        "trial.csv",
        "pet.tsv",
        "plan.yaml",
    ]


def test_another_design_is_planned_from_this_one(files, tmp_path):
    out = tmp_path / "power.tsv"
    result = call(
        "power", *files(**FACTORIAL), "--effect", -0.02, "--participants", 24, "--trials", 4,
        "--design", "factorial", "--within", "condition", "--within", "infusion",
        "--sex-difference", 0.01, "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0
    table = pd.read_csv(out, sep="\t").set_index("analysis")
    assert "t with n - 1 df" in table.loc["power, closed form", "note"]
    assert 0 <= table.loc["power of the interaction with sex, simulated", "estimate"] <= 1
    with pytest.raises(TableError, match="design 'square'"):
        call("power", *files(**FACTORIAL), "--effect", 1, "--participants", 24, "--design",
             "square", "--out", out)  # fmt: skip


def test_what_a_table_cannot_say_of_another_design_is_printed(files, tmp_path):
    out = tmp_path / "power.tsv"
    arguments = ("--effect", -0.02, "--participants", 12, "--trials", 2, "--out", out)
    result = call("power", *files(design="parallel"), *arguments, "--design", "crossover")
    assert result.exit_code == 0
    assert "Note: the table's design cannot tell" in result.stderr
    assert pd.read_csv(out, sep="\t")["analysis"].tolist()[:2] == ["caution", "power, simulated"]


def test_within_alone_changes_the_plans_factorial_design(files, tmp_path):
    out = tmp_path / "power.tsv"
    arguments = ("--effect", -0.02, "--participants", 12, "--trials", 2, "--out", out)
    call("power", *files(**FACTORIAL), *arguments, "--within", "infusion", "--within", "condition")
    notes = pd.read_csv(out, sep="\t").set_index("analysis")["note"]
    assert "t with n - 1 df" in notes["power, closed form"]
    with pytest.raises(TableError, match="--within belongs to a factorial trial"):
        call("power", *files(design="parallel"), *arguments, "--within", "infusion")
