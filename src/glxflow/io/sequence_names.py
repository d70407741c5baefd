"""Recognise the pulse sequence in the names that scanners and their users give it."""

import re
from collections.abc import Mapping
from typing import Any

_TECHNICAL = ("PulseSequenceType", "SequenceName", "PulseSequenceFile")
"""Fields that hold nothing but the name of the sequence."""

_FREE = "ProtocolName"
"""What the operator typed, which need not name the sequence."""

_EDITED = re.compile(r"(?<![a-z])(mega|hermes|hercules|m-?press)|svs_edit", re.I)
_MEGA_PRESS = re.compile(r"(?<![a-z])m(ega)?[-_ ]?press|svs_edit", re.I)
# Siemens calls PRESS "se" (spin echo) and STEAM "st"; GE, PROBE-P and PROBE-S.
_PLAIN = {
    "press": re.compile(r"(?<![a-z])press|svs_se(?![a-z])|probe-?p(?![a-z])", re.I),
    "steam": re.compile(r"(?<![a-z])steam|svs_st(?![a-z])|probe-?s(?![a-z])", re.I),
    "slaser": re.compile(r"(?<![a-z])s(emi)?[-_ ]?laser", re.I),
    "special": re.compile(r"(?<![a-z])special(?![a-z])", re.I),
}


def sequence_names(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return what the metadata of a scan call its sequence, by field.

    The protocol's name is among them only where a sequence is recognised in it.

    Parameters
    ----------
    fields : mapping
        Header and sidecar. Fields that NIfTI-MRS does not define hold an object with a Value.
    """
    texts = {field: _text(fields.get(field)) for field in (*_TECHNICAL, _FREE)}
    return {
        field: text
        for field, text in texts.items()
        if text and (field in _TECHNICAL or sequences_in(text) or _EDITED.search(text))
    }


def sequences_in(name: str) -> set[str]:
    """Return the sequences, as `glxflow basis simulate` calls them, that a name stands for.

    Several where it is ambiguous; none where it is unknown, or an editing sequence other
    than MEGA-PRESS, whose name may hold that of its localisation.
    """
    if _EDITED.search(name):
        return {"megapress"} if _MEGA_PRESS.search(name) else set()
    return {sequence for sequence, pattern in _PLAIN.items() if pattern.search(name)}


def recognised_sequences(fields: Mapping[str, Any]) -> set[str]:
    """Return the sequences that any name in the metadata of a scan stands for.

    Parameters
    ----------
    fields : mapping
        As of `sequence_names`.
    """
    names = sequence_names(fields).values()
    return {sequence for name in names for sequence in sequences_in(name)}


def _text(value: Any) -> str:
    """Return the text of a field; empty where there is none."""
    content = value.get("Value", "") if isinstance(value, Mapping) else value
    return content.strip() if isinstance(content, str) else ""
