"""Glx/tNAA over the bins of a session, with the controls that must not move."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glxflow.report.page import Figure, label, packed
from glxflow.report.style import BLUE, GREEN, GREY, ORANGE, axis, layout
from glxflow.spectrum import RealArray


def time_course_figure(
    labels: Sequence[str], centre_min: RealArray, estimates: pd.DataFrame, fwhm_hz: RealArray
) -> Figure:
    """Return Glx/tNAA ± SD over time, with tNAA/tCr and line width as negative controls.

    Where there is GABA+, that of edited scans, GABA+/tCr stands below Glx/tNAA.

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
        ("GABA+/tCr", *_ratio(estimates, "GABA+", "ratio_tcr", len(labels)), ORANGE),
        ("tNAA/tCr", *_ratio(estimates, "tNAA", "ratio_tcr", len(labels)), BLUE),
        ("width / Hz", fwhm_hz, np.zeros_like(fwhm_hz), GREY),
    ]
    shown = [panel for panel in panels if np.isfinite(panel[1]).any()]
    names = [label(name) for name in labels]
    axes = _value_axes(len(shown))
    titles = [
        _title(panel[0], own["domain"]) for panel, own in zip(shown, axes.values(), strict=True)
    ]
    has_start = timed and bool(x.min() < 0 < x.max())
    return {
        "data": [_course(index, panel, packed(x), names) for index, panel in enumerate(shown)],
        "layout": layout(
            190 + 110 * len(shown),
            xaxis=_time_axis(x, names, timed, len(shown)),
            **axes,
            shapes=[_infusion_line()] if has_start else [],
            annotations=titles + ([_infusion_name()] if has_start else []),
            margin={"l": 84, "r": 16, "t": 26, "b": 50},
            hovermode="x",
        ),
    }


def _course(
    index: int, panel: tuple[str, RealArray, RealArray, str], x: dict[str, str], names: list[str]
) -> Figure:
    """Return one line with its SD as bars, in the panel of its place."""
    name, values, sd, colour = panel
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": packed(values),
        "error_y": {
            "type": "data",
            "array": packed(sd),
            "visible": bool(sd.any()),
            "thickness": 1.4,
            "width": 4,
        },
        "yaxis": "y" if index == 0 else f"y{index + 1}",
        "line": {"color": colour, "width": 1.6},
        "marker": {"color": colour, "size": 7},
        "text": names,
        "hovertemplate": "%{text}: %{y:.4g}<extra></extra>",
        "showlegend": False,
    }


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


def _value_axes(n_panels: int) -> dict[str, Figure]:
    """Return an axis for each panel; the first, the outcome, is twice as high."""
    weights = np.array([2.0, *[1.0] * (n_panels - 1)])
    edges = 1.0 - np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    return {
        "yaxis" if index == 0 else f"yaxis{index + 1}": axis(
            domain=[max(float(edges[index + 1]), 0.0), float(edges[index]) - 0.04],
            nticks=5 if index == 0 else 3,
            showgrid=True,
        )
        for index in range(n_panels)
    }


def _title(name: str, domain: list[float]) -> Figure:
    """Return the name of a panel, at the same distance from every axis."""
    return {
        "text": label(name),
        "textangle": -90,
        "xref": "paper",
        "x": 0,
        "xshift": -64,
        "yref": "paper",
        "y": (domain[0] + domain[1]) / 2,
        # By itself plotly hangs the highest name from the middle of its panel.
        "yanchor": "middle",
        "showarrow": False,
    }


def _infusion_line() -> Figure:
    """Return the line that marks the start of the infusion."""
    ends = {"x0": 0, "x1": 0, "y0": 0, "y1": 1}
    line = {"color": GREY, "width": 1, "dash": "dot"}
    # Below the traces a rule of the grid would cover it.
    return {"type": "line", "xref": "x", "yref": "paper", **ends, "line": line, "layer": "above"}


def _infusion_name() -> Figure:
    """Return the words at that line."""
    return {
        "text": "infusion starts",
        "x": 0,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": GREY},
    }
