import numpy as np
import pandas as pd
import pytest

from glxflow.report.panels import value_axes
from glxflow.report.time_course import time_course_figure


def course(estimates, unpacked, centre_min, changes=None):
    figure = time_course_figure(
        ["baseline", "0 to 10 min", "10 to 20 min"],
        np.array(centre_min),
        estimates(3),
        np.array([6.0, 5.8, 5.9]),
        pd.DataFrame() if changes is None else changes,
    )
    return figure, {trace["name"]: unpacked(trace["y"]) for trace in figure["data"]}


def test_the_course_shows_the_outcome_with_sd_and_both_controls(estimates, unpacked):
    figure, curves = course(estimates, unpacked, [-5.0, 5.0, 15.0])
    # 32-bit floats: 6e-8 relative.
    np.testing.assert_allclose(curves["Glx/tNAA"], [1.05, 1.06, 1.07], rtol=1e-7)
    np.testing.assert_allclose(curves["tNAA/tCr"], [1.25, 1.26, 1.27], rtol=1e-7)
    np.testing.assert_allclose(curves["width / Hz"], [6.0, 5.8, 5.9], rtol=1e-7)
    bars = figure["data"][0]["error_y"]
    np.testing.assert_allclose(unpacked(bars["array"]), 0.0123, rtol=1e-7)
    np.testing.assert_allclose(unpacked(figure["data"][0]["x"]), [-5.0, 5.0, 15.0])


def test_the_start_of_the_infusion_is_marked(estimates, unpacked):
    figure, _ = course(estimates, unpacked, [-5.0, 5.0, 15.0])
    line = figure["layout"]["shapes"][0]
    assert line["x0"] == 0
    assert line["layer"] == "above"  # below, the grid hides it


def test_the_name_of_a_panel_stands_at_its_middle(estimates, unpacked):
    layout = course(estimates, unpacked, [-5.0, 5.0, 15.0])[0]["layout"]
    for name, key in (("Glx/tNAA", "yaxis"), ("tNAA/tCr", "yaxis2"), ("width / Hz", "yaxis3")):
        title = next(one for one in layout["annotations"] if one["text"] == name)
        assert title["yanchor"] == "middle"
        assert title["y"] == pytest.approx(sum(layout[key]["domain"]) / 2)


def test_panels_share_the_height_of_the_figure_and_part_from_each_other():
    axes = value_axes([2.0, 1.0, 1.0], [5, 4, 4])
    domains = [axes[name]["domain"] for name in ("yaxis", "yaxis2", "yaxis3")]
    np.testing.assert_allclose(domains, [[0.5, 0.96], [0.25, 0.46], [0.0, 0.21]], atol=1e-12)


def test_gaba_plus_has_a_panel_where_a_scan_is_edited(estimates, unpacked):
    table = estimates(3).replace({"metabolite": {"Ala": "GABA+"}})
    figure = time_course_figure(
        ["a", "b", "c"], np.array([-5.0, 5.0, 15.0]), table, np.ones(3), pd.DataFrame()
    )
    names = [trace["name"] for trace in figure["data"]]
    assert names == ["Glx/tNAA", "GABA+/tCr", "tNAA/tCr", "width / Hz"]
    np.testing.assert_allclose(unpacked(figure["data"][1]["y"]), 0.0875 + 0.01 * np.arange(3))


def test_untimed_bins_stand_in_order_under_their_names(estimates, unpacked):
    figure, _ = course(estimates, unpacked, [np.nan] * 3)
    assert figure["layout"]["xaxis"]["ticktext"] == ["baseline", "0 to 10 min", "10 to 20 min"]
    assert figure["layout"]["shapes"] == []


def test_a_bin_without_estimates_leaves_a_gap(estimates, unpacked):
    table = estimates(3)
    figure = time_course_figure(
        ["a", "b", "c"], np.arange(3.0), table[table["bin"] != 1], np.full(3, 6.0), pd.DataFrame()
    )
    assert np.isnan(unpacked(figure["data"][0]["y"])[1])


def test_changes_of_a_joint_fit_follow_the_first_bin(estimates, unpacked):
    changes = pd.DataFrame(
        {"bin": [1, 2, 1], "metabolite": ["Glx", "Glx", "Glu"], "over": "tNAA",
         "change_percent": [10.0, 20.0, 50.0], "change_percent_sd": [1.0, 2.0, 3.0],
         "status": "converged"}
    )  # fmt: skip
    figure, curves = course(estimates, unpacked, [-5.0, 5.0, 15.0], changes)
    np.testing.assert_allclose(curves["Glx/tNAA"], 1.05 * np.array([1, 1.1, 1.2]), rtol=1e-7)
    bars = unpacked(figure["data"][0]["error_y"]["array"])
    np.testing.assert_allclose(bars, 1.05 * np.array([0, 0.01, 0.02]), rtol=1e-7)
    alone = curves["Glx/tNAA, bins by themselves"]
    np.testing.assert_allclose(alone, [1.05, 1.06, 1.07], rtol=1e-7)
    # Of what was not fitted jointly, and of a fit that did not converge, bins stand alone.
    assert "tNAA/tCr, bins by themselves" not in curves
    _, curves = course(
        estimates, unpacked, [-5.0, 5.0, 15.0], changes.assign(status="not_converged")
    )
    assert "Glx/tNAA, bins by themselves" not in curves
    np.testing.assert_allclose(curves["Glx/tNAA"], [1.05, 1.06, 1.07], rtol=1e-7)


def test_a_bin_that_is_in_no_joint_fit_leaves_a_gap(estimates, unpacked):
    changes = pd.DataFrame(
        {"bin": [2], "metabolite": ["Glx"], "over": ["tNAA"], "change_percent": [10.0],
         "change_percent_sd": [1.0], "status": ["converged"]}
    )  # fmt: skip
    _, curves = course(estimates, unpacked, [-5.0, 5.0, 15.0], changes)
    assert np.isnan(curves["Glx/tNAA"][1])
    assert curves["Glx/tNAA"][2] == pytest.approx(1.05 * 1.1)
