"""What an analysis of the trial says, and what it refuses."""

import re

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import TableError
from glxflow.trial.analyse import analyse
from glxflow.trial.changes import clinical_changes
from glxflow.trial.outcomes import Analysis, primary_outcome


def test_every_table_has_active_minus_reference(reference_analysis):
    tables = reference_analysis.tables
    claim = tables["primary"].query("role == 'primary'").iloc[0]
    assert claim["term"] == "naltrexone - placebo"
    crossover = tables["crossover"].set_index(["outcome", "analysis"])["estimate"]
    # The simulated naltrexone lowers the Glx rise and worsens MADRS.
    assert claim["estimate"] < 0
    for row in ("period-adjusted", "unadjusted paired", "Wilcoxon rank sum"):
        assert crossover["glx_tnaa", f"naltrexone - placebo, {row}"] < 0
        assert crossover["madrs", f"naltrexone - placebo, {row}"] > 0
    assert tables["clinical"]["estimate"].iloc[0] > 0
    assert (tables["bins"]["term"].str.startswith("naltrexone - placebo, bin")).all()


def test_classical_values_of_the_reference_trial(reference_analysis, answers):
    table = reference_analysis.tables["crossover"].query("outcome == 'madrs'")
    row = table[table["analysis"] == "naltrexone - placebo, period-adjusted"].iloc[0]
    expected = answers("reference_crossover")["madrs_A"]["treatment_period_adjusted"]
    # The reference is placebo minus naltrexone; the data are stored with 15 digits.
    assert row["estimate"] == pytest.approx(-expected["est"], rel=1e-9)
    assert row["ci_low"] == pytest.approx(-expected["hi"], rel=1e-9)


@pytest.mark.parametrize("name", ["bins", "clinical"])
def test_times_are_adjusted_by_holm(name, reference_analysis):
    table = reference_analysis.tables[name].dropna(subset=["p_holm"]).sort_values("p")
    assert len(table) > 2
    expected = np.maximum.accumulate(table["p"] * np.arange(len(table), 0, -1)).clip(upper=1.0)
    assert table["p_holm"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)


def test_every_number_carries_model_method_and_counts(reference_analysis):
    tables = reference_analysis.tables
    for name in ("primary", "bins", "clinical"):
        needed = ["model", "df_method", "n_participants", "n_sessions", "n_rows"]
        assert tables[name][needed].notna().all(axis=None)


def test_numbers_repeat_with_the_seed(make_plan, make_trial):
    trial = make_trial()
    one, other = (analyse(trial, None, make_plan(clinical=None)).tables for _ in range(2))
    for name in one:
        pd.testing.assert_frame_equal(one[name], other[name])


def test_a_fit_at_the_boundary_is_said(make_plan, read_trial):
    result = analyse(read_trial("C"), None, make_plan(clinical=None))
    assert result.models[0]["singular"]
    assert any("at the boundary" in warning for warning in result.warnings)
    claim = result.tables["primary"].query("role == 'primary'").iloc[0]
    assert claim["df"] == pytest.approx(22.40, abs=5e-3)  # pbkrtest's, as printed


def test_a_participant_with_one_session_stays_in_the_model(make_plan, make_trial):
    trial = make_trial().query("not (subject == 'sub-03' and period == 2)")
    tables = analyse(trial, None, make_plan(clinical=None)).tables
    assert tables["primary"]["n_participants"].iloc[0] == 8
    assert tables["primary"]["n_sessions"].iloc[0] == 15
    assert tables["crossover"]["n_participants"].iloc[0] == 7


@pytest.mark.parametrize(
    ("rows", "what"),
    [("bin == 0", "baseline"), ("bin > 0", "later bin"), ("bin >= 0", "baseline")],
)
def test_a_session_without_a_change_is_named_and_counted(rows, what, make_plan, make_trial):
    trial = make_trial()
    failed = trial.query(f"{rows} and subject == 'sub-03' and period == 2").index
    trial.loc[failed, "qc_pass"] = 0
    result = analyse(trial, None, make_plan(clinical=None))
    assert (
        f"trial table: left out and counted as missing for want of a {what} with 'glx_tnaa' in "
        "the analysis set 'qc_pass': sub-03 in period 2"
    ) in result.warnings
    assert sum("sub-03" in text for text in result.warnings) == 1  # it lacks one thing first
    missing = result.tables["missing"].set_index("analysis")["n_sessions_missing"]
    assert missing[["data under placebo", "data under naltrexone"]].sum() == 1


def in_one_session(row):
    """Tell whether a row is of the one session of its participant; sequences take turns."""
    return row["period"] == 1 + int(row["subject"][-2:]) // 2 % 2


def test_one_bin_of_one_session_a_participant_is_analysed_by_least_squares(make_plan, make_trial):
    trial = make_trial(n=12, n_bins=1)
    trial = trial[trial.apply(in_one_session, axis=1)]
    result = analyse(trial, None, make_plan(clinical=None))
    wide = trial.pivot(index="subject", columns="bin", values="glx_tnaa")
    people = trial.drop_duplicates("subject").set_index("subject")
    active = (people["condition"] == "naltrexone").to_numpy(dtype=float)
    design = np.column_stack([active, np.ones(12), people["period"]])
    expected = np.linalg.lstsq(design, (wide[1] - wide[0]).to_numpy(), rcond=None)[0][0]
    table = result.tables["primary"].query("term == 'naltrexone - placebo'")
    published = table[table["model"] == "as published"].iloc[0]
    assert published["estimate"] == pytest.approx(expected, rel=1e-9)
    assert published["df"] == pytest.approx(9)
    # Beside it the sequence and the baseline.
    assert table["df"].iloc[0] == pytest.approx(7)


def test_one_bin_a_session_that_is_not_the_same_is_analysed(make_plan, make_trial):
    trial = make_trial(n_bins=2)
    number = trial["subject"].str[-2:].astype(int)
    trial = trial[
        trial["bin"].isin([0]) | (trial["bin"] == 1 + (number // 4 + trial["period"]) % 2)
    ]
    result = analyse(trial, None, make_plan(clinical=None))
    assert "visit" not in result.models[0]["formula"]
    assert result.tables["primary"]["p"].notna().all()


def changed(column, value, *rows):
    """Return what gives some rows of a column another value."""
    return lambda t: t.assign(
        **{column: t[column].astype(object).where(~t.index.isin(rows), value)}
    )


FIRST = range(8)  # rows of sub-01: two sessions of a baseline and three bins
FAULTS = {
    "empty": lambda t: t.iloc[:0],
    "duplicate": lambda t: pd.concat([t, t.iloc[[3]]], ignore_index=True),
    "one condition": changed("condition", "naltrexone", *range(4)),
    "unknown condition": changed("condition", "saline", 2),
    "unknown sequence": changed("sequence", "PP", *FIRST),
    "unknown period": changed("period", 3, 2),
    "all missing": lambda t: t.assign(glx_tnaa=np.nan),
    "text": changed("glx_tnaa", "n.d.", 1),
    "infinite": changed("glx_tnaa", np.inf, 1),
    "text in quality": lambda t: changed("snr", "<5", 1)(t.assign(snr=50.0)),
    "constant": lambda t: t.assign(glx_tnaa=1.0),
    "no baseline": lambda t: t[t["bin"] > 0],
    "swapped": lambda t: t.assign(period=t["period"].where(~t.index.isin(FIRST), 3 - t["period"])),
    "no subject": lambda t: t.drop(columns="subject"),
    "one arm": lambda t: t[t["condition"] == "placebo"],
    "no outcome": lambda t: t.drop(columns="glx_tnaa"),
    "no qc": lambda t: t.drop(columns="qc_pass"),
}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("duplicate", "more than one row for .*sub-01"),
        (
            "one condition",
            "(?s)sub-01 has 'naltrexone' in both periods.*sequence PN says 'placebo'",
        ),
        ("unknown condition", "condition 'saline' is not one of placebo, naltrexone"),
        ("unknown sequence", "sequence 'PP' is not one of PN, NP"),
        ("unknown period", "period 3 is not one of 1, 2"),
        ("all missing", "missing in every row"),
        ("text", r"holds 'n\.d\.'"),
        ("infinite", r"'glx_tnaa' holds inf"),
        ("text in quality", r"'snr' holds '<5'"),
        ("constant", "nothing to fit"),
        ("swapped", "sequence PN says 'placebo'"),
        ("no subject", "columns subject are missing"),
        ("no outcome", "no column 'glx_tnaa'"),
        ("no qc", "no column qc_pass"),
    ],
)
def test_bad_tables_are_refused_with_what_is_wrong(fault, message, make_plan, make_trial):
    with pytest.raises(TableError, match=message):
        analyse(FAULTS[fault](make_trial()), None, make_plan(clinical=None))


NUMBERS = ["estimate", "se", "df", "statistic", "p", "p_adjusted", "ci_low", "ci_high"]
TOO_FEW = {
    "empty": (FAULTS["empty"], "no row. See sessions.tsv"),
    "no baseline": (FAULTS["no baseline"], "no session has both a baseline"),
    "one arm": (
        FAULTS["one arm"],
        "fewer than two participants have usable data under naltrexone",
    ),
    # Everybody in one sequence: period and condition are the same thing.
    "one sequence": (
        lambda t: t.query("sequence == 'PN'"),
        "4 participants with 8 usable sessions do not carry the model: coefficients period1",
    ),
    "two participants": (
        lambda t: t[t["subject"] <= "sub-02"],
        "2 participants with 4 usable sessions do not carry the model: .*aliased",
    ),
    "three participants": (
        lambda t: t[t["subject"] <= "sub-03"],
        "3 participants with 6 usable sessions leave less than one degree of freedom",
    ),
    "three participants, one bin": (
        lambda t: t[(t["subject"] <= "sub-03") & (t["bin"] <= 1)],
        "do not carry the model: 6 rows for 6 coefficients",
    ),
}


@pytest.mark.parametrize(("taken", "reason"), TOO_FEW.values(), ids=TOO_FEW)
def test_too_little_for_an_answer_is_said_in_words_without_a_number(
    taken, reason, make_plan, make_trial
):
    result = analyse(taken(make_trial()), None, make_plan(clinical=None))
    # What each participant measured is there where anything was.
    assert set(result.tables) - {"participants"} == {"primary"}
    (row,) = result.tables["primary"].to_dict("records")
    assert pd.isna([row[name] for name in NUMBERS]).all()
    assert re.search(reason, row["note"])
    assert re.search(f"there is no primary result: .*{reason}", result.warnings[0])


def test_scores_are_analysed_where_the_spectra_are_too_few(make_plan, make_trial):
    trial = make_trial()
    scores = trial.rename(columns={"bin": "day", "glx_tnaa": "madrs"})
    result = analyse(trial[trial["subject"] <= "sub-03"], scores, make_plan())
    assert result.tables["clinical"]["p"].notna().all()
    expected = {"participants", "primary", "clinical", "attenuation", "crossover"}
    assert set(result.tables) == expected


def test_four_participants_have_one_degree_of_freedom_and_no_other_analysis_more(
    make_plan, make_trial
):
    tables = analyse(make_trial(n=4), None, make_plan(clinical=None)).tables
    assert tables["primary"]["df"].iloc[0] == pytest.approx(1, abs=1e-6)
    # Any three of them are too few, and so are two of either sex.
    df = tables["sensitivity"].set_index("model")["df"]
    # Of the four, two are sequences and one is the baseline.
    assert df.pop("without the baseline as covariate") == pytest.approx(2, abs=1e-6)
    assert df.to_numpy() == pytest.approx(1, abs=1e-2)
    assert not tables["sensitivity"]["note"].str.contains("left out").any()
    assert "less than one degree of freedom" in tables["explor_sex"]["note"].iloc[0]


def test_rows_that_quality_control_does_not_decide_on_are_said(make_plan, make_trial):
    said = "quality control does not decide which rows enter (set: all)"
    for name in ("all", "qc_pass"):
        plan, result = make_plan(clinical=None, analysis_set=name), Analysis({}, [], [], [], {})
        primary_outcome(result, make_trial(n_bins=1), plan)
        assert result.warnings.count(said) == (name == "all")


def test_a_missing_clinical_table_is_said(make_plan, make_trial):
    result = analyse(make_trial(), None, make_plan())
    assert any("madrs is not analysed" in warning for warning in result.warnings)


def test_the_clinical_claim_is_that_of_the_plans_day_among_others(make_plan, make_trial):
    scores = make_trial(n_bins=3).rename(columns={"bin": "day", "glx_tnaa": "madrs"})
    scores["madrs"] = scores["madrs"].where(scores["day"] > 0, 1.0)
    plan = make_plan(clinical={"instrument": "madrs", "day": 2})
    table = analyse(make_trial(), scores, plan).tables["clinical"].query("role != 'coefficient'")
    roles = ["clinical", "sensitivity", "sensitivity", "secondary", "secondary"]
    assert table["role"].tolist() == roles
    days = [f"naltrexone - placebo, day {day}" for day in (2, 2, 2, 1, 3)]
    assert table["term"].tolist() == days
    # Complete and balanced, with one baseline for all: the mean difference on that day.
    means = scores.query("day == 2").groupby("condition")["madrs"].mean()
    expected = means["naltrexone"] - means["placebo"]
    assert table["estimate"].iloc[0] == pytest.approx(expected, rel=1e-9)
    assert table["model"].iloc[1] == "clinical, day 2 alone"
    assert table["estimate"].iloc[1] == pytest.approx(expected, rel=1e-9)


def test_a_plan_of_one_day_has_no_row_of_that_day_alone(make_plan, make_trial):
    scores = make_trial(n_bins=1).rename(columns={"bin": "day", "glx_tnaa": "madrs"})
    table = analyse(make_trial(), scores, make_plan()).tables["clinical"]
    assert not table["model"].str.contains("alone").any()


def test_a_plans_day_of_one_condition_is_said(make_plan, make_trial):
    scores = make_trial(n_bins=2).rename(columns={"bin": "day", "glx_tnaa": "madrs"})
    scores = scores.query("day != 1 or condition == 'placebo'")
    result = analyse(make_trial(), scores, make_plan())
    assert any("usable data of day 1 under naltrexone" in text for text in result.warnings)
    assert "clinical" not in result.tables


CLINICAL_FAULTS = {
    "no score yet": lambda t: t.assign(madrs=np.nan),
    "header only": lambda t: t.iloc[:0],
    "no day of the plan": lambda t: t[t["day"] != 1],
    "the same change": lambda t: t.assign(madrs=30.0 - t["day"]),
    "text": lambda t: t.assign(madrs="ten"),
    "another sequence": lambda t: t.assign(sequence="PP"),
}


@pytest.mark.parametrize("fault", list(CLINICAL_FAULTS))
def test_a_bad_clinical_table_does_not_stop_the_primary_result(
    fault, make_plan, make_trial, read_stats
):
    plan = make_plan(
        permutation=100, bootstrap=100,
        families=[{"name": "all", "members": ["primary", "clinical"], "method": "holm"}],
    )  # fmt: skip
    clinical = CLINICAL_FAULTS[fault](read_stats("madrs_A"))
    result = analyse(make_trial(n_bins=1), clinical, plan)
    said = [text for text in result.warnings if "madrs could not be analysed" in text]
    assert len(said) == 1
    claim = result.tables["primary"].iloc[0]
    assert "clinical" not in result.tables
    assert claim["p_adjusted"] == min(2 * claim["p"], 1.0)
    assert set(result.tables["crossover"]["outcome"]) == {"glx_tnaa"}
    if fault == "no score yet":
        assert "clinical table: 'madrs' is missing in every row" in said[0]


def test_a_screening_before_day_0_changes_no_clinical_result(make_plan, read_stats):
    plan = make_plan()
    scores = read_stats("madrs_A")
    screening = scores[scores["day"] == 0].assign(day=-7)
    with_screening = clinical_changes(pd.concat([screening, scores], ignore_index=True), plan)
    columns = ["subject", "period", "day", "base", "delta"]
    order = ["subject", "period", "day"]
    pd.testing.assert_frame_equal(
        with_screening[columns].sort_values(order, ignore_index=True),
        clinical_changes(scores, plan)[columns].sort_values(order, ignore_index=True),
    )
