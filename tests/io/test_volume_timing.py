import re

import pytest

from glxflow.io.volume_timing import timing_problems


@pytest.mark.parametrize("timing", [None, [], [0], [0.0, 1.5, 900]])
def test_onsets_that_ascend_or_are_not_given_are_sound(timing):
    assert timing_problems({"VolumeTiming": timing}) == []


@pytest.mark.parametrize(
    ("timing", "message"),
    [
        (5.0, "VolumeTiming is 5.0, expected a list"),
        ([0, 3, None], "VolumeTiming[2] is None, expected a number of seconds"),
        ([0, 3, "6 s"], "VolumeTiming[2] is '6 s', expected a number of seconds"),
        ([0, 3, float("nan")], "VolumeTiming[2] is nan, expected a number of seconds"),
        ([0, 9, 6], "VolumeTiming[2] is 6 s but the one before it 9 s, expected onsets that asc"),
        ([0, 3e4, 12e4], "0 to 120000 s, more than a day: it was probably given in milliseconds"),
    ],
)
def test_onsets_that_cannot_be_are_named_with_their_place(timing, message):
    (problem,) = timing_problems({"VolumeTiming": timing})
    assert re.search(re.escape(message), problem)


def test_partners_of_an_edited_pair_may_be_stored_in_either_order():
    fields = {"VolumeTiming": [2, 0, 6, 4], "dim_5": "DIM_DYN", "dim_6": "DIM_EDIT"}
    assert timing_problems(fields) == []
