"""Masked results have no direction."""

import pandas as pd
import pytest

from glxflow.trial.analyse import analyse
from glxflow.trial.masking import SHOWN, letters_of, mask_plan, mask_table, true_labels

CONDITIONS = ("placebo", "naltrexone")
SALTS = [f"salt {number}" for number in range(64)]


def other_salt(salt):
    """Return a salt under which the letters are the other way round."""
    own = letters_of(CONDITIONS, salt)
    return next(other for other in SALTS if letters_of(CONDITIONS, other) != own)


def exchanged(table):
    """Return a table whose allocation has the two conditions exchanged."""
    return table.assign(
        condition=table["condition"].map(dict(zip(CONDITIONS, CONDITIONS[::-1], strict=True))),
        sequence=table["sequence"].map({"PN": "NP", "NP": "PN"}),
    )


def masked_tables(trial, plan, salt):
    tables = analyse(mask_table(trial, plan, salt), None, mask_plan(plan)).tables
    return {name: table for name, table in tables.items() if name in SHOWN}


def test_which_is_x_follows_from_the_salt_alone():
    for salt in SALTS:
        assert letters_of(CONDITIONS, salt) == letters_of(CONDITIONS[::-1], salt)
    firsts = [letters_of(CONDITIONS, salt)["placebo"] for salt in SALTS]
    assert 16 < firsts.count("X") < 48  # four standard deviations of 64 fair coins


def test_exchanged_allocation_gives_the_same_outputs_with_x_and_y_exchanged(make_plan, make_trial):
    plan, trial, salt = make_plan(clinical=None), make_trial(effect=-0.08), SALTS[0]
    one = masked_tables(exchanged(trial), plan, salt)
    other = masked_tables(trial, plan, other_salt(salt))
    for name in one:
        pd.testing.assert_frame_equal(one[name], other[name])
    # And exchanging X and Y is a change of sign, and nothing else, of the claim.
    straight = masked_tables(trial, plan, salt)["primary"].iloc[0]
    turned = one["primary"].iloc[0]
    # The two searches start from designs of opposite sign.
    assert turned["estimate"] == pytest.approx(-straight["estimate"], rel=1e-6)
    assert turned["ci_low"] == pytest.approx(-straight["ci_high"], rel=1e-5)
    assert turned["p"] == pytest.approx(straight["p"], rel=1e-5)


def test_no_table_names_a_condition(make_plan, make_trial):
    tables = masked_tables(make_trial(), make_plan(clinical=None), SALTS[0])
    assert "attenuation" not in tables
    assert not any(name.startswith("explor") for name in tables)
    text = "".join(table.to_csv() for table in tables.values())
    for label in (*CONDITIONS, "PN", "NP", "reference", "active"):
        assert label not in text


def test_unmasking_gives_the_labels_back(make_plan):
    plan = make_plan()
    for salt in SALTS[:8]:
        labels = true_labels(plan, salt)
        assert {label: letter for letter, label in labels.items()} == letters_of(CONDITIONS, salt)


def test_labels_the_plan_does_not_know_stay_to_be_refused(make_plan, make_trial):
    trial = make_trial()
    trial.loc[2, "condition"] = "saline"
    assert mask_table(trial, make_plan(), SALTS[0]).loc[2, "condition"] == "saline"
