"""Find the scans of a BIDS data set and the names of what is derived from them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ancpbids
from ancpbids.vfs import LocalVfs

from glxflow.errors import DataError, TableError
from glxflow.io.readable import is_open, readable
from glxflow.io.scan_names import SCAN_SUFFIX, prefix_of
from glxflow.io.sidecars import inherited, sidecars_of
from glxflow.io.tables import read_json

_NOT_OF_PARTICIPANTS = ("[!s]*", "s[!u]*", "su[!b]*")
"""Paths that do not begin with `sub`. Of derivatives and of the files behind DataLad's links there
may be many more than of raw data, and links among them may lead back to the data set."""


_T1W = "T1w"


@dataclass(frozen=True, slots=True)
class Scan:
    """One functional spectroscopy scan of one session, and the files that belong to it.

    Attributes
    ----------
    subject, session : str
        BIDS labels with their prefix, `sub-01` and `ses-1`.
    prefix : str
        File name up to the suffix, `sub-01_ses-1_task-ketamine`.
    svs : Path
        The spectra.
    mrsref, events : Path or None
        Water reference and events, where there are any; events may be inherited.
    t1w : Path or None
        T1-weighted image of the session, or else of the participant.
    problem : str
        Why the scan cannot be used, or nothing.
    """

    subject: str
    session: str
    prefix: str
    svs: Path
    mrsref: Path | None
    events: Path | None
    t1w: Path | None = None
    problem: str = ""

    @property
    def folder(self) -> str:
        """Folder of the derivatives, relative to the output folder."""
        return f"{self.subject}/{self.session}/mrs"


def find_scans(bids_dir: Path, task: str | None) -> tuple[Scan, ...]:
    """Return the scan of every session, in the order of participants and sessions.

    Parameters
    ----------
    bids_dir : Path
        Root of the BIDS data set.
    task : str or None
        Task label of the functional scan, which its water reference and events may lack;
        None takes whatever there is.

    Raises
    ------
    DataError
        If the folder is absent, or holds no scan.
    """
    if not (bids_dir / "dataset_description.json").exists():
        raise DataError(
            f"{bids_dir}: no dataset_description.json, so this is no BIDS data set. "
            "Point bids_dir in config/config.yaml to the folder that holds participants.tsv."
        )
    grouped: dict[tuple[str, str], list[Any]] = {}
    files = _raw_files(bids_dir)
    for file in files:
        if _has_task(file, task):
            grouped.setdefault((file.entities["sub"], file.entities.get("ses", "")), []).append(
                file
            )
    # Images that have no session in their name are those of the participant.
    scans = tuple(
        scan
        for subject, session in sorted(grouped)
        for scan in _scans_of(
            subject, session, grouped[subject, session], grouped.get((subject, ""), [])
        )
    )
    if not scans:
        wanted = f"sub-*/ses-*/mrs/*{f'_task-{task}' if task else ''}*{SCAN_SUFFIX}"
        misnamed = "".join(f"\n  {problem}" for problem in misnamed_scans(bids_dir))
        raise DataError(
            f"{bids_dir}: no spectroscopy scan found. Expected files like {wanted}: "
            f"convert the raw data, or correct bids_dir or task in config/config.yaml."
            f"{_tasks_in_words(files, task)}{misnamed}"
        )
    return scans


def misnamed_scans(bids_dir: Path) -> list[str]:
    """Return what is wrong with the names of files that end as spectra do but are not read.

    Parameters
    ----------
    bids_dir : Path
        Root of the BIDS data set.
    """
    read = {file.get_relative_path() for file in _raw_files(bids_dir)}
    return [
        f"{path}: not read, for its name or folder is not as BIDS asks. Expected labels of "
        f"letters, digits and +, as in sub-01/ses-1/mrs/sub-01_ses-1_task-rest{SCAN_SUFFIX}."
        for path in sorted(bids_dir.glob(f"sub-*/**/*{SCAN_SUFFIX}"))
        if str(path.relative_to(bids_dir)) not in read and "_desc-" not in path.name
    ]


class _OpenFolders(LocalVfs):
    """The file system, whose folders that cannot be read are taken for empty ones."""

    def listdir(self, path: str) -> Sequence[str]:
        """Return the names in a folder."""
        return super().listdir(path) if is_open(Path(path)) else []


def _raw_files(bids_dir: Path) -> list[Any]:
    """Return spectra, water references, events and T1-weighted images of all participants."""
    options = ancpbids.DatasetOptions()
    options.ignore = list(_NOT_OF_PARTICIPANTS)
    options.ignore_pickle_file = True
    dataset = ancpbids.load_dataset(str(bids_dir), options, vfs=_OpenFolders())
    files: list[Any] = dataset.query(scope="raw", suffix=["svs", "mrsref", "events", _T1W])
    return [file for file in files if _is_raw(file)]


def _is_raw(file: Any) -> bool:
    """Tell whether a file is in its participant's folder and no derivative."""
    return (
        file.get_relative_path().startswith(f"sub-{file.entities.get('sub')}/")
        and file.name.endswith((".nii.gz", "_events.tsv"))
        and "desc" not in file.entities
    )


def _tasks_in_words(files: Iterable[Any], task: str | None) -> str:
    """Name the tasks of the scans in a data set that has none of the given label."""
    tasks = {str(file.entities.get("task", "n/a")) for file in files if file.suffix == "svs"}
    if task is None or not tasks:
        return ""
    labels = sorted(tasks)
    text = f" The tasks of its scans are {', '.join(labels)}, not {task}."
    for label in labels:
        if label.lstrip("0") == task.lstrip("0"):
            text += (
                f" YAML and Snakemake's --config read a bare {label} as a number: write "
                f'`task: "{label}"`, in quotes, in a file, and give it by --configfile.'
            )
    return text


def _has_task(file: Any, task: str | None) -> bool:
    """Tell whether a file is of the task, or a water reference or events of none."""
    own = file.entities.get("task")
    return task is None or own == task or (own is None and file.suffix != "svs")


def _scans_of(
    subject: str, session: str, files: Iterable[Any], of_subject: Sequence[Any]
) -> Iterable[Scan]:
    """Yield the scan of one session; several stand for one problem, none for no scan."""
    by_suffix: dict[str, list[Any]] = {}
    for file in files:
        by_suffix.setdefault(file.suffix, []).append(file)
    spectra = sorted(by_suffix.get("svs", []), key=lambda file: str(file.name))
    if not spectra:
        return
    svs = spectra[0]
    problems = []
    if len(spectra) > 1:
        problems.append(
            f"{len(spectra)} spectroscopy scans in one session ({_names(spectra)}). "
            "Name the one to analyse by `task` in config/config.yaml; of scans of one task "
            "(runs), move the others into sourcedata/."
        )
    if not session:
        problems.append(
            "it has no session (ses-) in its name, by which the sessions table gives its "
            f"condition. Name it sub-{subject}_ses-1_... in sub-{subject}/ses-1/mrs, likewise its "
            f"other files, and list ses-1 in sub-{subject}/sub-{subject}_sessions.tsv, where "
            "everybody has one session, too."
        )
    mrsref, of_water = _water_of(svs, by_suffix.get("mrsref", []))
    events, of_events = _events_of(svs, by_suffix.get("events", []))
    yield Scan(
        subject=f"sub-{subject}",
        session=f"ses-{session}",
        prefix=prefix_of(Path(svs.name)),
        svs=Path(svs.get_absolute_path()),
        mrsref=mrsref,
        events=events or _inherited_events(svs),
        t1w=_first_path(_images(by_suffix.get(_T1W, [])) or _images(of_subject)),
        problem=next(filter(None, [*problems, of_water, of_events]), ""),
    )


def _water_of(svs: Any, references: Sequence[Any]) -> tuple[Path | None, str]:
    """Return the water reference of a scan, and why it is unclear which one that is."""
    named = _reference_signal(Path(svs.get_absolute_path()))
    referred = [file for file in references if file.name in named] if named else references
    if references and not referred:
        return None, (
            f"its sidecar names {', '.join(named)} as ReferenceSignal, but the session has "
            f"{_names(references)}. Correct the field, or the name of the water reference."
        )
    nearest = _nearest(svs, referred)
    return _first_path(nearest), "" if len(nearest) < 2 else (
        f"{len(nearest)} water references fit it equally ({_names(nearest)}). Name the one to "
        "use as ReferenceSignal in the sidecar of the scan, or move the others into sourcedata/."
    )


def _events_of(svs: Any, tables: Sequence[Any]) -> tuple[Path | None, str]:
    """Return the events of a scan, and why it is unclear which those are."""
    nearest = _nearest(svs, tables)
    return _first_path(nearest), "" if len(nearest) < 2 else (
        f"{len(nearest)} tables of events fit it equally ({_names(nearest)}). Leave the one of "
        "this scan, and move the others into sourcedata/."
    )


def _images(files: Iterable[Any]) -> list[Any]:
    """Return the T1-weighted images among files, the one of the plainest name first."""
    images = [file for file in files if file.suffix == _T1W]
    return sorted(images, key=lambda file: (len(file.entities), str(file.name)))


def _reference_signal(svs: Path) -> list[str]:
    """Return the names of the water references that the sidecars of a scan name, if any do."""
    named: Any = []
    for sidecar in sidecars_of(svs):
        # One that is no JSON, or that cannot be read, is named when the header is read.
        with suppress(TableError, OSError):
            named = read_json(sidecar).get("ReferenceSignal", named)
    uris = named if isinstance(named, list) else [named]
    return [str(uri).rpartition("/")[2] for uri in uris]


def _names(files: Iterable[Any]) -> str:
    """Return the names of files, for the reader."""
    return ", ".join(str(file.name) for file in files)


def _first_path(files: Sequence[Any]) -> Path | None:
    """Return the path of the first file, if there is one."""
    return Path(files[0].get_absolute_path()) if files else None


def _nearest(svs: Any, candidates: Iterable[Any]) -> list[Any]:
    """Return the files whose entities differ least from the scan's and contradict none."""
    entities: Mapping[str, str] = svs.entities

    def differences(file: Any) -> int:
        return len(set(entities.items()) ^ set(file.entities.items()))

    fitting = [
        file
        for file in candidates
        if all(entities.get(key, value) == value for key, value in file.entities.items())
    ]
    least = min(map(differences, fitting), default=0)
    nearest = [file for file in fitting if differences(file) == least]
    return sorted(nearest, key=lambda file: str(file.name))


def _inherited_events(svs: Any) -> Path | None:
    """Return the nearest events above a session's folder that hold for its scan."""
    found = inherited(Path(svs.get_absolute_path()), "events", ".tsv")
    return found[-1] if found else None


def study_tables(bids_dir: Path) -> list[Path]:
    """Return the tables of participants, sessions and scores that a data set holds.

    One of a participant's sessions that cannot be read is left out: its sessions alone are lost.
    """
    patterns = ("participants.tsv", "phenotype/*.tsv")
    of_all = [path for pattern in patterns for path in bids_dir.glob(pattern)]
    return sorted([*of_all, *readable(bids_dir.glob("sub-*/sub-*_sessions.tsv"))])
