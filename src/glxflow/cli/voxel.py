"""Where the voxel of a scan lies, for its page: on a T1-weighted image, if there is one."""

from pathlib import Path

import numpy as np

from glxflow.cli.prepared import Prepared, tissue_of
from glxflow.cli.preprocess import PLACE
from glxflow.errors import DataError
from glxflow.io.anatomy import Section, sections_through, share_in_air
from glxflow.io.voxel import edges_mm
from glxflow.report.voxel import Voxel
from glxflow.spectrum import percent

_NO_PLACE = "the header of the scan does not say where its voxel lies (no qform or sform)"
_EARLIER = (
    "the record of preprocessing is by an earlier version, which did not keep where the voxel "
    "lies (run `glxflow preprocess` again)"
)
_NO_IMAGE = (
    "there is no T1-weighted image: expected one as anat/*_T1w.nii.gz of the session or the "
    "participant"
)

_MOST_AIR = 0.5
"""Share of the voxel that may be as dark as air, or not shown: fluid and bone are dark, too."""


def voxel_of(prepared: Prepared, t1w: Path | None) -> Voxel:
    """Return the voxel of a scan with slices of an image, or why there are none.

    What is wrong with the image is said, and stops nothing: no number rests on it.

    Parameters
    ----------
    prepared : Prepared
        With the record, which tells place and tissues.
    t1w : Path or None
        The image.
    """
    place = prepared.record.get(PLACE)
    lacking = [_NO_IMAGE] if t1w is None else []
    if place is None:
        lacking.insert(0, _NO_PLACE if PLACE in prepared.record else _EARLIER)
    sections: tuple[Section, ...] = ()
    if t1w is not None and place is not None:
        try:
            sections = sections_through(t1w, np.array(place))
        except DataError as error:
            lacking = [str(error)]
    return Voxel(
        size_mm=() if place is None else edges_mm(np.array(place)),
        fractions=_fractions(prepared),
        image=t1w.name if t1w else "",
        sections=sections,
        lacking=" and ".join(lacking),
        doubt=_doubt(t1w, sections),
    )


def _doubt(t1w: Path | None, sections: tuple[Section, ...]) -> str:
    """Say so where a voxel that can be drawn lies outside of the head."""
    air = share_in_air(sections) if sections else 0.0
    if air <= _MOST_AIR:
        return ""
    return (
        f"{t1w}: {percent(air)} of the voxel is as dark as air on this image, or beyond it "
        f"(limit {percent(_MOST_AIR)}): it lies outside of the head, or one of them is in other "
        "coordinates. Look at its outline, and take the image of the same visit, as it was "
        "acquired."
    )


def _fractions(prepared: Prepared) -> dict[str, float]:
    """Return the share of each tissue, where it is known; scaling says what is wrong with it."""
    try:
        tissue = tissue_of(prepared)
    except DataError:
        return {}
    if tissue is None:
        return {}
    return {"Grey matter": tissue.gm, "White matter": tissue.wm, "CSF": tissue.csf}
