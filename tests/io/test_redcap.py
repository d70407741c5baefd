import json

import pandas as pd
import pytest

from glxflow.errors import TableError
from glxflow.io.redcap import convert_redcap
from glxflow.io.study import read_scores

ITEMS = [f"madrs_{number}" for number in range(1, 11)]
PLAN = {
    "participant": "record_id",
    "digits": 2,
    "events": {
        "visit_1_arm_1": {"session": "1", "day": 0},
        "day_1_arm_1": {"session": "1", "day": 1},
    },
    "instruments": {"madrs": {"items": ITEMS}, "qids": {"total": "qids_sum"}},
}


@pytest.fixture
def run(tmp_path):
    """Return a function that converts rows of an export, and gives folder and notes."""

    def convert(rows, plan=PLAN):
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        pd.DataFrame(rows).to_csv(tmp_path / "export.csv", index=False, encoding="utf-8-sig")
        notes = convert_redcap(
            tmp_path / "export.csv", tmp_path / "plan.json", tmp_path / "phenotype"
        )
        return tmp_path, notes

    return convert


def row(record="1", event="visit_1_arm_1", items=(3,) * 10, qids="12", **more):
    scores = dict(zip(ITEMS, items, strict=True))
    return {"record_id": record, "redcap_event_name": event, **scores, "qids_sum": qids, **more}


def test_totals_are_the_sums_of_the_items_and_can_be_read_as_scores(run):
    folder, notes = run([row(items=(6, 5, 4, 3, 2, 1, 0, 6, 6, 6))])
    scores = read_scores(folder, "madrs")
    assert scores.to_dict("records") == [
        {"subject": "sub-01", "session": "ses-1", "day": 0.0, "madrs": 39.0}
    ]
    assert notes == ()


def test_repeating_events_become_days(run):
    folder, _ = run([row(), row(event="day_1_arm_1", items=(1,) * 10)])
    assert read_scores(folder, "madrs")["day"].tolist() == [0, 1]
    assert read_scores(folder, "madrs")["madrs"].tolist() == [30, 10]


def test_a_total_without_a_known_key_is_taken_as_it_is(run):
    folder, _ = run([row(qids="17")])
    assert read_scores(folder, "qids")["qids"].tolist() == [17]


@pytest.mark.parametrize("n_missing", [1, 5, 9])
def test_a_missing_item_leaves_no_total_and_is_reported(run, n_missing):
    folder, notes = run([row(items=(3,) * (10 - n_missing) + (None,) * n_missing)])
    assert read_scores(folder, "madrs")["madrs"].isna().all()
    expected = f"madrs of sub-01 ses-1 day 0 has no total: {n_missing} of 10 items are missing"
    assert expected in notes[0]


def test_the_items_of_an_incomplete_rating_are_kept_and_the_rule_is_written_down(run):
    folder, _ = run([row(items=(3,) * 9 + (None,)), row(record="2")])
    table = pd.read_csv(folder / "phenotype" / "madrs.tsv", sep="\t")
    assert table["total"].isna().tolist() == [True, False]
    assert table.loc[0, "item_9"] == 3
    described = json.loads((folder / "phenotype" / "madrs.json").read_text())
    assert "unless all ten items are there" in described["total"]["Description"]


def test_codes_for_missing_data_are_not_taken_for_scores(run):
    with pytest.raises(TableError, match="madrs_10 is '-99', expected a whole number from 0 to 6"):
        run([row(items=(3,) * 9 + (-99,))])


def test_rows_of_other_instruments_are_not_taken_for_missing_scores(run):
    other = row(items=(None,) * 10, qids="9", event="day_1_arm_1")
    folder, notes = run([row(), other])
    assert len(read_scores(folder, "madrs")) == 1
    assert len(read_scores(folder, "qids")) == 2
    assert notes == ()


@pytest.mark.parametrize("value", ["7", "-1", "2.5", "moderate"])
def test_an_item_outside_of_its_range_is_an_error(run, value):
    with pytest.raises(TableError, match=f"madrs_10 is '{value}', expected a whole number from 0"):
        run([row(items=("3",) * 9 + (value,))])


def test_renamed_columns_are_listed_with_the_nearest_there_is(run):
    rows = [{("madrs_q3" if key == "madrs_3" else key): value for key, value in row().items()}]
    with pytest.raises(TableError, match=r"no column 'madrs_3' \(nearest: 'madrs_q3'\)"):
        run(rows)


def test_two_rows_for_one_rating_are_an_error(run):
    with pytest.raises(TableError, match="sub-01 ses-1 day 0 has several rows"):
        run([row(), row(items=(1,) * 10)])


def test_events_outside_of_the_plan_are_skipped_and_named(run):
    folder, notes = run([row(), row(event="screening_arm_1")])
    assert len(read_scores(folder, "madrs")) == 1
    assert "event 'screening_arm_1' is not in the plan, skipped" in notes[0]


def test_an_export_without_a_planned_event_is_refused_and_earlier_tables_stay(run):
    folder, _ = run([row()])
    with pytest.raises(
        TableError, match=r"no row .*plan \(visit_1_arm_1.*holds 'Visit 1', 'Visit 2'"
    ):
        run([row(event="Visit 1"), row(event="Visit 2")])
    assert len(read_scores(folder, "madrs")) == 1


def test_a_fault_of_a_later_instrument_writes_nothing_of_an_earlier_one(run):
    folder, _ = run([row()])
    with pytest.raises(TableError, match=r"qids_sum is 'n\.d\.'"):
        run([row(items=(1,) * 10, qids="n.d.")])
    assert read_scores(folder, "madrs")["madrs"].tolist() == [30]


def test_identifiers_may_have_a_plus_sign(run):
    folder, _ = run([row(record="1+a")])
    assert read_scores(folder, "madrs")["subject"].tolist() == ["sub-1+a"]


def test_identifiers_never_become_paths(run):
    with pytest.raises(TableError, match=r"letters, digits and \+ only"):
        run([row(record="../1")])


def test_every_problem_of_a_plan_is_listed(run):
    plan = PLAN | {
        "events": {"visit_1_arm_1": {"session": "1"}},
        "instruments": {"madrs": {"items": ITEMS[:9]}, "qids": {"items": ["a"]}},
    }
    with pytest.raises(TableError) as caught:
        run([row()], plan)
    for part in ("9 items, expected 10", "its key is not known", "'day'"):
        assert part in str(caught.value)
