import shutil
from pathlib import Path

import pytest
import yaml

from glxflow.cli.planned import plan_problems
from glxflow.cli.validate import validate
from glxflow.errors import ConfigError
from glxflow.io.bids import find_scans

PROJECT = Path(__file__).parents[2]
BIDS = PROJECT / "test_data"


@pytest.fixture
def problems_of(tmp_path):
    """Return a function that holds a plan with other keys against the tables of test_data."""

    def problems(**keys):
        plan = yaml.safe_load((PROJECT / "config" / "trial.yaml").read_text()) | keys
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
        return plan_problems(BIDS, find_scans(BIDS, None), tmp_path / "plan.yaml")

    return problems


def test_a_plan_that_the_tables_carry_has_no_problem(problems_of):
    assert problems_of() == []
    assert problems_of(allocation={"strata": ["sex"]}) == []


@pytest.fixture
def tables(tmp_path):
    """A data set of the tables of test_data alone."""
    folder = tmp_path / "tables"
    shutil.copytree(BIDS, folder, ignore=shutil.ignore_patterns("mrs", "sourcedata"))
    return folder


def planned(tables):
    """Hold the plan of test_data against these tables, and the scans of test_data."""
    return plan_problems(tables, find_scans(BIDS, None), PROJECT / "config" / "trial.yaml")


def add_session(tables, subject, line):
    with (tables / subject / f"{subject}_sessions.tsv").open("a") as file:
        file.write(line)


def test_who_has_no_session_yet_and_a_screening_are_no_fault(tables):
    with (tables / "participants.tsv").open("a") as file:
        file.write("sub-99\tF\t40\tPN\n")
    (tables / "sub-99").mkdir()
    (tables / "sub-99" / "sub-99_sessions.tsv").write_text("session_id\tperiod\tcondition\n")
    add_session(tables, "sub-01", "ses-screening\tn/a\tn/a\tn/a\n")
    assert planned(tables) == []


def test_a_period_or_a_scan_without_a_condition_is_no_screening(tables):
    add_session(tables, "sub-01", "ses-3\tn/a\t3\tn/a\n")
    second = tables / "sub-02" / "sub-02_sessions.tsv"
    second.write_text(second.read_text().replace("2\tnaltrexone", "n/a\tn/a"))
    assert planned(tables) == [
        "sub-01_sessions.tsv gives ses-3 no condition: it is not part of the trial.",
        "sub-02_sessions.tsv gives ses-2 no condition: it is not part of the trial.",
    ]


def test_who_was_scanned_and_is_no_participant_is_named_by_the_fault_of_their_table(tables):
    people = (tables / "participants.tsv").read_text().splitlines()
    (tables / "participants.tsv").write_text("\n".join([people[0], *people[2:], ""]))
    (tables / "sub-01" / "sub-01_sessions.tsv").unlink()
    (found,) = planned(tables)
    assert "sub-01_sessions.tsv: no such file" in found


def test_a_fault_of_the_sessions_is_not_said_of_their_scores_too(tables):
    """But a table of scores that cannot be read is."""
    second = tables / "sub-02" / "sub-02_sessions.tsv"
    second.write_text(second.read_text().replace("naltrexone", "placebo"))
    (found,) = planned(tables)
    assert "sub-02 has 'placebo' in both periods" in found
    assert "clinical" not in found
    (tables / "phenotype" / "madrs.tsv").unlink()
    assert "madrs.tsv: no such file" in planned(tables)[1]


def test_scores_are_not_blamed_for_sessions_that_the_plan_does_not_know(problems_of):
    found = problems_of(conditions={"reference": "Plac", "active": "Nalt"})
    assert len(found) == 16
    assert all("but the plan knows Plac, Nalt" in line for line in found)


def test_who_was_not_measured_needs_no_block(tables, tmp_path):
    path = tables / "participants.tsv"
    lines = path.read_text().splitlines()
    with_site = [f"{lines[0]}\tsite", *(f"{line}\t1" for line in lines[1:])]
    path.write_text("\n".join([*with_site, "sub-99\tF\t40\tPN\tn/a", ""]))
    (tables / "sub-99").mkdir()
    (tables / "sub-99" / "sub-99_sessions.tsv").write_text("session_id\tperiod\tcondition\n")
    plan = yaml.safe_load((PROJECT / "config" / "trial.yaml").read_text())
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan | {"allocation": {"blocks": "site"}}))
    assert plan_problems(tables, find_scans(BIDS, None), tmp_path / "plan.yaml") == []


def test_who_has_no_table_of_sessions_is_named(tables):
    (tables / "sub-01" / "sub-01_sessions.tsv").unlink()
    with (tables / "participants.tsv").open("a") as file:
        file.write("sub-99\tF\t40\tPN\n")
    found = planned(tables)
    assert any("sub-99_sessions.tsv: no such file" in line for line in found)


def test_a_condition_that_no_session_has_is_named_with_those_that_there_are(problems_of):
    found = problems_of(conditions={"reference": "placebo", "active": "nalterxone"})
    # One session a participant is of the other condition.
    assert sum("gives condition 'naltrexone' for ses-" in line for line in found) == 8
    assert all("the plan knows placebo, nalterxone" in line for line in found[:8])


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"allocation": {"blocks": "site"}}, "sub-01 has no site, by which the plan says"),
        ({"clinical": {"instrument": "hamd", "day": 1}}, "hamd.tsv: no such file"),
        ({"clinical": {"instrument": "madrs", "day": 5}}, "no session has 'madrs' on day 0 and"),
        ({"design": "parallel"}, "sub-01 has placebo and naltrexone, but design 'parallel'"),
        (
            {"imaging": {"table": "pet.tsv", "column": "bp", "role": "moderator"}},
            "pet.tsv: no such file",
        ),
    ],
)
def test_what_the_tables_do_not_have_is_named(problems_of, keys, words):
    assert words in problems_of(**keys)[0]


def test_an_imaging_table_without_the_column_is_named(problems_of, tmp_path):
    (tmp_path / "pet.tsv").write_text("subject\tbpnd\nsub-01\t1.2\n")
    (found,) = problems_of(imaging={"table": "pet.tsv", "column": "bp", "role": "moderator"})
    assert "columns bp are missing" in found


def test_a_factor_that_no_session_has_is_named(problems_of):
    infusion = {"reference": "saline", "active": "ketamine"}
    found = problems_of(design="factorial", infusion=infusion, within=["condition", "infusion"])
    assert "sub-01_sessions.tsv gives ses-1 no infusion" in found[0]


def test_a_plan_that_is_faulty_by_itself_is_refused(problems_of):
    with pytest.raises(ConfigError, match="'outcome' is 'gaba_tnaa', which no spectrum gives"):
        problems_of(outcome="gaba_tnaa")


def test_the_command_ends_with_what_the_plan_lacks(glxflow, tmp_path):
    plan = (PROJECT / "config" / "trial.yaml").read_text()
    (tmp_path / "plan.yaml").write_text(plan.replace("madrs", "hamd"))
    validate(BIDS)
    run = glxflow("validate", BIDS, "--plan", tmp_path / "plan.yaml")
    assert run.returncode == 2
    assert "hamd.tsv: no such file" in run.stderr
