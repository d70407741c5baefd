import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glxflow.cli.report import _outcome, app
from glxflow.errors import ConfigError, TableError
from glxflow.io.files import sha256
from glxflow.io.tables import read_tsv


@pytest.fixture
def group(tmp_path):
    """Return a folder with the tables of a small study, an earlier one's among them."""
    folder = tmp_path / "group"
    (folder / "inference").mkdir(parents=True)
    for name, content in {
        "sessions": "subject session sequence period condition status stage reason note\n"
        "sub-01 ses-1 PN 1 placebo used n/a n/a n/a",
        "trial": "subject session condition bin t_min glx_tnaa qc_pass",
        "qc": "subject session bin snr fwhm_hz qc_pass flags",
        "clinical": "subject session condition day madrs",
        "scans": "subject session svs\nsub-01 ses-1 x_svs.nii.gz",
        "headers": "subject session image Manufacturer\nsub-01 ses-1 svs GE<b>",
        "inference/primary": "role model term estimate",
        "inference/attenuation": "outcome estimate",
        "inference/equivalence": "outcome estimate\nglx_tnaa 0.5",
    }.items():
        (folder / f"{name}.tsv").write_text(content.replace(" ", "\t") + "\n")
    return folder


def record(**changes):
    return json.dumps(
        {
            "PlanId": "x", "PlanSHA256": "0", "Seed": 1, "Masked": False, "Models": [],
            "Conditions": ["placebo", "naltrexone"], "Outcome": "glx_tnaa", "Instrument": "madrs",
            "Cautions": [], "Warnings": [], "Confidence": 0.95, "AnalysisSet": "qc_pass",
            "Change": "separate", "Within": ["condition"], "Infusions": [], "SourceFiles": [],
            "Arms": {"sequence": ["PN", "NP"]},
            **changes,
        }
    )  # fmt: skip


def draw(group, page):
    arguments = [str(group), "--out", str(page)]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0


def test_the_page_shows_what_its_analysis_has_written_and_nothing_older(group, tmp_path):
    page, tables = tmp_path / "report.html", ["primary", "attenuation"]
    path = group / "inference" / "inference.json"
    path.write_text(record(Tables=[*tables, "equivalence"]))
    draw(group, page)
    assert "Equivalence" in page.read_text()
    path.write_text(record(Tables=tables))
    draw(group, page)
    assert "quivalence" not in page.read_text()


def test_the_checklist_stands_on_the_page_and_beside_it_and_is_no_source_of_it(group):
    (group / "inference" / "inference.json").write_text(record(Tables=["primary"]))
    for _ in range(2):
        draw(group, group / "report.html")
    page = (group / "report.html").read_text()
    assert "Reporting checklist (MRSinMRS)" in page
    assert "GE&lt;b&gt;" in page
    assert f"{group / 'headers.tsv'}" in page
    assert f"{group / 'mrsinmrs.tsv'}" not in page
    table = read_tsv(group / "mrsinmrs.tsv")
    assert list(table) == ["item", "name", "value", "source"]
    assert table.set_index("item").loc["1b", "value"] == "GE<b>"


@pytest.mark.parametrize(
    ("change", "how"), [("joint", "fitted jointly over its bins"), ("separate", "of bins")]
)
def test_the_checklist_says_how_the_outcome_is_measured(change, how):
    said = _outcome({"Outcome": "glx_tnaa", "Change": change})
    assert said.startswith("Glx/tNAA: change from each session's own baseline")
    assert said.endswith(how)


def test_the_page_says_what_is_known_of_departures_from_the_plan(group, tmp_path):
    content = record(Tables=["primary"], Warnings=["bin 9 is left out"])
    (group / "inference" / "inference.json").write_text(content)
    page = tmp_path / "report.html"
    draw(group, page)
    words = page.read_text()
    said = words[words.index("Departures from the plan") : words.index("Every session</h2>")]
    assert "records of the fits, which are not beside these tables" in said
    assert "stands in the notes at the top (1)" in said


def test_each_record_of_a_fit_is_read_once_for_checklist_and_departures(
    group, tmp_path, monkeypatch
):
    (group / "inference" / "inference.json").write_text(record(Tables=["primary"]))
    fitted = tmp_path / "sub-01" / "ses-1" / "mrs" / "x_desc-fit_concentrations.json"
    fitted.parent.mkdir(parents=True)
    limits = {"snr": {"doubtful": 31.0, "fail": 8.0}}
    fitted.write_text(json.dumps({"Status": "ok", "Parameters": {"qc": limits}}))
    read = []
    usual = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, *a, **k: read.append(path.name) or usual(path, *a, **k)
    )
    draw(group, tmp_path / "report.html")
    assert read.count(fitted.name) == 1
    assert "Signal to noise at least 31, fails below 8" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("field", ["SourceFiles", "Arms"])
def test_a_record_of_an_earlier_version_gets_no_page(group, tmp_path, field):
    said = json.loads(record(Tables=["primary"]))
    del said[field]
    (group / "inference" / "inference.json").write_text(json.dumps(said))
    with pytest.raises(ConfigError, match=rf"lacks {field}, .* Run the analysis again"):
        draw(group, tmp_path / "report.html")


@pytest.mark.parametrize("folder", ["group", "elsewhere/deep", "."])
def test_the_page_finds_the_pages_of_the_scans_wherever_it_is_written(group, tmp_path, folder):
    (group / "inference" / "inference.json").write_text(record(Tables=["primary"]))
    scan = tmp_path / "sub-01" / "ses-1" / "mrs" / "x_report.html"
    scan.parent.mkdir(parents=True)
    scan.touch()
    place = tmp_path / folder
    place.mkdir(parents=True, exist_ok=True)
    draw(group, place / "study.html")
    (link,) = re.findall('href="([^"]*)"', (place / "study.html").read_text().split("<script")[0])
    assert (place / link).resolve() == scan


@pytest.fixture
def analysed(group, tmp_path):
    """Return the folder of a study whose analysis has read its tables and a plan."""
    plan = tmp_path / "plan.yaml"
    plan.write_text("outcome: glx_tnaa\n")
    files = [group / "trial.tsv", group / "clinical.tsv", plan]
    sources = [{"Path": str(file), "SHA256": sha256(file)} for file in files]
    tables = ["primary", "attenuation"]
    (group / "inference" / "inference.json").write_text(record(Tables=tables, SourceFiles=sources))
    draw(group, tmp_path / "report.html")
    return group


@pytest.mark.parametrize("name", ["trial", "clinical"])
@pytest.mark.parametrize("is_moved", [False, True])
def test_results_of_other_data_get_no_page(analysed, tmp_path, name, is_moved):
    group = analysed.rename(tmp_path / "moved") if is_moved else analysed
    table = group / f"{name}.tsv"
    table.write_text(table.read_text() + "sub-01\tses-1\tplacebo\t0\t-5\n")
    with pytest.raises(ConfigError, match=rf"{name}\.tsv has changed .* are of other data"):
        draw(group, tmp_path / "report.html")


def test_results_of_another_plan_get_no_page(analysed, tmp_path):
    (tmp_path / "plan.yaml").write_text("outcome: glu_tcr\n")
    with pytest.raises(ConfigError, match=r"plan\.yaml has changed .* are of another plan"):
        draw(analysed, tmp_path / "report.html")


def test_a_participant_without_a_session_is_named_alone(group, tmp_path):
    table = group / "sessions.tsv"
    row = "sub-09 n/a PN n/a n/a missing design nobody n/a\n".replace(" ", "\t")
    table.write_text(table.read_text() + row)
    (group / "inference" / "inference.json").write_text(record(Tables=["primary"]))
    result = CliRunner().invoke(app, [str(group), "--out", str(tmp_path / "report.html")])
    assert "\nsub-09: nobody" in result.output


def test_a_study_without_an_answer_has_a_page_that_says_why(group, tmp_path):
    header = "role\tmodel\tterm\testimate\tci_low\tci_high\tnote\n"
    row = "primary\tdesign-respecting\tnaltrexone - placebo\tn/a\tn/a\tn/a\ttoo few people\n"
    (group / "inference" / "primary.tsv").write_text(header + row)
    (group / "inference" / "inference.json").write_text(record(Tables=["primary"]))
    draw(group, tmp_path / "report.html")
    assert (
        "naltrexone − placebo: no answer: too few people" in (tmp_path / "report.html").read_text()
    )


@pytest.mark.parametrize(
    ("outcome", "label"),
    [
        ("glx_tnaa", "Course of Glx/tNAA"),
        ("tnaa_tcr", "Course of tNAA/tCr"),
        ("glx_water", "Course of Glx (water-scaled, mmol/kg)"),
        ("fwhm_hz", "Course of FWHM (Hz)"),
    ],
)
def test_an_outcome_is_named_as_people_write_it_with_its_unit(group, tmp_path, outcome, label):
    row = "sub-01 ses-1 placebo 0 -5 1.2 1\nsub-01 ses-1 placebo 1 5 1.3 1\n".replace(" ", "\t")
    heading = f"subject session condition bin t_min {outcome} qc_pass\n".replace(" ", "\t")
    (group / "trial.tsv").write_text(heading + row)
    path = group / "inference" / "inference.json"
    path.write_text(record(Tables=["primary", "attenuation"], Outcome=outcome))
    draw(group, tmp_path / "report.html")
    assert label in (tmp_path / "report.html").read_text()


def test_a_table_that_was_lost_is_asked_for(group, tmp_path):
    (group / "inference" / "inference.json").write_text(record(Tables=["primary", "bins"]))
    with pytest.raises(
        TableError, match=r"bins\.tsv: written by the trial, and no longer there.*forcerun trial"
    ):
        draw(group, tmp_path / "report.html")


def test_a_record_that_lists_no_tables_is_asked_for_again(group, tmp_path):
    (group / "inference" / "inference.json").write_text(record())
    with pytest.raises(ConfigError, match="Run the analysis again with `glxflow trial run`"):
        draw(group, tmp_path / "report.html")


def test_a_masked_analysis_gets_no_page_that_would_unmask_it(glxflow, tmp_path):
    group = tmp_path / "group"
    (group / "inference").mkdir(parents=True)
    columns = "subject\tsession\tcondition\tstatus\treason\nsub-01\tses-1\tplacebo\tused\tn/a\n"
    for name in ("sessions", "trial", "qc", "clinical"):
        (group / f"{name}.tsv").write_text(columns)
    (group / "inference" / "inference.json").write_text(json.dumps({"Masked": True}))
    run = glxflow("report", group, "--out", tmp_path / "report.html")
    assert run.returncode == 2
    assert "the analysis is masked" in run.stderr
    # Line widths by condition would tell which masked condition is which.
    assert not list(tmp_path.glob("*.html")) + list(tmp_path.rglob("mrsinmrs.tsv"))
