"""What the headers of a study say of its hardware and acquisition, as a table of texts.

Names are those of BIDS and NIfTI-MRS; lower-case ones are read off the array and the file name.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glxflow.constants import load
from glxflow.io.metadata import ScanHeader
from glxflow.io.scan_names import LABEL
from glxflow.io.sequence_names import recognised_sequences
from glxflow.io.voxel import voxel_size_mm

# ProtocolName and the like, which operators type, may hold anything and are not among them.
_FIELDS = (
    *("MagneticFieldStrength", "Manufacturer", "ManufacturersModelName", "SoftwareVersions"),
    *("ResonantNucleus", "TxCoil", "RxCoil", "ReceiveCoilName"),
    "NumberReceiveCoilActiveElements",
    *("PulseSequenceType", "SequenceName", "PulseSequenceFile", "PulseSequenceDetails"),
    *("BodyPart", "BodyPartDetails", "AcquisitionVoxelSize"),
    *("RepetitionTime", "EchoTime", "MixingTime", "InversionTime", "NumberOfTransients"),
    *("ExcitationFlipAngle", "FlipAngle", "TxOffset", "RxOffset", "SpecFreqChemShift"),
    *("EditTarget", "EditPulse"),
    *("WaterSuppressed", "WaterSuppression", "WaterSuppressionType", "WaterSuppressionTechnique"),
    *("B0ShimmingTechnique", "SequenceTriggered"),
)
_DERIVED = (
    *("field_t", "coils_stored", "sequence_recognised", "voi", "voxel_mm", "transients_stored"),
    *("edit_conditions", "spectral_width_hz", "points"),
)
HEADER_COLUMNS = ("subject", "session", "image", *_FIELDS, *_DERIVED)
"""Columns of headers.tsv; `image` is svs or mrsref."""


def header_row(header: ScanHeader, conditions: Sequence[str]) -> dict[str, str]:
    """Return what a header says, as text by column; what it does not say has none.

    Parameters
    ----------
    header : ScanHeader
        Of a scan or its water reference. Of it only what a report on hardware and
        acquisition names is passed on: no field that could name a person or a place.
    conditions : sequence of str
        Of the transients of an edited scan; else empty.
    """
    sizes = dict(zip(header.dim_tags, header.shape[4:], strict=True))
    n_coils = sizes.get("DIM_COIL", 1)
    gamma = load("water")["physics"]["gamma_1H_mhz_per_t"]["value"]
    voi = re.search(f"_voi-({LABEL})_", Path(header.path).name)
    derived = {
        "field_t": f"{header.axis.spectrometer_frequency_mhz / gamma:.2f}",
        # One may be what the scanner combined.
        "coils_stored": n_coils if n_coils > 1 else None,
        "sequence_recognised": sorted(recognised_sequences(header.fields)),
        "voi": voi and voi[1],
        "voxel_mm": voxel_size_mm(header),
        "transients_stored": sizes.get("DIM_DYN", 1) * sizes.get("DIM_EDIT", 1),
        "edit_conditions": tuple(dict.fromkeys(conditions)),
        "spectral_width_hz": header.axis.bandwidth_hz,
        "points": header.axis.n_points,
    }
    texts = {name: _text(value) for name, value in derived.items()}
    texts |= {name: _text(header.fields.get(name)) for name in _FIELDS}
    # Of a path the folders may be somebody's home.
    texts["PulseSequenceFile"] = re.split(r"[\\/]", texts["PulseSequenceFile"])[-1]
    return {name: text for name, text in texts.items() if text}


def _text(value: Any) -> str:
    """Return the value of a field on one line; fields of their own hold an object with a Value."""
    if isinstance(value, Mapping):
        if "Value" in value:
            return _text(value["Value"])
        return ", ".join(
            f"{name} ({_text(one)})" if isinstance(one, Mapping) else f"{name} {_text(one)}"
            for name, one in value.items()
        )
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_text, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.8g}"
    return " ".join(str("" if value is None else value).strip('" ').split())
