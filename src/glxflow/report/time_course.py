"""Glx/tNAA over the bins of a session, with the controls that must not move."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from glxflow.report.page import Figure, label, packed
from glxflow.report.panels import TIME, infusion_line, infusion_name, panel_name, value_axes
from glxflow.report.style import BLUE, GREEN, GREY, ORANGE, axis, layout
from glxflow.spectrum import FitStatus, RealArray


@dataclass(frozen=True, slots=True)
class _Panel:
    """A quantity over the bins.

    Attributes
    ----------
    name, colour : str
        How it is called and drawn.
    values, sd : (n_bins,) ndarray
        Its course, and the length of the bars.
    apart : (n_bins,) ndarray or None
        The same of each bin by itself, where `values` are of all bins together.
    """

    name: str
    colour: str
    values: RealArray
    sd: RealArray
    apart: RealArray | None = None


def time_course_figure(
    labels: Sequence[str],
    centre_min: RealArray,
    estimates: pd.DataFrame,
    fwhm_hz: RealArray,
    changes: pd.DataFrame,
) -> Figure:
    """Return Glx/tNAA ± SD over time, with tNAA/tCr and line width as negative controls.

    Where there is GABA+, that of edited scans, GABA+/tCr stands below Glx/tNAA. Where bins
    were fitted jointly, the first one is followed by these changes and their SD, with the
    bins by themselves beside.

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
    changes : DataFrame
        As in `ScanPage`.
    """
    timed = bool(np.isfinite(centre_min).all())
    x = centre_min if timed else np.arange(len(labels), dtype=float)
    shown = _panels(estimates, fwhm_hz, changes)
    names = [label(name) for name in labels]
    # The first, the outcome, is twice as high.
    n_controls = len(shown) - 1
    axes = value_axes([2.0] + n_controls * [1.0], [5] + n_controls * [4])
    titles = [
        panel_name(panel.name, own["domain"])
        for panel, own in zip(shown, axes.values(), strict=True)
    ]
    has_start = timed and bool(x.min() < 0 < x.max())
    return {
        "data": [
            trace
            for index, panel in enumerate(shown)
            for trace in _courses(index, panel, packed(x), names)
        ],
        "layout": layout(
            190 + 110 * len(shown),
            xaxis=_time_axis(x, names, timed, len(shown)),
            **axes,
            shapes=[infusion_line()] if has_start else [],
            annotations=titles + ([infusion_name()] if has_start else []),
            margin={"l": 84, "r": 16, "t": 26, "b": 50},
            hovermode="x",
        ),
    }


def _panels(estimates: pd.DataFrame, fwhm_hz: RealArray, changes: pd.DataFrame) -> list[_Panel]:
    """Return the quantities of which there is any value, the outcome first."""
    ratios = ((("Glx", "tNAA"), GREEN), (("GABA+", "tCr"), ORANGE), (("tNAA", "tCr"), BLUE))
    panels = [
        _followed(_ratio(estimates, *ratio, colour, fwhm_hz.size), *ratio, changes)
        for ratio, colour in ratios
    ]
    panels.append(_Panel("width / Hz", GREY, fwhm_hz, np.zeros_like(fwhm_hz)))
    return [panel for panel in panels if np.isfinite(panel.values).any()]


def _courses(index: int, panel: _Panel, x: dict[str, str], names: list[str]) -> Iterator[Figure]:
    """Yield one line with its SD as bars, in the panel of its place, and the bins apart."""
    place = {
        "type": "scatter",
        "x": x,
        "yaxis": "y" if index == 0 else f"y{index + 1}",
        "text": names,
        "showlegend": False,
    }
    yield place | {
        "mode": "lines+markers",
        "name": panel.name,
        "y": packed(panel.values),
        "error_y": {
            "type": "data",
            "array": packed(panel.sd),
            "visible": bool(panel.sd.any()),
            "thickness": 1.4,
            "width": 4,
        },
        "line": {"color": panel.colour, "width": 1.6},
        "marker": {"color": panel.colour, "size": 7},
        "hovertemplate": "%{text}: %{y:.4g}<extra></extra>",
    }
    if panel.apart is not None:
        yield place | {
            "mode": "markers",
            "name": f"{panel.name}, bins by themselves",
            "y": packed(panel.apart),
            "marker": {"color": panel.colour, "size": 8, "symbol": "circle-open"},
            "hovertemplate": "%{text}, by itself: %{y:.4g}<extra></extra>",
        }


def _ratio(
    estimates: pd.DataFrame, metabolite: str, over: str, colour: str, n_bins: int
) -> _Panel:
    """Return a ratio and its SD in every bin; NaN where it was not measured."""
    column = f"ratio_{over.lower()}"
    rows = estimates[estimates["metabolite"] == metabolite].set_index("bin")
    rows = rows.reindex(index=range(n_bins), columns=[column, f"{column}_sd"]).astype(float)
    values = rows.to_numpy()
    return _Panel(f"{metabolite}/{over}", colour, values[:, 0], values[:, 1])


def _followed(panel: _Panel, metabolite: str, over: str, changes: pd.DataFrame) -> _Panel:
    """Return a ratio of the first bin with the changes of a joint fit, where there is one."""
    if changes.empty:
        return panel
    is_own = (changes["metabolite"] == metabolite) & (changes["over"] == over)
    rows = changes[is_own & (changes["status"] == FitStatus.CONVERGED.word)].set_index("bin")
    if rows.empty:
        return panel
    rows = rows.reindex(range(panel.values.size))
    of_first = panel.values[0] / 100
    values = panel.values[0] + of_first * rows["change_percent"].to_numpy(dtype=np.float64)
    sd = of_first * rows["change_percent_sd"].to_numpy(dtype=np.float64)
    # The first bin is what the others are compared with.
    values[0], sd[0] = panel.values[0], 0.0
    return replace(panel, values=values, sd=sd, apart=panel.values)


def _time_axis(x: RealArray, names: list[str], timed: bool, n_panels: int) -> Figure:
    """Return the axis of time, or of bins where the scan is not timed."""
    anchor = "y" if n_panels == 1 else f"y{n_panels}"
    if timed:
        return axis(title={"text": TIME}, anchor=anchor)
    return axis(tickvals=x.tolist(), ticktext=names, anchor=anchor)
