"""The ways to make changes, each against what its labels say."""

import numpy as np
import pandas as pd
import pytest

from glxflow.trial.fit_errors import joint_changes_of
from glxflow.trial.universe import JOINTLY, universes

MEAN_BASELINE, LAST_BASELINE = "mean of baseline bins subtracted", "last baseline bin subtracted"


@pytest.fixture
def rising(make_trial):
    """Return a trial whose outcome is the number of the bin, the last baseline .2."""
    trial = make_trial(n=6, n_bins=5).assign(glx_tnaa=lambda t: t["bin"].clip(lower=0.2))
    before = trial[trial["bin"] == 0].assign(bin=-1, glx_tnaa=0.6)
    return pd.concat([trial, before], ignore_index=True).assign(glx_tnaa_sd=0.02)


def cells_of(trial, plan, **labels):
    """Return the data of the one universe that has some labels."""
    wanted = {"outcome": "glx_tnaa", "window": "all bins", "qc": "none"} | labels
    (one,) = [
        one for one in universes(trial, plan) if one.labels.items() >= wanted.items()
    ]  # fmt: skip
    return one.cells


@pytest.mark.parametrize(
    ("window", "bins"), [("all bins", [1, 2, 3, 4, 5]), ("early", [1, 2]), ("late", [3, 4, 5])]
)
def test_windows_are_halves_of_the_bins(window, bins, make_plan, rising):
    cells = cells_of(rising, make_plan(), window=window, baseline=LAST_BASELINE)
    assert sorted(set(np.round(cells.delta + 0.2, 9))) == bins
    assert cells.delta.size == 12 * len(bins)


@pytest.mark.parametrize(
    ("start", "base", "n_bins"), [(MEAN_BASELINE, 0.4, 2), (LAST_BASELINE, 0.2, 1)]
)
def test_baselines_have_their_mean_and_its_error(start, base, n_bins, make_plan, rising):
    cells = cells_of(rising, make_plan(), baseline=start)
    assert cells.base == pytest.approx(base)
    assert cells.delta.min() == pytest.approx(1 - base)
    assert cells.own_variance == pytest.approx(4e-4)
    assert cells.common_variance == pytest.approx(4e-4 / n_bins)


def test_joint_changes_are_a_way_of_their_own_with_their_errors(make_plan, rising):
    later = rising["bin"] > 0
    for end, value in (("", 7.0), ("_sd", 0.05), ("_common_sd", 0.03)):
        rising[f"glx_tnaa_change_joint{end}"] = np.where(later, value, np.nan)
    assert joint_changes_of(rising, "glx_tnaa") is not None
    jointly, last = (
        cells_of(rising, make_plan(), baseline=start) for start in (JOINTLY, LAST_BASELINE)
    )
    assert set(jointly.delta) == {7.0}
    assert jointly.own_variance == pytest.approx(16e-4)
    assert jointly.common_variance == pytest.approx(9e-4)
    assert jointly.base == pytest.approx(0.4)
    # Of differences the errors of separate fits are none, where better ones are known.
    assert last.delta == pytest.approx(rising.loc[later, "bin"].to_numpy() - 0.2)
    assert not last.has_error.any()


def test_strict_quality_leaves_out_the_worst_of_each_figure(make_plan, rising):
    trial = rising.assign(fwhm_hz=5 + rising["bin"] / 100, snr=30.0)
    trial = trial.assign(glx_tnaa=lambda t: t["bin"] + t.index / 1e3)
    places = trial.index[trial["bin"] > 0][[3, 11, 22, 30, 41]]
    # A wide line, a faint one, a large error, and a failure; one that is better than all.
    for place, column, value in zip(
        places,
        ("fwhm_hz", "snr", "glx_tnaa_sd", "qc_pass", "snr"),
        (9.0, 10.0, 0.2, 0, 90.0),
        strict=True,
    ):
        trial.loc[place, column] = value
    values = trial.loc[places, "glx_tnaa"].to_numpy()
    for qc, n_gone in (("none", 0), ("moderate", 1), ("strict", 4)):
        cells = cells_of(trial, make_plan(), qc=qc, baseline=LAST_BASELINE)
        found = np.isclose(cells.delta + cells.base, values[:, np.newaxis]).any(axis=1)
        gone = {"none": [], "moderate": [3], "strict": [0, 1, 2, 3]}[qc]
        assert np.flatnonzero(~found).tolist() == gone
        assert cells.delta.size == 60 - n_gone
