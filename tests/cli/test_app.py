import pytest

from glxflow import __version__
from glxflow.cli.app import COMMANDS


def test_help_lists_every_command_by_name(glxflow):
    run = glxflow("--help")
    assert run.returncode == 0
    rows = [line.strip("│ ").split()[:1] for line in run.stdout.splitlines()]
    for command in COMMANDS:
        assert [command] in rows


def test_the_version_is_that_of_the_package(glxflow):
    run = glxflow("--version")
    assert (run.returncode, run.stdout) == (0, f"glxflow {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(glxflow, command):
    run = glxflow(command, "--help")
    assert run.returncode == 0, run.stderr
    assert "Usage" in run.stdout


def test_an_error_of_the_user_is_one_message_and_exit_code_2(glxflow, tmp_path):
    run = glxflow("validate", tmp_path / "nothing")
    assert run.returncode == 2
    assert "no dataset_description.json" in run.stderr
    assert "Traceback" not in run.stderr
