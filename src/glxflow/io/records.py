"""The JSON record a step leaves beside its results: inputs, parameters, outcome.

A record exists whenever a step ran to its end, whether it succeeded or met a
broken input: so one bad session becomes a line on the study page instead of a
stop of the study.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glxflow import __version__
from glxflow.io.files import sha256
from glxflow.io.tables import read_json, write_json


def write_record(
    path: Path,
    *,
    inputs: Sequence[Path],
    parameters: Mapping[str, Any],
    warnings: Sequence[str] = (),
    results: Mapping[str, Any] | None = None,
) -> None:
    """Write the record of a step that succeeded."""
    write_json(
        path,
        {
            "Status": "ok",
            "GeneratedBy": [{"Name": "glxflow", "Version": __version__}],
            "Sources": [{"Path": str(source), "SHA256": sha256(source)} for source in inputs],
            "Parameters": dict(parameters),
            "Warnings": list(warnings),
            **(results or {}),
        },
    )


def write_failure(path: Path, *, stage: str, message: str) -> None:
    """Write the record of a step whose input cannot be used."""
    write_json(
        path,
        {
            "Status": "failed",
            "GeneratedBy": [{"Name": "glxflow", "Version": __version__}],
            "Stage": stage,
            "Error": message,
        },
    )


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of a step."""
    return read_json(path)
