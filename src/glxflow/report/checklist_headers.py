"""Items 1 and 2 of the reporting checklist: hardware and acquisition, by the scans' headers."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from glxflow.report.checklist import BY_HAND, ChecklistRow, counted, unrecorded

_READ_FROM = {
    "field_t": "SpectrometerFrequency",
    "coils_stored": "dimension DIM_COIL",
    "sequence_recognised": "names of sequence and protocol",
    "voi": "file name (voi-)",
    "voxel_mm": "NIfTI affine",
    "transients_stored": "dimensions DIM_DYN, DIM_EDIT",
    "edit_conditions": "EditCondition, dimension DIM_EDIT",
    "spectral_width_hz": "SpectralWidth",
    "points": "NIfTI dimensions",
}
"""Where columns that are no field of a header come from."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One value of an item.

    Attributes
    ----------
    columns : tuple of str
        Of headers.tsv; the first that a scan has counts.
    words : str
        How it is printed, with {} in the place of the value.
    name : str
        What is said to be missing; a part without a name may be absent in silence.
    change : callable, optional
        From the header's text to that which is printed.
    """

    columns: tuple[str, ...]
    words: str = "{}"
    name: str = ""
    change: Callable[[str], str] = str


def _ms(text: str) -> str:
    """Return seconds as milliseconds; what is no number as it stands."""
    try:
        return f"{1000 * float(text):g} ms"
    except ValueError:
        return text


def _edges(text: str) -> str:
    """Return the edges of a voxel with its volume; what are no three numbers as it stands."""
    edges = re.findall(r"[\d.]+", text)
    if len(edges) != 3:
        return text
    volume_ml = float(edges[0]) * float(edges[1]) * float(edges[2]) / 1000
    return f"{' × '.join(edges)} mm ({volume_ml:.3g} mL)"


_TIMES = (
    _Part(("RepetitionTime",), "TR {}", "TR", _ms),
    _Part(("EchoTime",), "TE {}", "TE", _ms),
)
_SUPPRESSED = ("WaterSuppressed", "WaterSuppression")
_Item = tuple[str, str, tuple[_Part, ...]]
_ITEMS: tuple[_Item, ...] = (
    ("1a", "Field strength", (_Part(("MagneticFieldStrength", "field_t"), "{} T", "field"),)),
    ("1b", "Manufacturer", (_Part(("Manufacturer",), "{}", "manufacturer"),)),
    (
        "1c",
        "Model and software version",
        (
            _Part(("ManufacturersModelName",), "{}", "model"),
            _Part(("SoftwareVersions",), "software {}", "software version"),
        ),
    ),
    (
        "1d",
        "RF coils: nuclei, transmit and receive coil (its type and body part), channels",
        (
            _Part(("ResonantNucleus",), "{}", "nucleus"),
            _Part(("TxCoil",), "transmit {}", "transmit coil"),
            _Part(("RxCoil", "ReceiveCoilName"), "receive {}", "receive coil"),
            _Part(("NumberReceiveCoilActiveElements", "coils_stored"), "{} channels", "channels"),
        ),
    ),
    ("1e", "Additional hardware", ()),
    (
        "2a",
        "Pulse sequence",
        (
            _Part(("PulseSequenceType", "sequence_recognised"), "{}", "pulse sequence"),
            _Part(("SequenceName",), "named {}"),
            _Part(("PulseSequenceFile",), "file {}"),
            _Part(("PulseSequenceDetails",)),
        ),
    ),
    (
        "2b",
        "Volume of interest: location",
        (_Part(("BodyPart",)), _Part(("BodyPartDetails", "voi"), "{}", "location")),
    ),
    (
        "2c",
        "Volume of interest: nominal size",
        (_Part(("AcquisitionVoxelSize", "voxel_mm"), "{}", "size", _edges),),
    ),
    ("2d", "Repetition time, echo time", (*_TIMES, _Part(("InversionTime",), "TI {}", "", _ms))),
    (
        "2e",
        "Acquisitions of a scan",
        (
            _Part(("transients_stored",), "{} stored"),
            _Part(("NumberOfTransients",), "{} acquired", "number acquired"),
            _Part(("edit_conditions",), "of the conditions {}"),
        ),
    ),
    (
        "2f",
        "Spectral width and number of points",
        (
            _Part(("spectral_width_hz",), "{} Hz", "spectral width"),
            _Part(("points",), "{} points", "points"),
            _Part(("ExcitationFlipAngle", "FlipAngle"), "flip angle {} degrees"),
        ),
    ),
    (
        "2f",
        "Frequency offsets",
        (
            _Part(("TxOffset",), "transmitter {} ppm", "transmitter's offset"),
            _Part(("RxOffset",), "receiver {} ppm"),
            _Part(("SpecFreqChemShift",), "spectrometer frequency at {} ppm"),
        ),
    ),
    (
        "2g",
        "Water suppression",
        (
            _Part(_SUPPRESSED, "used: {}"),
            _Part(("WaterSuppressionType", "WaterSuppressionTechnique"), "{}", "method"),
        ),
    ),
    ("2h", "Shimming method", (_Part(("B0ShimmingTechnique",), "{}", "method"),)),
    ("2h", "Shim: reference peak, threshold of acceptance", ()),
    ("2i", "Triggering", (_Part(("SequenceTriggered",), "{}", "triggering"),)),
    ("2i", "Motion correction during the scan (prospective)", ()),
)
_OF_STEAM: _Item = ("2f", "Mixing time", (_Part(("MixingTime",), "TM {}", "TM", _ms),))
_OF_EDITING: _Item = (
    "2f",
    "Editing",
    (
        _Part(("EditTarget",), "for {}"),
        _Part(("EditPulse",), "pulses {}", "editing pulses"),
    ),
)
_OF_WATER: tuple[_Item, ...] = (
    ("2d", "Water reference: repetition time, echo time", _TIMES),
    (
        "2e",
        "Water reference: acquisitions",
        (
            _Part(("transients_stored",), "{} stored"),
            _Part(("NumberOfTransients",), "{} acquired", "number acquired"),
        ),
    ),
    ("2g", "Water reference: water suppression", (_Part(_SUPPRESSED, "used: {}", "use"),)),
)


def header_items(headers: pd.DataFrame) -> list[ChecklistRow]:
    """Return what headers tell of hardware and acquisition.

    Parameters
    ----------
    headers : DataFrame
        headers.tsv, all of it text: a row a readable file, `image` svs or mrsref.
    """
    spectra, water = (headers[headers["image"] == image] for image in ("svs", "mrsref"))
    items = [*_ITEMS, *_of_sequence(spectra)]
    rows = [_row(spectra, "scan", *item) for item in items]
    if len(water):
        rows += [_row(water, "water reference", *item) for item in _OF_WATER]
    else:
        rows.append(ChecklistRow("2d", "Water reference", "none", "data set"))
    return rows


def _of_sequence(spectra: pd.DataFrame) -> list[_Item]:
    """Return the items that only some sequences have."""
    named = spectra["sequence_recognised"].dropna()
    is_steam = any("steam" in text for text in named)
    items = []
    if is_steam or spectra["MixingTime"].notna().any():
        items.append(_OF_STEAM)
    if spectra[["edit_conditions", "EditPulse", "EditTarget"]].notna().any(axis=None):
        items.append(_OF_EDITING)
    return items


def _row(
    table: pd.DataFrame, what: str, item: str, name: str, parts: tuple[_Part, ...]
) -> ChecklistRow:
    """Return one line; parts that no header has are asked for after those that some have."""
    values = {part: _values(table, part) for part in parts}
    known = {part: texts for part, texts in values.items() if texts.notna().any()}
    lacking = [part for part in parts if part.name and part not in known]
    if not known:
        return ChecklistRow(item, name, unrecorded(*map(_fields, lacking)), BY_HAND)
    shown = pd.DataFrame(
        {
            index: texts.fillna(f"{part.name} not recorded" if part.name else "")
            for index, (part, texts) in enumerate(known.items())
        }
    )
    lines = [
        ", ".join(filter(None, row)) or "not recorded"
        for row in shown.itertuples(index=False, name=None)
    ]
    missing = [f"{part.name}: {unrecorded(_fields(part))}" for part in lacking]
    used = dict.fromkeys(
        _READ_FROM.get(column, column) for part in known for column in _used(table, part)
    )
    source = f"header: {', '.join(used)} ({_files(len(table), what)})"
    return ChecklistRow(item, name, "; ".join([counted(lines), *missing]), source)


def _values(table: pd.DataFrame, part: _Part) -> "pd.Series[str]":
    """Return a part in words for every file, missing where its header does not tell."""
    first = table[list(part.columns)].bfill(axis=1).iloc[:, 0]
    return first.map(lambda text: part.words.format(part.change(text)), na_action="ignore")


def _used(table: pd.DataFrame, part: _Part) -> list[str]:
    """Return the columns that a part was read from, in any file."""
    given = table[list(part.columns)].notna().to_numpy()
    first = given.argmax(axis=1)[given.any(axis=1)]
    return [column for index, column in enumerate(part.columns) if index in first]


def _fields(part: _Part) -> list[str]:
    """Return the fields of a sidecar that would fill a part."""
    return [column for column in part.columns if column not in _READ_FROM]


def _files(n: int, what: str) -> str:
    """Return a number of files in words."""
    return f"{n} {what}{'' if n == 1 else 's'}"
