"""What a table may not be, in each design, and what the message says."""

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import ConfigError, TableError
from glxflow.trial.analyse import analyse
from glxflow.trial.changes import clinical_changes, glx_changes


def among(trial, **where):
    """Return which rows have given values."""
    return np.logical_and.reduce([trial[name] == value for name, value in where.items()])


def put(trial, rows, **values):
    """Return a trial with other values in some rows."""
    return trial.assign(
        **{name: trial[name].astype(object).mask(rows, value) for name, value in values.items()}
    )


def second_dose(trial):
    rows = among(trial, subject="sub-01", condition="placebo", infusion="saline")
    return put(trial, rows, infusion="ketamine")


FAULTS = {
    "both": {
        "no period": (lambda t: t.drop(columns="period"), "columns period are missing"),
        "no infusion": (lambda t: t.drop(columns="infusion"), "columns infusion are missing"),
        "unknown infusion": (
            lambda t: put(t, among(t, subject="sub-01", period=1), infusion="water"),
            "infusion 'water' is not one of saline, ketamine",
        ),
        "constant": (
            lambda t: t[t["condition"] == np.where(t["subject"] < "sub-05", "placebo",
                                                   "naltrexone")],
            "condition is constant within every participant, but the plan lists it",
        ),
        "a cell twice": (second_dose, "sub-01 has placebo with ketamine in 2 sessions"),
        "sequence contradicted": (
            lambda t: put(t, among(t, subject="sub-01"), sequence=t["sequence"].iloc[-1]),
            "sequence .* has .* in period 1: an allocation contradicts it",
        ),
        "duplicate": (lambda t: pd.concat([t, t.iloc[[3]]]), "more than one row for .*sub-01"),
        "half a period": (
            lambda t: put(t, among(t, subject="sub-01", period=1), period=1.5),
            "period 1.5 is no whole number",
        ),
        "bin": (lambda t: put(t, t.index == 2, bin="late"), "bin 'late' is no number"),
        "qc": (lambda t: put(t, t.index == 2, qc_pass="yes"), "qc_pass holds 'yes' in 1 rows"),
        "qc of two": (lambda t: put(t, t.index == 2, qc_pass=2), "qc_pass holds 2 in 1 rows"),
        "sd": (
            lambda t: put(t.assign(glx_tnaa_sd=0.01), t.index == 2, glx_tnaa_sd="n/a"),
            "'glx_tnaa_sd' holds 'n/a'",
        ),
        "no subject": (lambda t: put(t, t.index == 2, subject=np.nan), "1 rows have no subject"),
        "no variation": (lambda t: t.assign(glx_tnaa=1.0), "nothing to fit"),
        "all missing": (lambda t: t.assign(glx_tnaa=np.nan), "missing in every row"),
    },
    "infusion": {
        "not constant": (
            lambda t: put(t, among(t, subject="sub-01", period=2), condition="naltrexone"),
            "sub-01 has 2 levels of condition, which the plan does not list under `within`",
        ),
    },
    "parallel": {
        "crossed": (
            lambda t: pd.concat(
                [t, t[among(t, subject="sub-01")].assign(period=2, condition="naltrexone")]
            ),
            "sub-01 has placebo and naltrexone, but design 'parallel' has one condition",
        ),
        "two sessions": (
            lambda t: pd.concat([t, t[among(t, subject="sub-01")].assign(period=2)]),
            "sub-01 has 2 sessions, but design 'parallel' has one",
        ),
        "two infusions": (
            lambda t: put(t, among(t, subject="sub-01"), infusion="saline"),
            "infusion holds ketamine, saline, but design 'parallel' knows one",
        ),
        "no variation within": (
            lambda t: t.assign(glx_tnaa=1.0 + (t["bin"] > 0) * (t["condition"] == "placebo")),
            "fits the table exactly",
        ),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("design", "fault"), [(design, fault) for design, found in FAULTS.items() for fault in found]
)
def test_bad_tables_are_refused_with_what_is_wrong(design, fault, plan_of, trial_of):
    change, message = FAULTS[design][fault]
    with pytest.raises(TableError, match=message):
        analyse(change(trial_of(design, n=8, n_bins=2)), None, plan_of(design))


def reason_of_no_answer(trial, plan):
    """Return what the primary table says where it has no number."""
    (row,) = analyse(trial, None, plan).tables["primary"].to_dict("records")
    assert pd.isna([row[name] for name in ("estimate", "df", "p", "ci_low", "ci_high")]).all()
    return row["note"]


def test_an_aliased_design_has_no_answer_and_names_its_terms(plan_of, trial_of):
    # Saline always first: period and infusion are the same thing.
    trial = trial_of("infusion", n=16)
    trial = trial.assign(period=1 + (trial["infusion"] == "ketamine"), sequence="")
    assert "period1 are aliased" in reason_of_no_answer(trial, plan_of("infusion"))


def test_a_cell_without_data_leaves_no_answer(plan_of, trial_of):
    trial = trial_of("between", n=8, n_bins=2)
    trial = trial[~among(trial, condition="placebo", infusion="saline")]
    assert "usable data under placebo with saline" in reason_of_no_answer(
        trial, plan_of("between")
    )


@pytest.mark.parametrize(("design", "n"), [("parallel", 3), ("between", 4), ("both", 2)])
def test_too_few_participants_of_any_design_have_no_answer(design, n, plan_of, trial_of):
    assert reason_of_no_answer(trial_of(design, n=n, n_bins=2), plan_of(design))


def test_everything_wrong_is_listed_at_once(plan_of, trial_of):
    trial = put(trial_of("both", n=8), among(trial_of("both", n=8), subject="sub-01"),
                condition="saline")  # fmt: skip
    trial = put(trial, trial["subject"] == "sub-02", infusion="water")
    with pytest.raises(TableError, match=r"(?s)2 problems.*'saline'.*'water'"):
        glx_changes(trial, plan_of("both"))


def test_scores_that_are_no_numbers_are_refused(plan_of):
    plan = plan_of("parallel", clinical={"instrument": "madrs", "day": 1})
    scores = pd.DataFrame(
        {"subject": ["a", "a", "b", "b"], "condition": ["placebo"] * 2 + ["naltrexone"] * 2,
         "day": [0, 1, 0, 1], "madrs": [30, "ten", 28, 20]}
    )  # fmt: skip
    with pytest.raises(TableError, match="'madrs' holds 'ten'"):
        clinical_changes(scores, plan)
    with pytest.raises(TableError, match="day 'x' is no number"):
        clinical_changes(scores.assign(day=[0, "x", 0, 1]), plan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"design": "factorial"}, "needs the key 'infusion'"),
        ({"within": ["condition"]}, "'within' belongs to design 'factorial'"),
        ({"equivalence": {"clinical": 2}}, "'equivalence.clinical' needs a clinical outcome"),
        ({"families": [{"name": "a", "members": ["primary"], "method": "holm"}] * 2},
         "the name 'a' is given twice"),
        ({"families": [{"name": "a", "members": ["primary"], "method": "holm", "after": "b",
                        "gate": "serial"}]}, "after 'b', which is no earlier family"),
        ({"families": [{"name": "a", "members": ["primary"], "method": "fdr"},
                       {"name": "b", "members": ["sex"], "method": "holm", "after": "a",
                        "gate": "serial"}]}, "fdr does not control"),
        ({"families": [{"name": "a", "members": ["primary"], "method": "holm"},
                       {"name": "b", "members": ["sex"], "method": "holm", "after": "a",
                        "gate": "parallel"}]}, "a parallel gate needs method bonferroni"),
        ({"families": [{"name": "a", "members": ["primary", "clinical"], "method": "bonferroni"},
                       {"name": "b", "members": ["sex"], "method": "holm", "after": "a",
                        "gate": "parallel"},
                       {"name": "c", "members": ["bins"], "method": "holm", "after": "b",
                        "gate": "serial"}]}, "families.2: after 'b', which may have been tested"),
        ({"families": [{"name": "a", "members": ["primary", "clinical"], "method": "bonferroni"},
                       {"name": "b", "members": ["sex"], "method": "holm", "after": "a",
                        "gate": "parallel"},
                       {"name": "c", "members": ["bins"], "method": "holm", "after": "a",
                        "gate": "parallel"}]}, "'a' passes its level on to 'b' already"),
        ({"families": [{"name": "a", "members": ["primary"], "method": "holm"},
                       {"name": "b", "members": ["sex"], "method": "holm", "after": "a",
                        "gate": "serial"},
                       {"name": "c", "members": ["bins"], "method": "holm", "after": "a",
                        "gate": "serial"}]}, "'a' passes its level on to 'b' already"),
        ({"families": [{"name": "a", "members": ["first"], "method": "holm"}]}, "'first'"),
    ],
)  # fmt: skip
def test_plans_that_contradict_themselves_are_refused(change, message, plan_of):
    with pytest.raises(ConfigError, match=message):
        plan_of("parallel", **change)
