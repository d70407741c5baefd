"""The sub-commands of ``glxflow trial``, called as a user calls them."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from glxflow.cli.trial import app, read_table
from glxflow.errors import GlxflowError
from glxflow.trial.analyse import Analysis

STATS = Path(__file__).parents[1] / "data" / "stats"
PLAN = Path(__file__).parents[2] / "config" / "trial.yaml"


@pytest.fixture
def plan(tmp_path):
    """Return the project's plan with few draws."""
    # R's table has no joint changes.
    own = {"bootstrap": 200, "permutation": 200, "change": "separate"}
    content = yaml.safe_load(PLAN.read_text()) | own
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def call(*arguments):
    return CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)


def one_outcome(folder):
    """Return a file of reference trial A with one outcome: a curve of four takes its time."""
    path = folder / "fmrs_A.csv"
    table = pd.read_csv(STATS / "fmrs_A.csv")
    table.drop(columns=["glu_tnaa", "glx_tcr", "glx_water"]).to_csv(path, index=False)
    return path


def test_run_writes_the_results_of_the_reference_trial(tmp_path, plan):
    out = tmp_path / "out"
    result = call(
        "run", "--table", one_outcome(tmp_path), "--clinical", STATS / "madrs_A.csv",
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
    assert [Path(source["Path"]).name for source in record["SourceFiles"]] == [
        "fmrs_A.csv",
        "madrs_A.csv",
        "plan.yaml",
    ]


def test_a_second_plan_leaves_no_table_of_the_first(tmp_path, plan, monkeypatch):
    out = tmp_path / "out"
    arguments = ("run", "--table", STATS / "fmrs_A.csv", "--plan", plan, "--out", out)
    for names in (["primary", "equivalence"], ["primary", "bins"]):
        tables = dict.fromkeys(names, pd.DataFrame({"estimate": [1.0]}))
        made = Analysis(tables, [], [], [], {})
        monkeypatch.setattr("glxflow.cli.trial.analyse", lambda *_, made=made: made)
        assert call(*arguments).exit_code == 0
        (out / "mine.tsv").touch()
    assert sorted(path.stem for path in out.glob("*.tsv")) == ["bins", "mine", "primary"]
    assert json.loads((out / "inference.json").read_text())["Tables"] == ["primary", "bins"]


def test_a_table_with_commas_is_read_like_one_with_tabs(tmp_path):
    content = "subject,sequence,glx_tnaa\n01,NA,1.5\n02,AN,NA\n"
    (tmp_path / "t.csv").write_text(content)
    (tmp_path / "t.tsv").write_text(content.replace(",", "\t"))
    commas, tabs = (read_table(tmp_path / name) for name in ("t.csv", "t.tsv"))
    pd.testing.assert_frame_equal(commas, tabs)
    assert commas["sequence"].tolist() == ["NA", "AN"]
    assert commas["glx_tnaa"].isna().tolist() == [False, True]


def test_a_wrong_plan_writes_nothing(tmp_path, plan):
    plan.write_text(plan.read_text() + "bootstraps: 3\n")
    with pytest.raises(GlxflowError, match="did you mean 'bootstrap'"):
        call("run", "--table", STATS / "fmrs_A.csv", "--plan", plan, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def locked(tmp_path, plan):
    """Return the arguments of a small locked trial, and the folder of the lock."""
    table = pd.read_csv(one_outcome(tmp_path))
    path = tmp_path / "trial.csv"
    table[(table["subject"] <= "sub-10") & (table["bin"] <= 2)].to_csv(path, index=False)
    content = yaml.safe_load(plan.read_text()) | {"clinical": None}
    plan.write_text(yaml.safe_dump(content))
    arguments = ["--table", path, "--plan", plan]
    assert call("lock", *arguments, "--out", tmp_path / "lock").exit_code == 0
    return arguments, tmp_path / "lock"


def test_numbers_do_not_depend_on_the_cores_and_nothing_is_left_over(locked, tmp_path):
    arguments, _ = locked
    files = {}
    for cores in (1, 2):
        out = tmp_path / f"cores{cores}"
        assert call("run", *arguments, "--out", out, "--cores", cores).exit_code == 0
        assert not (out / ".parts").exists()
        files[cores] = {path.name: path.read_bytes() for path in out.iterdir()}
    assert "explor_multiverse.tsv" in files[1]
    assert files[1] == files[2]


def test_a_stopped_run_is_continued_with_the_same_numbers(locked, tmp_path, monkeypatch):
    arguments, _ = locked
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    call("run", *arguments, "--out", whole)

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("glxflow.trial.multiverse._count_extremes", stop)
        assert call("run", *arguments, "--out", stopped).exit_code != 0
    # The mixed models are done and wait for the allocations; no table was written.
    assert list(stopped.iterdir()) == [stopped / ".parts"]
    monkeypatch.setattr("glxflow.trial.multiverse.fit_mixed", stop)
    assert call("run", *arguments, "--out", stopped).exit_code == 0
    for path in whole.iterdir():
        assert (stopped / path.name).read_bytes() == path.read_bytes()


def test_the_record_holds_quantiles_for_the_report_to_draw(locked, tmp_path):
    arguments, _ = locked
    call("run", *arguments, "--out", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "inference.json").read_text())
    assert list(record["Quantiles"]) == ["Residual", "subject", "subject:visit"]
    part = record["Quantiles"]["subject"]
    assert len(part["expected"]) == len(part["observed"]) == 10


def test_masked_run_shows_letters_and_no_direction(locked, tmp_path):
    arguments, folder = locked
    out = tmp_path / "masked"
    result = call("run", *arguments, "--out", out, "--masked", folder)
    assert result.exit_code == 0
    text = "".join(path.read_text() for path in out.iterdir())
    for label in ("placebo", "naltrexone", "NP"):
        assert label not in text.replace("ketamine-naltrexone-crossover", "")  # the plan's name
    assert not (out / "attenuation.tsv").exists()
    assert json.loads((out / "inference.json").read_text())["Conditions"] == ["X", "Y"]


@pytest.mark.parametrize("folder", ["inference", "other"])
def test_the_page_of_an_earlier_analysis_does_not_stay_beside_a_masked_one(
    locked, tmp_path, folder
):
    arguments, lock = locked
    page = tmp_path / "group" / "report.html"
    page.parent.mkdir()
    page.write_text("naltrexone")
    call("run", *arguments, "--out", page.parent / folder, "--masked", lock)
    # Beside another folder it is a page of something else.
    assert page.exists() == (folder == "other")


def test_unmask_says_the_labels_and_appends_each_time(locked, tmp_path):
    arguments, folder = locked
    first = call("unmask", *arguments, "--lock", folder)
    call("unmask", *arguments, "--lock", folder)
    record = json.loads((folder / "lock.json").read_text())
    assert len(record["Unmasked"]) == 2
    labels = record["Unmasked"][0]["Conditions"]
    assert sorted(labels.values()) == ["naltrexone", "placebo"]
    assert f"X is {labels['X']}" in first.output
    # The masked claim, unmasked, is the open one.
    for name, extra in (("masked", ["--masked", folder]), ("open", [])):
        call("run", *arguments, "--out", tmp_path / name, *extra)
    masked, opened = (
        pd.read_csv(tmp_path / name / "primary.tsv", sep="\t")["estimate"].iloc[0]
        for name in ("masked", "open")
    )
    sign = 1 if labels["Y"] == "naltrexone" else -1
    assert masked == pytest.approx(sign * opened, rel=1e-6)  # two searches


def test_what_changed_since_the_lock_is_refused(locked, tmp_path):
    arguments, folder = locked
    table = pd.read_csv(arguments[1])
    table.assign(qc_pass=1).to_csv(arguments[1], index=False)
    for command in (
        ("run", *arguments, "--out", tmp_path / "masked", "--masked", folder),
        ("unmask", *arguments, "--lock", folder),
    ):
        with pytest.raises(GlxflowError, match="TablesSHA256 changed since the lock"):
            call(*command)


def test_a_lock_is_never_replaced(locked):
    arguments, folder = locked
    with pytest.raises(GlxflowError, match="there is a lock already"):
        call("lock", *arguments, "--out", folder)


def test_blinding_writes_the_indices(tmp_path, plan):
    out = tmp_path / "blinding.tsv"
    assert call("blinding", "--sessions", STATS / "session_A.csv", "--plan", plan, "--out", out)
    table = pd.read_csv(out, sep="\t")
    assert table["analysis"].tolist()[0] == "Bang's index under placebo"


def test_power_is_planned_from_the_components_of_a_trial(tmp_path, plan):
    out = tmp_path / "power.tsv"
    result = call(
        "power", "--table", STATS / "fmrs_A.csv", "--plan", plan, "--effect", -0.018,
        "--participants", 26, "--dropout", 0.1, "--trials", 10, "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0
    table = pd.read_csv(out, sep="\t").set_index("analysis")["estimate"]
    assert 0 < table["power, simulated"] <= 1
    assert table["participants for 80 % power"] < table["participants for 90 % power"]
