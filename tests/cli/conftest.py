import subprocess
import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def glxflow(tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command line as a user does."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "glxflow", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
