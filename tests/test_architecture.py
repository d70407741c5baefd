"""The layers of the architecture, enforced; a planted violation must fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter", reason="import-linter comes with the dev extra")

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def project_copy(tmp_path):
    shutil.copytree(PROJECT / "src" / "glxflow", tmp_path / "glxflow")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder):
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_stages_meet_only_in_shared_records(project_copy):
    run = lint(project_copy)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        ("qc", "import glxflow.fit\n"),
        ("trial", "import glxflow.io.tables\n"),
        ("basis", "import glxflow.simulate\n"),
        ("report", "import glxflow.cli.app\n"),
    ],
)
def test_a_planted_violation_fails(project_copy, stage, line):
    (project_copy / "glxflow" / stage / "planted.py").write_text(line)
    run = lint(project_copy)
    assert run.returncode != 0
    assert f"glxflow.{stage}.planted" in run.stdout
