"""What figures over the time of a session share: named panels, and where the infusion starts."""

from collections.abc import Sequence

import numpy as np

from glxflow.report.page import Figure, label
from glxflow.report.style import GREY, axis

TIME = "time after the start of the infusion / min"


def value_axes(heights: Sequence[float], n_ticks: Sequence[int]) -> dict[str, Figure]:
    """Return a vertical axis for each panel, from the top.

    Parameters
    ----------
    heights : sequence of float
        Of the panels, relative to each other.
    n_ticks : sequence of int
        At most so many ticks on the axis of each.
    """
    weights = np.array(heights, dtype=np.float64)
    edges = 1.0 - np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    return {
        "yaxis" if index == 0 else f"yaxis{index + 1}": axis(
            domain=[max(float(edges[index + 1]), 0.0), float(edges[index]) - 0.04],
            nticks=ticks,
            showgrid=True,
        )
        for index, ticks in enumerate(n_ticks)
    }


def panel_name(name: str, domain: Sequence[float]) -> Figure:
    """Return the name of a panel, at the same distance from every axis.

    Parameters
    ----------
    name : str
        What it shows.
    domain : sequence of float
        Lower and upper end of its axis, as shares of the height of the figure.
    """
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


def infusion_line() -> Figure:
    """Return the line that marks the start of the infusion."""
    ends = {"x0": 0, "x1": 0, "y0": 0, "y1": 1}
    line = {"color": GREY, "width": 1, "dash": "dot"}
    # Below the traces a rule of the grid would cover it.
    return {"type": "line", "xref": "x", "yref": "paper", **ends, "line": line, "layer": "above"}


def infusion_name() -> Figure:
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
