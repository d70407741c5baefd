"""Check a configuration against its JSON schema and say everything that is wrong at once."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema

from glxflow.errors import ConfigError, join_problems


def check_schema(content: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    """Check a configuration against a schema.

    Parameters
    ----------
    content : mapping
        The configuration as read.
    schema : mapping
        A JSON schema (draft 2020-12) that forbids additional properties.
    where : str
        Name of the file, for the message.

    Raises
    ------
    ConfigError
        If anything is wrong; lists every problem with its key, value, what was
        expected and, for an unknown key, the nearest known one.
    """
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(content), key=lambda error: list(map(str, error.path)))
    problems = [problem for error in errors for problem in _in_words(error)]
    if problems:
        raise ConfigError(join_problems(where, problems))


def _in_words(error: jsonschema.ValidationError) -> Iterator[str]:
    """Yield one sentence for each problem that a schema error stands for."""
    place = ".".join(map(str, error.absolute_path))
    prefix = f"{place}." if place else ""
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        schema: Any = error.schema
        known = list(schema["properties"])
        for key in instance:
            if key not in known:
                yield f"unknown key '{prefix}{key}'; {_nearest(str(key), known)}"
    elif error.validator == "required":
        required: Any = error.validator_value
        for key in required:
            if key not in instance:
                yield f"'{prefix}{key}' is missing"
    else:
        yield f"'{place}' is {error.instance!r}, but {error.message}"


def _nearest(key: str, known: list[str]) -> str:
    """Name the known key that a user most likely meant."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known keys are {', '.join(known)}"
