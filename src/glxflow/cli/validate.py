"""Check a data set before a run: what will be used, and what is wrong with the rest."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median_low
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from glxflow.cli.fitting import LARGEST_TE_DIFFERENCE_S
from glxflow.cli.planned import plan_problems
from glxflow.errors import DataError, GlxflowError, TableError
from glxflow.io.bids import Scan, find_scans, misnamed_scans
from glxflow.io.edit_order import edit_conditions
from glxflow.io.header_table import HEADER_COLUMNS, header_row
from glxflow.io.metadata import ScanHeader, read_header
from glxflow.io.readable import closed_sessions
from glxflow.io.sequence_names import recognised_sequences
from glxflow.io.study import read_participants, read_sessions
from glxflow.io.tables import read_tsv, write_json, write_tsv

app = typer.Typer()


@app.command()
def validate(
    bids_dir: Annotated[Path, typer.Argument(help="Root of the BIDS data set.")],
    task: Annotated[str | None, typer.Option(help="Task label of the scan to analyse.")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Analysis plan, YAML, that the tables are held against.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for scans.tsv, headers.tsv and protocol.json; a workflow gives it."
        ),
    ] = None,
) -> None:
    """List every scan of a data set with its metadata, and what is wrong with it.

    Participants and sessions are checked, too, and with --plan what the analysis asks of all
    tables. Without --out, ends with exit code 2 when anything is wrong.
    """
    found = [(scan, *_headers_or_problem(scan)) for scan in find_scans(bids_dir, task)]
    headers = [one["svs"] for _, one, _ in found if one]
    protocol = _protocol(headers) if headers else {}
    table = pd.DataFrame(
        _row(bids_dir, scan, one.get("svs"), problem or _protocol_problem(one, protocol))
        for scan, one, problem in found
    )
    _print(table)
    problems = [str(problem) for problem in table["problem"] if problem]
    scans = [scan for scan, _, _ in found]
    problems += [
        *misnamed_scans(bids_dir),
        *closed_sessions(bids_dir).values(),
        *_table_problems(bids_dir, scans, plan),
    ]
    problems = list(dict.fromkeys(problems))
    if out is not None:
        for problem in problems:
            typer.secho(problem, err=True, fg="yellow")
        write_tsv(out / "scans.tsv", table)
        write_tsv(out / "headers.tsv", _header_table((scan, one) for scan, one, _ in found))
        if all(table["problem"]):
            raise DataError("No scan of the data set can be used: see the problems listed above.")
        write_json(out / "protocol.json", protocol)
    elif problems:
        raise DataError("\n".join(problems))


def _headers_or_problem(scan: Scan) -> tuple[dict[str, ScanHeader], str]:
    """Return the metadata of a scan and its water reference, or what is wrong with them."""
    files = {"svs": scan.svs, "mrsref": scan.mrsref}
    try:
        headers = {image: read_header(path) for image, path in files.items() if path}
        edit_conditions(headers["svs"])
        if scan.events is not None:
            read_tsv(scan.events)
    except GlxflowError as error:
        return {}, str(error)
    return headers, f"{scan.svs}: {scan.problem}" if scan.problem else ""


def _header_table(found: Iterable[tuple[Scan, Mapping[str, ScanHeader]]]) -> pd.DataFrame:
    """Return what the readable headers say, a row a file."""
    rows = [
        {"subject": scan.subject, "session": scan.session, "image": image}
        | header_row(header, edit_conditions(header) if image == "svs" else ())
        for scan, headers in found
        for image, header in headers.items()
    ]
    return pd.DataFrame(rows, columns=list(HEADER_COLUMNS))


def _table_problems(bids_dir: Path, scans: Sequence[Scan], plan: Path | None) -> list[str]:
    """Return what tables of participants and sessions lack, or have wrong, of those scanned.

    With a plan also what it asks of all tables; without one, what no plan can analyse.
    """
    problems = []
    try:
        people = set(read_participants(bids_dir)["subject"])
    except TableError as error:
        problems.append(str(error))
        people = {scan.subject for scan in scans}
    sessions, of_sessions = read_sessions(bids_dir, sorted({scan.subject for scan in scans}))
    listed = set(zip(sessions["subject"], sessions["session"], strict=True))
    for scan in scans:
        if scan.subject not in people:
            problems.append(f"participants.tsv has no row for {scan.subject}. Add one.")
        if scan.subject not in of_sessions and (scan.subject, scan.session) not in listed:
            table = f"{scan.subject}_sessions.tsv"
            problems.append(f"{table} has no row for {scan.session}. Add one.")
    problems += of_sessions.values()
    if plan is not None:
        return problems + plan_problems(bids_dir, scans, plan)
    return problems + list(_twice(sessions, scans))


def _twice(sessions: pd.DataFrame, scans: Iterable[Scan]) -> Iterator[str]:
    """Yield what the tables give a participant in two scanned sessions: no design has that."""
    cell = [name for name in ("condition", "infusion") if name in sessions]
    keys = ["subject", "session"]
    scanned = pd.DataFrame([(scan.subject, scan.session) for scan in scans], columns=keys)
    known = sessions.merge(scanned, on=keys).fillna({"infusion": ""})
    # Sessions without a condition are in no group.
    for (subject, *levels), own in known.groupby(["subject", *cell]):
        if len(own) > 1:
            given = " with ".join(repr(level) for level in levels if level)
            yield (
                f"{subject}_sessions.tsv gives {given} for {' and '.join(own['session'])}, but in "
                "every design a participant has a condition, or a cell, once: the trial would "
                "stop. Correct the table."
            )


def _protocol_problem(headers: Mapping[str, ScanHeader], protocol: Mapping[str, Any]) -> str:
    """Return what is wrong with a scan of another sequence or echo time than most have."""
    header = headers.get("svs")
    if header is None:
        return ""
    named, usual = recognised_sequences(header.fields), protocol["sequences"]
    if named and usual and not named & set(usual):
        what = f"the header says {' or '.join(sorted(named))}, but most scans say "
        what += " or ".join(usual)
    elif abs(header.echo_time_s - protocol["echo_time_s"]) > LARGEST_TE_DIFFERENCE_S:
        what = (
            f"TE is {1000 * header.echo_time_s:g} ms, but {1000 * protocol['echo_time_s']:g} ms "
            f"in the study's protocol ({protocol['n_scans']} of "
            f"{protocol['n_scans'] + protocol['n_scans_of_other_protocols']} scans)"
        )
    else:
        return ""
    return (
        f"{header.path}: {what}: one basis set cannot be for both. Analyse it apart, or correct "
        "its header."
    )


def _row(bids_dir: Path, scan: Scan, header: ScanHeader | None, problem: str) -> dict[str, Any]:
    """Return the line of a scan in scans.tsv."""

    def relative(path: Path | None) -> str | None:
        # Links are not followed: a store names files by their content.
        return os.path.relpath(path, bids_dir) if path else None

    row: dict[str, Any] = {
        "subject": scan.subject,
        "session": scan.session,
        "svs": relative(scan.svs),
        "mrsref": relative(scan.mrsref),
        "events": relative(scan.events),
        "problem": problem,
    }
    if header is not None:
        sizes = dict(zip(header.dim_tags, header.shape[4:], strict=True))
        row |= {
            "echo_time_s": header.echo_time_s,
            "repetition_time_s": header.repetition_time_s,
            "spectrometer_frequency_mhz": header.axis.spectrometer_frequency_mhz,
            "spectral_width_hz": header.axis.bandwidth_hz,
            "n_points": header.axis.n_points,
            "n_coils": sizes.get("DIM_COIL", 1),
            "n_transients": sizes.get("DIM_DYN", 1) * sizes.get("DIM_EDIT", 1),
            "edit_conditions": ",".join(dict.fromkeys(edit_conditions(header))),
            "sequence": ",".join(sorted(recognised_sequences(header.fields))),
        }
    return row


def _protocol(headers: list[ScanHeader]) -> dict[str, Any]:
    """Return the protocol that most scans share, for which the basis set is simulated."""
    # Spectrometer frequency drifts by some Hz between scans: it does not make a protocol.
    keys = [
        (round(header.echo_time_s, 6), round(header.axis.dwell_time_s, 9), header.axis.n_points)
        for header in headers
    ]
    common, n_scans = Counter(keys).most_common(1)[0]
    echo_time_s, dwell_time_s, n_points = common
    shared = [header for header, key in zip(headers, keys, strict=True) if key == common]
    # Of one of them: between the frequencies of two scanners lies that of neither.
    frequency_mhz = median_low(header.axis.spectrometer_frequency_mhz for header in shared)
    return {
        "echo_time_s": echo_time_s,
        "dwell_time_s": dwell_time_s,
        "n_points": n_points,
        "spectrometer_frequency_mhz": frequency_mhz,
        "reference_ppm": shared[0].axis.reference_ppm,
        "sequences": _sequences(shared),
        "mixing_time_s": _mixing_time_s(shared),
        "n_scans": n_scans,
        "n_scans_of_other_protocols": len(headers) - n_scans,
    }


def _sequences(headers: Iterable[ScanHeader]) -> list[str]:
    """Return what most scans that name their sequence call it; several where that is unclear."""
    named = Counter(tuple(sorted(recognised_sequences(header.fields))) for header in headers)
    del named[()]
    return list(named.most_common(1)[0][0]) if named else []


def _mixing_time_s(headers: Iterable[ScanHeader]) -> float | None:
    """Return the mixing time that most scans which state one have, in s."""
    stated = Counter(header.mixing_time_s for header in headers)
    del stated[None]
    return stated.most_common(1)[0][0] if stated else None


def _print(table: pd.DataFrame) -> None:
    """Show the scans as a table."""
    shown = Table("session", "TE / ms", "coils", "transients", "water", "events", "verdict")
    for row in table.to_dict("records"):
        shown.add_row(
            f"{row['subject']} {row['session']}",
            _shown(1000 * row.get("echo_time_s", float("nan"))),
            *(_shown(row.get(key, float("nan"))) for key in ("n_coils", "n_transients")),
            *("yes" if pd.notna(row[key]) else "no" for key in ("mrsref", "events")),
            "problem" if row["problem"] else "ok",
        )
    Console(stderr=True).print(shown)


def _shown(value: float) -> str:
    """Return a number as it stands in the list, a dash where the scan was not read."""
    return "–" if pd.isna(value) else f"{value:g}"
