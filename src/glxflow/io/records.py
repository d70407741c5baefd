"""The JSON record a step leaves beside its results: inputs, parameters, outcome.

A record exists whenever a step ran to its end, whether it succeeded or met a
broken input: so one bad session becomes a line on the study page instead of a
stop of the study.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from glxflow import __version__
from glxflow.errors import ConfigError
from glxflow.io.files import atomic_path, sha256
from glxflow.io.tables import read_json, write_json

_DECISIVE = ("numpy", "scipy", "lmfit", "pandas", "nifti-mrs", "snakemake")
"""Packages whose version may move a number."""

_NAME = "glxflow derivatives"

_BIDSIGNORE = "basis\nbenchmarks\nconfig.json\ngroup\nlogs\n*_desc-*\n*_report.html\n"
"""BIDS has no names for what is derived from spectra, nor for a group's tables."""

_README = """# Results of glxflow

For research only, never for patient care.

`group/report.html` is the page of the study, `sub-*/ses-*/mrs/*_report.html` those of its scans.
`dataset_description.json` names what made them, `group/sessions.tsv` what became of every session.
"""


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
            "SourceFiles": [{"Path": str(source), "SHA256": sha256(source)} for source in inputs],
            "Parameters": dict(parameters),
            "Warnings": list(warnings),
            **(results or {}),
        },
    )


def write_failure(path: Path, *, stage: str, message: str, results: Sequence[Path]) -> None:
    """Write the record of a step whose input cannot be used.

    Its results, which an earlier run may have left, are removed: they must not stand
    beside a record that says there are none.
    """
    for result in results:
        result.unlink(missing_ok=True)
    write_json(
        path,
        {
            "Status": "failed",
            "GeneratedBy": [{"Name": "glxflow", "Version": __version__}],
            "Stage": stage,
            "Error": message,
        },
    )


def write_description(
    results: Path, *, source: Path, config: Mapping[str, Any] | None, plan_sha256: str
) -> None:
    """Write dataset_description.json, README and .bidsignore, and the configuration of the run.

    The first says what made the derivatives and from what, config.json with which settings.

    Parameters
    ----------
    results : Path
        Folder of the derivatives.
    source : Path
        The raw data set.
    config : mapping or None
        Configuration of the run; Snakemake can read it as its `--configfile`. None leaves
        that of an earlier one.
    plan_sha256 : str
        Of the analysis plan.

    Raises
    ------
    ConfigError
        If the folder holds another data set.
    """
    problem = overwriting_problem(results)
    if problem:
        raise ConfigError(f"{results}: {problem}.")
    kept = results / "config.json"
    if config is not None:
        write_json(kept, config)
    write_json(
        results / "dataset_description.json",
        {
            "Name": _NAME,
            "BIDSVersion": "1.11.0",
            "DatasetType": "derivative",
            "GeneratedBy": [
                {"Name": "glxflow", "Version": __version__, "Description": "not for patient care"},
                *({"Name": name, "Version": version(name)} for name in _DECISIVE),
            ],
            "SourceDatasets": [{"URL": source.resolve().as_uri()}],
            "ConfigurationSHA256": sha256(kept) if kept.exists() else "n/a",
            "PlanSHA256": plan_sha256,
        },
    )
    for file, text in (("README.md", _README), (".bidsignore", _BIDSIGNORE)):
        # One that is there may be of somebody's own.
        if not (results / file).exists():
            with atomic_path(results / file) as temporary:
                temporary.write_text(text, encoding="utf-8")


def overwriting_problem(results: Path) -> str:
    """Say that a folder for results holds another data set, or nothing.

    Parameters
    ----------
    results : Path
        Where derivatives are to be written, present or not.
    """
    path = results / "dataset_description.json"
    found = read_json(path).get("Name") if path.exists() else _NAME
    if found == _NAME:
        return ""
    return (
        f"holds the data set {found!r}, whose dataset_description.json the results would "
        "overwrite, expected a folder of their own: give another, such as derivatives/glxflow "
        "in the raw data set"
    )


def read_record(path: Path) -> dict[str, Any]:
    """Return the record of a step."""
    return read_json(path)
