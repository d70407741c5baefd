import re
from pathlib import Path

import pytest
import yaml

from glxflow.errors import ConfigError
from glxflow.io.config import config_schema, named_by, read_yaml, settle_config
from glxflow.io.records import write_description
from glxflow.io.scan_names import LABEL
from glxflow.qc.limits import DEFAULT_LIMITS

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def defaults():
    return yaml.safe_load((PROJECT / "config" / "config.yaml").read_text())


def test_the_defaults_keep_the_schema_and_run_on_the_test_data(defaults):
    settle_config(defaults)
    assert (defaults["bids_dir"], defaults["output_dir"]) == ("test_data", "results")


def test_all_problems_are_named_at_once_with_the_nearest_key(defaults):
    defaults["bids_directory"] = "data"
    defaults["preprocess"]["bin_s"] = -5
    defaults["basis"]["sequence"] = "pres"
    del defaults["task"]
    with pytest.raises(ConfigError) as raised:
        settle_config(defaults)
    message = str(raised.value)
    assert "unknown key 'bids_directory'; did you mean 'bids_dir'?" in message
    assert "'preprocess.bin_s' is -5" in message
    assert "'basis.sequence' is 'pres'" in message
    assert "'task' is missing" in message


def test_a_path_with_braces_is_refused_before_snakemake_takes_it_for_a_wildcard(defaults):
    defaults["bids_dir"] = "study{1}"
    defaults["basis"]["file"] = "basis}.nii.gz"
    with pytest.raises(ConfigError) as raised:
        settle_config(defaults)
    assert "'bids_dir' is 'study{1}', expected a path without braces" in str(raised.value)
    assert "'basis.file' is 'basis}.nii.gz'" in str(raised.value)


def test_paths_may_begin_at_home(defaults, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    defaults |= {"bids_dir": "~/bids", "output_dir": "~/out", "plan": "~/plan.yaml"}
    defaults["basis"] |= {"file": "~/off.basis", "file_on": "on~.basis"}
    settled = settle_config(defaults)
    assert [settled[key] for key in ("bids_dir", "output_dir", "plan")] == [
        f"{tmp_path}/{name}" for name in ("bids", "out", "plan.yaml")
    ]
    assert settled["basis"] == {
        "file": f"{tmp_path}/off.basis",
        "file_on": "on~.basis",
        "sequence": "press",
    }


def test_a_plan_names_files_in_its_folder_or_from_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    named = {path: named_by(Path("trial/plan.yaml"), path) for path in ("pet.tsv", "~/pet.tsv")}
    assert named == {"pet.tsv": Path("trial/pet.tsv"), "~/pet.tsv": tmp_path / "pet.tsv"}
    with pytest.raises(ConfigError, match=r"^trial/plan.yaml: .* no such user has a home"):
        named_by(Path("trial/plan.yaml"), "~no such user/pet.tsv")


def test_the_home_of_nobody_is_refused(defaults):
    defaults["bids_dir"] = "~no such user/bids"
    with pytest.raises(ConfigError, match="'~no such user/bids', but no such user has a home"):
        settle_config(defaults)


def test_a_task_is_given_by_any_label_that_a_scan_may_have(defaults):
    assert config_schema()["properties"]["task"]["pattern"] == f"^{LABEL}$"
    settle_config(defaults | {"task": "ket+1"})
    with pytest.raises(ConfigError, match="'task' is 'task-rest'"):
        settle_config(defaults | {"task": "task-rest"})


@pytest.mark.parametrize("output", ["bids", "link", "bids/sub-01/.."])
def test_results_in_place_of_the_raw_data_are_refused(defaults, tmp_path, output):
    (tmp_path / "bids" / "sub-01").mkdir(parents=True)
    (tmp_path / "bids" / "dataset_description.json").write_text('{"Name": "ours"}')
    (tmp_path / "link").symlink_to("bids")
    defaults |= {"bids_dir": str(tmp_path / "bids"), "output_dir": str(tmp_path / output)}
    with pytest.raises(ConfigError, match="holds the data set 'ours', whose dataset_description"):
        settle_config(defaults)


@pytest.mark.parametrize("output", ["derivatives/glxflow", "results"])
def test_results_within_the_data_set_pass_and_so_do_they_on_a_second_run(
    defaults, tmp_path, output
):
    (tmp_path / "dataset_description.json").write_text('{"Name": "ours"}')
    defaults |= {"bids_dir": str(tmp_path), "output_dir": str(tmp_path / output)}
    settle_config(defaults)
    write_description(tmp_path / output, source=tmp_path, config={}, plan_sha256="")
    settle_config(defaults)


def test_a_description_is_not_written_over_that_of_other_data(tmp_path):
    (tmp_path / "dataset_description.json").write_text('{"Name": "ours"}')
    with pytest.raises(ConfigError, match=r"holds the data set 'ours'.*derivatives/glxflow"):
        write_description(tmp_path, source=tmp_path, config={}, plan_sha256="")


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        (
            "preprocess",
            {"bin_s": None},
            "'preprocess.bin_s' is None and 'preprocess.bin_count' None",
        ),
        ("preprocess", {"bin_count": 4}, "expected exactly one of them"),
        ("preprocess", {"bin_step_s": 700}, "'preprocess.bin_step_s' is 700 with"),
        (
            "preprocess",
            {"bin_s": None, "bin_count": 4, "bin_step_s": 9},
            "'preprocess.bin_step_s'",
        ),
        ("basis", {"file_on": "on.basis"}, "'basis.file' is null"),
        ("fit", {"ppm_range": [4.2, 0.2]}, "'fit.ppm_range' is 4.2 to 0.2 ppm: expected"),
    ],
)
def test_keys_that_contradict_each_other_are_refused_before_any_job(
    defaults, section, changes, message
):
    defaults[section] |= changes
    with pytest.raises(ConfigError) as raised:
        settle_config(defaults)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("preprocess", {"bin_step_s": 600}),
        ("preprocess", {"bin_s": None, "bin_count": 4}),
        ("basis", {"file": "off.basis", "file_on": "on.basis"}),
    ],
)
def test_bins_by_count_sliding_bins_and_pairs_of_basis_sets_pass(defaults, section, changes):
    defaults[section] |= changes
    settle_config(defaults)


def test_a_key_that_resembles_nothing_gets_the_known_ones(defaults):
    defaults["fit"]["zzz"] = 1
    with pytest.raises(ConfigError, match=r"unknown key 'fit\.zzz'; known keys are ppm_range"):
        settle_config(defaults)


def _keys(schema, prefix=""):
    for key, entry in schema["properties"].items():
        yield prefix + key
        if entry.get("properties"):
            yield from _keys(entry, f"{prefix}{key}.")


def _given(values, prefix=""):
    for key, value in values.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from _given(value, f"{prefix}{key}.")


def test_schema_defaults_and_readme_name_the_same_keys(defaults):
    # Limits of quality are optional: their defaults stand in the code.
    known = [key for key in _keys(config_schema()) if not key.startswith("qc.")]
    readme = (PROJECT / "config" / "README.md").read_text()
    assert list(_given(defaults)) == known
    assert re.findall(r"^\| `([a-z_.]+)` \|", readme, re.MULTILINE) == known


def test_yaml_that_is_no_mapping_is_named(tmp_path):
    (tmp_path / "plan.yaml").write_text("- 1\n")
    with pytest.raises(ConfigError, match=r"plan\.yaml: holds a list"):
        read_yaml(tmp_path / "plan.yaml")
    (tmp_path / "plan.yaml").write_text("a: [1\n")
    with pytest.raises(ConfigError, match=r"plan\.yaml: not YAML"):
        read_yaml(tmp_path / "plan.yaml")
    with pytest.raises(ConfigError, match="no such file"):
        read_yaml(tmp_path / "other.yaml")


def test_every_quality_limit_can_be_configured_and_no_other():
    assert set(config_schema()["properties"]["qc"]["properties"]) == set(DEFAULT_LIMITS)
