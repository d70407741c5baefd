"""Every transient of a session before alignment: drift, motion, what was left out, its bin."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from glxflow.report.page import Figure, packed
from glxflow.report.panels import TIME, infusion_line, infusion_name, panel_name, value_axes
from glxflow.report.style import BLUE, GREY, PURPLE, SHADE, VERMILION, axis, layout
from glxflow.spectrum import BoolArray, RealArray

_PANELS_PX, _FOOT_PX, _HEAD_PX = 250, 50, 46
_BAR_PX = 6
"""Height of the bar that stands for a bin."""

_MANY = 100
"""Transients beyond which marks are small."""

_ROUNDING_MIN = 1e-6

# Of the first and of the second condition.
_AVERAGED = ({"color": BLUE, "symbol": "circle"}, {"color": PURPLE, "symbol": "triangle-up"})
_REJECTED = ({"color": VERMILION, "symbol": "x"}, {"color": VERMILION, "symbol": "cross"})


@dataclass(frozen=True, slots=True)
class Transients:
    """What preprocessing found of each transient, and the bins that it put them in.

    Attributes
    ----------
    time_min : (n,) ndarray
        Onsets after the start of the infusion, or of the scan where there is none, in min.
    frequency_hz, phase_deg : (n,) ndarray
        Before alignment, relative to the typical ones, in Hz and degrees.
    number : (n,) ndarray
        Number of each, or of its pair where edited, counted from 0 as in the steps.
    is_rejected : (n,) bool ndarray
        Whether it has no weight in the averages.
    is_on : (n,) bool ndarray or None
        Of an edited scan, whether it is one of ON; else None.
    edges_min : (n_bins, 2) ndarray
        Start and stop of each time bin, in min, in the order of time.
    has_infusion : bool
        Whether times are after the start of an infusion.
    """

    time_min: RealArray
    frequency_hz: RealArray
    phase_deg: RealArray
    number: RealArray
    is_rejected: BoolArray
    is_on: BoolArray | None
    edges_min: RealArray
    has_infusion: bool

    @property
    def n_acquired(self) -> int:
        """How many transients there are, or pairs where edited."""
        return np.unique(self.number).size

    @property
    def n_rejected(self) -> int:
        """How many of these are in no average."""
        return np.unique(self.number[self.is_rejected]).size

    @property
    def n_bins_at_once(self) -> int:
        """In how many bins a transient may be: above 1 where bins slide."""
        start, stop = self.edges_min.T
        # Ends are sums of decimals: they round.
        at = start[:, None] + _ROUNDING_MIN
        return int(((start <= at) & (at < stop)).sum(axis=1).max())


def transients_figure(shown: Transients) -> Figure:
    """Return frequency and phase of each transient over time, below a bar for each time bin."""
    axes = value_axes([1.0, 1.0], [5, 5])
    names = [
        panel_name(name, own["domain"])
        for name, own in zip(("frequency / Hz", "phase / °"), axes.values(), strict=True)
    ]
    bars_px = _BAR_PX * shown.n_bins_at_once
    top = _HEAD_PX + bars_px
    start = TIME if shown.has_infusion else "time after the start of the scan / min"
    return {
        "data": [
            *_marks(shown, shown.frequency_hz, "Hz", {"yaxis": "y"}),
            *_marks(shown, shown.phase_deg, "°", {"yaxis": "y2", "showlegend": False}),
        ],
        "layout": layout(
            top + _PANELS_PX + _FOOT_PX,
            xaxis=axis(title={"text": start}, anchor="y2"),
            **axes,
            shapes=_bins(shown) + ([infusion_line()] if shown.has_infusion else []),
            annotations=names
            + ([infusion_name() | {"yshift": bars_px}] if shown.has_infusion else []),
            showlegend=True,
            legend={
                "orientation": "h",
                "x": 0,
                # Above the bars, however many rows they take.
                "yref": "container",
                "y": 1,
                "yanchor": "top",
                "itemsizing": "constant",
            },
            margin={"l": 84, "r": 16, "t": top, "b": _FOOT_PX},
            hovermode="closest",
        ),
    }


def transients_caption(shown: Transients) -> str:
    """Return what the figure shows, how many were rejected and why, and what the bars mean."""
    what, own = ("transients", "") if shown.is_on is None else ("pairs", " of its condition")
    left_out = "None is rejected: all have one weight in the averages."
    if shown.n_rejected:
        left_out = (
            f"Crosses: {shown.n_rejected} rejected as outliers, by the limit in the steps above, "
            "with weight 0 in the averages; all others have one weight."
        )
    bins = "is the one bin that averages them"
    if len(shown.edges_min) > 1:
        bins = f"is a time bin, which averages the {what} that start in it"
    return (
        f"Each of {shown.n_acquired} {what} before alignment: frequency and phase against the "
        f"typical one{own}. {left_out} A bar above the panels {bins}."
    )


def _marks(shown: Transients, values: RealArray, unit: str, place: Figure) -> Iterator[Figure]:
    """Yield the marks of one panel, by condition, and of what was rejected in another shape."""
    size = 4 if shown.time_min.size > _MANY else 6
    for name, chosen, mark in _groups(shown):
        if chosen.any():
            yield place | {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": packed(shown.time_min[chosen]),
                "y": packed(values[chosen]),
                "customdata": packed(shown.number[chosen]),
                "marker": {"size": size + 3 if mark in _REJECTED else size, **mark},
                "hovertemplate": f"%{{customdata}}: %{{y:.3g}} {unit} at %{{x:.1f}} min",
            }


def _groups(shown: Transients) -> Iterator[tuple[str, BoolArray, dict[str, str]]]:
    """Yield name, members and mark of what the legend tells apart, what lies on top last."""
    both = {"": np.ones_like(shown.is_rejected)}
    if shown.is_on is not None:
        both = {"OFF, ": ~shown.is_on, "ON, ": shown.is_on}
    for (name, own), mark in zip(both.items(), _AVERAGED, strict=False):
        yield f"{name}averaged", own & ~shown.is_rejected, mark
    for (name, own), mark in zip(both.items(), _REJECTED, strict=False):
        yield f"{name}rejected", own & shown.is_rejected, mark


def _bins(shown: Transients) -> list[Figure]:
    """Return a bar for each bin, those that overlap in rows, and a shade of every other one."""
    n_rows = shown.n_bins_at_once
    height = _BAR_PX / _PANELS_PX
    shapes = []
    for index, (start, stop) in enumerate(shown.edges_min.tolist()):
        box = {"type": "rect", "xref": "x", "yref": "paper", "x0": start, "x1": stop}
        low = 1 + index % n_rows * height
        # White around it parts a bar from the next one.
        bar = {"fillcolor": GREY, "line": {"color": "#ffffff", "width": 1.5}}
        shapes.append({**box, "y0": low, "y1": low + height, **bar})
        if n_rows == 1 and index % 2:
            shade = {"fillcolor": SHADE, "line": {"width": 0}, "layer": "below"}
            shapes.append({**box, "y0": 0, "y1": 1, **shade})
    return shapes
