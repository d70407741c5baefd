import pytest

from glxflow.errors import DataError
from glxflow.io.events import events_of


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
