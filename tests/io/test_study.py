import pytest

from glxflow.errors import TableError
from glxflow.io.study import read_participants, read_scores, read_sessions

PARTICIPANTS = "participant_id\tsex\tage\tsequence\nsub-01\tF\t31\tPN\nsub-02\tM\tn/a\tNP\n"
SESSIONS = "session_id\tperiod\tcondition\nses-1\t1\tplacebo\nses-2\t2\tnaltrexone\n"
SCORES = "participant_id\tsession_id\tday\ttotal\nsub-01\tses-1\t0\t30\nsub-01\tses-1\t1\tn/a\n"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_participants_keep_their_labels(tmp_path):
    write(tmp_path / "participants.tsv", PARTICIPANTS)
    table = read_participants(tmp_path)
    assert table["subject"].tolist() == ["sub-01", "sub-02"]
    assert table["age"].isna().tolist() == [False, True]


def test_every_problem_of_a_table_is_named_with_its_line(tmp_path):
    write(
        tmp_path / "participants.tsv",
        "participant_id\tsex\tage\tsequence\nsub-01\tX\t31\tPN\nsub-01\tF\t200\tPN\n",
    )
    with pytest.raises(TableError) as raised:
        read_participants(tmp_path)
    message = str(raised.value)
    assert "column 'sex' in line 2 holds 'X'" in message
    assert "column 'age' in line 3 holds 200.0" in message
    assert "column 'participant_id' in line" in message


def test_a_missing_column_is_named(tmp_path):
    write(tmp_path / "participants.tsv", "participant_id\tsex\nsub-01\tF\n")
    with pytest.raises(TableError, match="column 'age' is missing"):
        read_participants(tmp_path)


def test_one_unusable_sessions_table_leaves_the_others(tmp_path):
    write(tmp_path / "sub-01/sub-01_sessions.tsv", SESSIONS)
    write(tmp_path / "sub-02/sub-02_sessions.tsv", SESSIONS.replace("\t2\t", "\t1\t"))
    sessions, problems = read_sessions(tmp_path, ["sub-01", "sub-02", "sub-03"])
    assert sessions["subject"].tolist() == ["sub-01", "sub-01"]
    assert sessions["condition"].tolist() == ["placebo", "naltrexone"]
    assert set(problems) == {"sub-02", "sub-03"}
    assert "'period'" in problems["sub-02"]
    assert "no such table" in problems["sub-03"]


def test_scores_are_named_by_their_instrument(tmp_path):
    write(tmp_path / "phenotype/madrs.tsv", SCORES)
    table = read_scores(tmp_path, "madrs")
    assert table.columns.tolist() == ["subject", "session", "day", "madrs"]
    assert table["madrs"].isna().tolist() == [False, True]


def test_a_score_given_twice_is_an_error(tmp_path):
    write(tmp_path / "phenotype/madrs.tsv", SCORES + "sub-01\tses-1\t0\t31\n")
    with pytest.raises(TableError, match="sub-01"):
        read_scores(tmp_path, "madrs")


def test_a_score_that_is_no_number_is_named(tmp_path):
    write(tmp_path / "phenotype/madrs.tsv", SCORES + "sub-01\tses-2\t0\tthirty\n")
    with pytest.raises(TableError, match=r"'total'.*'thirty'"):
        read_scores(tmp_path, "madrs")
