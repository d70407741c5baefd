import re
import struct
import zlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from glxflow.report.scan_page import ScanPage, render_scan
from glxflow.report.voxel import Voxel, png

GREY = np.random.default_rng(3).integers(0, 256, size=(192, 150), dtype=np.uint8)


@pytest.fixture
def voxel():
    """A voxel on three slices; noise is what packs worst."""
    sections = [
        SimpleNamespace(
            view=view,
            grey=GREY,
            size_mm=(150.0, 192.0),
            outline_mm=np.array([[40.0, 50.0], [70.0, 55.0], [66.0, 80.0]]),
            sides=("L", "R", "S", "I"),
        )
        for view in ("sagittal", "coronal", "axial")
    ]
    return Voxel((26.0, 26.0, 30.0), {}, "sub-01_T1w.nii.gz", sections, "")


@pytest.fixture
def page(fitted_bin, estimates, provenance):
    """Return a function that renders the page of a fitted scan with some voxel."""

    def render(voxel):
        return render_scan(
            ScanPage("sub-01", provenance, (fitted_bin(),), estimates(), voxel=voxel)
        )

    return render


def decoded(content):
    """Return the pixels of a grey PNG file, as its specification says to read it."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(content):
        (size,), name = struct.unpack(">I", content[at : at + 4]), content[at + 4 : at + 8]
        chunks[name] = content[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", content[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(name + chunks[name])
        at += 12 + size
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, interlaced) == (8, 0, 0)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (lines[:, 0] == 2).all()  # "up": each row adds to the one above
    return np.cumsum(lines[:, 1:], axis=0, dtype=np.uint8)


def test_a_picture_holds_its_pixels():
    np.testing.assert_array_equal(decoded(png(GREY)), GREY)
    np.testing.assert_array_equal(decoded(png(GREY[:1, :1])), GREY[:1, :1])


def test_three_slices_have_outlines_letters_and_words(voxel, page, read_page):
    read = read_page(page(voxel))
    pictures = [each for tag, each in read.elements if tag == "svg"]
    assert [each["aria-label"].split()[0] for each in pictures] == ["Sagittal", "Coronal", "Axial"]
    points = {each["points"] for tag, each in read.elements if tag == "polygon"}
    assert points == {"40.00,50.00 70.00,55.00 66.00,80.00"}
    assert "L R S I L R S I" in read.words
    places = [(each["x"], each["y"]) for tag, each in read.elements if tag == "text"]
    # Left, right, top and bottom, in the middle of the sides and outside of the picture.
    assert places[:4] == [("-7.0", "96.0"), ("157.0", "96.0"), ("75.0", "-7.0"), ("75.0", "199.0")]
    assert "Size 26 × 26 × 30 mm, 20.3 mL" in read.words
    assert "sub-01_T1w.nii.gz: the slices" in read.words


def test_slices_need_no_network_and_weigh_little(voxel, page, read_page):
    with_slices = page(voxel)
    links = [each["href"] for tag, each in read_page(with_slices).elements if "href" in each]
    assert len(links) == 3
    assert all(re.fullmatch(r"data:image/png;base64,[\w+/=]+", link) for link in links)
    without = page(replace(voxel, sections=(), image=""))
    assert len(with_slices) - len(without) < 200_000


def test_fractions_stand_beside_the_slices_or_are_said_to_lack(voxel, page, read_page):
    shares = {"Grey matter": 0.58, "White matter": 0.3, "CSF": 0.12}
    words = read_page(page(replace(voxel, fractions=shares))).words
    assert "Grey matter 58 % White matter 30 % CSF 12 %" in words
    assert "not known" not in words
    words = read_page(page(voxel)).words
    assert "Tissue fractions not known" in words
    # The note above may also be that there is no water to scale by.
    assert "What becomes of water scaling is said above." in words


def test_where_there_is_no_image_one_line_says_so(voxel, page, read_page):
    lacking = "there is no T1-weighted image"
    read = read_page(page(replace(voxel, sections=(), image="", lacking=lacking)))
    assert f"The voxel is not drawn: {lacking}." in read.words
    assert not [tag for tag, _ in read.elements if tag == "svg"]


def test_what_is_wrong_with_an_image_stands_out_and_stays_text(voxel, page, read_page):
    hostile = '<script>alert(1)</script>"'
    spoilt = replace(voxel, sections=(), image=hostile, lacking=f"{hostile}: not readable")
    assert spoilt.warnings == (f"{hostile}: not readable",)
    rendered = page(spoilt)
    assert "<script>alert" not in rendered
    assert f"The voxel cannot be drawn: {hostile}: not readable" in read_page(rendered).words
    assert f"{hostile}: the slices" in read_page(page(replace(voxel, image=hostile))).words


def test_a_doubted_place_stands_above_the_slices_and_stays_text(voxel, page, read_page):
    rendered = page(replace(voxel, doubt="<script>alert(1)</script>: 90 % in air"))
    assert "<script>alert" not in rendered
    words = read_page(rendered).words
    assert "The place is doubtful: <script>alert(1)</script>: 90 % in air" in words
    assert "L and R are the participant's left and right" in words
    assert "The place is doubtful" not in page(voxel)


def test_only_an_image_that_was_given_is_warned_of(voxel):
    assert voxel.warnings == ()
    assert replace(voxel, sections=(), image="", lacking="there is no image").warnings == ()
