"""What a converted scan may suffer from although its conversion succeeded."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glxflow.errors import DataError

_INTEGER_LIMITS = (2**15 - 1, 2**15, 2**31 - 1, 2**31)
_WATER_RATIO = 20.0


def check_overflow(source: Path, samples: Any) -> None:
    """Stop where samples lie on the limits of an integer: they wrapped or clipped there."""
    channels = np.abs(np.stack([samples.real, samples.imag]))
    largest = channels.max()
    # Whatever goes beyond a limit was not stored with it.
    limits = [limit for limit in _INTEGER_LIMITS if limit <= largest <= limit + 1]
    at_limit = int(np.isin(channels, np.asarray(limits, dtype=channels.dtype)).sum())
    if at_limit > 1:
        raise DataError(
            f"{source}: {at_limit} samples lie at the limit of an integer "
            f"(largest {largest:.0f}), so that the receiver or the export overflowed. "
            "Lower the receiver gain and scan again, or export as floating point."
        )


def doubts_about(fields: Mapping[str, Any], samples: Any, target: Path) -> list[str]:
    """List what spec2nii is known to get wrong and this file may suffer from."""
    found = []
    name = " ".join(str(fields.get(key, "")) for key in ("ProtocolName", "SequenceName"))
    if re.search(r"s-?laser|semi-?laser", name, flags=re.IGNORECASE):
        found.append(
            f"EchoTime is {fields.get('EchoTime')} s for a semi-LASER ({name.strip()}): make sure "
            "that it is the total echo time and not the first part of it"
        )
    if target.name.endswith("_svs.nii.gz") and samples.ndim > 4:
        first = _transient_sizes(fields, samples)
        if first.size > 1 and first.max() > _WATER_RATIO * max(np.median(first), 1e-300):
            found.append(
                f"{int((first > _WATER_RATIO * np.median(first)).sum())} of {first.size} "
                "transients are far stronger than the rest: unsuppressed water may be stored "
                "inside the metabolite scan"
            )
    return found


def _transient_sizes(fields: Mapping[str, Any], samples: Any) -> Any:
    """Return the first sample of each transient, (n_transients,), over all coils."""
    first = np.abs(samples[0, 0, 0, 0])
    tags = [fields.get(f"dim_{dimension}") for dimension in range(5, samples.ndim + 1)]
    if "DIM_COIL" in tags:
        first = np.linalg.norm(first, axis=tags.index("DIM_COIL"))
    return first.reshape(-1)
