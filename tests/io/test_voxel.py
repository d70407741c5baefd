import nibabel as nib
import numpy as np
import pytest

from glxflow.io.metadata import read_header
from glxflow.io.nifti_mrs import read_reference, write_series
from glxflow.spectrum import Axis, Series

SCAN = np.array(
    [[19.6, -4.0, 0.0, -12.3], [3.9, 19.1, 4.9, 41.6], [-1.0, -4.8, 29.4, 25.2], [0, 0, 0, 1.0]]
)
"""A voxel of 20 x 20 x 30 mm, oblique."""


@pytest.fixture
def codes_of(tmp_path):
    """Return a function that gives the flags of a water reference at a place."""

    def flags(affine, scan=SCAN):
        series = Series(np.ones((1, 1, 16)), Axis(16, 5e-4, 123.25, 4.65), [0.0], 0.03, 2.0)
        headers = []
        for name, place in (("scan", scan), ("water", affine)):
            write_series(tmp_path / f"{name}.nii.gz", series, place)
            headers.append(read_header(tmp_path / f"{name}.nii.gz"))
        return [flag.code for flag in read_reference(headers[1], headers[0]).flags]

    return flags


def moved(millimetres):
    affine = SCAN.copy()
    affine[:3, 3] += millimetres
    return affine


def test_a_reference_of_the_same_prescription_passes(codes_of):
    assert codes_of(SCAN) == []
    assert codes_of(np.round(SCAN, 1)) == []  # as some consoles print it
    assert codes_of(moved((1.0, 1.0, -1.0))) == []
    # The same box, with its edges named in another order and direction.
    assert codes_of(SCAN[:, [1, 2, 0, 3]] * [1, -1, 1, 1]) == []


@pytest.mark.parametrize(
    "affine",
    [moved((0.0, -70.0, 0.0)), moved((8.0, 0.0, 0.0)), SCAN * [1.0, 1.1, 1.0, 1.0]],
    ids=["elsewhere", "beside", "larger"],
)
def test_a_reference_of_another_voxel_is_flagged(codes_of, affine):
    assert codes_of(affine) == ["water_voxel_differs"]


@pytest.mark.parametrize("size_mm", [1.0, 1e4])
def test_a_file_that_does_not_know_its_place_is_not_compared(codes_of, size_mm):
    nowhere = np.diag([size_mm, size_mm, size_mm, 1.0])
    assert codes_of(nowhere) == []
    assert codes_of(SCAN, scan=nowhere) == []


def test_a_file_without_qform_and_sform_is_not_compared(tmp_path, codes_of):
    codes_of(moved((0.0, -70.0, 0.0)))
    path = tmp_path / "water.nii.gz"
    image = nib.load(path)
    for form in (image.set_qform, image.set_sform):
        form(None, code=0)
    nib.save(image, path)
    scan = read_header(tmp_path / "scan.nii.gz")
    assert read_reference(read_header(path), scan).flags == ()
