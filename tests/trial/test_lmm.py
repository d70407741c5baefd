"""The mixed model against R's answers (lme4, lmerTest, pbkrtest, emmeans), and by identities."""

import json
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.errors import TableError
from glxflow.trial.lmm import fit_lmm

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "data" / "stats" / "reference_lmm.json").read_text()
)["models"]
SHORT = {"kenward-roger": "kr", "satterthwaite": "satt"}
CASES = [
    (name, method)
    for name, method in product(REFERENCE, SHORT)
    if SHORT[method] in REFERENCE[name]
    # pbkrtest ignores prior weights; the right values are tested below.
    and not ("weighted" in name and method == "kenward-roger")
    # At this singular random slope Satterthwaite depends on the parametrisation.
    and not (name == "G6_slope_A" and method == "satterthwaite")
]
# Marginal means of models without weights, except where R was asked for none.
MEANS = [
    (name, method, kind)
    for name, method in CASES
    for kind in REFERENCE[name].get("emm", {})
    if method in REFERENCE[name]["emm"][kind]
]
TWO_FACTORS = {"cond_by_bin": "binf", "cond_by_day": "dayf", "cond_by_sex": "sex"}


@pytest.fixture(scope="module")
def fitted(read_stats, factors):
    """Return a fitter of the reference models by name; each is fitted once."""

    def table_of(name):
        data = name[-1]
        if name.startswith("M4"):
            table = read_stats(f"madrs_change_{data}")
        elif name.startswith("M"):
            table = read_stats(f"madrs_{data}")
            table = table[table["day"] <= 1] if "madrs01" in name else table
        else:
            table = read_stats(f"fmrs_{data}")
            table = table[table["qc_pass"] == 1]
            if "clda" not in name:
                table = table[table["bin"] > 0]
            active = (table["condition"] == "naltrexone") & (table["bin"] > 0)
            table = table.assign(
                binf=pd.Categorical(table["bin"]),
                tc=(table["bin"] - 3.5) / 2,
                trt=active.astype(float),
            )
        if "day" in table:
            table = table.assign(dayf=pd.Categorical(table["day"]))
        return factors(table)

    @cache
    def fit(name):
        model, table = REFERENCE[name], table_of(name)
        weights = table[model["weights"]] if model["weights"] else None
        return fit_lmm(model["formula"], table, weights=weights, reml=model["REML"])

    return fit


@pytest.mark.parametrize("name", REFERENCE)
def test_likelihood_and_variances_are_those_of_lme4(name, fitted):
    fit, model = fitted(name), REFERENCE[name]
    assert len(fit.data) == model["n"]
    assert fit.singular is model["singular"]
    # The likelihood is flat at its maximum, so that it agrees far better than 1e-5.
    assert fit.log_likelihood == pytest.approx(model["logLik"], rel=1e-9)
    found = {
        (row["group"], row["effect"] or None, row["other"] or None): row["variance"]
        for row in fit.variance_components.fillna({"other": ""}).to_dict("records")
    }
    for component in model["vcomp"].values():
        effects = (component["var1"], component["var2"])
        key = (component["grp"], *(effects[::-1] if effects[1] else effects))
        # lme4's own optimiser stops at about 1e-6 of theta; zero is zero to 1e-9 of V.
        assert found[key] == pytest.approx(component["vcov"], rel=2e-5, abs=1e-9)


def assert_p_agrees(found, expected, t):
    # A relative error of t is magnified by about t squared in p.
    tolerance = 1e-5 * (1 + np.square(t))
    assert (np.abs(np.log(found / expected)) < np.maximum(tolerance, 3e-5)).all()


@pytest.mark.parametrize(("name", "method"), CASES)
def test_coefficients_are_those_of_r(name, method, fitted):
    found = fitted(name).coefficients(ddf=method)
    expected = pd.DataFrame(REFERENCE[name][SHORT[method]].values())
    assert list(found.index) == list(REFERENCE[name]["fixef"])
    assert found["estimate"].to_numpy() == pytest.approx(expected["est"], rel=1e-5)
    assert found["se"].to_numpy() == pytest.approx(expected["se"], rel=1e-5)
    # lmerTest differentiates numerically, which costs it some digits.
    rel = 1e-5 if method == "kenward-roger" else 2e-5
    assert found["df"].to_numpy() == pytest.approx(expected["df"], rel=rel)
    assert_p_agrees(found["p"].to_numpy(), expected["p"].to_numpy(), expected["t"].to_numpy())


@pytest.mark.parametrize(("name", "method"), CASES)
def test_type_iii_tests_are_those_of_r(name, method, fitted):
    found = fitted(name).anova(ddf=method)
    expected = pd.DataFrame(REFERENCE[name]["anova3_" + SHORT[method]])
    assert list(found.index) == REFERENCE[name]["terms"]
    assert found["ndf"].tolist() == expected["ndf"].tolist()
    # An F near zero inherits the absolute error at which lme4 stops: 2e-6 decides nothing.
    assert found["F"].to_numpy() == pytest.approx(expected["F"], rel=1e-5, abs=2e-6)
    # lmerTest differentiates numerically, which costs it some digits.
    assert found["ddf"].to_numpy() == pytest.approx(expected["ddf"], rel=2e-5)


@pytest.mark.parametrize(("name", "method", "kind"), MEANS)
def test_marginal_means_are_those_of_emmeans(name, method, kind, fitted):
    fit = fitted(name)
    expected = pd.DataFrame(REFERENCE[name]["emm"][kind][method]["means"])
    if kind == "cond":
        found = fit.emmeans("condition", ddf=method)
    else:
        other = TWO_FACTORS[kind]
        convert = str if other == "sex" else int
        cells = [
            fit.cell_row({"condition": row["condition"], other: convert(row[other])})
            for row in expected.to_dict("records")
        ]
        found = fit.contrast(cells, ddf=method)
    assert found["estimate"].to_numpy() == pytest.approx(expected["emmean"], rel=1e-5)
    # emmeans prints the SE and df from its own copy of the numerical derivatives.
    assert found["se"].to_numpy() == pytest.approx(expected["SE"], rel=1e-5)
    assert found["df"].to_numpy() == pytest.approx(expected["df"], rel=5e-5)


@pytest.mark.parametrize("data", ["A", "C"])
def test_weighted_kenward_roger_is_that_of_whitened_data(data, fitted, answers):
    found = fitted(f"G5_weighted_{data}").coefficients(ddf="kenward-roger")
    expected = answers("reference_weighted_kr")[data]
    assert list(found.index) == expected["coef_names"]
    for column, key in (("estimate", "est"), ("se", "se_kr"), ("df", "df_kr"), ("p", "p_kr")):
        # Whitened fits in R stop at their optimiser's tolerance.
        assert found[column].to_numpy() == pytest.approx(expected[key], rel=2e-5), column


def test_primary_condition_contrast_of_the_reference_trial(fitted):
    test = fitted("G1_primary_A").anova().loc["condition"]
    # As printed by pbkrtest: F(1, 23.008) = 5.583, P = .0270.
    assert test["ddf"] == pytest.approx(23.008, abs=5e-4)
    assert test["F"] == pytest.approx(5.583, abs=5e-4)
    assert test["p"] == pytest.approx(0.0270, abs=5e-5)


FORMULA = "delta ~ condition + period + (1|subject)"


def session_means(trial, factors):
    table = trial[trial["bin"] > 0].groupby(
        ["subject", "sex", "sequence", "period", "condition"], as_index=False
    )
    return factors(table["glx_tnaa"].mean().rename(columns={"glx_tnaa": "delta"}))


@pytest.mark.parametrize("n", [6, 8, 13])
def test_balanced_complete_data_equal_the_period_adjusted_t_test(n, make_trial, factors):
    means = session_means(make_trial(n=n), factors)
    wide = means.pivot(index="subject", columns="period", values="delta")
    first = means.drop_duplicates("subject").set_index("subject")["sequence"].eq("PN")
    difference = wide[2] - wide[1]
    classical = stats.ttest_ind(difference[first], difference[~first])
    fit = fit_lmm(FORMULA, means)
    assert not fit.singular
    for method in SHORT:
        row = fit.contrast(np.diff(fit.marginal_rows("condition"), axis=0), ddf=method).iloc[0]
        # Rounding and the optimiser's last digits; ddf is exactly n - 2.
        assert row["df"] == pytest.approx(n - 2, rel=1e-6)
        assert row["t"] == pytest.approx(classical.statistic, rel=1e-7)
        assert row["p"] == pytest.approx(classical.pvalue, rel=1e-6)


def test_balanced_complete_bins_equal_the_t_test_of_their_means(make_trial, factors):
    n = 12
    trial = make_trial(n=n, n_bins=4, session_sd=0.05)
    # Participants differ in their change, or their variance would be at its boundary.
    own = trial["subject"].str[-2:].astype(int) / 50
    table = factors(trial.query("bin > 0").assign(delta=lambda t: t["glx_tnaa"] + own[t.index]))
    table = table.assign(bin=pd.Categorical(table["bin"]))
    means = table.groupby(["subject", "sequence", "period"], observed=True)["delta"].mean()
    wide = means.unstack("period").reset_index("sequence")
    difference, first = wide[2] - wide[1], wide["sequence"] == "PN"
    classical = stats.ttest_ind(difference[first], difference[~first])
    formula = "delta ~ condition*bin + period + sequence + (1|subject) + (1|subject:period)"
    fit = fit_lmm(formula, table)
    assert not fit.singular
    for method in SHORT:
        row = fit.contrast(np.diff(fit.marginal_rows("condition"), axis=0), ddf=method).iloc[0]
        # Rounding and the optimiser's last digits; ddf is exactly n - 2.
        assert row["df"] == pytest.approx(n - 2, rel=1e-6)
        assert row["t"] == pytest.approx(classical.statistic, rel=1e-6)
        assert row["p"] == pytest.approx(classical.pvalue, rel=1e-5)


def test_two_df_of_the_denominator_are_those_of_the_analysis_of_variance():
    # Five participants in three groups, of whom each has three rows.
    means = np.array([1.0, 1.9, 2.2, 3.6, 3.1])
    table = pd.DataFrame({"subject": np.repeat(list("abcde"), 3)})
    table = table.assign(arm=table["subject"].map(dict(zip("abcde", "xxyyz", strict=True))))
    table["y"] = np.repeat(means, 3) + np.tile([-0.1, 0.0, 0.1], 5)
    expected = stats.f_oneway(means[:2], means[2:4], means[4:])
    fit = fit_lmm("y ~ arm + (1|subject)", table)
    for method in SHORT:
        row = fit.anova(ddf=method).loc["arm"]
        # F(2, 2), where the general formula of the scale divides by zero.
        assert (row["ndf"], row["ddf"]) == pytest.approx((2, 2), rel=1e-4)
        assert row["F"] == pytest.approx(expected.statistic, rel=1e-4)
        assert row["p"] == pytest.approx(expected.pvalue, rel=1e-3)


def test_satterthwaites_f_has_two_df_where_any_of_its_t_has_fewer():
    # x and y are compared within three groups, z with them between: 1 df, as in lmerTest.
    rng = np.random.default_rng(7)
    levels = {"a": "xyxy", "b": "xyxy", "c": "zzzz"}
    table = pd.DataFrame([(group, level) for group, part in levels.items() for level in part],
                         columns=["group", "level"])  # fmt: skip
    table["y"] = table["group"].map({"a": 0.0, "b": 1.5, "c": 4.0}) + rng.normal(0, 0.1, 12)
    fit = fit_lmm("y ~ level + (1|group)", table)
    degrees = fit.contrast([[0, 1, -1], [0, 1, 1]], ddf="satterthwaite")["df"]
    assert degrees.tolist() == pytest.approx([8.0, 1.0], rel=0.05)
    assert fit.anova(ddf="satterthwaite").loc["level", "ddf"] == 2


def test_row_order_changes_nothing(make_trial, factors):
    means = session_means(make_trial(), factors)
    one = fit_lmm(FORMULA, means).coefficients()
    other = fit_lmm(FORMULA, means.sample(frac=1, random_state=3)).coefficients()
    # Sums in another order, then an optimiser that stops at 1e-9.
    pd.testing.assert_frame_equal(one, other, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e4])
def test_the_unit_of_the_outcome_changes_no_test(scale, make_trial, factors):
    means = session_means(make_trial(), factors)
    one = fit_lmm(FORMULA, means).coefficients()
    other = fit_lmm(FORMULA, means.assign(delta=means["delta"] * scale)).coefficients()
    # The optimiser stops at 1e-9 of theta; t and df depend on it smoothly.
    assert other["t"].to_numpy() == pytest.approx(one["t"].to_numpy(), rel=1e-5)
    assert other["df"].to_numpy() == pytest.approx(one["df"].to_numpy(), rel=1e-5)
    assert other["estimate"].to_numpy() == pytest.approx(one["estimate"] * scale, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_the_unit_of_the_outcome_changes_no_satterthwaite_df(scale, make_trial, factors):
    # Two variances away from their boundary, and a missing row.
    table = factors(make_trial(n=10, session_sd=0.005)).query("bin > 0").iloc[1:]
    table = table.assign(delta=table["glx_tnaa"], bin=pd.Categorical(table["bin"]))
    formula = "delta ~ condition*bin + period + (1|subject) + (1|subject:period)"
    one, other = (
        fit_lmm(formula, table.assign(delta=table["delta"] * unit)).coefficients("satterthwaite")
        for unit in (1.0, scale)
    )
    # The Hessian is exact: what is left is where the search stops, 1e-9 of theta.
    assert other["df"].to_numpy() == pytest.approx(one["df"].to_numpy(), rel=1e-6)


def test_the_order_of_levels_changes_no_contrast(make_trial, factors):
    table = factors(make_trial()).query("bin > 0").assign(delta=lambda t: t["glx_tnaa"])
    table = table.assign(bin=pd.Categorical(table["bin"]))
    turned = table.assign(
        condition=table["condition"].cat.reorder_categories(["naltrexone", "placebo"]),
        bin=table["bin"].cat.reorder_categories([2, 3, 1]),
    )
    formula = "delta ~ condition*bin + period + (1|subject) + (1|subject:period)"
    one, other = fit_lmm(formula, table), fit_lmm(formula, turned)
    pd.testing.assert_frame_equal(
        one.emmeans("condition").sort_index().reset_index(drop=True),
        other.emmeans("condition").reindex(["naltrexone", "placebo"]).reset_index(drop=True),
        # The same optimum from another side.
        rtol=1e-5,
    )
    pd.testing.assert_frame_equal(one.anova(), other.anova(), rtol=1e-5)


def test_a_missing_value_leaves_out_its_row_only(make_trial, factors):
    means = session_means(make_trial(), factors)
    gap = means.assign(delta=means["delta"].where(means.index != 0))
    assert len(fit_lmm(FORMULA, gap).data) == len(means) - 1


@pytest.mark.parametrize(
    ("formula", "change", "message"),
    [
        ("delta ~ condition + gone + (1|subject)", {}, "gone"),
        ("delta ~ condition", {}, "no random term"),
        ("delta ~ condition + (1|subject:period)", {}, "a group for each row"),
        ("~ condition + (1|subject)", {}, "names no response"),
        (FORMULA, {"delta": "high"}, "expected numbers"),
        (FORMULA, {"delta": 0.5}, "is 0.5 in all"),
        (FORMULA, {"delta": np.nan}, "nothing to fit"),
        ("delta ~ condition + sex + (1|subject)", {"sex": "F"}, "single level"),
    ],
)
def test_bad_input_is_a_table_error_that_says_what_is_wrong(
    formula, change, message, make_trial, factors
):
    means = session_means(make_trial(), factors).assign(**change)
    with pytest.raises(TableError, match=message):
        fit_lmm(formula, means)


def test_aliased_coefficients_are_named(make_trial, factors):
    means = session_means(make_trial(), factors)
    means = means.assign(twin=means["period"].astype(float) * 2 + 1)
    with pytest.raises(TableError, match=r"twin are aliased"):
        fit_lmm("delta ~ condition + period + twin + (1|subject)", means)


def test_weights_must_be_positive(make_trial, factors):
    means = session_means(make_trial(), factors)
    with pytest.raises(TableError, match="not positive"):
        fit_lmm(FORMULA, means, weights=np.zeros(len(means)))
