import pytest

from glxflow.errors import ConfigError


def test_an_unknown_key_names_the_nearest(make_plan):
    with pytest.raises(ConfigError, match=r"unknown key 'outcom'.*did you mean 'outcome'"):
        make_plan(outcom="glx_tnaa")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"analysis_set": "some"}, "analysis_set"),
        ({"confidence": 95}, "confidence"),
        ({"bootstrap": 3}, "bootstrap"),
        ({"outcome": "Glx/tNAA"}, "outcome"),
        ({"conditions": {"reference": "placebo", "active": "pindolol"}}, "same letter"),
        ({"clinical": {"instrument": "madrs", "day": 0}}, "clinical.day"),
    ],
)
def test_wrong_values_are_refused_by_key(change, message, make_plan):
    with pytest.raises(ConfigError, match=message):
        make_plan(**change)


def test_hash_depends_on_content_alone(make_plan):
    assert make_plan().sha256 == make_plan(seed=20250101).sha256
    assert make_plan().sha256 != make_plan(seed=1).sha256


def test_sequences_are_named_by_first_letters(make_plan):
    assert make_plan().sequences == ("PN", "NP")
