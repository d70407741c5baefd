"""The files that say more of a scan: its own sidecar, and those it inherits in BIDS."""

from pathlib import Path


def sidecar_of(path: Path) -> Path:
    """Return the name of the JSON file that belongs to a NIfTI file alone."""
    return path.with_name(f"{_stem(path)}.json")


def sidecars_of(path: Path) -> tuple[Path, ...]:
    """Return the JSON files that hold for a NIfTI file; of each field the last one has the say.

    Parameters
    ----------
    path : Path
        The NIfTI file.

    Returns
    -------
    tuple of Path
        Those above it in its data set, then its own; as many as there are.
    """
    own = sidecar_of(path)
    above = [file for file in inherited(path, _suffix(path), ".json") if file != own]
    # A link to nowhere counts, or its fields would be missing without a word.
    return (*above, own) if own.exists() or own.is_symlink() else tuple(above)


def with_sidecars(*images: Path | None) -> list[Path]:
    """Return images, where there are any, and after them all that holds for them."""
    there = [path for path in images if path]
    return [*there, *(sidecar for path in there for sidecar in sidecars_of(path))]


def inherited(path: Path, suffix: str, extension: str) -> tuple[Path, ...]:
    """Return the files that hold for a scan by BIDS' inheritance, the nearest last.

    They stand in its folder or in one above it up to the data set's root, and all of their
    entities are the scan's, too. A derivative (`desc-`) inherits nothing: what holds for
    raw data need not hold for it. Nor does a file outside of a data set.

    Parameters
    ----------
    path : Path
        The scan.
    suffix : str
        Of the files, such as `events`.
    extension : str
        Such as `.tsv`.
    """
    entities = _entities(path)
    if "desc" in entities:
        return ()
    found: list[Path] = []
    for folder in _folders(path):
        fitting = [
            file
            for file in folder.glob(f"*{suffix}{extension}")
            if _suffix(file) == suffix and _entities(file).items() <= entities.items()
        ]
        fitting.sort(key=lambda file: (len(_entities(file)), file.name))
        found = [*fitting, *found]
    return tuple(found)


def _folders(path: Path) -> list[Path]:
    """Return the folders from a scan's own to the root of its data set; none outside of one."""
    folders = []
    for depth, absolute in enumerate(path.absolute().parents):
        # As the path was written, as far as it goes: one file must not have two names.
        folders.append(path.parents[depth] if depth < len(path.parents) else absolute)
        if (absolute / "dataset_description.json").exists():
            return folders
    return []


def _stem(path: Path) -> str:
    """Return a file name without its ending."""
    return Path(path.name.removesuffix(".gz")).stem


def _suffix(path: Path) -> str:
    """Return the BIDS suffix of a file, the last part of its name."""
    return _stem(path).split("_")[-1]


def _entities(path: Path) -> dict[str, str]:
    """Return the entities of a file's name with their labels."""
    parts = [part.partition("-") for part in _stem(path).split("_")[:-1]]
    return {key: label for key, _, label in parts}
