"""The moderation by sex against R and by its own identities."""

import itertools

import numpy as np
import pandas as pd
import pytest

from glxflow.errors import TableError
from glxflow.trial.changes import glx_changes
from glxflow.trial.designs.responses import responses
from glxflow.trial.sex import permuted_p, sex_interaction


@pytest.mark.parametrize("data", ["A", "C"])
def test_interaction_is_twice_twice_the_coefficient_of_r(data, make_plan, read_stats, answers):
    plan = make_plan(permutation=200)
    found = sex_interaction(glx_changes(read_stats(f"fmrs_{data}"), plan), plan).table.iloc[0]
    model = answers("reference_lmm")["models"][f"G4_sex_{data}"]
    number = model["coef_names"].index("condition1:sex1") + 1
    expected = model["kr"][str(number)]
    # Sum-to-zero codes are +1 and -1: (N-P in M) - (N-P in F) is 4 times the product's slope.
    assert found["estimate"] == pytest.approx(4 * expected["est"], rel=1e-5)
    assert found["se"] == pytest.approx(4 * expected["se"], rel=1e-5)
    assert found["df"] == pytest.approx(expected["df"], rel=1e-5)
    assert found["p"] == pytest.approx(expected["p"], rel=1e-5)


def test_simple_effects_are_those_of_the_marginal_means(make_plan, read_stats, answers):
    plan = make_plan(permutation=200)
    found = sex_interaction(glx_changes(read_stats("fmrs_A"), plan), plan).table
    means = pd.DataFrame(
        answers("reference_lmm")["models"]["G4_sex_A"]["emm"]["cond_by_sex"]["kenward-roger"][
            "means"
        ]
    ).pivot(index="sex", columns="condition", values="emmean")
    effects = means["naltrexone"] - means["placebo"]
    assert found["estimate"].iloc[1] == pytest.approx(effects["F"], rel=1e-5)
    assert found["estimate"].iloc[2] == pytest.approx(effects["M"], rel=1e-5)
    assert found["estimate"].iloc[0] == pytest.approx(effects["M"] - effects["F"], rel=1e-5)


def test_permutation_agrees_with_the_classical_test_of_r(make_plan, read_stats, answers):
    plan = make_plan(permutation=20_000)
    table = read_stats("brain_behaviour_A").assign(bin=1, visit=lambda t: t["period"])
    expected = answers("reference_extras")["A"]["sex_classical"]["p"]
    # Monte-Carlo error .0035; with 26 participants t and permutation agree within .03.
    assert permuted_p(table, plan) == pytest.approx(expected, abs=0.03)


def test_permutation_p_is_uniform_under_the_null(make_plan, make_trial):
    plan = make_plan(permutation=200)
    p = np.array(
        [
            permuted_p(glx_changes(make_trial(n=12, n_bins=1, seed=seed), plan), plan)
            for seed in range(120)
        ]
    )
    # SE of a rate of .25 in 120 trials is .04.
    assert (p < 0.25).mean() == pytest.approx(0.25, abs=0.12)


def test_sexes_are_exchanged_within_sequences_only(make_plan, make_trial):
    plan = make_plan(permutation=20_000)
    trial = make_trial(n=8, n_bins=1, seed=3)
    # One sequence is far noisier: there the sexes differ by chance alone.
    is_noisy = (trial["sequence"] == "NP") & (trial["bin"] > 0)
    noise = np.random.default_rng(5).normal(0, 1, len(trial))
    changes = glx_changes(trial.assign(glx_tnaa=trial["glx_tnaa"] + is_noisy * noise), plan)
    found = responses(changes, plan)
    is_man = changes.drop_duplicates("subject").set_index("subject")["sex"].loc[found.subject]
    is_man = (is_man == "M").to_numpy()
    members = [np.flatnonzero(found.group == label) for label in np.unique(found.group)]
    assert [is_man[group].sum() for group in members] == [2, 2]

    def t(men):
        x = np.stack([men, *(found.group == label for label in np.unique(found.group))], axis=1)
        x = x.astype(float)
        beta, left = np.linalg.lstsq(x, found.value)[:2]
        return abs(beta[0]) / np.sqrt(left[0] * np.linalg.inv(x.T @ x)[0, 0])

    every = [np.isin(np.arange(8), [*one, *other])
             for one in itertools.combinations(members[0], 2)
             for other in itertools.combinations(members[1], 2)]  # fmt: skip
    expected = np.mean([t(men) >= t(is_man) * (1 - 1e-9) for men in every])
    # All 36 ways beside 20,000 draws of them, with a Monte-Carlo error of .0035.
    assert permuted_p(changes, plan) == pytest.approx(expected, abs=0.014)


def test_sentence_gives_ranges_and_calls_itself_exploratory(make_plan, read_stats):
    plan = make_plan(permutation=200)
    sentence = sex_interaction(glx_changes(read_stats("fmrs_A"), plan), plan).sentence
    assert sentence.startswith("Exploratory")
    assert "in M (n = " in sentence
    assert "no evidence" in sentence


@pytest.mark.parametrize(("shift", "says"), [(0.0, "holds zero"), (0.3, "excludes zero")])
def test_the_sentence_says_what_the_interval_holds(shift, says, make_plan, make_trial):
    plan, trial = make_plan(permutation=100), make_trial(n=12, n_bins=1)
    is_moved = (trial["sex"] == "M") & (trial["condition"] == plan.active) & (trial["bin"] > 0)
    changes = glx_changes(trial.assign(glx_tnaa=trial["glx_tnaa"] + shift * is_moved), plan)
    found = sex_interaction(changes, plan)
    row = found.table.iloc[0]
    assert (row["ci_low"] <= 0 <= row["ci_high"]) == (says == "holds zero")
    said = f"the sexes ({row['ci_low']:.3g} to {row['ci_high']:.3g}) {says}."
    assert said in found.sentence


@pytest.mark.parametrize("label", ["O", "m", "M ", None])
def test_one_other_label_leaves_its_participant_out_and_says_so(label, make_plan, read_stats):
    plan = make_plan(permutation=100)
    table = glx_changes(read_stats("fmrs_A").query("bin < 2"), plan)
    who = table["subject"].iloc[0]
    found = sex_interaction(
        table.assign(sex=table["sex"].where(table["subject"] != who, label)), plan
    )
    without = sex_interaction(table[table["subject"] != who], plan)
    assert found.table["estimate"].tolist() == without.table["estimate"].tolist()
    assert found.table["p_permutation"].iloc[0] == without.table["p_permutation"].iloc[0]
    expected = "sex not known in 1" if label is None else f"sex {label!r} in 1"
    assert found.sentence.endswith(f"Participants left out of this comparison: {expected}.")
    assert "left out" not in without.sentence


@pytest.mark.parametrize(
    ("sex", "message"),
    [("F", "sex is 'F' in 8; a comparison needs"), (None, "not known of anybody")],
)
def test_no_comparison_without_two_sexes_and_why(sex, message, make_plan, make_trial):
    table = glx_changes(make_trial().assign(sex=sex), make_plan())
    with pytest.raises(TableError, match=message):
        sex_interaction(table, make_plan())


def test_no_permutation_where_complete_participants_have_one_sex(make_plan, make_trial):
    plan = make_plan(permutation=100)
    changes = glx_changes(make_trial(n=12, n_bins=2), plan)
    kept = (changes["sex"] == "F") | (changes["period"].astype(int) == 1)
    found = sex_interaction(changes[kept], plan)
    assert np.isnan(found.table["p_permutation"].iloc[0])
    assert "No P of a permutation of sex: 6 complete participants cannot tell" in found.sentence
    assert found.table["p"].iloc[0] > 0


def test_a_participant_has_one_sex_in_all_rows(make_plan, read_stats):
    plan = make_plan(permutation=100)
    table = glx_changes(read_stats("fmrs_A").query("bin < 2"), plan)
    sparse = table.assign(sex=table["sex"].where(~table.duplicated("subject")))
    whole, filled = sex_interaction(table, plan), sex_interaction(sparse, plan)
    assert filled.table["estimate"].tolist() == whole.table["estimate"].tolist()
    odd = table["subject"] == table["subject"].iloc[0]
    both = table.assign(sex=table["sex"].mask(odd & (table["period"].astype(int) == 2), "X"))
    with pytest.raises(TableError, match=f"sex of {table['subject'].iloc[0]} is .* and 'X'"):
        sex_interaction(both, plan)


def test_no_sexes_in_the_table_are_no_question(make_plan, make_trial):
    table = glx_changes(make_trial().drop(columns="sex"), make_plan())
    assert sex_interaction(table, make_plan()) is None
