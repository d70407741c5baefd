"""Write a digital trial: a BIDS data set whose truth is known."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.progress import track

from glxflow import __version__
from glxflow.errors import DataError
from glxflow.io.bids_write import write_described_tsv, write_description, write_scan
from glxflow.io.tables import write_json, write_tsv
from glxflow.simulate.trial import BASELINE_S, INFUSION_S, Simulated, acquisition, sessions_of
from glxflow.simulate.truth import Design, Participant, madrs_attenuation, recruit

app = typer.Typer()

TASK = "ketamine"

_README = """# A simulated trial

Made by `glxflow simulate`; no data of any person. Participants receive ketamine twice, once
after the opioid antagonist naltrexone, once after placebo, while functional 1H-MRS of the anterior
cingulate runs. What is true stands in `sourcedata/truth/`, apart from the data.
"""
_PARTICIPANTS = {
    "sex": {"Description": "Sex", "Levels": {"F": "female", "M": "male"}},
    "age": {"Description": "Age", "Units": "year"},
    "sequence": {
        "Description": "Order of pre-treatments",
        "Levels": {"PN": "placebo, then naltrexone", "NP": "naltrexone, then placebo"},
    },
}
_SESSIONS = {
    "acq_time": {"Description": "Start of the scan; the days are shifted into the past"},
    "period": {"Description": "First or second session", "Levels": {"1": "first", "2": "second"}},
    "condition": {
        "Description": "Pre-treatment",
        "Levels": {"placebo": "placebo", "naltrexone": "naltrexone 50 mg by mouth"},
    },
}
_MADRS = {
    "MeasurementToolMetadata": {"Description": "Montgomery-Asberg Depression Rating Scale"},
    "session_id": {"Description": "Session whose infusion the day is counted from"},
    "day": {"Description": "Days from the infusion", "Units": "day"},
    "total": {"Description": "Total score, 0 (well) to 60"},
}


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder of the new BIDS data set.", file_okay=False)],
    participants: Annotated[int, typer.Option(help="Participants, two sessions each.")] = 26,
    effect: Annotated[float, typer.Option(help="Rise of Glx under placebo, as a share.")] = 0.10,
    blunting: Annotated[float, typer.Option(help="Share of it naltrexone takes away.")] = 0.4,
    snr: Annotated[
        float, typer.Option(help="Height at NAA over the noise in a stored transient; inf: none.")
    ] = 60.0,
    transients: Annotated[int, typer.Option(help="Stored transients over 50 min.")] = 20,
    coils: Annotated[int, typer.Option(min=1, help="Receive coils.")] = 4,
    points: Annotated[int, typer.Option(min=128, help="Samples of a transient, at 2 kHz.")] = 1024,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 2025,
) -> None:
    """Write a digital trial, BIDS-valid, with its truth apart."""
    design = Design(participants, effect, blunting, seed)
    how = acquisition(transients, coils, points, snr)
    people = recruit(design)
    _refuse_others(out, people)
    write_description(out, "Simulated ketamine and naltrexone crossover", _README)
    _write_tables(out, people)
    truth: list[pd.DataFrame] = []
    total = 2 * len(people)
    for made in track(sessions_of(people, how), "Simulating sessions", total=total):
        prefix = f"{made.participant.subject}_{made.session.session}_task-{TASK}"
        folder = out / made.participant.subject / made.session.session / "mrs"
        infusion = {"onset": BASELINE_S, "duration": INFUSION_S, "trial_type": "infusion"}
        write_scan(folder, prefix, made.measured.svs, made.measured.water, [infusion])
        truth.append(_truth_rows(made))
    write_tsv(out / "sourcedata" / "truth" / "transients.tsv", pd.concat(truth, ignore_index=True))
    write_json(
        out / "sourcedata" / "truth" / "design.json",
        {
            **asdict(design),
            "glx_blunting": blunting,
            "madrs_attenuation": madrs_attenuation(blunting),
            "snr": snr,
            "version": __version__,
        },
    )


def _refuse_others(out: Path, people: tuple[Participant, ...]) -> None:
    """Stop where a folder holds participants that this trial does not have."""
    present = {path.name for path in out.glob("sub-*")}
    others = sorted(present - {who.subject for who in people})
    if others:
        shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        raise DataError(
            f"{out}: holds {len(others)} participants ({shown}) that this trial of {len(people)} "
            "does not have, and that would stay beside it. Give --out a new folder, or remove "
            "that one first."
        )


def _write_tables(out: Path, people: tuple[Participant, ...]) -> None:
    """Write participants, sessions and scores."""
    rows = [
        {"participant_id": who.subject, "sex": who.sex, "age": who.age, "sequence": who.sequence}
        for who in people
    ]
    write_described_tsv(out / "participants.tsv", pd.DataFrame(rows), _PARTICIPANTS)
    scores: list[dict[str, Any]] = []
    for number, who in enumerate(people):
        sessions = [
            {
                "session_id": when.session,
                "acq_time": _acquired(number, when.period),
                "period": when.period,
                "condition": when.condition,
            }
            for when in who.sessions
        ]
        path = out / who.subject / f"{who.subject}_sessions.tsv"
        write_described_tsv(path, pd.DataFrame(sessions), _SESSIONS)
        scores += [
            {
                "participant_id": who.subject,
                "session_id": when.session,
                "day": day,
                "total": total,
            }
            for when in who.sessions
            for day, total in when.madrs.items()
        ]
    write_described_tsv(out / "phenotype" / "madrs.tsv", pd.DataFrame(scores), _MADRS)


def _acquired(number: int, period: int) -> str:
    """Return the start of a scan, three weeks apart, in a year that hides the real one."""
    return f"1925-{1 + number % 12:02d}-{1 + 21 * (period - 1):02d}T10:00:00"


def _truth_rows(made: Simulated) -> pd.DataFrame:
    """Return what is true of each transient of a session."""
    amplitudes = made.measured.amplitudes
    glx, tnaa = amplitudes["Glu"] + amplitudes["Gln"], amplitudes["NAA"] + amplitudes["NAAG"]
    return pd.DataFrame(
        {
            "participant_id": made.participant.subject,
            "session_id": made.session.session,
            "condition": made.session.condition,
            "onset": made.measured.svs.onset_s,
            "glx_tnaa": glx / tnaa,
            "glu_tcr": amplitudes["Glu"] / (amplitudes["Cr"] + amplitudes["PCr"]),
            "frequency_hz": made.measured.frequency_hz,
            "phase_rad": made.measured.phase_rad,
        }
    ).round(6)
