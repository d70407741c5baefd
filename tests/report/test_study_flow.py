"""The flow of participants, against tables whose losses are known and counted by hand."""

import numpy as np
import pandas as pd
import pytest

from glxflow.report.study_flow import participant_flow

CROSSOVER = {"sequence": ("PN", "NP")}
LABELS = {"P": "placebo", "N": "naltrexone"}
OUTSIDE = [("sub-90", "ses-1", None, None, None, "excluded", "design"),
           ("sub-91", None, None, None, None, "missing", "design")]  # fmt: skip
COLUMNS = ["subject", "session", "sequence", "period", "condition", "status", "stage"]


def table_of(rows):
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(period=table["period"].astype("Int64"))


def crossover():
    """Eight participants: every way in which a session can be lost, once or twice."""
    used, unseen = ("used", ""), ("missing", "scan")
    fates = {
        ("sub-01", "PN"): (used, used),
        ("sub-02", "PN"): (used, unseen),
        ("sub-03", "PN"): (("failed", "fit"), ("excluded", "quality")),
        ("sub-04", "PN"): (used, ("excluded", "design")),  # its condition is not in the table
        ("sub-05", "NP"): (unseen, unseen),
        ("sub-06", "NP"): (("failed", "preprocess"), ("excluded", "events")),
        ("sub-07", "NP"): (used, ("excluded", "scan")),
    }
    rows = [
        (subject, f"ses-{number}", order, number, LABELS[order[number - 1]], *fate)
        for (subject, order), own in fates.items()
        for number, fate in enumerate(own, start=1)
    ]
    # One who never came, and a visit that is no period of the trial.
    rows.append(("sub-08", None, "NP", None, None, "missing", "design"))
    rows.append(("sub-01", "ses-screening", "PN", None, None, "excluded", "design"))
    return table_of(rows + OUTSIDE)


def model_of(n_participants, n_sessions, n_rows, role="primary"):
    row = {"n_participants": n_participants, "n_sessions": n_sessions, "n_rows": n_rows}
    return pd.DataFrame([{"role": "as published", "n_rows": 1}, {"role": role} | row])


def flow_of(sessions, within=("condition",), arms=None, left_out=()):
    """Return the flow where all used sessions are analysed, but for those of some participants."""
    used = sessions[(sessions["status"] == "used") & ~sessions["subject"].isin(left_out)]
    models = {"Glx": model_of(used["subject"].nunique(), len(used), 4 * len(used))}
    return participant_flow(
        sessions, used[["subject"]], models, within, CROSSOVER if arms is None else arms
    )


def lines(step):
    return [("-" if count.is_loss else "") + f"{count.label} {count.n}" for count in step.counts]


def boxes(arm):
    return {step.title: lines(step) for step in arm.steps}


def test_each_loss_of_a_crossover_stands_in_its_sequence_and_period():
    flow = flow_of(crossover())
    assert lines(flow.start) == [
        "in the tables, or scanned 10",
        "-without a sequence of the plan 2",
        "with a sequence of the plan 8",
    ]
    first, second, outside = flow.arms
    assert flow.n_steps == 4
    assert [(arm.title, arm.n_participants) for arm in flow.arms] == [
        ("Sequence PN", 4), ("Sequence NP", 4), ("Without a sequence of the plan", 2),
    ]  # fmt: skip
    assert boxes(first) == {
        "Period 1: placebo": [
            "sessions planned 4", "scanned 4", "-failed in the fit 1", "used 3",
        ],
        "Period 2: naltrexone": [
            "sessions in the tables 4", "-excluded by the tables or the plan 1",
            "sessions planned 3", "-no scan 1", "scanned 2", "-excluded by quality 1", "used 1",
        ],
        "Analysed: primary outcome": [
            "participants 3", "of them with both sessions 1", "sessions 4",
        ],
        "Besides, of no period": [
            "in the tables, or scanned 1", "-excluded by the tables or the plan 1",
        ],
    }  # fmt: skip
    assert boxes(second) == {
        "Period 1: naltrexone": [
            "-no such session in the tables 1", "sessions planned 3", "-no scan 1", "scanned 2",
            "-failed in preprocessing 1", "used 1",
        ],
        "Period 2: placebo": [
            "-no such session in the tables 1", "sessions planned 3", "-no scan 1", "scanned 2",
            "-excluded: the scan is in doubt 1", "-excluded: no infusion event 1", "used 0",
        ],
        "Analysed: primary outcome": [
            "participants 1", "of them with both sessions 0", "sessions 1",
        ],
    }  # fmt: skip
    assert boxes(outside) == {
        "Sessions": [
            "participants without any session 1", "in the tables, or scanned 1",
            "-excluded by the tables or the plan 1",
        ],
    }  # fmt: skip
    assert [lines(step) for step in flow.ends] == [
        ["participants 4", "of them with both sessions 1", "sessions 5", "rows 20"]
    ]


def test_a_used_session_that_the_model_does_not_take_is_a_loss_of_the_analysis():
    first = flow_of(crossover(), left_out=["sub-01"]).arms[0]
    assert boxes(first)["Analysed: primary outcome"] == [
        "-used, but not in the model 2",
        "participants 2",
        "of them with both sessions 0",
        "sessions 2",
    ]


def test_parallel_groups_have_one_session_each_and_nobody_with_both():
    rows = [
        ("sub-01", "ses-1", None, None, "placebo", "used", ""),
        ("sub-02", "ses-1", None, None, "placebo", "missing", "scan"),
        ("sub-03", "ses-1", None, None, "naltrexone", "excluded", "quality"),
        ("sub-04", "ses-1", None, None, "naltrexone", "used", ""),
        ("sub-04", "ses-2", None, None, "washout", "excluded", "design"),
        # Not in participants.tsv: its table names a condition, but it belongs to no group.
        ("sub-05", "ses-1", None, None, "placebo", "excluded", "design"),
    ]
    arms = {"condition": ("placebo", "naltrexone")}
    flow = flow_of(table_of(rows), within=(), arms=arms)
    assert lines(flow.start) == [
        "in the tables, or scanned 5",
        "-without a group of the plan 1",
        "with a group of the plan 4",
    ]
    placebo, naltrexone, outside = flow.arms
    assert (placebo.title, outside.title) == ("placebo", "Without a group of the plan")
    assert boxes(placebo) == {
        "Session": ["sessions planned 2", "-no scan 1", "scanned 1", "used 1"],
        "Analysed: primary outcome": ["participants 1", "sessions 1"],
    }
    assert boxes(naltrexone)["Besides"] == [
        "in the tables, or scanned 1", "-excluded by the tables or the plan 1",
    ]  # fmt: skip
    assert lines(flow.ends[0]) == ["participants 2", "sessions 2", "rows 8"]


LEVELS = {"condition": ("placebo", "naltrexone"), "infusion": ("saline", "ketamine")}


@pytest.mark.parametrize(
    ("within", "titles"),
    [
        (("condition", "infusion"), ["All participants"]),
        (("infusion",), ["placebo", "naltrexone"]),
        (("condition",), ["saline", "ketamine"]),
        ((), ["placebo with saline", "placebo with ketamine", "naltrexone with saline",
              "naltrexone with ketamine"]),
    ],
)  # fmt: skip
def test_a_factorial_trial_has_the_arms_between_participants(within, titles):
    """Everyone in the last cell lacks the scan of the last session."""
    rows = []
    for index in range(8):
        cell = [levels[index >> place & 1] for place, levels in enumerate(LEVELS.values())]
        for number in range(1, 2 ** len(within) + 1):
            of_session = dict(zip(LEVELS, cell, strict=True))
            for place, name in enumerate(within):
                of_session[name] = LEVELS[name][(number - 1) >> place & 1]
            is_lost = index % 4 == 3 and number == 2 ** len(within)
            fate = ("missing", "scan") if is_lost else ("used", "")
            rows.append((f"sub-{index}", f"ses-{number}", None, number, of_session["condition"],
                         *fate, of_session["infusion"]))  # fmt: skip
    sessions = pd.DataFrame(rows, columns=[*COLUMNS, "infusion"])
    arms = {name: levels for name, levels in LEVELS.items() if name not in within}
    flow = flow_of(sessions, within, arms)
    assert [arm.title for arm in flow.arms] == titles
    assert {arm.n_participants for arm in flow.arms} == {8 // len(titles)}
    # What the arm is called is not said again of each period.
    periods = [f"Period {number}" for number in range(1, 2 ** len(within) + 1)]
    named = [step.title for step in flow.arms[-1].steps[:-1]]
    assert named == (periods if within else ["Session"])
    last = list(boxes(flow.arms[-1]).values())
    n = 8 // len(titles)
    assert len(last) == 2 ** len(within) + 1
    assert last[-2] == [
        f"sessions planned {n}", "-no scan 2", f"scanned {n - 2}", f"used {n - 2}",
    ]  # fmt: skip
    assert f"sessions {n * 2 ** len(within) - 2}" in last[-1]
    words = {
        0: [],
        1: [f"of them with both sessions {n - 2}"],
        2: ["of them with all 4 sessions 6"],
    }
    assert [line for line in last[-1] if "of them" in line] == words[len(within)]


def test_a_second_session_that_one_group_does_not_have_is_no_negative_loss():
    """One of two that were planned was scanned, so that the trial takes the participant."""
    rows = [("sub-01", "ses-1", None, None, "placebo", "used", ""),
            ("sub-01", "ses-2", None, None, "placebo", "missing", "scan")]  # fmt: skip
    arms = {"condition": ("placebo", "naltrexone")}
    flow = flow_of(table_of(rows), within=(), arms=arms)
    assert boxes(flow.arms[0])["Session"] == [
        "sessions planned 2", "-no scan 1", "scanned 1", "used 1",
    ]  # fmt: skip


def test_a_period_of_two_conditions_has_the_name_of_neither():
    """Of one whose table contradicts the sequence, and whose scan failed."""
    rows = [("sub-01", "ses-1", "PN", 1, "placebo", "used", ""),
            ("sub-02", "ses-1", "PN", 1, "naltrexone", "failed", "fit")]  # fmt: skip
    titles = list(boxes(flow_of(table_of(rows)).arms[0]))
    assert titles == ["Period 1", "Period 2", "Analysed: primary outcome"]


def test_the_first_row_of_a_model_is_the_claim():
    sessions = crossover()
    used = sessions.loc[sessions["status"] == "used", ["subject"]]
    second = model_of(3, 4, 9).tail(1)
    models = {"Glx": pd.concat([model_of(4, 5, 20), second])}
    (end,) = participant_flow(sessions, used, models, ("condition",), CROSSOVER).ends
    assert lines(end)[0] == "participants 4"


def test_a_participant_of_two_groups_is_in_neither():
    rows = [("sub-01", "ses-1", None, 1, "placebo", "used", ""),
            ("sub-01", "ses-2", None, 2, "naltrexone", "failed", "fit")]  # fmt: skip
    arms = {"condition": ("placebo", "naltrexone")}
    flow = flow_of(table_of(rows), within=(), arms=arms)
    assert [arm.n_participants for arm in flow.arms] == [0, 0, 1]
    assert boxes(flow.arms[-1]) == {
        "Sessions": ["in the tables, or scanned 2", "-failed in the fit 1", "used 1"],
        # The trial takes what is left.
        "Analysed: primary outcome": ["participants 1", "sessions 1"],
    }


def test_whose_sessions_are_all_excluded_by_the_tables_keeps_the_sequence():
    rows = [("sub-01", "ses-1", "PN", 1, "placebo", "excluded", "design"),
            ("sub-01", "ses-2", "PN", 2, "washout", "excluded", "design"),
            ("sub-02", "ses-1", "PN", 1, "placebo", "used", ""),
            ("sub-02", "ses-2", "PN", 2, "naltrexone", "used", ""),
            ("sub-02", "ses-3", "PN", 3, "placebo", "excluded", "design")]  # fmt: skip
    flow = flow_of(table_of(rows))
    # Of the other sequence there is nobody, and no condition to name its periods by.
    assert [arm.n_participants for arm in flow.arms] == [2, 0]
    assert list(boxes(flow.arms[1])) == ["Period 1", "Period 2", "Analysed: primary outcome"]
    # A condition or period that the plan does not have gives no box its name.
    assert list(boxes(flow.arms[0])) == [
        "Period 1: placebo", "Period 2: naltrexone", "Analysed: primary outcome",
        "Besides, of no period",
    ]  # fmt: skip


def test_a_period_beyond_those_of_the_design_has_a_box_where_its_sessions_count():
    rows = [("sub-01", "ses-1", None, 1, "placebo", "used", "", "saline"),
            ("sub-01", "ses-2", None, 3, "placebo", "used", "", "ketamine"),
            ("sub-90", "ses-1", None, None, None, "excluded", "design", None)]  # fmt: skip
    sessions = pd.DataFrame(rows, columns=[*COLUMNS, "infusion"])
    flow = flow_of(sessions, ("condition", "infusion"), {})
    numbers = [1, 2, 3, 4]
    assert list(boxes(flow.arms[0])) == [
        *(f"Period {number}" for number in numbers), "Analysed: primary outcome",
    ]  # fmt: skip
    assert flow.arms[1].title == "Without a session of the plan"
    one = flow_of(sessions, ("infusion",), {"condition": ("placebo", "naltrexone")}).arms[0]
    assert list(boxes(one))[:3] == ["Period 1", "Period 2", "Period 3"]


def test_a_loss_at_a_step_without_a_name_of_its_own_is_counted_too():
    rows = [("sub-01", "ses-1", "PN", 1, "placebo", "failed", "convert"),
            ("sub-01", "ses-2", "PN", 2, "naltrexone", "used", "")]  # fmt: skip
    assert boxes(flow_of(table_of(rows)).arms[0])["Period 1: placebo"] == [
        "sessions planned 1", "scanned 1", "-failed: convert 1", "used 0",
    ]  # fmt: skip


@pytest.mark.parametrize("numbers", [{}, dict.fromkeys(["n_participants", "n_rows"], np.nan)])
def test_without_an_answer_nobody_is_analysed(numbers):
    sessions = crossover()
    used = sessions.loc[sessions["status"] == "used", ["subject"]]
    rows = pd.DataFrame([{"role": "primary", "note": "too few"} | numbers])
    models = {"Glx": rows, "MADRS": None}
    flow = participant_flow(sessions, used, models, ("condition",), CROSSOVER)
    assert flow.ends == ()
    assert boxes(flow.arms[0])["Analysed: primary outcome"][:2] == [
        "-used, but not in the model 4", "participants 0",
    ]  # fmt: skip


def test_the_clinical_model_has_numbers_of_its_own():
    sessions = crossover()
    used = sessions.loc[sessions["status"] == "used", ["subject"]]
    models = {"Glx": model_of(4, 5, 20), "MADRS": model_of(8, 15, 30, role="clinical")}
    flow = participant_flow(sessions, used, models, ("condition",), CROSSOVER)
    assert [(step.title, lines(step)) for step in flow.ends][1] == (
        "Analysed in all: MADRS", ["participants 8", "sessions 15", "rows 30"],
    )  # fmt: skip


def remainders(step, n_before):
    """Return what the losses of a box do not explain of the way from number to number."""
    level, lost, found = n_before, 0, []
    for count in step.counts:
        if count.is_loss:
            lost += count.n
        else:
            found += [level - lost - count.n]
            level, lost = count.n, 0
    return found, level


@pytest.mark.parametrize("seed", range(20))
def test_losses_add_up_whatever_is_lost(seed):
    rng = np.random.default_rng(seed)
    fates = [("used", ""), ("missing", "scan"), ("failed", "fit"), ("failed", "preprocess"),
             ("excluded", "quality"), ("excluded", "events"), ("excluded", "scan"),
             ("excluded", "design")]  # fmt: skip
    rows = list(OUTSIDE)
    for index in range(30):
        subject, order = f"sub-{index:02d}", ("PN", "NP")[index % 2]
        listed = [number for number in (1, 2) if rng.random() < 0.8]
        for number in listed:
            fate = fates[rng.integers(len(fates))]
            label = LABELS[order[number - 1]]
            rows.append((subject, f"ses-{number}", order, number, label, *fate))
        if not listed:
            rows.append((subject, None, order, None, None, "missing", "design"))
    sessions = table_of(rows)
    flow = flow_of(sessions)
    assert sum(arm.n_participants for arm in flow.arms) == sessions["subject"].nunique() == 32
    n_used = 0
    for arm in flow.arms[:2]:
        for step in arm.steps[:2]:
            left, used = remainders(step, arm.n_participants)
            assert set(left) == {0}
            n_used += used
    assert n_used == (sessions["status"] == "used").sum()
    counts = [count for arm in flow.arms for step in arm.steps for count in step.counts]
    is_lost = sessions["session"].notna() & (sessions["status"] != "used")
    n_lost = sum(c.n for c in counts if c.is_loss and c.label != "no such session in the tables")
    assert n_lost == is_lost.sum()
