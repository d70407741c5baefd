import pytest

from glxflow.errors import DataError
from glxflow.io.events import events_of, other_events


@pytest.fixture
def table(tmp_path):
    """Return a writer of events.tsv."""

    def write(text):
        path = tmp_path / "events.tsv"
        path.write_text(text)
        return path

    return write


def test_events_of_one_type_are_read_in_order(table):
    path = table("onset\tduration\ttrial_type\n10\t20\tpain\n50\t5\trest\n70\t20\tpain\n")
    starts, durations = events_of(path, "pain")
    assert starts.tolist() == [10.0, 70.0]
    assert durations.tolist() == [20.0, 20.0]


def test_events_that_overlap_or_stand_there_twice_are_one(table):
    rows = "40\t10\tpain\n10\t20\tpain\n10\t20\tpain\n25\t10\tpain\n12\t2\tpain\n"
    starts, durations = events_of(table(f"onset\tduration\ttrial_type\n{rows}"), "pain")
    assert starts.tolist() == [10.0, 40.0]
    assert durations.tolist() == [25.0, 10.0]


def test_types_that_are_numbers_are_found(table):
    path = table("onset\tduration\ttrial_type\n10\t20\t1\n50\t5\t2\n")
    assert events_of(path, "1")[0].tolist() == [10.0]


def test_rest_may_be_named(table):
    rows = "10\t20\tpain\n30\t20\tRest\n50\t20\tbaseline\n70\t9\toff\n80\t9\tFixation\n"
    assert not other_events(table(f"onset\tduration\ttrial_type\n{rows}"), "pain")


def test_other_events_are_those_of_other_types_that_last(table):
    rows = "10\t20\tpain\n40\t5\tcue\n50\t0\tbutton\n60\tn/a\tbutton\n70\t5\tcue\n"
    others = other_events(table(f"onset\tduration\ttrial_type\n{rows}"), "pain")
    assert list(others) == ["cue"]
    assert others["cue"][0].tolist() == [40.0, 70.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("onset\ttrial_type\n1\tpain\n", "expected onset, duration"),
        ("onset\tduration\ttrial_type\n1\t2\trest\n", "found: rest"),
        ("onset\tduration\ttrial_type\n1\t0\tpain\n", "durations above 0"),
        ("onset\tduration\ttrial_type\n1\t3 s\tpain\n", r"duration \['3 s'\], expected numbers"),
        ("onset\tduration\ttrial_type\nn/a\t3\tpain\n", "expected numbers"),
    ],
)
def test_events_that_cannot_be_used_are_errors(table, text, words):
    with pytest.raises(DataError, match=words):
        events_of(table(text), "pain")
