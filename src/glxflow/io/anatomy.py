"""Three slices of a T1-weighted image through a voxel of spectroscopy, with its outline."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from glxflow.errors import DataError
from glxflow.io.images import NIBABEL_ERRORS, open_nifti, unreadable
from glxflow.spectrum import RealArray

MOST_PIXELS = 192
"""Pixels along the longest side of a slice: enough to place a voxel, and a small page."""

# Their functions have no annotations.
_ORIENTATIONS: Any = nib.orientations
_NIFTI: Any = nib.Nifti1Pair
_VIEWS = ("sagittal", "coronal", "axial")
_ENDS = (("L", "R"), ("P", "A"), ("I", "S"))
_SCANNER = (1, 2)
"""NIfTI codes of coordinates in the scanner; others are of a template."""

_REAL = "iuf"
"""Kinds of numbers, by numpy, that can be greys."""

_GREYS = (1.0, 99.0)
"""Percentiles of the slices that are drawn black and white."""

_AIR = 0.1
"""Share of the scale below which a pixel is as dark as air; CSF is brighter."""

_N_POINTS = 40
"""Points a side at which the grey in an outline is looked up: to 1 % of its area."""


@dataclass(frozen=True, slots=True)
class Section:
    """A slice of an image, as seen with superior or anterior on top.

    Attributes
    ----------
    view : str
        sagittal, coronal or axial, whichever is nearest.
    grey : (n_rows, n_columns) uint8 ndarray
        Pixels, from the top left.
    size_mm : tuple of float
        Width and height.
    outline_mm : (n_corners, 2) ndarray
        Where the slice cuts the surface of the voxel: the corners in order, to the right
        and down from the top left.
    sides : tuple of str
        What is at the left, right, top and bottom: L, R, A, P, S or I.
    """

    view: str
    grey: NDArray[np.uint8]
    size_mm: tuple[float, float]
    outline_mm: RealArray
    sides: tuple[str, str, str, str]


def sections_through(path: Path, voxel: RealArray) -> tuple[Section, ...]:
    """Return the slices of an image that are nearest to a voxel's centre.

    They are along the image's own axes, so that nothing is interpolated across them.

    Parameters
    ----------
    path : Path
        Image of one volume, NIfTI.
    voxel : (4, 4) ndarray
        From the voxel, which is 1 wide and centred on 0, to scanner coordinates, in mm.

    Raises
    ------
    DataError
        If the image cannot be read, does not say where in the scanner it lies, or lies
        elsewhere.
    """
    image = open_nifti(path)
    affine, turn = _place(path, image)
    upright = affine @ _ORIENTATIONS.inv_ornt_aff(turn, image.shape[:3])
    shape = np.array(image.shape[:3])[np.argsort(turn[:, 0])]
    to_image = np.linalg.solve(upright, voxel)
    centre = to_image[:3, 3]
    _refuse_elsewhere(path, upright, shape, centre)
    indices = np.clip(np.rint(centre), 0, shape - 1).astype(int)
    try:
        planes = [_plane(image, turn, across, int(indices[across])) for across in range(3)]
    except NIBABEL_ERRORS as error:
        raise unreadable(path, error) from error
    spacing_mm = np.linalg.norm(upright[:3, :3], axis=0)
    greys = _greys(path, planes, spacing_mm)
    return tuple(
        _section(across, greys[across], to_image, indices, shape, spacing_mm)
        for across in range(3)
    )


def share_in_air(sections: Sequence[Section]) -> float:
    """Return how much of a voxel is as dark as air or beyond the image, from 0 to 1.

    Parameters
    ----------
    sections : sequence of Section
        The slices through it.
    """
    dark = np.concatenate([_greys_inside(one) for one in sections]) < _AIR * 255
    return float(dark.mean())


def _greys_inside(section: Section) -> NDArray[np.integer]:
    """Return the grey at points that fill an outline, which is convex; 0 beyond the image."""
    (n_rows, n_columns), (width, height) = section.grey.shape, section.size_mm
    outline = section.outline_mm
    share = ((np.arange(_N_POINTS) + 0.5) / _N_POINTS)[:, np.newaxis]
    right, down = (outline.min(axis=0) + share * np.ptp(outline, axis=0)).T
    down = down[:, np.newaxis]
    ends = zip(outline, np.roll(outline, -1, axis=0), strict=True)
    # On which side of each edge: of all the same one.
    turns = np.array(
        [(to[0] - at[0]) * (down - at[1]) - (to[1] - at[1]) * (right - at[0]) for at, to in ends]
    )
    is_inside = (turns >= 0).all(axis=0) | (turns <= 0).all(axis=0)
    row = np.floor(down * n_rows / height).astype(int)
    column = np.floor(right * n_columns / width).astype(int)
    is_shown = (row >= 0) & (row < n_rows) & (column >= 0) & (column < n_columns)
    greys = section.grey[row.clip(0, n_rows - 1), column.clip(0, n_columns - 1)]
    return np.where(is_shown, greys, 0)[is_inside]


def _place(path: Path, image: Any) -> tuple[RealArray, RealArray]:
    """Return the affine of an image to scanner coordinates, and how its axes lie there."""
    is_volume = len(image.shape) > 2 and all(size == 1 for size in image.shape[3:])
    # Colours and complex numbers are no greys, and other formats know no codes of coordinates.
    if not (is_volume and isinstance(image, _NIFTI) and image.get_data_dtype().kind in _REAL):
        raise DataError(
            f"{path}: an image of shape {image.shape} and type {image.get_data_dtype()}, expected "
            "one volume of real numbers as NIfTI. Give the T1-weighted image itself."
        )
    try:
        forms = (image.get_sform(coded=True), image.get_qform(coded=True))
    except NIBABEL_ERRORS as error:
        raise unreadable(path, error) from error
    for affine, code in forms:
        if code in _SCANNER and np.isfinite(affine).all():
            # Of an axis that has no direction it is NaN.
            turn = _ORIENTATIONS.io_orientation(affine)
            if np.isfinite(turn).all():
                return np.asarray(affine, dtype=np.float64), turn
    raise DataError(
        f"{path}: it does not say where in the scanner it lies (sform code {forms[0][1]}, qform "
        f"code {forms[1][1]}, expected one of them to be 1 or 2, of three axes). Take the image "
        "as it was acquired, not one that was moved to a template."
    )


def _refuse_elsewhere(
    path: Path, affine: RealArray, shape: NDArray[np.integer], centre: RealArray
) -> None:
    """Stop where the centre of the voxel, in pixels, is outside of the image."""
    nearest = np.clip(centre, -0.5, shape - 0.5)
    apart_mm = float(np.linalg.norm(affine[:3, :3] @ (centre - nearest)))
    if not apart_mm <= 0:  # as NaN is not, either
        raise DataError(
            f"{path}: the centre of the voxel lies {apart_mm:.0f} mm outside of this image, so "
            "that one of them is in other coordinates. Take the image of the same visit, as it "
            "was acquired, or correct the orientation in the header of the scan."
        )


def _plane(image: Any, turn: RealArray, across: int, index: int) -> RealArray:
    """Return the pixels of one slice; both axes run to the right, anterior or superior.

    Only this slice is read, as far as compression lets one.
    """
    own = int(np.flatnonzero(turn[:, 0] == across)[0])
    is_reversed = turn[own, 1] < 0
    at: list[Any] = [slice(None)] * 3 + [0] * (len(image.shape) - 3)
    at[own] = image.shape[own] - 1 - index if is_reversed else index
    # What a spoilt file holds may be no number.
    with np.errstate(invalid="ignore"):
        pixels = np.asarray(image.dataobj[tuple(at)], dtype=np.float64)
    pixels = np.where(np.isfinite(pixels), pixels, 0.0)
    rest = np.delete(turn, own, axis=0)
    # An image that is stored from right to left is read backwards.
    pixels = pixels[:: int(rest[0, 1]), :: int(rest[1, 1])]
    return pixels if rest[0, 0] < rest[1, 0] else pixels.T


def _greys(path: Path, planes: list[RealArray], spacing_mm: RealArray) -> list[NDArray[np.uint8]]:
    """Return the slices as pictures from the top left, in pixels of one size and one scale."""
    low, high = np.percentile(np.concatenate([plane.ravel() for plane in planes]), _GREYS)
    if not high > low:
        raise DataError(
            f"{path}: it shows nothing around the voxel: all is {low:g}. Copy or convert it again."
        )
    sides_mm = [plane.shape * np.delete(spacing_mm, at) for at, plane in enumerate(planes)]
    pixel_mm = max(np.max(sides_mm) / MOST_PIXELS, spacing_mm.min())
    pictures = []
    for plane, size_mm in zip(planes, sides_mm, strict=True):
        n_wide, n_high = np.maximum(np.rint(size_mm / pixel_mm), 1).astype(int)
        wide, tall = (_averages(*pair) for pair in zip(plane.shape, (n_wide, n_high), strict=True))
        share = np.clip((wide @ plane @ tall.T - low) / (high - low), 0.0, 1.0)
        pictures.append(np.rint(255 * share.T[::-1]).astype(np.uint8))
    return pictures


def _averages(n_pixels: int, n_fewer: int) -> RealArray:
    """Return the share of each pixel in each larger one, (n_fewer, n_pixels)."""
    edges = np.linspace(0.0, n_pixels, n_fewer + 1)
    pixels = np.arange(n_pixels)
    ends = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares = np.clip(ends, 0.0, None)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _section(
    across: int,
    grey: NDArray[np.uint8],
    to_image: RealArray,
    indices: NDArray[np.integer],
    shape: NDArray[np.integer],
    spacing_mm: RealArray,
) -> Section:
    """Return a slice with the outline of the voxel on it, from the top left, in mm."""
    wide, tall = (axis for axis in range(3) if axis != across)
    corners = _cut(to_image, across, float(indices[across]))
    if not len(corners):
        # The middle of a thick slice may miss a voxel that lies within its thickness.
        corners = _cut(to_image, across, float(to_image[across, 3]))
    corners = corners[:, [wide, tall]]
    # The middle of the first pixel is 0, its edge is half a pixel before.
    right = (corners[:, 0] + 0.5) * spacing_mm[wide]
    down = (shape[tall] - 0.5 - corners[:, 1]) * spacing_mm[tall]
    return Section(
        view=_VIEWS[across],
        grey=grey,
        size_mm=(float(shape[wide] * spacing_mm[wide]), float(shape[tall] * spacing_mm[tall])),
        outline_mm=np.column_stack([right, down]),
        sides=(*_ENDS[wide], _ENDS[tall][1], _ENDS[tall][0]),
    )


def _cut(to_image: RealArray, across: int, index: float) -> RealArray:
    """Return where a plane of the image cuts the edges of the voxel, in order around it.

    Parameters
    ----------
    to_image : (4, 4) ndarray
        From the voxel to pixels of the image.
    across : int
        Axis that the plane is perpendicular to.
    index : float
        Where on that axis, in pixels.

    Returns
    -------
    (n_corners, 3) ndarray
        Three to six corners, in pixels; none where the voxel does not reach the plane.
    """
    signs = np.array(list(product((-0.5, 0.5), repeat=3)))
    ends = signs @ to_image[:3, :3].T + to_image[:3, 3]
    # An edge joins two corners that differ in one of the voxel's coordinates.
    edges = [
        (one, other)
        for one, other in product(range(8), repeat=2)
        if one < other and (signs[one] != signs[other]).sum() == 1
    ]
    crossings = []
    for one, other in edges:
        before, after = ends[one, across] - index, ends[other, across] - index
        if (before < 0) != (after < 0):
            crossings.append(ends[one] + before / (before - after) * (ends[other] - ends[one]))
    if not crossings:
        return np.empty((0, 3))
    corners = np.array(crossings)
    around = np.delete(corners - corners.mean(axis=0), across, axis=1)
    return np.asarray(corners[np.argsort(np.arctan2(around[:, 1], around[:, 0]))])
