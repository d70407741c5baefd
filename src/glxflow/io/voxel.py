"""Whether two scans are of one voxel, by what their headers say of its place."""

import numpy as np

from glxflow.io.metadata import ScanHeader
from glxflow.spectrum import Flag, RealArray, percent

_LARGEST_CHANGE_OF_SIZE = 0.05
_LEAST_SHARED = 0.75
_KNOWN_ML = (0.1, 1000.0)
_N_STEPS = 11


def voxel_flags(scan: ScanHeader, water: ScanHeader) -> tuple[Flag, ...]:
    """Return a flag where a water reference is of another voxel than the scan.

    Files that do not know their place (no qform or sform, or the 1 mm or 10 m of converters
    that were not told) are not compared.

    Parameters
    ----------
    scan, water : ScanHeader
        Of both files.
    """
    if voxel_size_mm(scan) is None or voxel_size_mm(water) is None:
        return ()
    sizes_ml = [_volume_ml(header.affine) for header in (scan, water)]
    shared = _shared(scan.affine, water.affine)
    if abs(sizes_ml[1] / sizes_ml[0] - 1) <= _LARGEST_CHANGE_OF_SIZE and shared >= _LEAST_SHARED:
        return ()
    apart_mm = np.linalg.norm(water.affine[:3, 3] - scan.affine[:3, 3])
    return (
        Flag(
            "water_voxel_differs",
            f"the water reference is of another voxel: {sizes_ml[1]:.1f} mL, that of the spectra "
            f"{sizes_ml[0]:.1f} mL (limit: {percent(_LARGEST_CHANGE_OF_SIZE)} apart), its centre "
            f"{apart_mm:.0f} mm away, {percent(shared)} of it shared (limit "
            f"{percent(_LEAST_SHARED)}). It is not used, neither for weights nor for eddy "
            "currents nor to scale by. Take the reference of this voxel.",
        ),
    )


def voxel_size_mm(header: ScanHeader) -> tuple[float, ...] | None:
    """Return the edges of a voxel, in mm; None where the file does not know its place or size.

    Parameters
    ----------
    header : ScanHeader
        Of the scan.
    """
    low, high = _KNOWN_ML
    if not (header.is_placed and low <= _volume_ml(header.affine) <= high):
        return None
    return tuple(round(edge, 2) for edge in edges_mm(header.affine))


def edges_mm(affine: RealArray) -> tuple[float, ...]:
    """Return the edges of a voxel, along its own axes, in mm."""
    return tuple(np.linalg.norm(affine[:3, :3], axis=0).tolist())


def _volume_ml(affine: RealArray) -> float:
    """Return the volume of a voxel, in mL."""
    return float(abs(np.linalg.det(affine[:3, :3]))) / 1000


def _shared(one: RealArray, other: RealArray) -> float:
    """Return the share of the larger voxel that lies in both, whatever the order of their axes."""
    inner, outer = sorted((one, other), key=_volume_ml)
    middles = (np.arange(_N_STEPS) + 0.5) / _N_STEPS - 0.5
    grid = np.stack(np.meshgrid(middles, middles, middles, [1.0]), axis=-1).reshape(-1, 4)
    within = np.linalg.solve(outer, inner @ grid.T)[:3]
    share = (np.abs(within) <= 0.5).all(axis=0).mean()
    return float(share) * _volume_ml(inner) / _volume_ml(outer)
