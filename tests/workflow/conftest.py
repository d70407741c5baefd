"""Run the workflow as a user does, in a folder of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def run_workflow() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Snakemake on a data set; `changes` are keys of its config."""

    def run(
        bids_dir: Path, output_dir: Path, *extra: str, changes: Mapping[str, Any] | None = None
    ) -> subprocess.CompletedProcess[str]:
        # As a file: Snakemake reads values within values on its command line as text.
        changed = output_dir.with_name("changes.yaml")
        own = {"plan": str(PROJECT / "config" / "trial.yaml"), **(changes or {})}
        changed.write_text(yaml.safe_dump(own))
        scripts = Path(sys.executable).parent
        return subprocess.run(
            [
                *(sys.executable, "-m", "snakemake", "--cores", "2", "--nolock", *extra),
                *(
                    "--directory",
                    str(output_dir.parent),
                    "--snakefile",
                    str(PROJECT / "Snakefile"),
                ),
                *(
                    "--configfile",
                    str(PROJECT / "config" / "config.yaml"),
                    str(changed),
                    "--config",
                ),
                *(f"bids_dir={bids_dir}", f"output_dir={output_dir}"),
            ],
            env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that copies test_data, to be spoiled."""

    def copy(name: str) -> Path:
        target = tmp_path_factory.mktemp(name) / "bids"
        shutil.copytree(PROJECT / "test_data", target)
        return target

    return copy
