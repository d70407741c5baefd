"""The samples of a NIfTI-MRS file in the order of their acquisition."""

import nibabel as nib
import numpy as np
from nifti_mrs.nifti_mrs import NIFTI_MRS
from nifti_mrs.validator import Error as NiftiMrsError

from glxflow.errors import DataError, HeaderError
from glxflow.io.metadata import ScanHeader
from glxflow.spectrum import UNREADABLE, BoolArray, ComplexArray, Flag, RealArray, Step

_LARGEST_ZERO_SHARE = 0.05
_READ_DIMENSIONS = ("DIM_COIL", "DIM_DYN", "DIM_EDIT")


def read_acquired(header: ScanHeader) -> tuple[ComplexArray, RealArray, BoolArray]:
    """Return samples in the order of acquisition, their onsets, and which are readable.

    Parameters
    ----------
    header : ScanHeader
        Of the file. Conditions of DIM_EDIT alternate within each of its transients.

    Returns
    -------
    samples : (n_coils, n_transients, n_points) complex ndarray
        As stored, in the package's sign and the precision of the file, without zeros that
        they were filled up with: these hold no noise, which would then be told too small.
    onset_s : (n_transients,) ndarray
        Start of each, in s.
    finite : (n_transients,) bool ndarray
        Which are finite throughout.

    Raises
    ------
    DataError
        If none is.
    """
    samples = _ordered(header, _stored_samples(header))
    finite = np.asarray(np.isfinite(samples).all(axis=(0, 2)))
    if not finite.any():
        raise DataError(
            f"{header.path}: every one of {finite.size} transients holds NaN or infinity. "
            "Convert the raw data again."
        )
    samples = samples[..., : _n_acquired(samples, finite)]
    return samples, onsets(header, samples.shape[1]), finite


def _n_acquired(samples: ComplexArray, finite: BoolArray) -> int:
    """Return how many points a transient has without the zeros that it was filled up with."""
    # NaN is no zero: an unreadable transient would hide the zeros of all others.
    filled = np.flatnonzero(samples.any(axis=(0, 1), where=finite[:, np.newaxis]))
    n_points: int = samples.shape[2]
    n_zeros = n_points - 1 - int(filled[-1]) if filled.size else 0
    return n_points - n_zeros if n_zeros > _LARGEST_ZERO_SHARE * n_points else n_points


def _stored_samples(header: ScanHeader) -> ComplexArray:
    """Return the array as stored, in the package's sign."""
    try:
        # In the precision of the file: a session of 32 coils is 160 MB, and the record
        # makes the one copy in double precision.
        samples = np.asarray(NIFTI_MRS(header.path)[:])
    except NiftiMrsError as error:
        raise HeaderError(
            f"{header.path}: the header breaks the NIfTI-MRS standard ({error}). "
            "Convert the raw data again with a current spec2nii."
        ) from error
    except (EOFError, OSError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise DataError(
            f"{header.path}: the samples cannot be read ({error}). "
            "The file is truncated or damaged: copy it again and compare its size."
        ) from error
    return samples.reshape(header.shape)


def _ordered(header: ScanHeader, stored: ComplexArray) -> ComplexArray:
    """Return samples as (n_coils, n_transients, n_points), transients as acquired."""
    sizes = dict(zip(header.dim_tags, header.shape[4:], strict=True))
    unknown = {
        tag: size for tag, size in sizes.items() if tag not in _READ_DIMENSIONS and size > 1
    }
    if unknown:
        raise DataError(
            f"{header.path}: dimensions {unknown} besides coils, transients and editing "
            "(DIM_COIL, DIM_DYN, DIM_EDIT) are not understood here. Split the file along them "
            "with `mrs_tools split`."
        )
    voxel = stored[0, 0, 0]
    order = [header.dim_tags.index(tag) + 1 for tag in _READ_DIMENSIONS if tag in header.dim_tags]
    rest = [axis for axis in range(1, voxel.ndim) if axis not in order]
    moved = voxel.transpose(*order, *rest, 0)
    # Conditions alternate within a transient of DIM_DYN, as they are acquired.
    ordered: ComplexArray = moved.reshape(sizes.get("DIM_COIL", 1), -1, header.shape[3])
    return ordered


def onsets(header: ScanHeader, n_transients: int) -> RealArray:
    """Return the start of each transient, from VolumeTiming, else from TR x index.

    Parameters
    ----------
    header : ScanHeader
        Of the file.
    n_transients : int
        How many it stores.

    Raises
    ------
    DataError
        If VolumeTiming lists another number.
    """
    timing = header.volume_timing_s
    if timing is None:
        if n_transients == 1:
            return np.zeros(1)
        return np.arange(n_transients, dtype=np.float64) * header.repetition_time_s
    if len(timing) != n_transients:
        raise DataError(
            f"{header.path}: VolumeTiming lists {len(timing)} onsets for {n_transients} "
            "transients. Correct the sidecar."
        )
    return np.array(timing)


def done_on_reading(
    header: ScanHeader, finite: BoolArray, n_points: int
) -> tuple[tuple[Step, ...], tuple[Flag, ...]]:
    """Return steps and flags that say what of a file is not used; none if all of it is.

    Parameters
    ----------
    header : ScanHeader
        Of the file.
    finite : (n_transients,) bool ndarray
        Which transients are used.
    n_points : int
        How many points of each.
    """
    steps: list[Step] = []
    flags: list[Flag] = []
    name, stored = header.path.name, header.axis.n_points
    if n_points < stored:
        text = f"{name}: the last {stored - n_points} of {stored} points hold only zeros"
        steps.append(Step("Removal of zero-filling", f"{text} and are left out."))
    if not finite.all():
        bad = ", ".join(str(index) for index in np.flatnonzero(~finite))
        text = (
            f"{name}: {(~finite).sum()} of {finite.size} transients hold NaN or infinity and are "
            f"left out (counted from 0: {bad}). Convert the raw data again to regain them."
        )
        steps.append(Step(UNREADABLE, text))
        flags.append(Flag("unreadable_transients", text))
    return tuple(steps), tuple(flags)
