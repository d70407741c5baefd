"""The mixed model against R on a trial that no other test uses: 14 participants, a fifth of the
cells and two sessions missing, rows in random order."""

import json
from functools import cache
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from glxflow.trial.lmm import fit_lmm

STATS = Path(__file__).parents[1] / "data" / "stats"
REFERENCE = json.loads((STATS / "reference_unbalanced.json").read_text())
METHODS = ("kenward-roger", "satterthwaite")
CASES = [(name, method) for name, method in product(REFERENCE, METHODS)
         if method in REFERENCE[name]]  # fmt: skip


@pytest.fixture(scope="module")
def fitted(read_stats, factors):
    """Return a fitter of the models by name; each is fitted once."""

    @cache
    def fit(name):
        model = REFERENCE[name]
        table = factors(read_stats(model["table"]))
        table = table.query(model["keep"]) if model["keep"] else table
        for column, factor in (("bin", "binf"), ("day", "dayf")):
            if column in table:
                table = table.assign(**{factor: pd.Categorical(table[column])})
        weights = table[model["weights"]] if model["weights"] else None
        return fit_lmm(model["formula"], table, weights=weights, reml=model["REML"])

    return fit


@pytest.mark.parametrize("name", REFERENCE)
def test_likelihood_is_that_of_lme4(name, fitted):
    fit, model = fitted(name), REFERENCE[name]
    assert len(fit.data) == model["n"]
    assert fit.singular is model["singular"]
    # The likelihood is flat at its maximum, so that it agrees far better than 1e-5.
    assert fit.log_likelihood == pytest.approx(model["logLik"], rel=1e-9)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_coefficients_and_tests_are_those_of_r(name, method, fitted):
    fit, model = fitted(name), REFERENCE[name]
    expected = model[method]
    table, tests = fit.coefficients(ddf=method), fit.anova(ddf=method)
    # Agreement to 1e-5 is what the engine promises; two optimisers reach 1e-6 here.
    assert table["estimate"].to_numpy() == pytest.approx(model["estimate"], rel=1e-5)
    assert table["se"].to_numpy() == pytest.approx(expected["se"], rel=1e-5)
    assert table["df"].to_numpy() == pytest.approx(expected["df"], rel=1e-5)
    assert list(tests.index) == expected["terms"]
    assert tests["F"].to_numpy() == pytest.approx(expected["F"], rel=1e-5)
    assert tests["ddf"].to_numpy() == pytest.approx(expected["ddf"], rel=1e-5)
