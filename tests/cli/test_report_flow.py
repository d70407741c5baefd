"""The flow of participants on the study page, against the account and the inference."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from glxflow.cli.report import app as report
from glxflow.cli.trial import app as trial
from glxflow.io.tables import read_tsv, write_tsv
from glxflow.trial.account import account_for_sessions
from glxflow.trial.plan import plan_from

PLAN = {
    "id": "flow",
    "conditions": {"reference": "placebo", "active": "naltrexone"},
    "outcome": "glx_tnaa",
    "clinical": {"instrument": "madrs", "day": 1},
    "analysis_set": "qc_pass",
    "confidence": 0.95,
    "bootstrap": 100,
    "permutation": 100,
    "seed": 1,
}
INFUSION = {"reference": "saline", "active": "ketamine"}
DESIGNS = {
    "crossover": {},
    "parallel": {"design": "parallel"},
    "infusion within": {"design": "factorial", "infusion": INFUSION, "within": ["infusion"]},
    "between": {"design": "factorial", "infusion": INFUSION, "within": []},
}  # fmt: skip
N = 16
FATES = {
    ("sub-03", "ses-1"): None,  # no scan
    ("sub-05", "ses-1"): ("fit", "The fit found no minimum."),
    ("sub-06", "ses-1"): ("quality", "no baseline can be used."),
    ("sub-10", "ses-1"): ("preprocess", "The file is truncated."),
}


def planned_sessions(plan):
    """Return who has which session: the conditions, and infusions, in turn."""
    rows = []
    for index in range(N):
        cell = {"condition": plan.conditions[index % 2], "infusion": "ketamine"}
        if plan.infusion:
            cell["infusion"] = plan.infusion[index // 2 % 2]
        for number in range(2 ** len(plan.within)):
            own = dict(cell)
            for place, name in enumerate(plan.within):
                turned = (index // 4 >> place & 1) ^ (number >> place & 1)
                own[name] = plan.factors[name][turned]
            rows.append({"subject": f"sub-{index:02d}", "session": f"ses-{number + 1}",
                         "period": number + 1} | own)  # fmt: skip
    return pd.DataFrame(rows)


def people_of(planned, design):
    """Return those with a session and one without, with their sequence if they have one."""
    first = planned[planned["period"] == 1].set_index("subject")["condition"]
    orders = first.map({"placebo": "PN", "naltrexone": "NP"}).to_dict() | {f"sub-{N}": "PN"}
    people = pd.DataFrame({"subject": list(orders), "sex": "F", "age": 30.0})
    return people.assign(sequence=people["subject"].map(orders if design == "crossover" else {}))


def measured(sessions, times, name, rng):
    """Return a row a session and time."""
    design = sessions.drop(columns=["status", "stage", "reason"])
    rows = design.merge(pd.DataFrame(times), how="cross")
    own = rows["subject"].str[-2:].astype(int) % 7
    return rows.assign(**{name: 10 + 0.1 * own + rng.normal(0, 0.05, len(rows))})


@pytest.fixture
def drawn(tmp_path):
    """Return a function that runs a design with known losses: its folder and its page."""

    def run(design):
        content = PLAN | DESIGNS[design]
        plan = plan_from(content, "plan.yaml")
        planned = planned_sessions(plan)
        people = people_of(planned, design)
        scanned = [*zip(planned["subject"], planned["session"], strict=True), ("sub-99", "ses-1")]
        outcomes = {
            key: FATES.get(key, ("", "")) for key in scanned if FATES.get(key, "") is not None
        }
        sessions = account_for_sessions(people, planned, outcomes, {}, plan)
        used = sessions[sessions["status"] == "used"]
        rng = np.random.default_rng(5)
        bins = {"bin": [0, 1, 2], "t_min": [-5.0, 5.0, 15.0], "qc_pass": 1}
        table = measured(used, bins, "glx_tnaa", rng)
        # Of one session no bin is left but one that hardly any other has.
        is_odd = (table["subject"] == "sub-08") & (table["period"] == 1) & (table["bin"] > 0)
        table["bin"] = table["bin"].mask(is_odd, table["bin"] + 7)
        scores = sessions[sessions["stage"] != "design"]
        group = tmp_path / "group"
        group.mkdir()
        write_tsv(group / "sessions.tsv", sessions.assign(note=""))
        write_tsv(group / "trial.tsv", table)
        write_tsv(group / "clinical.tsv", measured(scores, {"day": [0, 1]}, "madrs", rng))
        columns = ["subject", "session", "bin", "snr", "fwhm_hz", "qc_pass"]
        write_tsv(group / "qc.tsv", pd.DataFrame(columns=columns))
        write_tsv(group / "scans.tsv", pd.DataFrame(columns=["subject", "session", "svs"]))
        write_tsv(group / "headers.tsv", pd.DataFrame(columns=["subject", "session", "image"]))
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(content))
        call(trial, "run", "--table", group / "trial.tsv", "--clinical", group / "clinical.tsv",
             "--plan", tmp_path / "plan.yaml", "--out", group / "inference")  # fmt: skip
        call(report, group, "--out", group / "report.html")
        return group, (group / "report.html").read_text()

    return run


def call(app, *arguments):
    result = CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def boxes(page):
    """Return the boxes of the flow in order: their headings and numbers by label."""
    flow = re.search('<div class="flow".*?</section>', page, re.DOTALL).group(0)
    found = []
    for box in flow.split('<div class="box">')[1:]:
        title = re.search("<h[34]>(.*?)</h[34]>", box).group(1)
        counts = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", box)
        plain = [[re.sub("<[^>]*>", "", part) for part in count] for count in counts]
        found.append((title, {label: int(n.replace("−", "-")) for label, n in plain}))
    return found


def summed(found, prefix, label):
    return sum(counts.get(label, 0) for title, counts in found if title.startswith(prefix))


@pytest.mark.parametrize("design", DESIGNS)
def test_the_flow_is_that_of_the_account_and_of_the_inference(design, drawn):
    group, page = drawn(design)
    found = boxes(page)
    sessions = read_tsv(group / "sessions.tsv")
    primary = read_tsv(group / "inference" / "primary.tsv").iloc[0]
    clinical = read_tsv(group / "inference" / "clinical.tsv").iloc[0]
    for title, claim in (
        ("Analysed in all: Glx/tNAA", primary),
        ("Analysed in all: MADRS", clinical),
    ):
        counts = dict(found)[title]
        for noun in ("participants", "sessions", "rows"):
            assert counts[noun] == claim[f"n_{noun}"]
    for noun in ("participants", "sessions"):
        assert summed(found, "Analysed: primary", noun) == primary[f"n_{noun}"]
    place = "Session" if design in ("parallel", "between") else "Period"
    assert summed(found, place, "used") == (sessions["status"] == "used").sum()
    reasons = ("no scan", "failed in the fit", "failed in preprocessing", "excluded by quality")
    assert [summed(found, place, f"lost: {reason}") for reason in reasons] == [-1] * 4
    assert summed(found, "Analysed: primary", "lost: used, but not in the model") == -1
    # One is listed without a session, one was scanned and is in no table.
    start = dict(found)["Participants"]
    assert start["in the tables, or scanned"] == N + 2
    assert summed(found, "Sessions", "lost: excluded by the tables or the plan") == -1
