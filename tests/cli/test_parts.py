"""Parts are done once, by any number of processes, with the same numbers."""

import math

import pytest
from rich.console import Console

from glxflow.cli.parts import KeptParts


def root(task):
    """Return what JSON must hold exactly: a number with all its digits, and none."""
    return {"root": math.sqrt(task), "missing": math.nan, "text": f"{task}"}


def stop_at_three(task):
    if task == 3:
        raise KeyboardInterrupt
    return root(task)


def unused(task):
    raise AssertionError(f"{task} was done again")


def parts(folder, cores=1, inputs="plan"):
    return KeptParts(folder, inputs, cores, Console(quiet=True))


def stopped(folder):
    """Leave a run that was stopped after three of six parts."""
    with pytest.raises(KeyboardInterrupt), parts(folder) as run:
        run("roots", stop_at_three, range(6))


def test_numbers_keep_all_digits_in_any_number_of_processes(tmp_path):
    found = {}
    for cores in (1, 2):
        with parts(tmp_path / "p", cores) as run:
            # Fresh processes do not find functions of a test: `dict` they do.
            found[cores] = run("roots", dict, [tuple(root(task).items()) for task in range(5)])
    assert [one["root"] for one in found[1]] == [math.sqrt(task) for task in range(5)]
    assert [one["root"] for one in found[2]] == [one["root"] for one in found[1]]
    assert math.isnan(found[1][0]["missing"])


def test_a_stopped_run_is_continued(tmp_path):
    stopped(tmp_path / "p")
    done = []

    def counted(task):
        done.append(task)
        return root(task)

    with parts(tmp_path / "p") as run:
        found = run("roots", counted, range(6))
    assert done == [3, 4, 5]
    assert [one["text"] for one in found] == list("012345")


def test_other_inputs_start_anew(tmp_path):
    stopped(tmp_path / "p")
    with (
        pytest.raises(AssertionError, match="0 was done again"),
        parts(tmp_path / "p", inputs="other plan") as run,
    ):
        run("roots", unused, range(6))


def test_nothing_is_left_when_all_is_done(tmp_path):
    stopped(tmp_path / "p")
    with parts(tmp_path / "p") as run:
        run("roots", root, range(6))
        assert len(list((tmp_path / "p").rglob("*.json"))) == 6
    assert not (tmp_path / "p").exists()
