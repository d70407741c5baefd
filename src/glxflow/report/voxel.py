"""The voxel on three slices of an image, as pictures that need neither network nor script."""

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from glxflow.spectrum import RealArray, percent

_FRAME_MM = 14.0
"""White around a slice, for the letters at its sides."""


class Section(Protocol):
    """A slice with the outline of the voxel; `glxflow.io.anatomy.Section` is one."""

    @property
    def view(self) -> str:
        """How the slice lies: sagittal, coronal or axial."""

    @property
    def grey(self) -> NDArray[np.uint8]:
        """Pixels from the top left, (n_rows, n_columns)."""

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height."""

    @property
    def outline_mm(self) -> RealArray:
        """Corners of the outline from the top left, (n_corners, 2)."""

    @property
    def sides(self) -> tuple[str, str, str, str]:
        """Letters for left, right, top and bottom."""


@dataclass(frozen=True, slots=True)
class Voxel:
    """Where the spectra are from, and what is in there.

    Attributes
    ----------
    size_mm : tuple of float
        Lengths of its edges; empty where the scan does not tell.
    fractions : mapping
        Share of each tissue by its name, from 0 to 1; empty where unknown.
    image : str
        Name of the image.
    sections : sequence of Section
        Slices through its centre; none where they cannot be drawn.
    lacking : str
        Why there are none; empty where there are.
    doubt : str
        Why the place may be wrong; empty where nothing speaks against it.
    """

    size_mm: tuple[float, ...]
    fractions: Mapping[str, float]
    image: str
    sections: Sequence[Section]
    lacking: str
    doubt: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with an image that was given, or with the voxel on it."""
        lacking = self.lacking if self.image else ""
        return tuple(one for one in (lacking, self.doubt) if one)


def voxel_view(voxel: Voxel) -> dict[str, Any]:
    """Return what the template shows of a voxel."""
    return {
        "facts": _facts(voxel),
        "slices": [_slice(section) for section in voxel.sections],
        "image": voxel.image,
        "lacking": voxel.lacking,
        "doubt": voxel.doubt,
    }


def _facts(voxel: Voxel) -> dict[str, str]:
    """Return size and tissues in words."""
    facts = {}
    if voxel.size_mm:
        edges = " × ".join(f"{edge:.3g}" for edge in voxel.size_mm)
        facts["Size"] = f"{edges} mm, {np.prod(voxel.size_mm) / 1000:.3g} mL"
    if voxel.fractions:
        return facts | {name: percent(share) for name, share in voxel.fractions.items()}
    unknown = "not known: no usable TissueFractions in the sidecar of the scan"
    return facts | {"Tissue fractions": f"{unknown}. What becomes of water scaling is said above."}


def _slice(section: Section) -> dict[str, Any]:
    """Return a slice as the parts of an SVG picture, in mm."""
    width, height = section.size_mm
    left, right, top, bottom = section.sides
    half = _FRAME_MM / 2
    return {
        "view": section.view,
        "width": f"{width + 2 * _FRAME_MM:.1f}",
        "box": f"{-_FRAME_MM:g} {-_FRAME_MM:g} {width + 2 * _FRAME_MM:.1f} "
        f"{height + 2 * _FRAME_MM:.1f}",
        "image": {
            "width": f"{width:.2f}",
            "height": f"{height:.2f}",
            "href": f"data:image/png;base64,{base64.b64encode(png(section.grey)).decode()}",
        },
        "outline": " ".join(f"{x:.2f},{y:.2f}" for x, y in section.outline_mm),
        "letters": [
            (f"{x:.1f}", f"{y:.1f}", letter)
            for x, y, letter in (
                (-half, height / 2, left),
                (width + half, height / 2, right),
                (width / 2, -half, top),
                (width / 2, height + half, bottom),
            )
        ],
    }


def png(grey: NDArray[np.uint8]) -> bytes:
    """Return a picture of one byte a pixel as a PNG file.

    Parameters
    ----------
    grey : (n_rows, n_columns) uint8 ndarray
        Pixels from the top left, 0 black.

    References
    ----------
    Portable Network Graphics (PNG) Specification, W3C: chunks in 5, filters in 9.
    """
    n_rows, n_columns = grey.shape
    # Filter 2: each row as what it adds to the one above, modulo 256, packs a fifth better.
    rows = np.diff(grey, axis=0, prepend=np.zeros((1, n_columns), dtype=np.uint8))
    lines = np.concatenate([np.full((n_rows, 1), 2, dtype=np.uint8), rows], axis=1)
    header = struct.pack(">IIBBBBB", n_columns, n_rows, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
