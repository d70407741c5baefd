from dataclasses import replace

import numpy as np
import pytest

from glxflow.report.spectrum_figure import MAIN_PX, component_rows, spectrum_figure


@pytest.fixture
def curves(fit, unpacked):
    figure = spectrum_figure(fit())
    return {
        trace["name"]: unpacked(trace["y"]) for trace in figure["data"] if "dx" in trace
    }, figure


@pytest.mark.parametrize("name", ["data", "fit", "baseline", "residual"])
def test_the_curves_are_those_of_the_record(fit, curves, name):
    # Single precision of numbers up to 20, so 2e-6 at most.
    np.testing.assert_allclose(curves[0][name], getattr(fit(), name), atol=2e-6)


def test_the_shifts_are_those_of_the_record(fit, curves):
    for trace in curves[1]["data"]:
        if "dx" in trace:
            ppm = trace["x0"] + trace["dx"] * np.arange(801)
            np.testing.assert_allclose(ppm, fit().ppm, atol=1e-12)  # rounding of 800 steps


def test_chemical_shift_runs_from_right_to_left(curves):
    assert curves[1]["layout"]["xaxis"]["range"] == [4.2, 0.2]


def test_each_component_stands_on_its_own_line_at_its_own_size(fit, unpacked):
    result = fit()
    stack = [trace for trace in spectrum_figure(result)["data"] if "meta" in trace]
    shown = {
        trace["meta"]["component"]: unpacked(trace["y"]) - trace["meta"]["offset"]
        for trace in stack
    }
    for name, curve in component_rows(result):
        np.testing.assert_allclose(shown[name], curve, atol=2e-6)
    offsets = [trace["meta"]["offset"] for trace in stack]
    assert offsets == sorted(offsets, reverse=True)


def test_macromolecules_are_one_curve_and_zeros_are_left_out(fit):
    result = fit()
    rows = dict(component_rows(result))
    assert list(rows) == ["NAA", "Glu", "MM", "Gln"]  # the tallest first, no Lac
    np.testing.assert_array_equal(rows["MM"], result.components[4] + result.components[5])


def test_all_panels_share_one_scale(fit):
    layout = spectrum_figure(fit())["layout"]
    axes = [layout[name] for name in ("yaxis", "yaxis2", "yaxis3")]
    per_unit = [
        (axis["domain"][1] - axis["domain"][0]) / (axis["range"][1] - axis["range"][0])
        for axis in axes
    ]
    assert per_unit == pytest.approx([per_unit[0]] * 3, rel=1e-9)  # rounding only
    inner = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    main = axes[0]["domain"][1] - axes[0]["domain"][0]
    assert main * inner == pytest.approx(MAIN_PX, abs=1)  # the height is whole pixels


def test_nothing_is_cut_off(fit, unpacked):
    figure = spectrum_figure(fit())
    for trace in figure["data"]:
        low, high = figure["layout"]["yaxis" + trace.get("yaxis", "y")[1:]]["range"]
        y = unpacked(trace["y"]) if isinstance(trace["y"], dict) else np.array(trace["y"])
        assert low <= y.min()
        assert y.max() <= high


def test_the_band_is_two_noise_sd(curves):
    band = next(trace for trace in curves[1]["data"] if trace["name"] == "± 2 noise SD")
    assert set(band["y"]) == {0.2, -0.2}
    assert band["yaxis"] == "y2"


def test_ends_that_are_not_trusted_are_shaded_and_named_once(fit):
    assert spectrum_figure(fit())["layout"]["shapes"] == []
    layout = spectrum_figure(replace(fit(), trusted_ppm=(1.8, 3.8)))["layout"]
    shades = layout["shapes"]
    # They lie below the panels, too: a background of theirs would hide them.
    assert {shade["layer"] for shade in shades} == {"below"}
    assert layout["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert [(shade["x0"], shade["x1"]) for shade in shades] == [(0.2, 1.8), (3.8, 4.2)]
    assert [shade["showlegend"] for shade in shades] == [True, False]


def test_zero_of_the_signal_is_a_line_with_its_name(fit):
    layout = spectrum_figure(fit())["layout"]
    assert layout["yaxis"]["zeroline"]
    zero = next(one for one in layout["annotations"] if one["text"] == "0")
    assert (zero["yref"], zero["y"]) == ("y", 0)


def test_uneven_shifts_are_refused(fit):
    uneven = fit().ppm.copy()
    uneven[100] += 0.002
    with pytest.raises(ValueError, match="evenly spaced"):
        spectrum_figure(replace(fit(), ppm=uneven))
