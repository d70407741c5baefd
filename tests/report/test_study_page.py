import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from glxflow.io.tables import read_tsv, write_tsv
from glxflow.report.checklist import ChecklistRow
from glxflow.report.study_page import StudyPage, render_study

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
CONDITIONS = ("placebo", "naltrexone")


@pytest.fixture
def study(provenance):
    """A study of four participants; sub-04's second session is missing."""
    cells = [
        (f"sub-0{subject}", f"ses-{session}", session, CONDITIONS[(subject + session) % 2])
        for subject in range(1, 5)
        for session in (1, 2)
    ]
    sessions = pd.DataFrame(cells, columns=["subject", "session", "period", "condition"])
    sessions = sessions.assign(status="used", stage="", reason="")
    sessions.loc[7, ["status", "stage", "reason"]] = ["missing", "scan", "Convert the raw data."]
    rng = np.random.default_rng(3)
    used = sessions[sessions["status"] == "used"]
    trial = used.merge(pd.DataFrame({"bin": range(3), "t_min": [-10.0, 0.0, 10.0]}), how="cross")
    trial = trial.assign(glx_tnaa=1.1 + rng.normal(0, 0.05, len(trial)), qc_pass=True)
    qc = trial[["subject", "session", "bin"]].assign(snr=50.0, fwhm_hz=6.0, qc_pass=True)
    row = {
        "role": "primary",
        "model": "delta ~ condition*bin + (1|subject) + (1|subject:session)",
        "term": "naltrexone − placebo",
        "estimate": -0.03,
        "se": 0.02,
        "df": 3.1,
        "df_method": "Kenward-Roger",
        "statistic": 2.2,
        "p": 0.21,
        "ci_low": -0.09,
        "ci_high": 0.03,
        "n_participants": 4,
        "n_sessions": 7,
        "n_rows": 14,
    }
    primary = pd.DataFrame([row | {"role": "as published", "p": 0.01}, row])
    means = used.assign(change=rng.normal(0, 0.05, len(used)))
    return StudyPage("A trial", provenance, CONDITIONS, sessions, trial, qc, primary, means)


def test_a_page_is_balanced_loads_nothing_and_is_below_six_megabytes(study, read_page):
    page = render_study(study)
    read = read_page(page)
    assert read.open == []
    assert len(page.encode()) < 6e6
    assert not [attributes for _, attributes in read.elements if "src" in attributes]
    assert not [attributes for tag, attributes in read.elements if tag == "link"]
    assert "default-src 'none'" in page


def test_the_design_respecting_result_comes_first_whatever_the_order_of_the_table(
    study, read_page
):
    words = read_page(render_study(study)).words
    assert (
        words.index("the claim rests on this")
        < words.index("P = 0.210")
        < words.index("As published: for comparison only")
        < words.index("P = 0.010")
    )
    assert "no evidence that there is none" in words


def test_the_reporting_checklist_is_folded_away_and_escaped(study, read_page):
    row = ChecklistRow("1b", "Manufacturer", HOSTILE, "header: Manufacturer (7 scans)")
    page = render_study(replace(study, checklist=(row,)))
    read = read_page(page)
    assert HOSTILE in read.words
    assert HOSTILE not in page
    folded = page[page.index("Reporting checklist (MRSinMRS)") :]
    assert folded.index("<details>") < folded.index("header: Manufacturer (7 scans)")


def test_a_masked_page_has_no_checklist_since_it_names_conditions(study):
    row = ChecklistRow("4a", "SNR and line width, placebo", "SNR 50", "qc.tsv")
    assert "MRSinMRS" not in render_study(replace(study, checklist=(row,), is_masked=True))


def test_the_model_behind_a_claim_is_named_with_its_formula(study, read_page):
    name = study.primary["model"].iloc[1]
    model = {"model": name, "formula": "y ~ x + (1|s)", "engine": "ours", "singular": True}
    words = read_page(render_study(replace(study, models=(model,)))).words
    assert "y ~ x + (1|s); ours; the fit is at its boundary" in words


def test_coefficients_are_folded_away_from_what_answers_the_question(study, read_page):
    coefficient = study.primary.tail(1).assign(role="coefficient", term="base_dev")
    primary = pd.concat([coefficient, study.primary], ignore_index=True)
    words = read_page(render_study(replace(study, primary=primary))).words
    assert words.index("naltrexone − placebo") < words.index("All coefficients")
    assert words.index("All coefficients") < words.index("base_dev")
    assert words.count("base_dev") == 1


def test_every_session_is_listed_and_what_is_not_used_comes_first(study, read_page):
    words = read_page(render_study(study)).words
    table = words[words.index("why, and what to do") :]
    assert table.index("missing scan: Convert the raw data.") < table.index("sub-01")
    for subject in range(1, 5):
        assert table.count(f"sub-0{subject} ses-1") == 1
    assert "Sessions used 7 of 8" in words
    assert "With both sessions 3" in words


@pytest.mark.parametrize(
    ("within", "complete", "pairs"),
    [
        (("condition",), "With both sessions 3", "began, ordered by the difference"),
        (("condition",), "With both sessions 3", "bins that all of its sessions have"),
        ((), "", "began. Everyone has one condition, and so one mark;"),
        (
            ("infusion",),
            "With both sessions 3",
            "with ketamine less that with saline (without both no mark). Everyone",
        ),
        (
            ("condition", "infusion"),
            "With all 4 sessions 0",
            "with ketamine less that with saline (without both no mark), ordered",
        ),
    ],
)
def test_the_words_are_those_of_the_design(study, read_page, within, complete, pairs):
    infusions = ("saline", "ketamine") if "infusion" in within else ()
    if infusions:
        names = ("sessions", "trial", "participants")
        given = {name: getattr(study, name).assign(infusion="saline") for name in names}
        study = replace(study, **given)
    page = read_page(render_study(replace(study, within=within, infusions=infusions)))
    words = page.words
    names = {trace.get("name") for trace in page.figures["course"]["data"]} - {None}
    assert len(names) == (4 if infusions else 2)
    assert complete in words
    assert pairs in words
    assert ("sessions 3" in words or "sessions 0" in words) == bool(within)
    assert ("A single mark" in words) == ("condition" in within)


def test_a_factorial_page_tells_the_cells_apart_wherever_sessions_are_counted(study, read_page):
    infusions = ("saline", "ketamine")
    given = [infusions[place] for place in (0, 1, 1, 0, 0, 0, 0, 1)]
    study = replace(study, sessions=study.sessions.assign(infusion=given))
    assert "infusion status" not in read_page(render_study(study)).words
    used = study.sessions[study.sessions["status"] == "used"]
    cells = (used["condition"] + " with " + used["infusion"]).value_counts()
    keys = ["subject", "session"]
    study = replace(
        study,
        within=("condition", "infusion"),
        infusions=infusions,
        trial=study.trial.merge(used[[*keys, "infusion"]], on=keys),
        participants=study.participants.assign(infusion=used["infusion"]),
    )
    words = read_page(render_study(study)).words
    for row in study.sessions.itertuples():
        assert f"{row.subject} {row.session} {row.period} {row.condition} {row.infusion}" in words
    flow, rest = words[words.index("Sessions by condition and infusion") :].split("Every planned")
    quality = rest[rest.index("Spectra (bins) by condition and infusion") :]
    for name, n in cells.items():
        assert f"{name} {n} 0 0" in flow  # used, excluded, failed
        assert f"{name} {3 * n} {3 * n}" in quality  # spectra, usable


def test_sessions_without_periods_have_no_column_of_them(study, read_page):
    assert "session period condition" in read_page(render_study(study)).words
    without = replace(study, sessions=study.sessions.assign(period=np.nan))
    assert "session condition status" in read_page(render_study(without)).words


def test_a_screening_is_listed_and_not_counted_among_the_sessions_of_the_trial(study, read_page):
    screening = study.sessions.head(1).assign(
        session="ses-0", period=None, condition=None, status="excluded", stage="design", reason="?"
    )
    sessions = pd.concat([study.sessions, screening.astype(object)], ignore_index=True)
    words = read_page(render_study(replace(study, sessions=sessions))).words
    assert "Sessions used 7 of 8" in words
    assert "sub-01 ses-0" in words


def test_a_note_on_a_used_session_stands_beside_it(study, read_page):
    notes = [np.nan] * 7 + ["madrs.tsv has no score of day 1. Add it."]
    page = render_study(replace(study, sessions=study.sessions.assign(note=notes)))
    words = read_page(page).words
    assert "scan: Convert the raw data. madrs.tsv has no score of day 1. Add it." in words


def test_attenuation_stands_with_its_interval_or_not_at_all(study, read_page):
    table = pd.DataFrame(
        {
            "outcome": ["Glx/tNAA", "MADRS day 1"],
            "estimate": [28.0, math.nan],
            "ci_low": [4.2, math.nan],
            "ci_high": [47.1, math.nan],
            "method": ["Fieller", "Fieller"],
        }
    )
    words = read_page(render_study(replace(study, attenuation=table))).words
    assert "Glx/tNAA: 28.0 % (95 % interval 4.2 % to 47.1 %)." in words
    assert "MADRS day 1: not bounded" in words


def test_the_box_of_limits_is_there(study, read_page):
    cautions = ("Everybody had the same infusion.", "Glx is not synaptic glutamate.")
    words = read_page(render_study(replace(study, cautions=cautions))).words
    for limit in (*cautions, "The interval, not P"):
        assert limit in words


def test_spectra_that_failed_stay_out_of_the_figures(study, read_page):
    trial = study.trial.copy()
    trial.loc[(trial["subject"] == "sub-01") & (trial["bin"] == 1), "qc_pass"] = False
    trial.loc[(trial["subject"] == "sub-01") & (trial["bin"] == 1), "glx_tnaa"] = 99.0
    figure = read_page(render_study(replace(study, trial=trial))).figures["course"]
    faint = [value for trace in figure["data"][:2] for value in trace["y"] if value is not None]
    assert max(faint) < 1


def test_the_figures_show_the_rows_of_the_analysis_set(study, read_page):
    failed = study.trial["subject"] == "sub-01"
    trial = study.trial.assign(qc_pass=study.trial["qc_pass"] & ~failed)
    counts = [
        sum(value is not None for trace in figure["data"][:2] for value in trace["y"])
        for chosen in ("qc_pass", "all")
        for figure in [
            read_page(render_study(replace(study, trial=trial, analysis_set=chosen))).figures[
                "course"
            ]
        ]
    ]
    assert counts[1] - counts[0] == failed.sum()


def test_a_screening_is_no_baseline_of_the_score(study, read_page):
    sessions = study.sessions[["subject", "session", "condition"]]
    screening, *scores = (
        sessions.assign(day=day, madrs=np.linspace(30.0, 35.0, len(sessions)) - 2.0 * day)
        for day in (-7, 0, 1)
    )
    plain, screened = (
        read_page(render_study(replace(study, clinical=pd.concat(tables)))).figures["clinical"]
        for tables in (scores, [screening, *scores])
    )
    assert screened == plain


def test_a_score_without_day_0_is_left_out_and_counted(study, read_page):
    sessions = study.sessions[["subject", "session", "condition"]]
    days = [sessions.assign(day=day, madrs=30.0 - 2 * day) for day in (0, 1, 3)]
    scores = pd.concat(days, ignore_index=True)
    one_lacks = scores.drop(index=0)
    for clinical, n_drawn, said in (
        (scores, 8, ""),
        (one_lacks, 7, "Left out: 1 session has no MADRS of day 0."),
        (scores[scores["day"] > 0], 0, "Left out: 8 sessions have no MADRS of day 0."),
    ):
        read = read_page(render_study(replace(study, clinical=clinical)))
        assert said in read.words
        assert ("Left out" in read.words) == bool(said)
        traces = read.figures["clinical"]["data"][:2] if n_drawn else []
        assert len({name for trace in traces for name in trace["text"]}) == n_drawn
        assert ("clinical" in read.figures) == bool(n_drawn)


def test_the_sessions_of_each_mean_stand_in_the_caption(study, read_page):
    words = read_page(render_study(study)).words
    assert "from left to right: placebo 3, 3, 3; naltrexone 4, 4, 4." in words


def test_the_courses_are_the_changes_of_the_table(study, read_page):
    trace = read_page(render_study(study)).figures["course"]["data"][0]
    own = study.trial[study.trial["condition"] == "placebo"].sort_values(["subject", "bin"])
    change = own["glx_tnaa"] - own.groupby("subject")["glx_tnaa"].transform("first")
    shown = [value for value in trace["y"] if value is not None]
    assert shown == pytest.approx(change.tolist(), abs=1e-12)  # rounding of a difference


def test_the_marks_of_participants_are_the_means_that_the_analysis_compares(
    study, read_page, unpacked
):
    marks = read_page(render_study(study)).figures["pairs"]["data"][1]
    means = study.participants.query("condition == 'placebo'").set_index("subject")["change"]
    # Stored in single precision.
    assert unpacked(marks["x"]) == pytest.approx(
        means.reindex(marks["text"]).to_numpy(), rel=1e-6, nan_ok=True
    )


def test_the_course_of_a_plan_of_joint_changes_is_of_these_and_says_so(study, read_page):
    later = study.trial["bin"] > 0
    trial = study.trial.assign(joint=np.where(later, 0.01 * study.trial["bin"], np.nan))
    page = render_study(replace(study, trial=trial, joint_change="joint"))
    course = read_page(page).figures["course"]["data"]
    drawn = {value for trace in course[:2] for value in trace["y"] if value is not None}
    assert drawn == {0.0, 0.01, 0.02}
    said = "own baseline, fitted jointly over its bins."
    # In the caption, and where the claim stands.
    assert page.count(said) == 2
    assert "The primary outcome is the change of Glx/tNAA from each session's own base" in page
    assert said not in render_study(study)


def test_sessions_that_start_a_little_apart_stay_in_the_course(study, read_page):
    jitter = study.trial["session"].map({"ses-1": 0.0, "ses-2": 0.7})
    trial = study.trial.assign(t_min=study.trial["t_min"] + jitter)
    course = read_page(render_study(replace(study, trial=trial))).figures["course"]
    assert sum(value is None for trace in course["data"][:2] for value in trace["x"]) == 7


@pytest.mark.parametrize(("spread_hz", "expected"), [(0.0004, [5.5, 6.5]), (1.5, None)])
def test_line_widths_that_are_alike_are_drawn_alike(study, read_page, spread_hz, expected):
    qc = study.qc.assign(fwhm_hz=6.0)
    qc.loc[qc.index[0], "fwhm_hz"] += spread_hz
    axis = read_page(render_study(replace(study, qc=qc))).figures["quality"]["layout"]["xaxis"]
    assert axis.get("range") == (expected and pytest.approx(expected, abs=1e-3))


def test_a_failed_spectrum_is_an_open_mark(study, read_page):
    qc = study.qc.assign(qc_pass=study.qc.index != 4)
    figure = read_page(render_study(replace(study, qc=qc))).figures["quality"]
    marks = {trace["marker"]["symbol"]: len(trace["text"]) for trace in figure["data"]}
    assert sum(marks.values()) == len(qc)
    assert [n for symbol, n in marks.items() if symbol.endswith("-open")] == [1]


def test_the_legend_of_the_quality_shows_the_marks_of_its_points(study, read_page):
    """A list of marks would stand in the legend as its first, which may have failed."""
    qc = study.qc.assign(qc_pass=study.qc.index % 2 == 1)
    figure = read_page(render_study(replace(study, qc=qc))).figures["quality"]
    legend = {trace["name"]: trace["marker"]["symbol"] for trace in figure["data"]}
    assert legend == {
        "placebo": "circle",
        "placebo, failed": "circle-open",
        "naltrexone": "diamond",
        "naltrexone, failed": "diamond-open",
    }


def test_spectra_without_a_condition_are_kept_and_marked(study, read_page):
    is_first = (study.sessions["subject"] == "sub-01") & (study.sessions["session"] == "ses-1")
    sessions = study.sessions.assign(condition=study.sessions["condition"].mask(is_first))
    read = read_page(render_study(replace(study, sessions=sessions)))
    assert "unknown 3 3 n/a 0" in read.words
    points = {trace["name"]: trace["text"] for trace in read.figures["quality"]["data"]}
    assert points["unknown"] == [f"sub-01 ses-1 bin {number}" for number in range(3)]
    assert sum(map(len, points.values())) == len(study.qc)


def test_a_spectrum_is_called_used_where_the_primary_result_takes_it(study, read_page):
    """Bins 0 to 2: one that fails, one without the outcome, and one of an excluded session."""
    sessions = study.sessions.copy()
    sessions.loc[1, ["status", "stage", "reason"]] = ["excluded", "quality", "No baseline."]
    is_first = (study.trial["subject"] == "sub-01") & (study.trial["session"] == "ses-1")
    trial = study.trial.assign(qc_pass=~(is_first & (study.trial["bin"] == 1)))
    trial.loc[is_first & (trial["bin"] == 2), "glx_tnaa"] = math.nan
    qc = study.qc.assign(qc_pass=trial["qc_pass"], qc_level="doubtful", flags="A reason.")
    study = replace(study, sessions=sessions, trial=trial, qc=qc)
    for analysis_set, second in (("qc_pass", "left out"), ("all", "used")):
        words = read_page(render_study(replace(study, analysis_set=analysis_set))).words
        assert "sub-01 ses-1 0 used A reason." in words
        assert f"sub-01 ses-1 1 {second} A reason." in words
        assert "sub-01 ses-1 2 left out A reason." in words
        assert words.count("left out A reason.") == 4 + (second == "left out")


def test_hostile_text_stays_text(study, read_page):
    sessions = study.sessions.replace({"sub-01": HOSTILE, "Convert the raw data.": HOSTILE})
    trial = study.trial.replace({"sub-01": HOSTILE})
    nasty = replace(
        study,
        title=HOSTILE,
        sessions=sessions,
        trial=trial,
        qc=study.qc.replace({"sub-01": HOSTILE}).assign(qc_level="fail", flags=HOSTILE),
        results={HOSTILE: pd.DataFrame({HOSTILE: [HOSTILE]})},
        notes=(HOSTILE,),
        departures=(HOSTILE,),
        pages={("sub-02", "ses-1"): "javascript:alert(1)"},
    )
    page = render_study(nasty)
    read = read_page(page)
    assert "<script>alert" not in page
    assert not [tag for tag, _ in read.elements if tag == "img"]
    links = [attributes["href"] for tag, attributes in read.elements if tag == "a"]
    assert links == ["javascript%3Aalert%281%29"]  # a relative file name, no script


def test_the_page_says_where_the_points_of_its_figures_are(study, read_page):
    words = read_page(render_study(study)).words
    assert "every number is in the tables" not in words
    assert "points of the figures are in the files" in words


def test_exploratory_results_are_labelled(study, read_page):
    table = study.primary.tail(1)
    words = read_page(render_study(replace(study, exploratory={"Sex": table}))).words
    assert words.index("support no claim") < words.index("Sex (exploratory)")


def test_tables_read_from_files_give_the_same_page(study, tmp_path):
    read = {}
    for name in ("sessions", "trial", "qc", "primary"):
        write_tsv(tmp_path / f"{name}.tsv", getattr(study, name))
        read[name] = read_tsv(tmp_path / f"{name}.tsv")
    assert render_study(replace(study, **read)) == render_study(study)


@pytest.mark.parametrize("unknown", [np.nan, None, False, "n/a"])
def test_a_spectrum_that_was_not_judged_is_not_drawn(study, read_page, unknown):
    judged = study.trial["qc_pass"].astype(object)
    judged[study.trial["subject"] == "sub-02"] = unknown
    page = render_study(replace(study, trial=study.trial.assign(qc_pass=judged)))
    course = read_page(page).figures["course"]
    drawn = {name for trace in course["data"][:2] for name in trace["text"]}
    assert {name.split()[0] for name in drawn} == {"sub-01", "sub-03", "sub-04"}


def test_a_masked_page_says_so_and_shows_no_direction(study, read_page):
    names = {"placebo": "Y", "naltrexone": "X"}
    rows = {"outcome": ["glx_tnaa"], "estimate": [28.0], "ci_low": [4.0], "ci_high": [47.0]}
    masked = replace(
        study,
        is_masked=True,
        conditions=("Y", "X"),
        attenuation=pd.DataFrame(rows | {"method": ["Fieller"]}),
        **{name: getattr(study, name).replace(names) for name in ("sessions", "trial")},
    )
    read = read_page(render_study(masked))
    assert "X and Y are neutral names" in read.words
    assert "28" not in read.words
    course = read.figures["course"]["data"]
    # Colours and the legend follow the neutral names, not the order of the plan.
    assert [trace["name"] for trace in course if trace.get("name")] == ["X", "Y"]


ARMS = {"sequence": ("PN", "NP")}


def test_the_flow_of_participants_has_a_column_a_sequence_and_a_box_a_period(study, read_page):
    sessions = study.sessions.assign(sequence=["PN", "PN", "NP", "NP"] * 2)
    words = read_page(render_study(replace(study, sessions=sessions, arms=ARMS))).words
    flow = words[words.index("Flow of participants") : words.index("Every session")]
    assert "Who was screened or declined, and whether everybody took what was" in flow
    assert "Sequence PN 2 participants Period 1: placebo sessions planned 2 scanned 2" in flow
    lost = "Period 2: placebo sessions planned 2 lost: no scan − 1 scanned 1 used 1"
    assert flow.count("lost:") == flow.count(lost) == 1
    assert "Analysed in all: Glx/tNAA participants 4 of them with both sessions 3" in flow
    assert "Scores count" not in flow
    clinical = study.primary.assign(role="clinical", n_sessions=8)
    both = replace(study, sessions=sessions, arms=ARMS, results={"Clinical outcome": clinical})
    words = read_page(render_study(both)).words
    assert "Scores count whatever became of the scan." in words
    assert "Analysed in all: MADRS participants 4 sessions 8 rows 14" in words
    alone = replace(both, primary=study.primary.assign(n_rows=np.nan))
    words = read_page(render_study(alone)).words
    assert "Analysed in all: Glx/tNAA" not in words
    assert "Scores count whatever became of the scan." in words


def test_the_flow_of_a_masked_study_tells_no_sequence(study, read_page):
    sessions = study.sessions.assign(sequence=["PN", "PN", "NP", "NP"] * 2)
    masked = replace(study, sessions=sessions, arms=ARMS, is_masked=True)
    words = read_page(render_study(masked)).words
    flow = words[words.index("Flow of participants") : words.index("Every session")]
    assert "All participants 4 participants Period 1 sessions planned 4" in flow
    for name in ("PN", "NP", *CONDITIONS):
        assert name not in flow


def test_a_study_without_usable_sessions_still_has_a_page(study, read_page):
    sessions = study.sessions.assign(status="failed", stage="fit", reason="a < b")
    empty = replace(
        study,
        sessions=sessions,
        trial=study.trial.head(0),
        qc=study.qc.head(0),
        primary=pd.DataFrame(),
        participants=pd.DataFrame(),
    )
    read = read_page(render_study(empty))
    assert "There is no primary result" in read.words
    assert "No model could be fitted: nobody is analysed." in read.words
    assert "Sessions used 0 of 8" in read.words
    assert read.figures == {}


def test_a_session_of_an_unknown_participant_is_listed(study, read_page):
    extra = study.sessions.head(1).assign(
        subject="sub-09", period=np.nan, condition=None, status="excluded", stage="design",
        reason="participants.tsv has no row for sub-09. Add one.",
    )  # fmt: skip
    sessions = pd.concat([study.sessions, extra], ignore_index=True)
    words = read_page(render_study(replace(study, sessions=sessions))).words
    assert "sub-09 ses-1 n/a n/a excluded design: participants.tsv has no row" in words


def test_the_figure_of_quality_counts_the_spectra_it_cannot_show(study, read_page):
    assert "Not drawn" not in render_study(study)
    study.qc.loc[:1, "fwhm_hz"] = math.nan
    assert "Not drawn: 2 without SNR or line width." in read_page(render_study(study)).words


def test_the_figure_of_participants_shows_zero(study, read_page):
    means = study.participants.assign(change=0.05)
    page = read_page(render_study(replace(study, participants=means)))
    assert page.figures["pairs"]["layout"]["xaxis"]["rangemode"] == "tozero"
