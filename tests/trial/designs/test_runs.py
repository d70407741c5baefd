"""Whole analyses of the designs: tables, cautions, masks, blocks and what sex may do."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glxflow.errors import TableError, TooFewError
from glxflow.trial.analyse import analyse
from glxflow.trial.changes import clinical_changes, glx_changes
from glxflow.trial.designs.associations import associations_by_arm
from glxflow.trial.designs.blunting import blunting
from glxflow.trial.designs.cautions import cautions
from glxflow.trial.designs.classical import classical
from glxflow.trial.designs.missing import missing_by_arm
from glxflow.trial.designs.responses import responses
from glxflow.trial.families import MEMBER
from glxflow.trial.masking import SHOWN, mask_plan, mask_table
from glxflow.trial.models import TrialModel, fit_design
from glxflow.trial.responders import responders
from glxflow.trial.sex import permuted_p, sex_interaction

SWAP = {"placebo": "naltrexone", "naltrexone": "placebo"}


def scores_of(trial, seed=4):
    """Return scores that fall with the mean change of the session's outcome."""
    rng = np.random.default_rng(seed)
    design = [name for name in trial if name not in ("bin", "glx_tnaa", "qc_pass")]
    sessions = trial[trial["bin"] > 0].groupby(design, as_index=False)["glx_tnaa"].mean()
    end = 30 - 100 * (sessions["glx_tnaa"] - 1) + rng.normal(0, 2, len(sessions))
    parts = [sessions.assign(day=0, madrs=30.0), sessions.assign(day=1, madrs=end)]
    return pd.concat(parts, ignore_index=True).drop(columns="glx_tnaa")


@pytest.mark.parametrize("are_columns_there", [False, True])
def test_parallel_groups_need_no_period_and_no_sequence(plan_of, trial_of, are_columns_there):
    rules = {"drop": 0.2, "remission": 24}
    plan = plan_of("parallel", clinical={"instrument": "madrs", "day": 1, "responders": rules})
    trial = trial_of("parallel", n=16, n_bins=2)
    bare = trial.drop(columns=["period", "sequence", "infusion"])
    tables = [bare, scores_of(bare)]
    if are_columns_there:
        tables = [table.assign(period=pd.NA, sequence=np.nan) for table in tables]
    result = analyse(*tables, plan)
    assert set(result.tables) >= {"primary", "clinical", "classical", "responders", "missing",
                                  "attenuation", "explor_sex", "explor_associations"}  # fmt: skip
    assert "period" not in result.tables["participants"]  # nobody has said which it was
    assert "crossover" not in result.tables
    assert "explor_multiverse" not in result.tables  # it exchanges the periods of a crossover
    pd.testing.assert_frame_equal(
        result.tables["primary"], analyse(trial, None, plan).tables["primary"]
    )


def test_the_plans_day_alone_has_the_error_of_its_own_scores(plan_of, trial_of):
    plan = plan_of("parallel", clinical={"instrument": "madrs", "day": 1}, bootstrap=100)
    trial = trial_of("parallel", n=16, n_bins=1)
    scores = scores_of(trial)
    later = scores[scores["day"] == 1].assign(day=7, madrs=20.0)  # nothing scatters there
    later["madrs"] += 0.1 * np.arange(16)
    table = analyse(trial, pd.concat([scores, later]), plan).tables["clinical"]
    alone = table[table["model"] == "clinical, day 1 alone"].iloc[0]
    on_day = scores[scores["day"] == 1]
    arms = [on_day.loc[on_day["condition"] == name, "madrs"] for name in plan.conditions[::-1]]
    # Everybody began with 30 points: without a baseline to adjust for it is the t test.
    expected = stats.ttest_ind(*arms)
    assert alone["p"] == pytest.approx(expected.pvalue, rel=1e-9)
    assert alone["df"] == pytest.approx(14, rel=1e-9)
    claim = table[table["role"] == "clinical"].iloc[0]
    assert claim["se"] < 0.8 * alone["se"]  # half of its variance is the quiet day's


def test_cautions_are_those_of_the_design(plan_of, make_plan):
    kinds = ("parallel", "both", "condition", "infusion", "between")
    said = {kind: " ".join(cautions(plan_of(kind))) for kind in kinds}
    assert "No reference infusion" in said["parallel"]
    apart = {
        "parallel": "Conditions are compared between people",
        "condition": "Infusions are compared between people",
        "infusion": "Conditions are compared between people",
        "between": "Conditions and infusions are compared between people",
    }
    assert all(words in said[kind] for kind, words in apart.items())
    assert "between people" not in said["both"] + " ".join(cautions(make_plan()))
    for kind in kinds:
        assert ("difference of differences" in said[kind]) == (kind != "parallel")
        assert ("Carry-over" in said[kind]) == (kind in ("both", "condition", "infusion"))
    assert "No reference infusion" in " ".join(cautions(make_plan()))
    assert "Carry-over" in " ".join(cautions(make_plan()))
    assert "No reference infusion" not in said["both"]
    assert all("not synaptic glutamate" in text for text in said.values())


def test_a_water_scaled_outcome_says_what_it_rests_on(make_plan):
    said = {name: " ".join(cautions(make_plan(outcome=name))) for name in ("glx_water", "glx_tcr")}
    assert "mmol per kg of tissue water" in said["glx_water"]
    assert "CSF is not corrected" in said["glx_water"]
    assert "CSF" not in said["glx_tcr"]


@pytest.mark.parametrize("design", ["parallel", "infusion"])
def test_a_mask_has_no_direction(design, plan_of, trial_of):
    plan, salt = plan_of(design, permutation=100, bootstrap=100), "secret"
    trial = trial_of(design, n=16, n_bins=1)
    exchanged = trial.assign(condition=trial["condition"].map(SWAP))
    one, other = (
        analyse(mask_table(table, plan, salt), None, mask_plan(plan)).tables
        for table in (trial, exchanged)
    )
    for name in set(SHOWN) & set(one):
        text = one[name].to_csv()
        assert "placebo" not in text
        assert "naltrexone" not in text
    claims = [tables["primary"].iloc[0] for tables in (one, other)]
    # Exchanging the labels exchanges X and Y: the contrast is always Y - X.
    assert claims[0]["estimate"] == pytest.approx(-claims[1]["estimate"], rel=1e-9)
    assert claims[0]["p"] == pytest.approx(claims[1]["p"], rel=1e-9)


def test_missing_sessions_are_compared_between_arms(plan_of, trial_of):
    plan = plan_of("parallel")
    trial = trial_of("parallel", n=16, n_bins=2)
    gone = trial["subject"].isin(["sub-01", "sub-03", "sub-05"])  # all of them on placebo
    table = missing_by_arm(trial.assign(qc_pass=(~gone).astype(int)), plan)
    placebo = table[table["analysis"] == "data under placebo"].iloc[0]
    assert placebo["n_sessions_missing"] == 3
    assert placebo["share_missing"] == pytest.approx(3 / 8)
    assert table["p"].iloc[-1] == pytest.approx(stats.fisher_exact([[0, 8], [3, 5]]).pvalue)


def test_what_is_missing_says_whom_it_does_not_count(plan_of, trial_of):
    plan = plan_of("parallel", permutation=100, bootstrap=100)
    trial = trial_of("parallel", n=16, n_bins=1)
    table = analyse(trial[trial["subject"] > "sub-04"], None, plan).tables["missing"]
    # Four were randomised and never scanned: the table cannot know, and says so.
    assert table["n_sessions_missing"].dropna().sum() == 0
    assert "who has none, as where every scan was lost, is not counted" in table["note"].iloc[0]


def test_missing_sessions_are_counted_in_every_cell(plan_of, trial_of):
    trial = trial_of("both", n=8, n_bins=2)
    gone = (trial["subject"] == "sub-01") & (trial["period"] == 4)
    table = missing_by_arm(trial[~gone], plan_of("both"))
    assert table["n_sessions_missing"].tolist() == [0, 0, 1, 0]  # placebo with ketamine
    assert table["n_cells"].tolist() == [16] * 4


def test_permutations_stay_within_blocks(plan_of, trial_of):
    trial = trial_of("parallel", n=16, n_bins=1)
    number = trial["subject"].str[-2:].astype(int) - 1
    trial = trial.assign(block=(number // 4).astype(str))
    plan = plan_of("parallel", allocation={"blocks": "block"})
    changes = glx_changes(trial, plan)
    table = classical(changes, "x", plan).set_index("analysis")
    found = table.loc["naltrexone - placebo, randomisation test"]
    # Four blocks of four, two in each arm: 6 ways in each.
    assert found["note"] == "exact, all 1296 assignments within 4 blocks"
    reduced = responses(changes, plan)
    t = stats.ttest_ind(reduced.value[reduced.sign > 0], reduced.value[reduced.sign < 0])
    assert found["statistic"] == pytest.approx(abs(t.statistic), rel=1e-9)  # the same t
    assert 1 / 1296 <= found["p"] <= 1
    with pytest.raises(TableError, match="columns site, which `allocation` names"):
        classical(changes, "x", plan_of("parallel", allocation={"strata": ["site"]}))
    torn = changes.assign(block=np.arange(len(changes)).astype(str))
    twice = pd.concat([torn, torn.assign(block="other")])
    with pytest.raises(TableError, match="sub-01 has more than one value of block"):
        classical(twice, "x", plan)


def test_effects_of_blocks_do_not_fool_the_permutation(plan_of):
    # Arms of unequal share in blocks of different level: a test across blocks is wrong.
    rng = np.random.default_rng(3)
    people = pd.DataFrame({"subject": [f"s{i}" for i in range(16)],
                           "block": ["a"] * 8 + ["b"] * 8,
                           "condition": ["placebo"] * 7 + ["naltrexone"]
                           + ["placebo"] + ["naltrexone"] * 7})  # fmt: skip
    within, across = [], []
    for _ in range(40):
        level = 0.1 * (people["block"] == "b") + rng.normal(0, 0.01, 16)
        trial = pd.concat([people.assign(bin=0, glx_tnaa=rng.normal(1, 1e-3, 16)),
                           people.assign(bin=1, glx_tnaa=1 + level)])  # fmt: skip
        for found, extra in ((within, {"allocation": {"blocks": "block"}}), (across, {})):
            plan = plan_of("parallel", analysis_set="all", **extra)
            table = classical(glx_changes(trial, plan), "x", plan)
            found.append(table["p"].iloc[-1])
    assert np.mean(np.array(across) < 0.05) > 0.5  # the blocks' difference is taken for an effect
    # 64 assignments; the SE of a rate of .05 in 40 trials is .034.
    assert np.mean(np.array(within) < 0.05) <= 0.05 + 3 * 0.034


@pytest.mark.parametrize("design", ["parallel", "both", "infusion", "between"])
def test_the_difference_between_the_sexes_is_found(design, plan_of, trial_of):
    plan = plan_of(design, permutation=300)
    trial = trial_of(design, n=32, n_bins=1, session_sd=0.005, noise_sd=0.005)
    is_moved = (
        (trial["sex"] == "M") & (trial["condition"] == "naltrexone") & (trial["bin"] > 0)
        & (trial["infusion"] == "ketamine")
    )  # fmt: skip
    trial = trial.assign(glx_tnaa=trial["glx_tnaa"] - 0.06 * is_moved)
    changes = glx_changes(trial, plan)
    row = sex_interaction(changes, plan).table.iloc[0]
    assert row["estimate"] == pytest.approx(-0.06, abs=4 * row["se"])  # four of its errors
    assert row["se"] < 0.02
    assert row["p_permutation"] == permuted_p(changes, plan) < 0.02


@pytest.mark.parametrize("design", ["parallel", "infusion", "between"])
def test_a_difference_of_the_sexes_in_every_arm_is_no_interaction(design, plan_of, trial_of):
    plan = plan_of(design, permutation=199)
    p = []
    for seed in range(100):
        trial = trial_of(design, n=96, n_bins=1, blunted=0.0, seed=seed)
        # Unequal shares of men in the arms, so that their difference does not cancel.
        turn = (trial["subject"].str[4:].astype(int) - 1) // 4
        is_man = (turn // 2 % np.where(trial["condition"] == "naltrexone", 2, 12)) == 0
        raised = is_man & (trial["bin"] > 0) & (trial["infusion"] == "ketamine")
        trial["glx_tnaa"] += 0.2 * raised
        trial["sex"] = np.where(is_man, "M", "F")
        p.append(permuted_p(glx_changes(trial, plan), plan))
    # The SE of a rate of .05 in 100 trials is .022.
    assert np.mean(np.array(p) < 0.05) <= 0.05 + 3 * 0.022


@pytest.mark.parametrize("design", ["parallel", "both", "infusion", "between"])
def test_a_sex_that_goes_with_the_design_has_no_permutation(design, plan_of, trial_of):
    plan = plan_of(design, permutation=100)
    changes = glx_changes(trial_of(design, n=16, n_bins=1), plan)
    one = changes["condition"] == "naltrexone" if design != "both" else changes["bin"] > 0
    with pytest.raises(TableError, match="16 complete participants cannot tell"):
        permuted_p(changes.assign(sex=np.where(one, "F", changes["sex"])), plan)


def test_responders_are_counted_under_each_infusion_and_claimed_under_the_active(
    plan_of, trial_of
):
    rules = {"drop": 0.5, "remission": 5}
    clinical = {"instrument": "madrs", "day": 1, "responders": rules}
    plan = plan_of("condition", clinical=clinical)
    scores = scores_of(trial_of("condition", n=16, n_bins=1))
    is_hit = (scores["infusion"] == "ketamine") & (scores["condition"] == "placebo")
    scores.loc[scores["day"] == 1, "madrs"] = np.where(is_hit[scores["day"] == 1], 10.0, 29.0)
    table = responders(clinical_changes(scores, plan), plan).set_index("analysis")
    for infusion, events in (("saline", 0), ("ketamine", 8)):
        row = table.loc[f"responders under placebo with {infusion}"]
        assert (row["n_events"], row["n_participants"]) == (events, 8)
    claims = table.loc[table[MEMBER].fillna("") != "", MEMBER]
    assert claims.to_dict() == {f"{name}, naltrexone - placebo with ketamine": name
                                for name in ("responders", "remitters")}  # fmt: skip


@pytest.mark.parametrize("design", ["parallel", "infusion", "between"])
def test_one_number_a_participant_has_the_tests_of_its_arms(design, plan_of, trial_of):
    plan = plan_of(design)
    changes = glx_changes(trial_of(design, n=23, n_bins=2), plan)
    table = classical(changes, "x", plan).set_index("analysis")
    name = table.index[0].removesuffix(", pooled variance")
    found = responses(changes, plan)
    pooled = table.loc[f"{name}, pooled variance"]
    if design == "between":
        # Of four arms the interaction: its t beside both factors.
        permuted = table.loc[f"{name}, permutation of residuals"]
        assert permuted["statistic"] == pytest.approx(abs(pooled["statistic"]), rel=1e-9)
        return
    arms = found.value[found.sign > 0], found.value[found.sign < 0]
    welch = stats.ttest_ind(*arms, equal_var=False)
    row = table.loc[f"{name}, Welch"]
    assert row[["statistic", "p"]].tolist() == pytest.approx(list(welch), rel=1e-9)
    shift = np.median(np.subtract.outer(*arms))
    # The active arm less the reference, as the other rows.
    assert table.loc[f"{name}, Wilcoxon rank sum", "estimate"] == pytest.approx(shift, rel=1e-9)


def test_orders_of_unequal_size_have_equal_weight(plan_of, trial_of):
    plan = plan_of("both")
    trial = trial_of("both", n=16, n_bins=1)
    changes = glx_changes(trial[~trial["subject"].isin(["sub-01", "sub-05"])], plan)
    found = responses(changes, plan)
    orders = [found.value[found.group == label].mean() for label in np.unique(found.group)]
    table = classical(changes, "x", plan).set_index("analysis")["estimate"]
    assert len(orders) == 4
    (adjusted,) = table[table.index.str.endswith("sequence-adjusted")]
    assert adjusted == pytest.approx(np.mean(orders), rel=1e-9)  # so that periods cancel
    (plain,) = table[table.index.str.endswith("unadjusted paired")]
    assert plain == pytest.approx(found.value.mean(), rel=1e-9)


def test_arms_with_one_order_left_weigh_as_much_as_those_with_two(plan_of, trial_of):
    plan = plan_of("infusion", bootstrap=100)
    trial = trial_of("infusion", n=24, n_bins=1, session_sd=0.005, noise_sd=0.005)
    # Of placebo only those are left who had saline first.
    ketamine_first = trial["sequence"].str.startswith("pk")
    changes = glx_changes(trial[~ketamine_first], plan)
    found = responses(changes, plan)
    assert [np.unique(found.group[found.sign == sign]).size for sign in (-1, 1)] == [1, 2]
    means = [
        np.mean([found.value[found.group == label].mean()
                 for label in np.unique(found.group[found.sign == sign])])
        for sign in (-1, 1)
    ]  # fmt: skip
    model = TrialModel("", "", fit_design(changes, "bin"))
    percent = blunting(model, changes, "x", None, plan).set_index("method")["estimate"]
    (drawn,) = percent[percent.index.str.startswith("BCa")]
    assert drawn == pytest.approx(100 * (1 - means[1] / means[0]), rel=1e-9)  # the same means


def test_arms_are_no_association(plan_of, trial_of):
    plan = plan_of("parallel", clinical={"instrument": "madrs", "day": 1})
    trial = trial_of("parallel", n=24, n_bins=1)
    changes, scores = glx_changes(trial, plan), clinical_changes(scores_of(trial), plan)
    brain, behaviour = responses(changes, plan), responses(scores, plan)
    first, second = (
        part.value - np.where(part.sign > 0, part.value[part.sign > 0].mean(),
                              part.value[part.sign < 0].mean())
        for part in (brain, behaviour)
    )  # fmt: skip
    found = associations_by_arm(changes, scores, plan).iloc[0]
    expected = stats.pearsonr(first, second).statistic
    assert found["estimate"] == pytest.approx(expected, rel=1e-9)
    # 24 less two arms and the slope.
    assert found["df"] == 21
    t = expected * np.sqrt(21 / (1 - expected**2))
    assert found["p"] == pytest.approx(2 * stats.t.sf(abs(t), 21), rel=1e-9)


def test_associations_beside_the_arms(plan_of, trial_of):
    plan = plan_of("both", clinical={"instrument": "madrs", "day": 1})
    trial = trial_of("both", n=24, n_bins=1)
    changes, scores = glx_changes(trial, plan), clinical_changes(scores_of(trial), plan)
    table = associations_by_arm(changes, scores, plan)
    brain, behaviour = responses(changes, plan), responses(scores, plan)
    expected = stats.pearsonr(brain.value, behaviour.value)
    assert table["estimate"].iloc[0] == pytest.approx(expected.statistic, rel=1e-9)  # one arm
    assert table["p"].iloc[0] == pytest.approx(expected.pvalue, rel=1e-9)
    assert table["df"].tolist() == [22, 24 * 3 - 1]  # and 96 sessions of 24 people
    assert table["estimate"].iloc[1] < -0.5  # scores were made to fall with the outcome
    # Both infusions are in it: it is there where everybody answers to them alike, too.
    assert "what the conditions and the infusions change in everybody" in table["note"].iloc[1]
    few = changes[changes["subject"] < "sub-06"]
    with pytest.raises(
        TooFewError, match=r"5 participants of 1 arm have .* expected 6 more than arms"
    ):
        associations_by_arm(few, scores, plan)
