"""Glx/tNAA over the bins of a session, with the controls that must not move."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glxflow.report.page import Figure, label, packed
from glxflow.report.style import BLUE, GREEN, GREY, RULE, axis, layout
from glxflow.spectrum import RealArray


def time_course_figure(
    labels: Sequence[str], centre_min: RealArray, estimates: pd.DataFrame, fwhm_hz: RealArray
) -> Figure:
    """Return Glx/tNAA ± SD over time, with tNAA/tCr and line width as negative controls.

    Parameters
    ----------
    labels : sequence of str
        Names of the bins.
    centre_min : (n_bins,) ndarray
        Middle of each bin after the start of the infusion, in min; where any is
        NaN the bins are drawn one after the other instead.
    estimates : DataFrame
        As in `ScanPage`; bin is the position in `labels`.
    fwhm_hz : (n_bins,) ndarray
        Line width of each bin, in Hz.
    """
    timed = bool(np.isfinite(centre_min).all())
    x = centre_min if timed else np.arange(len(labels), dtype=float)
    panels = [
        ("Glx/tNAA", *_ratio(estimates, "Glx", "ratio_tnaa", len(labels)), GREEN),
        ("tNAA/tCr", *_ratio(estimates, "tNAA", "ratio_tcr", len(labels)), BLUE),
        ("width / Hz", fwhm_hz, np.zeros_like(fwhm_hz), GREY),
    ]
    shown = [panel for panel in panels if np.isfinite(panel[1]).any()]
    names = [label(name) for name in labels]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": packed(x),
                "y": packed(values),
                "error_y": {"type": "data", "array": packed(sd), "visible": bool(sd.any()),
                            "thickness": 1.4, "width": 4},
                "yaxis": "y" if index == 0 else f"y{index + 1}",
                "line": {"color": colour, "width": 1.6},
                "marker": {"color": colour, "size": 7},
                "text": names,
                "hovertemplate": "%{text}: %{y:.4g}<extra></extra>",
                "showlegend": False,
            }
            for index, (name, values, sd, colour) in enumerate(shown)
        ],
        "layout": layout(
            190 + 110 * len(shown),
            xaxis=_time_axis(x, names, timed, len(shown)),
            **_value_axes([name for name, *_ in shown]),
            shapes=[_infusion()] if timed and x.min() < 0 < x.max() else [],
            margin={"l": 84, "r": 16, "t": 26, "b": 50},
            hovermode="x",
        ),
    }  # fmt: skip


def _ratio(
    estimates: pd.DataFrame, metabolite: str, column: str, n_bins: int
) -> tuple[RealArray, RealArray]:
    """Return value and SD of a ratio in every bin; NaN where it was not measured."""
    rows = estimates[estimates["metabolite"] == metabolite].set_index("bin")
    rows = rows.reindex(index=range(n_bins), columns=[column, f"{column}_sd"]).astype(float)
    values = rows.to_numpy()
    return values[:, 0], values[:, 1]


def _time_axis(x: RealArray, names: list[str], timed: bool, n_panels: int) -> Figure:
    """Return the axis of time, or of bins where the scan is not timed."""
    anchor = "y" if n_panels == 1 else f"y{n_panels}"
    if timed:
        return axis(title={"text": "time after the start of the infusion / min"}, anchor=anchor)
    return axis(tickvals=x.tolist(), ticktext=names, anchor=anchor)


def _value_axes(names: list[str]) -> dict[str, Figure]:
    """Return an axis for each panel; the first, the outcome, is twice as high."""
    weights = np.array([2.0, *[1.0] * (len(names) - 1)])
    edges = 1.0 - np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    return {
        "yaxis" if index == 0 else f"yaxis{index + 1}": axis(
            title={"text": name, "standoff": 6},
            domain=[max(float(edges[index + 1]), 0.0), float(edges[index]) - 0.04],
            nticks=5 if index == 0 else 3,
            showgrid=True,
        )
        for index, name in enumerate(names)
    }


def _infusion() -> Figure:
    """Return the line that marks the start of the infusion."""
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": 0,
        "x1": 0,
        "y0": 0,
        "y1": 1,
        "line": {"color": RULE, "width": 2},
        "layer": "below",
        "label": {"text": "infusion starts", "textposition": "end", "font": {"size": 11}},
    }
