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
    assert "column 'sex' in line 2 holds 'X', expected male, female, other or n/a" in message
    assert "column 'age' in line 3 holds 200.0, expected an age in years, up to 120" in message
    assert "column 'participant_id' in line 3 holds 'sub-01', expected a value of its" in message


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("participants.tsv", "subject\tsex\nsub-01\tF\n", "participant_id"),
        ("sub-01/sub-01_sessions.tsv", "session_id\tperiod\nses-1\t1\n", "condition"),
    ],
)
def test_a_missing_column_is_named(tmp_path, name, content, column):
    write(tmp_path / name, content)
    with pytest.raises(TableError, match=f"column '{column}' is missing"):
        read_participants(tmp_path) if column == "participant_id" else raise_first(tmp_path)


def raise_first(bids_dir):
    """Raise what is wrong with the sessions of the first participant."""
    _, problems = read_sessions(bids_dir, ["sub-01"])
    raise TableError(problems["sub-01"])


def test_what_only_some_designs_need_may_be_absent(tmp_path):
    write(tmp_path / "participants.tsv", "participant_id\tsite\nsub-01\tA\n")
    write(tmp_path / "sub-01/sub-01_sessions.tsv", "session_id\tcondition\nses-1\tplacebo\n")
    people = read_participants(tmp_path)
    assert people.columns.tolist() == ["subject", "site", "sex", "age", "sequence"]
    assert people[["sex", "age", "sequence"]].isna().all(axis=None)
    sessions, problems = read_sessions(tmp_path, ["sub-01"])
    assert not problems
    assert sessions["period"].isna().tolist() == [True]


def test_sessions_outside_the_design_need_no_period(tmp_path):
    rows = "ses-screening\tn/a\tn/a\nses-followup\tn/a\tn/a\n"
    write(tmp_path / "sub-01/sub-01_sessions.tsv", SESSIONS + rows)
    sessions, problems = read_sessions(tmp_path, ["sub-01"])
    assert not problems
    assert sessions["period"].tolist()[:2] == [1, 2]
    assert sessions["period"].isna().tolist() == [False, False, True, True]


def test_infusions_that_are_numbers_stay_labels_beside_a_missing_one(tmp_path):
    table = "session_id condition infusion\nses-1 0 1\nses-2 1 0\nses-3 0 n/a\n"
    write(tmp_path / "sub-01/sub-01_sessions.tsv", table.replace(" ", "\t"))
    sessions, problems = read_sessions(tmp_path, ["sub-01"])
    assert not problems
    assert sessions["infusion"].tolist()[:2] == ["1", "0"]
    assert sessions["infusion"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("male", "Female"), ["M", "F"]), (("m", "OTHER"), ["M", "O"]), (("n/a", "n/a"), None)],
)
def test_sex_is_read_in_the_words_of_bids(tmp_path, words, expected):
    rows = "".join(f"sub-0{n}\t{word}\n" for n, word in enumerate(words, 1))
    write(tmp_path / "participants.tsv", f"participant_id\tsex\n{rows}")
    sexes = read_participants(tmp_path)["sex"]
    assert sexes.isna().all() if expected is None else sexes.tolist() == expected


def test_one_unusable_sessions_table_leaves_the_others(tmp_path):
    write(tmp_path / "sub-01/sub-01_sessions.tsv", SESSIONS)
    write(tmp_path / "sub-02/sub-02_sessions.tsv", SESSIONS.replace("\t2\t", "\t1\t"))
    sessions, problems = read_sessions(tmp_path, ["sub-01", "sub-02", "sub-03"])
    assert sessions["subject"].tolist() == ["sub-01", "sub-01"]
    assert sessions["condition"].tolist() == ["placebo", "naltrexone"]
    assert set(problems) == {"sub-02", "sub-03"}
    assert "'period' in line 3 holds 1, expected a value of its own" in problems["sub-02"]
    assert problems["sub-03"].endswith(
        "no such file. Write this table, with the columns session_id, condition."
    )


def test_scores_are_named_by_their_instrument(tmp_path):
    write(tmp_path / "phenotype/madrs.tsv", SCORES)
    table = read_scores(tmp_path, "madrs")
    assert table.columns.tolist() == ["subject", "session", "day", "madrs"]
    assert table["madrs"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("instrument", "total", "expected"),
    [("madrs", "-99", "0 to 60"), ("madrs", "61", "0 to 60"), ("qids", "999", "a score")],
)
def test_a_code_for_missing_data_is_no_score(tmp_path, instrument, total, expected):
    write(tmp_path / f"phenotype/{instrument}.tsv", SCORES + f"sub-01\tses-2\t0\t{total}\n")
    with pytest.raises(TableError, match=f"line 4 holds {total}, expected {expected}"):
        read_scores(tmp_path, instrument)


@pytest.mark.parametrize("total", [-7, -8, -9])
def test_a_small_negative_score_of_an_unknown_scale_is_read(tmp_path, total):
    write(tmp_path / "phenotype/mood.tsv", SCORES + f"sub-01\tses-2\t0\t{total}\n")
    assert read_scores(tmp_path, "mood")["mood"].iat[-1] == total


def test_a_refused_code_says_what_to_do_where_it_is_a_score(tmp_path):
    write(tmp_path / "phenotype/mood.tsv", SCORES + "sub-01\tses-2\t0\t-77\n")
    with pytest.raises(TableError, match=r"holds -77, .* add the same number to all scores"):
        read_scores(tmp_path, "mood")


def test_scales_that_go_below_zero_are_read(tmp_path):
    write(
        tmp_path / "phenotype/mood.tsv", SCORES + "sub-01\tses-2\t0\t-12.5\nsub-01\tses-2\t1\t-9\n"
    )
    assert read_scores(tmp_path, "mood")["mood"].tolist()[-2:] == [-12.5, -9]


def test_a_score_given_twice_is_an_error(tmp_path):
    write(tmp_path / "phenotype/madrs.tsv", SCORES + "sub-01\tses-1\t0\t31\n")
    with pytest.raises(TableError, match="in line 4 holds 'sub-01', expected a line of its own"):
        read_scores(tmp_path, "madrs")


def test_a_score_that_is_no_number_is_named(tmp_path):
    write(tmp_path / "phenotype/madrs.tsv", SCORES + "sub-01\tses-2\t0\tthirty\n")
    with pytest.raises(TableError, match=r"'total' in line 4 holds 'thirty', expected a number"):
        read_scores(tmp_path, "madrs")
