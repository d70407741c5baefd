"""Colours and axes that all figures share; the colours can be told apart by the colour-blind.

References
----------
Okabe M., Ito K., "Color Universal Design" (2008): the palette; its green and
purple are darkened here until text in them has the contrast that small print needs.
"""

from typing import Any

from glxflow.report.page import FONT

INK, GREY, RULE, SHADE = "#1f2933", "#6b7780", "#e3e8ec", "#eef0f2"
VERMILION, BLUE, GREEN, PURPLE, ORANGE = (
    "#d55e00",
    "#0072b2",
    "#00805c",
    "#b0558f",
    "#e69f00",
)


def axis(**changes: Any) -> dict[str, Any]:
    """Return an axis with thin rules and outside ticks."""
    return {
        "showline": True,
        "linecolor": GREY,
        "linewidth": 1,
        "ticks": "outside",
        "tickcolor": GREY,
        "ticklen": 4,
        "gridcolor": RULE,
        "zeroline": False,
        "automargin": False,
        "fixedrange": True,
        **changes,
    }


def layout(height: int, **changes: Any) -> dict[str, Any]:
    """Return a layout on white with the page's font; `height` is in px."""
    return {
        "height": height,
        "autosize": True,
        "paper_bgcolor": "#ffffff",
        # What lies below the curves of several panels lies below their backgrounds, too.
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "font": {"family": FONT, "size": 13, "color": INK},
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
        "margin": {"l": 70, "r": 20, "t": 40, "b": 50},
        **changes,
    }
