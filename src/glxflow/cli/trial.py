"""Run the statistical analysis of a trial on its tables, with or without spectra."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from glxflow import __version__
from glxflow.io.config import read_yaml
from glxflow.io.files import sha256
from glxflow.io.tables import read_tsv, write_json, write_tsv
from glxflow.trial.analyse import analyse
from glxflow.trial.plan import plan_from

app = typer.Typer(no_args_is_help=True, help="The statistical analysis of a trial.")

_TEXT = ("subject", "session", "sequence", "condition", "sex")


@app.callback()
def _trial() -> None:
    """Make `trial` a group of commands."""


@app.command()
def run(
    table: Annotated[Path, typer.Option(help="Long table: a row a participant, period and bin.")],
    plan: Annotated[Path, typer.Option(help="Analysis plan, YAML.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    clinical: Annotated[
        Path | None, typer.Option(help="Scores: a row a participant, period and day.")
    ] = None,
) -> None:
    """Run an analysis plan on the tables of a trial."""
    what = plan_from(read_yaml(plan), str(plan))
    sources = [path for path in (table, clinical, plan) if path is not None]
    result = analyse(read_table(table), read_table(clinical) if clinical else None, what)
    for name, content in result.tables.items():
        write_tsv(out / f"{name}.tsv", content)
    write_json(
        out / "inference.json",
        {
            "PlanId": what.plan_id,
            "PlanSHA256": what.sha256,
            "Version": __version__,
            "Conditions": list(what.conditions),
            "Outcome": what.outcome,
            "Instrument": what.instrument,
            "Seed": what.seed,
            "Models": result.models,
            "Warnings": result.warnings,
            "Sources": [{"Path": str(path), "SHA256": sha256(path)} for path in sources],
        },
    )
    console = Console(stderr=True)
    for warning in result.warnings:
        console.print(f"Note: {warning}", markup=False)


def read_table(path: Path) -> pd.DataFrame:
    """Return a table with tabs, or with commas where its name ends with .csv."""
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=dict.fromkeys(_TEXT, "str"))
    return read_tsv(path, text=_TEXT)
