"""The configuration of a run: one schema is the truth for its keys."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from glxflow.errors import ConfigError
from glxflow.schema import check_schema


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of config/config.yaml."""
    text = files("glxflow.io").joinpath("config.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def check_config(config: Mapping[str, Any]) -> None:
    """Check a configuration that Snakemake has put together from files and command line.

    Raises
    ------
    ConfigError
        If keys are unknown, missing or of the wrong kind; lists all of them.
    """
    check_schema(config, config_schema(), "configuration")


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
