"""The configuration of a run: one schema is the truth for its keys."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from glxflow.errors import ConfigError, join_problems
from glxflow.io.fit_range import range_problem
from glxflow.io.records import overwriting_problem
from glxflow.schema import check_schema

_PATHS = ("bids_dir", "output_dir", "plan")
_BASIS_PATHS = ("file", "file_on")


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of config/config.yaml."""
    text = files("glxflow.io").joinpath("config.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def settle_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration checked, with the home directory in place of `~` in its paths.

    Parameters
    ----------
    config : mapping
        As Snakemake has put it together from files and command line.

    Raises
    ------
    ConfigError
        If keys are unknown, missing or of the wrong kind, or contradict each other;
        lists all of them.
    """
    check_schema(config, config_schema(), "configuration")
    settled = _with_homes(config)
    problems = [
        *_path_problems(settled),
        *_output_problems(settled),
        *_bin_problems(settled["preprocess"]),
        *_basis_problems(settled["basis"]),
        *_range_problems(settled["fit"]),
    ]
    if problems:
        raise ConfigError(join_problems("configuration", problems))
    return settled


def named_by(source: Path, path: str) -> Path:
    """Return the file that a plan names: relative to the plan's folder, or from `~`.

    Parameters
    ----------
    source : Path
        The plan.
    path : str
        As it stands there.

    Raises
    ------
    ConfigError
        If it begins with the home of nobody.
    """
    return source.parent / _from_home(path, str(source))


def _with_homes(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration whose paths do not begin with `~`."""
    where = "configuration"
    homes = {key: _from_home(config[key], where) for key in _PATHS}
    given = {key: config["basis"][key] for key in _BASIS_PATHS}
    basis = {key: path and _from_home(path, where) for key, path in given.items()}
    return {**config, **homes, "basis": {**config["basis"], **basis}}


def _from_home(path: str, where: str) -> str:
    """Return a path with the home directory in place of `~`."""
    try:
        return str(Path(path).expanduser())
    except RuntimeError as error:
        raise ConfigError(
            f"{where}: a path is {path!r}, but no such user has a home. Correct the name "
            "after ~, or write the path out."
        ) from error


def _path_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield paths with braces, which Snakemake takes for wildcards."""
    paths = {key: config[key] for key in _PATHS}
    paths |= {f"basis.{key}": config["basis"][key] for key in _BASIS_PATHS}
    for key, path in paths.items():
        if path is not None and set(path) & set("{}"):
            yield (
                f"'{key}' is {path!r}, expected a path without braces, which Snakemake takes for "
                "wildcards: rename the folder, or link to it"
            )


def _output_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the results would overwrite."""
    problem = overwriting_problem(Path(config["output_dir"]))
    if problem:
        yield f"'output_dir' is {config['output_dir']!r}, which {problem}"


def _bin_problems(section: Mapping[str, Any]) -> Iterator[str]:
    """Yield what would make every session fail, so that it is said once and before any job."""
    width_s, step_s, count = (section[key] for key in ("bin_s", "bin_step_s", "bin_count"))
    if (width_s is None) == (count is None):
        yield (
            f"'preprocess.bin_s' is {width_s!r} and 'preprocess.bin_count' {count!r}, expected "
            "exactly one of them: set the other to null"
        )
    elif step_s is not None and not step_s <= (width_s or 0):
        yield (
            f"'preprocess.bin_step_s' is {step_s!r} with 'preprocess.bin_s' {width_s!r}, expected "
            "at most this width, or transients between bins would be lost: make it smaller or null"
        )


def _basis_problems(section: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a pair of basis sets."""
    if section["file_on"] is not None and section["file"] is None:
        yield (
            f"'basis.file_on' is {section['file_on']!r} but 'basis.file' is null, expected the "
            "basis set of OFF: make both by `glxflow basis simulate --edit-ppm`"
        )


def _range_problems(section: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the fitted range."""
    problem = range_problem(*section["ppm_range"])
    if problem:
        yield f"'fit.ppm_range' is {problem}"


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises
    ------
    ConfigError
        If the file is absent, or holds no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file. Check the path.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML ({error}). Correct the line it names.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds a {type(content).__name__}, expected keys and values.")
    return content
