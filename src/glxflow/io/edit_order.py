"""Which transient of an edited scan is of which condition, as its header says.

NIfTI-MRS has DIM_EDIT for conditions that stand apart, and `EditCondition` for their
names (Clarke et al. 2022, doi:10.1002/mrm.29418). Where they alternate within DIM_DYN,
`EditCondition` holds a name for each transient, or one cycle of them.
"""

import re
from collections.abc import Mapping
from typing import Any

from glxflow.errors import HeaderError
from glxflow.io.metadata import ScanHeader

_LONGEST_CYCLE = 16
_SUBTRACTED = {"DIFF", "DIFFERENCE", "SUM"}


def edit_conditions(header: ScanHeader) -> tuple[str, ...]:
    """Return the condition of each transient in the order of acquisition.

    Parameters
    ----------
    header : ScanHeader
        Of a scan. Names come from the header of DIM_EDIT or DIM_DYN, or from the
        sidecar. Conditions of DIM_EDIT without names are called A, B, ...

    Returns
    -------
    tuple of str
        As long as there are transients; nothing for a scan without editing.

    Raises
    ------
    HeaderError
        If names are no list, their number fits neither the conditions nor the
        transients, or one is that of a difference or sum.
    """
    sizes = dict(zip(header.dim_tags, header.shape[4:], strict=True))
    n_edit, n_dynamic = sizes.get("DIM_EDIT", 1), sizes.get("DIM_DYN", 1)
    names = _names(header, "DIM_EDIT" if n_edit > 1 else "DIM_DYN")
    if n_edit > 1:
        if not names:
            names = tuple(chr(ord("A") + index) for index in range(n_edit))
        if len(names) != n_edit:
            raise _mismatch(header, names, f"DIM_EDIT has {n_edit} conditions")
        return names * n_dynamic
    if len(set(names)) < 2:
        return ()
    if len(names) != n_dynamic and not len(names) <= min(_LONGEST_CYCLE, n_dynamic):
        raise _mismatch(
            header,
            names,
            f"there are {n_dynamic} transients; expected a name for each, or one cycle of at "
            f"most {_LONGEST_CYCLE}",
        )
    return tuple(names[index % len(names)] for index in range(n_dynamic))


def edit_pulse(header: ScanHeader, renamed: Mapping[str, str]) -> dict[str, Any]:
    """Return the editing pulse of each condition by its new name, where the header knows it.

    Parameters
    ----------
    header : ScanHeader
        Of an edited scan.
    renamed : mapping of str to str
        From the header's name of each condition to the new one. A pulse under any other
        name is left out, unless that is a new one.
    """
    pulses = header.fields.get("EditPulse")
    known = pulses if isinstance(pulses, dict) else {}
    named = {renamed.get(key, key): one for key, one in known.items()}
    return {name: named[name] for name in renamed.values() if name in named}


def _names(header: ScanHeader, tag: str) -> tuple[str, ...]:
    """Return the names that the header of a dimension holds, else those of the scan."""
    places: list[Any] = [header.fields.get("EditCondition")]
    if tag in header.dim_tags:
        own = header.fields.get(f"dim_{header.dim_tags.index(tag) + 5}_header")
        places.insert(0, own.get("EditCondition") if isinstance(own, dict) else None)
    found: Any = next((place for place in places if place is not None), [])
    if not isinstance(found, list):
        # Passed over, the conditions would be averaged as if they were one.
        raise HeaderError(
            f'{header.path}: EditCondition is {found!r}, expected a list such as ["OFF", "ON"]. '
            "Correct the sidecar."
        )
    names = tuple(str(name) for name in found)
    for name in names:
        if not _SUBTRACTED.isdisjoint(re.findall("[A-Z]+", name.upper())):
            raise HeaderError(
                f"{header.path}: EditCondition holds '{name}', expected the two conditions as "
                "acquired, such as OFF and ON: their difference and sum are made here. Convert "
                "the raw data again, or store ON = SUM + DIFF / 2 and OFF = SUM - DIFF / 2 where "
                "SUM is half of ON + OFF."
            )
    return names


def _mismatch(header: ScanHeader, names: tuple[str, ...], expected: str) -> HeaderError:
    """Say that the names do not fit the array."""
    return HeaderError(
        f"{header.path}: EditCondition lists {len(names)} names, but {expected}. "
        "Correct the sidecar."
    )
