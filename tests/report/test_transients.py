from dataclasses import replace

import numpy as np
import pytest

from glxflow.report.scan_page import ScanPage, render_scan
from glxflow.report.transients import Transients, transients_caption, transients_figure
from glxflow.spectrum import Step


@pytest.fixture
def eight():
    """Eight transients of 2 min each, the infusion after the third; the sixth is rejected."""
    return Transients(
        time_min=np.arange(-6.0, 10.0, 2.0),
        frequency_hz=np.linspace(-3.0, 4.0, 8),
        phase_deg=np.array([1.0, -2.0, 3.0, -4.0, 5.0, 170.0, 7.0, -8.0]),
        number=np.arange(8.0),
        is_rejected=np.arange(8) == 5,
        is_on=None,
        edges_min=np.array([[-6.0, 0.0], [0.0, 4.0], [4.0, 8.0], [8.0, 12.0]]),
        has_infusion=True,
    )


@pytest.fixture
def pairs(eight):
    """The same as four pairs of OFF and ON, of which the third is rejected."""
    number = np.arange(8.0) // 2
    is_on = np.arange(8) % 2 == 1
    return replace(eight, number=number, is_on=is_on, is_rejected=number == 2)


@pytest.fixture
def page(provenance, read_page):
    """Return a function that reads the page of a session with some transients."""

    def read(transients):
        steps = (Step("Rejection of outliers", "1 of 8 transients beyond 4 SD"),)
        scan = ScanPage("sub-01", provenance, failure="x", steps=steps, transients=transients)
        return read_page(render_scan(scan))

    return read


def panel(figure, place):
    return {trace["name"]: trace for trace in figure["data"] if trace["yaxis"] == place}


def test_every_transient_is_drawn_once_in_each_panel_at_its_time(eight, unpacked):
    figure = transients_figure(eight)
    for place, values in (("y", eight.frequency_hz), ("y2", eight.phase_deg)):
        traces = panel(figure, place).values()
        x, y, number = (
            np.concatenate([unpacked(trace[name]) for trace in traces])
            for name in ("x", "y", "customdata")
        )
        order = np.argsort(x)
        np.testing.assert_allclose(x[order], eight.time_min)
        np.testing.assert_allclose(y[order], values, rtol=1e-6)  # 32-bit floats
        np.testing.assert_allclose(number[order], np.arange(8))


def test_a_rejected_transient_has_another_colour_and_shape_and_lies_on_top(eight, unpacked):
    for place in ("y", "y2"):
        traces = panel(transients_figure(eight), place)
        assert list(traces) == ["averaged", "rejected"]
        np.testing.assert_allclose(unpacked(traces["rejected"]["customdata"]), [5])
        marks = [trace["marker"] for trace in traces.values()]
        assert marks[0]["color"] != marks[1]["color"]
        assert marks[0]["symbol"] != marks[1]["symbol"]


def test_off_and_on_can_be_told_apart_rejected_or_not(pairs, unpacked):
    traces = panel(transients_figure(pairs), "y")
    members = {name: unpacked(trace["x"]).tolist() for name, trace in traces.items()}
    assert members == {
        "OFF, averaged": [-6.0, -2.0, 6.0],
        "ON, averaged": [-4.0, 0.0, 8.0],
        "OFF, rejected": [2.0],
        "ON, rejected": [4.0],
    }
    assert len({trace["marker"]["symbol"] for trace in traces.values()}) == 4


def bars(figure):
    shapes = [one for one in figure["layout"]["shapes"] if one["type"] == "rect"]
    return [one for one in shapes if one["y0"] >= 1], [one for one in shapes if one["y0"] == 0]


def test_bins_end_to_end_have_a_bar_each_and_every_other_a_shade(eight):
    above, behind = bars(transients_figure(eight))
    assert [(bar["x0"], bar["x1"]) for bar in above] == [(-6, 0), (0, 4), (4, 8), (8, 12)]
    assert len({bar["y0"] for bar in above}) == 1
    assert [(shade["x0"], shade["x1"]) for shade in behind] == [(0, 4), (8, 12)]


def test_bars_of_bins_that_slide_do_not_cover_each_other(eight):
    starts = np.arange(0.0, 6.0, 0.7)  # no multiple of which is exact
    sliding = np.column_stack([starts, starts + 2.1])
    whole = transients_figure(replace(eight, edges_min=np.vstack([[[-6.0, 0.0]], sliding])))
    above, behind = bars(whole)
    assert not behind
    assert len(above) == 10
    rounding = 1e-9
    for one in range(10):
        for other in range(one):
            is_beside = above[one]["x0"] >= above[other]["x1"] - rounding
            is_above = above[one]["y0"] >= above[other]["y1"] - rounding
            is_below = above[one]["y1"] <= above[other]["y0"] + rounding
            assert is_beside or is_above or is_below
    # Three at once: no more rows than that.
    assert len({round(bar["y0"], 6) for bar in above}) == 3
    ends_to_end = transients_figure(eight)["layout"]["height"]
    assert whole["layout"]["height"] > ends_to_end  # the panels stay as high


def test_the_start_of_the_infusion_is_marked_where_there_is_one(eight):
    layout = transients_figure(eight)["layout"]
    assert [one["x0"] for one in layout["shapes"] if one["type"] == "line"] == [0]
    assert "infusion starts" in [one["text"] for one in layout["annotations"]]
    layout = transients_figure(replace(eight, has_infusion=False))["layout"]
    assert not [one for one in layout["shapes"] if one["type"] == "line"]
    assert "infusion" not in str(layout["annotations"]) + layout["xaxis"]["title"]["text"]


def test_six_hundred_transients_have_small_marks_and_weigh_little(eight):
    n = 600
    many = replace(
        eight,
        time_min=np.linspace(-10, 20, n),
        frequency_hz=np.zeros(n),
        phase_deg=np.zeros(n),
        number=np.arange(float(n)),
        is_rejected=np.zeros(n, dtype=bool),
    )
    small, large = (transients_figure(one)["data"][0]["marker"]["size"] for one in (many, eight))
    assert small < large
    assert len(str(transients_figure(many))) < 30_000  # 6 columns of 4 bytes, and their names


def luminance(colour):
    """Relative luminance of WCAG 2.1."""
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_marks_have_the_contrast_of_level_aa_on_white_and_on_shade(pairs):
    figure = transients_figure(pairs)
    (shade,) = {one["fillcolor"] for one in bars(figure)[1]}
    for trace in figure["data"]:
        for ground in ("#ffffff", shade):
            light, dark = sorted(map(luminance, (ground, trace["marker"]["color"])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3  # 1.4.11, of graphical objects


def test_the_caption_counts_what_was_rejected_and_says_why(eight, pairs):
    caption = transients_caption(eight)
    assert "Each of 8 transients" in caption
    assert "1 rejected as outliers" in caption
    assert "Each of 4 pairs" in transients_caption(pairs)
    assert "1 rejected as outliers" in transients_caption(pairs)
    assert "is a time bin, which averages the transients" in caption
    assert "is a time bin, which averages the pairs" in transients_caption(pairs)
    whole = replace(eight, edges_min=np.array([[-6.0, 10.0]]))
    assert transients_caption(whole).endswith("panels is the one bin that averages them.")
    none = transients_caption(replace(eight, is_rejected=np.zeros(8, dtype=bool)))
    assert "None is rejected" in none
    assert "Crosses" not in none


def test_the_figure_stands_below_the_steps(eight, page):
    read = page(eight)
    assert set(read.figures) == {"transients"}
    place = next(each for _, each in read.elements if each.get("id") == "transients")
    assert "8 transients before alignment" in place["aria-label"]
    assert read.words.index("beyond 4 SD") < read.words.index("Each of 8 transients")


def test_of_one_transient_there_is_no_figure_and_the_page_says_why(eight, pairs, page):
    def only(shown, n):
        columns = ("time_min", "frequency_hz", "phase_deg", "number", "is_rejected")
        kept = {name: getattr(shown, name)[:n] for name in columns}
        return replace(shown, **kept, is_on=None if shown.is_on is None else shown.is_on[:n])

    assert set(page(only(eight, 2)).figures) == {"transients"}
    for shown, said in ((only(eight, 1), "one transient"), (only(pairs, 2), "one pair")):
        read = page(shown)
        assert not read.figures
        assert f"{said} could be read, as where the scanner averages them" in read.words
