"""Models fitted in R, where it is installed; and what is said where it is not."""

import shutil
import subprocess

import pandas as pd
import pytest

from glxflow.errors import ConfigError
from glxflow.io.r_engine import find_r, fit_in_r

FORMULA = "y ~ group + (1|unit)"
LEVELS = {"group": ["a", "b"], "unit": ["1", "2", "3", "4"]}
TABLE = pd.DataFrame(
    {
        "y": [1.0, 2.1, 0.7, 1.9, 1.4, 2.9, 0.9, 1.6],
        "group": list("abababab"),
        "unit": [1, 1, 2, 2, 3, 3, 4, 4],
    }
)


def has_r():
    """Tell whether R and its packages are installed."""
    program = shutil.which("Rscript")
    if program is None:
        return False
    asked = "for (p in c('lme4', 'lmerTest', 'pbkrtest')) loadNamespace(p)"
    return subprocess.run([program, "-e", asked], capture_output=True, check=False).returncode == 0


needs_r = pytest.mark.skipif(not has_r(), reason="R with lme4, lmerTest and pbkrtest is absent")


@needs_r
def test_pairs_are_the_paired_t_test():
    rows = pd.DataFrame([[0.0, -2.0]], columns=["(Intercept)", "group1"])
    found = fit_in_r(FORMULA, TABLE, LEVELS, rows)
    wide = TABLE.pivot(index="unit", columns="group", values="y")
    difference = wide["b"] - wide["a"]
    assert found["df_method"].tolist() == ["kenward-roger", "satterthwaite"]
    # b - a is minus twice a coefficient that sums to zero; lmerTest differentiates numerically.
    assert found["estimate"].to_numpy() == pytest.approx(difference.mean(), rel=1e-9)
    assert found["se"].to_numpy() == pytest.approx(difference.std() / 2, rel=1e-6)
    assert found["df"].to_numpy() == pytest.approx(3, rel=1e-5)


@needs_r
def test_what_r_says_is_passed_on():
    rows = pd.DataFrame([[0.0, 1.0]], columns=["(Intercept)", "group1"])
    with pytest.raises(ConfigError, match="R stopped at 'y ~ group \\+ gone"):
        fit_in_r("y ~ group + gone + (1|unit)", TABLE, LEVELS, rows)


def test_a_machine_without_r_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"no program Rscript.*lme4, lmerTest and pbkrtest"):
        find_r()


def test_missing_packages_are_named(monkeypatch, tmp_path):
    fake = tmp_path / "Rscript"
    fake.write_text("#!/bin/sh\necho 'missing packages: pbkrtest' >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ConfigError, match=r"missing packages: pbkrtest\. Install them in R"):
        fit_in_r(FORMULA, TABLE, LEVELS, pd.DataFrame())
