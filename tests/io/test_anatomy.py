"""The voxel on an image: against a box that is painted where the voxel is."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from glxflow.errors import DataError
from glxflow.io.anatomy import MOST_PIXELS, sections_through, share_in_air

ANGLES = (0.4, -0.3, 0.25)
"""Of an oblique voxel, in radians: no edge of it is parallel to an axis."""


def turned(angles):
    """Return a rotation as a product of three about the axes."""
    rotation = np.eye(3)
    for axis, angle in enumerate(angles):
        one = np.eye(3)
        a, b = (at for at in range(3) if at != axis)
        one[[a, a, b, b], [a, b, a, b]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        rotation = one @ rotation
    return rotation


def placed(rotation, sizes_mm, centre_mm):
    affine = np.eye(4)
    affine[:3, :3] = rotation * sizes_mm
    affine[:3, 3] = centre_mm
    return affine


SIZES_MM = np.array([26.0, 20.0, 34.0])
CENTRE_MM = np.array([12.0, -31.0, 20.0])
VOXEL = placed(turned(ANGLES), SIZES_MM, CENTRE_MM)


def stored(shape=(96, 110, 100), spacing_mm=(1.3, 1.1, 1.5), angles=(0.05, -0.1, 0.08)):
    """Return an affine of an image whose middle lies near 0."""
    affine = placed(turned(angles), np.array(spacing_mm), np.zeros(3))
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) / 2)
    return affine


def within(points_mm):
    """Tell which points lie in the voxel, by their distances along its edges."""
    along = (points_mm - CENTRE_MM) @ turned(ANGLES)
    return (np.abs(along) <= SIZES_MM / 2).all(axis=-1)


@pytest.fixture
def write_t1(tmp_path):
    """Return a writer of a dim image with a bright box where the voxel is."""

    def write(shape=(96, 110, 100), affine=None, name="t1.nii", dtype=np.float32, **codes):
        affine = stored(shape) if affine is None else affine
        grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
        points_mm = grid @ affine[:3, :3].T + affine[:3, 3]
        ramp = 0.2 + 0.001 * points_mm.sum(axis=-1)
        samples = (100 * np.where(within(points_mm), 1.0, ramp)).astype(dtype)
        image = nib.Nifti1Image(samples, affine)
        image.set_sform(affine, code=codes.get("sform", 1))
        image.set_qform(affine, code=codes.get("qform", 1))
        nib.save(image, tmp_path / name)
        return tmp_path / name

    return write


def inside_of(outline, points):
    """Tell which points are in a convex polygon: on one side of all of its edges."""
    edges = np.roll(outline, -1, axis=0) - outline
    to_points = points[:, None] - outline
    turns = edges[:, 0] * to_points[..., 1] - edges[:, 1] * to_points[..., 0]
    return (turns >= 0).all(axis=1) | (turns <= 0).all(axis=1)


def middles(section):
    """Return where the middles of the pixels of a slice are, in mm from the top left."""
    rows, columns = section.grey.shape
    x = (np.arange(columns) + 0.5) * section.size_mm[0] / columns
    y = (np.arange(rows) + 0.5) * section.size_mm[1] / rows
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_a_voxel_in_air_is_that_of_dark_pixels(tmp_path, share):
    # An upright voxel of 20 mm in an image of 1 mm: all beyond a plane is air, with some noise.
    affine = placed(np.eye(3), np.ones(3), np.full(3, -40.0))
    right_mm = np.arange(80) - 40.0
    samples = np.random.default_rng(1).uniform(0, 4, size=(80, 80, 80))
    samples[right_mm < 10.0 - 20.0 * share] = 100.0
    image = nib.Nifti1Image(samples.astype(np.float32), affine)
    image.set_sform(affine, code=1)
    nib.save(image, tmp_path / "t1.nii")
    voxel = placed(np.eye(3), np.full(3, 20.0), np.full(3, -0.5))
    # The sagittal slice through the centre is in the head or in air, whole.
    expected = (2 * share + (share > 0.5)) / 3
    found = share_in_air(sections_through(tmp_path / "t1.nii", voxel))
    assert found == pytest.approx(expected, abs=0.05)


@pytest.fixture
def upright(tmp_path):
    """Return a writer of samples as an upright image whose middle is at 0."""

    def write(samples, spacing_mm, kind=nib.Nifti1Image, name="t1.nii"):
        affine = placed(np.eye(3), np.array(spacing_mm), np.zeros(3))
        affine[:3, 3] = -affine[:3, :3] @ ((np.array(samples.shape[:3]) - 1) / 2)
        image = kind(samples, affine)
        if kind is nib.Nifti1Image:
            image.set_sform(affine, code=1)
        nib.save(image, tmp_path / name)
        return tmp_path / name

    return write


def bright(shape):
    """Return a head that fills the image, with some darker pixels at the left end."""
    samples = np.full(shape, 100.0, dtype=np.float32)
    samples[:2] = 0.0
    return samples


@pytest.mark.parametrize("right_mm", [20.0, 35.0, 39.0])
def test_what_lies_beyond_the_image_is_no_head(upright, right_mm):
    path = upright(bright((80, 80, 80)), (1, 1, 1))  # ends at 40 mm
    voxel = placed(np.eye(3), np.full(3, 20.0), [right_mm, 0, 0])
    found = share_in_air(sections_through(path, voxel))
    # The sagittal slice has all of the voxel; of the others a part is beyond the edge.
    beyond = max(right_mm + 10 - 40, 0) / 20
    assert found == pytest.approx(2 * beyond / 3, abs=0.02)


@pytest.mark.parametrize("up_mm", [14.0, -14.0])
def test_a_voxel_between_the_middles_of_thick_slices_has_its_outline(upright, up_mm):
    """As on the few slices of a localiser: the nearest one is 14 mm from the centre."""
    path = upright(bright((64, 64, 3)), (1, 1, 30))
    sections = sections_through(path, placed(np.eye(3), [20.0, 16.0, 10.0], [0, 0, up_mm]))
    axial = sections[2]
    np.testing.assert_allclose(np.ptp(axial.outline_mm, axis=0), [20, 16], atol=1e-4)
    np.testing.assert_allclose(axial.outline_mm.mean(axis=0), [32, 32], atol=1e-4)
    assert share_in_air(sections) == 0


def test_a_voxel_smaller_than_a_pixel_has_the_grey_of_that_pixel(upright):
    samples = bright((20, 20, 20))
    samples[10, 10, 10] = 0.0
    path = upright(samples, (12, 12, 12))
    for middle_mm, expected in ((6.0, 1.0), (-6.0, 0.0)):
        voxel = placed(np.eye(3), np.full(3, 5.0), np.full(3, middle_mm))
        assert share_in_air(sections_through(path, voxel)) == expected


RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


@pytest.mark.parametrize(
    ("samples", "kind", "name"),
    [
        (np.zeros((9, 9, 9), dtype=RGB), nib.Nifti1Image, "colours.nii"),
        (np.ones((9, 9, 9), dtype=np.complex64), nib.Nifti1Image, "complex.nii"),
        (bright((9, 9, 9)), nib.MGHImage, "freesurfer.mgz"),
    ],
)
def test_what_is_no_image_of_greys_in_nifti_is_refused(upright, samples, kind, name):
    path = upright(samples, (4, 4, 4), kind, name)
    with pytest.raises(DataError, match="expected one volume of real numbers as NIfTI"):
        sections_through(path, placed(np.eye(3), np.full(3, 10.0), np.zeros(3)))


@pytest.mark.real_data
@pytest.mark.parametrize(("up_mm", "low", "high"), [(0.0, 0.0, 0.15), (55.0, 0.9, 1.0)])
def test_a_real_voxel_above_the_head_is_in_air(real_data, up_mm, low, high):
    folder = real_data / "invivo_press"
    affine = nib.load(folder / "te30_svs.nii.gz").affine.copy()
    affine[2, 3] += up_mm
    assert low <= share_in_air(sections_through(folder / "te30_T1w.nii.gz", affine)) <= high


def agreement(section):
    """Return the shared area of outline and bright pixels, over that of either."""
    bright = section.grey.ravel() > 178  # midway between box and background
    inside = inside_of(section.outline_mm, middles(section))
    return (bright & inside).sum() / (bright | inside).sum()


def test_the_outline_of_an_oblique_voxel_is_where_the_box_is_bright(write_t1):
    sections = sections_through(write_t1(), VOXEL)
    assert [section.view for section in sections] == ["sagittal", "coronal", "axial"]
    for section in sections:
        # A box of some 18 x 14 pixels: half a pixel all around is 6 %.
        assert agreement(section) > 0.94
    # The tolerance tells: two pixels aside there is less in common.
    moved = sections_through(write_t1(), VOXEL + np.outer([2.6, 2.6, 2.6, 0], [0, 0, 0, 1]))
    assert max(agreement(section) for section in moved) < 0.9


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, -1), (-1, -1, 1)])
def test_however_an_image_is_stored_it_is_seen_from_the_same_side(write_t1, order, signs):
    plain = stored()
    shape = np.array((96, 110, 100))
    # The same space, with axes in another order and direction.
    last = (shape - 1) * (np.array(signs) < 0)
    turn = np.eye(4)
    turn[:3, :3] = np.eye(3)[:, order] * np.array(signs)[list(order)]
    turn[:3, 3] = last
    path = write_t1(tuple(shape[list(order)]), plain @ turn)
    for section, usual in zip(
        sections_through(path, VOXEL), sections_through(write_t1(name="usual.nii"), VOXEL),
        strict=True,
    ):  # fmt: skip
        assert section.sides == usual.sides
        assert np.abs(section.grey.astype(int) - usual.grey).max() <= 1 + 10
        np.testing.assert_allclose(
            np.sort(section.outline_mm, axis=0), np.sort(usual.outline_mm, axis=0), atol=1e-3
        )


def corners_on_the_plane(affine, across, index):
    """Return where rays along the voxel's edges meet a plane of the image, in pixels."""
    rotation, found = turned(ANGLES), []
    normal = np.linalg.inv(affine)[across]
    for along in range(3):
        aside = [axis for axis in range(3) if axis != along]
        for signs in product((-1, 1), repeat=2):
            start_mm = CENTRE_MM + rotation[:, aside] @ (np.array(signs) * SIZES_MM[aside] / 2)
            rate = normal[:3] @ rotation[:, along]
            way_mm = (index - normal[:3] @ start_mm - normal[3]) / rate
            if abs(way_mm) <= SIZES_MM[along] / 2:
                found.append(np.append(start_mm + way_mm * rotation[:, along], 1.0))
    return (np.linalg.inv(affine) @ np.array(found).T)[:3].T


def test_the_corners_are_where_the_edges_of_the_voxel_pass_through_the_slice(write_t1):
    affine = stored()
    sections = sections_through(write_t1(), VOXEL)
    centre = np.rint(np.linalg.inv(affine) @ np.append(CENTRE_MM, 1.0))[:3]
    spacing_mm = (1.3, 1.1, 1.5)
    for across, section in enumerate(sections):
        pixels = corners_on_the_plane(affine, across, centre[across])
        wide, tall = (axis for axis in range(3) if axis != across)
        x = (pixels[:, wide] + 0.5) * spacing_mm[wide]
        y = section.size_mm[1] - (pixels[:, tall] + 0.5) * spacing_mm[tall]
        expected = np.column_stack([x, y])
        assert len(section.outline_mm) == len(expected)
        # In any order; the file holds the affine in single precision.
        apart = np.linalg.norm(section.outline_mm[:, None] - expected, axis=-1)
        assert apart.min(axis=0).max() < 1e-3
        assert apart.min(axis=1).max() < 1e-3


def test_left_and_top_are_where_the_letters_say(write_t1):
    """A bright corner of the head that is right, anterior and superior."""
    path = write_t1(name="t1.nii.gz")
    image = nib.load(path)
    samples = np.zeros(image.shape, dtype=np.float32)
    samples[60:, 70:, 60:] = 1.0
    nib.save(nib.Nifti1Image(samples, image.affine, image.header), path)
    # Where all three slices pass through that corner.
    there = placed(np.eye(3), np.full(3, 20.0), (stored() @ [80, 95, 85, 1])[:3])
    sides = {section.view: section.sides for section in sections_through(path, there)}
    assert sides == {
        "sagittal": ("P", "A", "S", "I"),
        "coronal": ("L", "R", "S", "I"),
        "axial": ("L", "R", "A", "P"),
    }
    for section in sections_through(path, there):
        rows, columns = section.grey.shape
        # Bright are the sides of A, R and S: right and top.
        assert section.grey[2, columns - 3] == 255
        assert section.grey[rows - 3, 2] == 0


def test_a_large_image_is_made_smaller_and_a_small_one_is_left(write_t1):
    large = write_t1((300, 40, 260), stored((300, 40, 260), (0.5, 4.0, 0.6)))
    sagittal, coronal, axial = sections_through(large, VOXEL)
    assert max(max(one.grey.shape) for one in (sagittal, coronal, axial)) == MOST_PIXELS
    for section in (sagittal, coronal, axial):
        # Pixels are square, whatever those of the image are.
        width, height = section.size_mm
        rows, columns = section.grey.shape
        assert width / columns == pytest.approx(height / rows, rel=0.02)
    assert coronal.size_mm == pytest.approx((150.0, 156.0), rel=1e-6)
    assert sections_through(write_t1(), VOXEL)[2].grey.shape == (110, round(96 * 1.3 / 1.1))


def test_only_three_slices_are_kept_in_memory(write_t1, monkeypatch):
    asked = []
    usual = nib.arrayproxy.ArrayProxy.__getitem__
    monkeypatch.setattr(
        nib.arrayproxy.ArrayProxy,
        "__getitem__",
        lambda proxy, at: asked.append(at) or usual(proxy, at),
    )
    monkeypatch.setattr(nib.arrayproxy.ArrayProxy, "__array__", None)
    sections_through(write_t1(), VOXEL)
    assert [sum(isinstance(part, int) for part in at) for at in asked] == [1, 1, 1]


@pytest.mark.parametrize(
    ("at", "is_inside"), [(9.5, True), (-0.5, True), (9.7, False), (-0.7, False)]
)
def test_the_image_ends_with_the_edge_of_its_last_pixel(tmp_path, at, is_inside):
    samples = np.random.default_rng(2).normal(size=(10, 10, 10)).astype(np.float32)
    image = nib.Nifti1Image(samples, np.eye(4))
    image.set_sform(np.eye(4), code=1)
    nib.save(image, tmp_path / "t1.nii")
    voxel = placed(np.eye(3), np.full(3, 2.0), np.full(3, at))
    if is_inside:
        assert len(sections_through(tmp_path / "t1.nii", voxel)) == 3
    else:
        with pytest.raises(DataError, match="outside of this image"):
            sections_through(tmp_path / "t1.nii", voxel)


def test_an_image_in_other_coordinates_is_not_drawn_on(write_t1):
    elsewhere = VOXEL + np.outer([0, 0, 300.0, 0], [0, 0, 0, 1])
    with pytest.raises(DataError, match=r"the centre of the voxel lies 2[0-9][0-9] mm outside"):
        sections_through(write_t1(), elsewhere)


@pytest.mark.parametrize(("sform", "qform"), [(0, 0), (4, 0), (4, 3)])
def test_an_image_that_does_not_know_its_place_in_the_scanner_is_refused(write_t1, sform, qform):
    with pytest.raises(DataError, match="does not say where in the scanner it lies"):
        sections_through(write_t1(sform=sform, qform=qform), VOXEL)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_affine_of_an_axis_without_a_direction_is_no_place(write_t1, value):
    path = write_t1(name="t1.nii.gz")
    image = nib.load(path)
    for name in ("srow_x", "srow_y", "srow_z"):
        image.header[name][1] = value
    image.header["qform_code"] = 0
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), None, image.header), path)
    with pytest.raises(DataError, match=r"does not say where .* of three axes"):
        sections_through(path, VOXEL)


def test_of_a_template_and_the_scanner_the_scanner_has_the_say(write_t1):
    path = write_t1(name="t1.nii.gz")
    image = nib.load(path)
    image.set_sform(np.diag([9.0, 9.0, 9.0, 1.0]), code=4)
    nib.save(image, path)
    assert agreement(sections_through(path, VOXEL)[2]) > 0.94


def test_of_two_places_in_the_scanner_the_sform_has_the_say(write_t1):
    """As NIfTI advises: an sform may hold what a qform, of right angles, cannot."""
    path = write_t1(name="t1.nii.gz")
    image = nib.load(path)
    moved = image.affine.copy()
    moved[0, 3] += 20.0
    image.set_qform(moved, code=1)
    nib.save(image, path)
    assert agreement(sections_through(path, VOXEL)[2]) > 0.94


def test_an_image_of_one_grey_is_not_drawn(tmp_path):
    dark = np.zeros((9, 9, 9), dtype=np.int16)
    nib.save(nib.Nifti1Image(dark, stored(dark.shape, (9, 9, 9))), tmp_path / "dark.nii.gz")
    with pytest.raises(DataError, match="shows nothing around the voxel"):
        sections_through(tmp_path / "dark.nii.gz", VOXEL)


def test_pixels_that_are_no_numbers_are_black(write_t1):
    path = write_t1(name="t1.nii.gz")
    image = nib.load(path)
    samples = np.asarray(image.dataobj).copy()
    samples[:20] = np.nan
    nib.save(nib.Nifti1Image(samples, image.affine, image.header), path)
    assert (sections_through(path, VOXEL)[2].grey[:, :19] == 0).all()


def test_one_very_bright_pixel_does_not_darken_the_rest(write_t1):
    path = write_t1(name="t1.nii.gz")
    image = nib.load(path)
    samples = np.asarray(image.dataobj).copy()
    at = tuple(np.rint(np.linalg.inv(image.affine) @ np.append(CENTRE_MM, 1.0))[:3].astype(int))
    samples[at] = 1e5
    nib.save(nib.Nifti1Image(samples, image.affine, image.header), path)
    assert all(agreement(section) > 0.94 for section in sections_through(path, VOXEL))


def cut(content):
    return content[: len(content) // 2]


def no_gzip(content):
    return content[100:]


def overwritten(content):
    return content[:20] + b"\xff" * 50 + content[70:]


def emptied(content):
    return content[:0]


@pytest.mark.parametrize("spoil", [cut, no_gzip, overwritten, emptied])
def test_a_spoilt_image_is_an_error_with_its_name(write_t1, spoil):
    path = write_t1(name="t1.nii.gz")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=r"t1\.nii\.gz: not a readable NIfTI file"):
        sections_through(path, VOXEL)


def test_whatever_is_wrong_with_a_header_no_other_error_comes_out(write_t1):
    path = write_t1((20, 20, 20), stored((20, 20, 20), (9.0, 9.0, 9.0)))
    content = path.read_bytes()
    rng = np.random.default_rng(11)
    refused = 0
    for _ in range(300):
        changed = bytearray(content)
        for place in rng.integers(0, 352, size=4):
            changed[place] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            sections_through(path, VOXEL)
        except DataError:
            refused += 1
    assert 0 < refused < 300


def test_a_series_of_images_is_refused_and_one_of_length_one_is_not(write_t1, tmp_path):
    image = nib.load(write_t1())
    samples = np.asarray(image.dataobj)[..., None]
    for n_volumes in (1, 2):
        path = tmp_path / f"{n_volumes}.nii.gz"
        repeated = np.repeat(samples, n_volumes, axis=3)
        nib.save(nib.Nifti1Image(repeated, image.affine, image.header), path)
    assert len(sections_through(tmp_path / "1.nii.gz", VOXEL)) == 3
    with pytest.raises(DataError, match="expected one volume"):
        sections_through(tmp_path / "2.nii.gz", VOXEL)
