"""Run the statistical analysis of a trial on its tables, with or without spectra."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.console import Console

from glxflow import __version__
from glxflow.cli.engine_r import ENGINE_R, Engine, disagreement, second_opinion
from glxflow.cli.parts import KeptParts
from glxflow.cli.scan_paths import INFERENCE, STUDY_PAGE
from glxflow.errors import ConfigError
from glxflow.io.config import named_by, read_yaml
from glxflow.io.files import sha256
from glxflow.io.r_engine import find_r
from glxflow.io.tables import read_json, read_tsv, write_json, write_tsv
from glxflow.trial.analyse import Analysis, analyse
from glxflow.trial.blinding import blinding_indices
from glxflow.trial.changes import glx_changes
from glxflow.trial.masking import SHOWN, mask_plan, mask_table, true_labels
from glxflow.trial.plan import Plan, plan_from
from glxflow.trial.planning import design_from, planned, power_table
from glxflow.trial.sensitivity import contrast_model

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The statistical analysis of a trial."
)

_TEXT = ("subject", "session", "sequence", "condition", "infusion", "sex", "guess", "region")

Table = Annotated[Path, typer.Option(help="Long table: a row a participant, period and bin.")]
PlanFile = Annotated[Path, typer.Option(help="Analysis plan, YAML.")]
Clinical = Annotated[
    Path | None, typer.Option(help="Scores: a row a participant, period and day.")
]


@app.callback()
def _trial() -> None:
    """Make `trial` a group of commands."""


@app.command()
def run(
    table: Table,
    plan: PlanFile,
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    clinical: Clinical = None,
    masked: Annotated[
        Path | None,
        typer.Option(help="Folder of `glxflow trial lock`: conditions are shown as X and Y."),
    ] = None,
    cores: Annotated[
        int, typer.Option(min=1, help="Processes; the numbers do not depend on it.")
    ] = 1,
    engine: Annotated[
        Engine, typer.Option(help="`r` fits the mixed models in R too: lme4, lmerTest, pbkrtest.")
    ] = Engine.OWN,
) -> None:
    """Run an analysis plan on the tables of a trial; a run that was stopped is continued."""
    what = plan_from(read_yaml(plan), str(plan))
    sources = _sources(table, clinical, plan, what)
    if engine is Engine.R:
        find_r()
    trial, scores = read_table(table), read_table(clinical) if clinical else None
    imaged = imaging_table(plan, what)
    imaging = read_table(imaged) if imaged else None
    shown = what
    if masked is not None:
        _check_frozen(masked, what, sources)
        salt = str(read_json(masked / "salt.json")["Salt"])
        trial = mask_table(trial, what, salt)
        scores = None if scores is None else mask_table(scores, what, salt)
        shown = mask_plan(what)
    console = Console(stderr=True)
    with KeptParts(out / ".parts", _inputs(trial, scores, shown), cores, console) as run_parts:
        result = analyse(trial, scores, shown, run_parts, imaging)
    if engine is Engine.R:
        result.tables[ENGINE_R] = second_opinion(result.models, trial, scores, shown)
        result.warnings.extend(disagreement(result.tables[ENGINE_R]))
    tables = {
        name: content
        for name, content in result.tables.items()
        if masked is None or name in (*SHOWN, ENGINE_R)
    }
    hashes = [{"Path": str(path), "SHA256": sha256(path)} for path in sources]
    _write(
        out, tables, _record(result, shown, masked=masked is not None) | {"SourceFiles": hashes}
    )
    for warning in result.warnings:
        console.print(f"Note: {warning}", markup=False)


@app.command()
def lock(
    table: Table,
    plan: PlanFile,
    out: Annotated[Path, typer.Option(help="Folder for the lock and the secret salt.")],
    clinical: Clinical = None,
) -> None:
    """Freeze the plan and the tables (QC, bins and denominators with them) before unmasking."""
    what = plan_from(read_yaml(plan), str(plan))
    if (out / "lock.json").exists():
        raise ConfigError(
            f"{out / 'lock.json'}: there is a lock already. A second one would hide what was "
            "frozen first; take another folder."
        )
    sources = _sources(table, clinical, plan, what)
    write_json(out / "salt.json", {"Salt": secrets.token_hex(16)})
    write_json(
        out / "lock.json",
        {"Locked": _now(), "Version": __version__, "Unmasked": []} | _state(what, sources),
    )


@app.command()
def unmask(
    table: Table,
    plan: PlanFile,
    folder: Annotated[Path, typer.Option("--lock", help="Folder of `glxflow trial lock`.")],
    clinical: Clinical = None,
) -> None:
    """Say which condition is X and which is Y, and append to the lock that this was done."""
    what = plan_from(read_yaml(plan), str(plan))
    sources = _sources(table, clinical, plan, what)
    record = _check_frozen(folder, what, sources)
    labels = true_labels(what, str(read_json(folder / "salt.json")["Salt"]))
    record["Unmasked"].append({"Time": _now(), "Version": __version__, "Conditions": labels})
    write_json(folder / "lock.json", record)
    for letter, label in labels.items():
        typer.echo(f"{letter} is {label}")


@app.command()
def blinding(
    sessions: Annotated[
        Path, typer.Option(help="A row a session: subject, condition, guess (or dont_know).")
    ],
    plan: PlanFile,
    out: Annotated[Path, typer.Option(help="Table of the indices, TSV.")],
) -> None:
    """Compare participants' guesses of the condition with the truth."""
    what = plan_from(read_yaml(plan), str(plan))
    write_tsv(out, blinding_indices(read_table(sessions), what))


@app.command()
def power(
    table: Table,
    plan: PlanFile,
    effect: Annotated[float, typer.Option(help="Active minus reference, unit of the outcome.")],
    participants: Annotated[int, typer.Option(help="Of the trial to plan.")],
    out: Annotated[Path, typer.Option(help="Table of power and width, TSV.")],
    dropout: Annotated[float, typer.Option(help="Share without a second session.")] = 0.0,
    qc_loss: Annotated[
        float, typer.Option(help="Share of bins lost to QC, of baselines as of others.")
    ] = 0.0,
    sex_difference: Annotated[
        float, typer.Option(help="Effect in one sex minus that in the other, to be detected.")
    ] = 0.0,
    design: Annotated[
        str, typer.Option(help="crossover, parallel or factorial; else that of the plan.")
    ] = "",
    within: Annotated[
        list[str] | None,
        typer.Option(help="Of a factorial trial: condition, infusion; may be repeated."),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials to simulate.")] = 500,
) -> None:
    """Plan a trial, of this or another design, with the variance components of this one."""
    what = plan_from(read_yaml(plan), str(plan))
    asked = design or within
    to_come = planned(what, design or what.design, tuple(within or ())) if asked else what
    model = contrast_model(glx_changes(read_table(table), what))
    sizes = design_from(
        model, what, to_come, n_participants=participants, effect=effect, dropout=dropout,
        qc_loss=qc_loss, sex_difference=sex_difference,
    )  # fmt: skip
    rng = np.random.default_rng([what.seed, 6])
    write_tsv(out, power_table(sizes, to_come, n_trials=trials, rng=rng))
    for caution in sizes.cautions:
        Console(stderr=True).print(f"Note: {caution}", markup=False)


def _record(result: Analysis, shown: Plan, *, masked: bool) -> dict[str, Any]:
    """Return what a reader of the results must know beside the tables."""
    return {
        "PlanId": shown.plan_id,
        "PlanSHA256": shown.sha256,
        "Version": __version__,
        "Masked": masked,
        "Design": shown.design,
        "Conditions": list(shown.conditions),
        "Infusions": list(shown.infusion or ()),
        "Within": list(shown.within),
        "Arms": {name: list(levels) for name, levels in shown.arms.items()},
        "Outcome": shown.outcome,
        "Change": shown.change,
        "Instrument": shown.instrument,
        "AnalysisSet": shown.analysis_set,
        "Confidence": shown.confidence,
        "Seed": shown.seed,
        "Models": result.models,
        "Warnings": result.warnings,
        "Cautions": result.cautions,
        "Quantiles": result.quantiles,
    }


def _write(out: Path, tables: dict[str, pd.DataFrame], content: dict[str, Any]) -> None:
    """Write tables and record, and remove what an earlier run alone has written.

    The study page is of the earlier tables, and names the conditions that a masked run hides.
    """
    if out.absolute().name == INFERENCE:
        (out.absolute().parent / STUDY_PAGE).unlink(missing_ok=True)
    record = out / "inference.json"
    earlier = read_json(record).get("Tables", []) if record.exists() else []
    for name in set(earlier) - set(tables):
        (out / f"{name}.tsv").unlink(missing_ok=True)
    for name, table in tables.items():
        write_tsv(out / f"{name}.tsv", table)
    write_json(record, content | {"Tables": list(tables)})


def _inputs(trial: pd.DataFrame, scores: pd.DataFrame | None, plan: Plan) -> str:
    """Return all that decides the numbers, as text; masked labels are in the tables."""
    tables = [trial.to_csv(), "" if scores is None else scores.to_csv()]
    return "\n".join([__version__, plan.sha256, *plan.conditions, str(plan.seed), *tables])


def _sources(table: Path, clinical: Path | None, plan: Path, what: Plan) -> list[Path]:
    """Return every file that the numbers come from; the plan is the last."""
    given = (table, clinical, imaging_table(plan, what), plan)
    return [path for path in given if path is not None]


def imaging_table(plan: Path, what: Plan) -> Path | None:
    """Return where the table of receptor imaging is, where the plan names one."""
    return None if what.imaging is None else named_by(plan, what.imaging.table)


def _now() -> str:
    """Return the time in UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _state(plan: Plan, sources: list[Path]) -> dict[str, Any]:
    """Return what a lock freezes: the hashes of the plan's content and of each table."""
    tables = [sha256(path) for path in sources[:-1]]
    return {"PlanId": plan.plan_id, "PlanSHA256": plan.sha256, "TablesSHA256": tables}


def _check_frozen(folder: Path, plan: Plan, sources: list[Path]) -> dict[str, Any]:
    """Return the lock's record, or refuse a plan or tables that changed since."""
    record = read_json(folder / "lock.json")
    state = _state(plan, sources)
    changed = [key for key, value in state.items() if record.get(key) != value]
    if changed:
        raise ConfigError(
            f"{folder / 'lock.json'}: {', '.join(changed)} changed since the lock of "
            f"{record.get('Locked')}. Restore the files, or make a new lock and report both."
        )
    return record


def read_table(path: Path) -> pd.DataFrame:
    """Return a table with tabs, or with commas where its name ends with .csv."""
    return read_tsv(path, text=_TEXT, separator="," if path.suffix == ".csv" else "\t")
