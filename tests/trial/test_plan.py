import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from glxflow.errors import ConfigError
from glxflow.trial.plan import plan_from

PROJECT = Path(__file__).parents[2]


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


def keys_of(schema, prefix=""):
    for name, content in schema["properties"].items():
        yield prefix + name
        if "properties" in content:
            yield from keys_of(content, f"{prefix}{name}.")


def test_page_describes_every_key_of_the_schema_and_no_other():
    schema = json.loads(files("glxflow.trial").joinpath("plan.schema.json").read_text())
    page = (PROJECT / "docs" / "methods" / "trial.md").read_text()
    section = page.split("## The plan")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE) == list(keys_of(schema))


def test_the_plan_of_the_project_is_valid():
    content = yaml.safe_load((PROJECT / "config" / "trial.yaml").read_text())
    assert plan_from(content, "config/trial.yaml").outcome == "glx_tnaa"
