"""Known errors of the fits in the mixed model, by identities with the ordinary one."""

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import TableError
from glxflow.trial.changes import glx_changes
from glxflow.trial.lmm import fit_lmm

FORMULA = "delta ~ condition*bin + period + (1|subject) + (1|subject:visit)"


@pytest.fixture
def changes(make_trial, make_plan):
    """Return the changes of a trial with components away from their boundaries."""
    table = glx_changes(make_trial(n=10, session_sd=0.05), make_plan())
    return table.assign(bin=pd.Categorical(table["bin"]))


def same_session(changes):
    session = changes["subject"] + changes["visit"]
    return (session.to_numpy()[:, np.newaxis] == session.to_numpy()).astype(float)


def assert_same_inference(one, other):
    # Two searches in other coordinates, each to about 1e-7 of the components.
    pd.testing.assert_frame_equal(one.coefficients(), other.coefficients(), rtol=2e-5)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-9)


def test_an_error_common_to_all_rows_is_part_of_the_residual(changes):
    plain = fit_lmm(FORMULA, changes)
    known = fit_lmm(FORMULA, changes, known=0.015**2 * np.eye(len(changes)))
    assert_same_inference(plain, known)
    parts = [fit.variance_components["variance"].iloc[-1] for fit in (plain, known)]
    assert parts[0] - parts[1] == pytest.approx(0.015**2, rel=1e-3)  # search tolerance


def test_an_error_of_the_baseline_is_part_of_the_sessions_variance(changes):
    plain = fit_lmm(FORMULA, changes)
    known = fit_lmm(FORMULA, changes, known=0.01**2 * same_session(changes))
    assert_same_inference(plain, known)
    parts = [
        fit.variance_components.set_index("group").loc["subject:visit", "variance"]
        for fit in (plain, known)
    ]
    assert parts[0] - parts[1] == pytest.approx(0.01**2, rel=1e-3)  # search tolerance


def test_rows_with_large_errors_lose_their_say(changes):
    spoilt = changes.assign(delta=changes["delta"].where(changes.index != 4, 3.0))
    errors = np.zeros((len(changes), len(changes)))
    errors[4, 4] = 1e6
    without = fit_lmm(FORMULA, changes.drop(index=4)).coefficients()
    known = fit_lmm(FORMULA, spoilt, known=errors).coefficients()
    # A row of infinite error is a row left out; estimates, errors and df follow.
    pd.testing.assert_frame_equal(known[["estimate", "se", "df"]],
                                  without[["estimate", "se", "df"]], rtol=1e-3)  # fmt: skip


def test_a_row_that_is_left_out_takes_its_error_along(changes):
    errors = np.diag(np.linspace(1e-4, 9e-4, len(changes)))
    gap = changes.assign(delta=changes["delta"].where(changes.index != 4))
    kept = np.delete(np.arange(len(changes)), 4)
    found = fit_lmm(FORMULA, gap, known=errors)
    expected = fit_lmm(FORMULA, changes.iloc[kept], known=errors[np.ix_(kept, kept)])
    assert_same_inference(expected, found)


def test_known_errors_have_kenward_roger_only(changes):
    fit = fit_lmm(FORMULA, changes, known=np.zeros((len(changes), len(changes))))
    with pytest.raises(TableError, match="Kenward-Roger inference only"):
        fit.coefficients(ddf="satterthwaite")


def test_weights_beside_known_errors_are_refused(changes):
    with pytest.raises(ValueError, match="exclude each other"):
        fit_lmm(FORMULA, changes, weights=np.ones(len(changes)), known=np.eye(len(changes)))
