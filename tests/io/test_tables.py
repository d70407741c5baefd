import math

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import TableError
from glxflow.io.tables import read_json, read_tsv, write_json, write_tsv


def test_missing_values_are_written_as_bids_wants_them(tmp_path):
    table = pd.DataFrame({"subject": ["sub-01", "sub-02"], "total": [28.0, np.nan]})
    write_tsv(tmp_path / "t.tsv", table)
    assert "sub-02\tn/a" in (tmp_path / "t.tsv").read_text()
    pd.testing.assert_frame_equal(read_tsv(tmp_path / "t.tsv"), table)


def test_labels_that_look_like_numbers_stay_text(tmp_path):
    (tmp_path / "t.tsv").write_text("session_id\ttotal\n01\t3\n")
    assert read_tsv(tmp_path / "t.tsv", text=("session_id",))["session_id"].tolist() == ["01"]


def test_the_label_na_is_text_and_missing_among_numbers_alone(tmp_path):
    (tmp_path / "t.tsv").write_text(
        "sequence\tsite\tage\tnote\nNA\tNA\tNA\tNA\nAN\tEU\t31\t\nn/a\tn/a\tn/a\tn/a\n"
    )
    table = read_tsv(tmp_path / "t.tsv", text=("sequence",))
    for name, label in (("sequence", "AN"), ("site", "EU")):
        assert table[name].tolist()[:2] == ["NA", label]
        assert table[name].isna().tolist() == [False, False, True]
    assert table["age"].dtype == float
    assert table["age"].isna().tolist() == [True, False, True]
    assert table["note"].isna().tolist()[1:] == [True, True]


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "t.tsv").write_text("")
    with pytest.raises(TableError, match=r"t\.tsv: the file is empty\. Restore or write"):
        read_tsv(tmp_path / "t.tsv")


def test_rows_longer_than_the_heading_are_refused(tmp_path):
    (tmp_path / "t.tsv").write_text("session_id\tday\ttotal\nses-1\t0\t28\t\nses-1\t1\t20\t\n")
    with pytest.raises(TableError, match="more values than the heading has columns"):
        read_tsv(tmp_path / "t.tsv")


@pytest.mark.parametrize("word", ["n/a", "", "NA", "NaN", "nan", "None", "#N/A"])
def test_numbers_are_read_whatever_stands_for_a_missing_one(tmp_path, word):
    (tmp_path / "t.csv").write_text(f"a,b\n1,{word}\n2,1.5\n3,inf\n4,-1e-3\n")
    table = read_tsv(tmp_path / "t.csv", separator=",")
    expected = pd.DataFrame({"a": [1, 2, 3, 4], "b": [np.nan, 1.5, np.inf, -0.001]})
    pd.testing.assert_frame_equal(table, expected)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00\x01", b'a\tb\n"open\t1\n'])
def test_a_table_that_cannot_be_read_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(TableError, match=r"t\.tsv"):
        read_tsv(tmp_path / "t.tsv")


def test_numbers_that_json_lacks_become_null(tmp_path):
    write_json(tmp_path / "r.json", {"a": math.nan, "b": [1.5, math.inf], "c": {"d": -math.inf}})
    assert read_json(tmp_path / "r.json") == {"a": None, "b": [1.5, None], "c": {"d": None}}


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    (tmp_path / "r.json").write_text('{"EchoTime": 0.03}', encoding="utf-8-sig")
    assert read_json(tmp_path / "r.json") == {"EchoTime": 0.03}


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_file_that_holds_no_object_is_named(tmp_path, content):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(TableError, match=r"r\.json"):
        read_json(tmp_path / "r.json")
