"""The figure a spectroscopist looks for: data, fit, baseline, residual, components.

Chemical shift runs from right to left, and all curves share one scale: the
heights of the three panels are in the ratio of the signal they span, so that a
residual can be compared with a peak by eye.
"""

from typing import Any

import numpy as np

from glxflow.report.page import Figure, label, packed
from glxflow.report.style import BLUE, GREEN, GREY, INK, PURPLE, SHADE, VERMILION, axis, layout
from glxflow.spectrum import FitResult, Kind, RealArray, reported

MAIN_PX = 380
"""Height of the panel with data and fit, in px; the others follow from the scale."""

_MARGIN = {"l": 84, "r": 16, "t": 34, "b": 48}
_COLOURS = {"Glu": GREEN, "Gln": PURPLE}
_SUMS = ((Kind.MACROMOLECULE, "MM"), (Kind.LIPID, "Lipids"))


def component_rows(fit: FitResult) -> list[tuple[str, RealArray]]:
    """Return the named curves of the lower panel, the tallest first.

    Macromolecules and lipids are summed, as their parts mean nothing alone;
    components at zero are left out.
    """
    rows = [
        (reported(name), curve)
        for name, kind, curve in zip(fit.names, fit.kinds, fit.components, strict=True)
        if kind is Kind.METABOLITE
    ]
    for kind, name in _SUMS:
        members = np.array([member is kind for member in fit.kinds])
        if members.any():
            rows.append((name, fit.components[members].sum(axis=0)))
    rows = [(name, curve) for name, curve in rows if np.any(curve != 0)]
    return sorted(rows, key=lambda row: -np.abs(row[1]).max())


def spectrum_figure(fit: FitResult) -> Figure:
    """Return the plotly figure of one fit.

    Raises
    ------
    ValueError
        If the chemical shifts are not evenly spaced, which the figure relies on.
    """
    rows = component_rows(fit)
    top = float(max(fit.data.max(), fit.fit.max()))
    bottom = float(min(fit.data.min(), fit.baseline.min(), 0.0))
    spread = 1.06 * max(float(np.abs(fit.residual).max()), 3 * fit.noise_sd)
    spans = {
        "yaxis2": (-spread, spread),
        "yaxis": (bottom - 0.02 * (top - bottom), top + 0.03 * (top - bottom)),
        "yaxis3": _stack_span(rows, 0.055 * (top - bottom)),
    }
    unit_px = MAIN_PX / (spans["yaxis"][1] - spans["yaxis"][0])
    heights = {name: unit_px * (high - low) for name, (low, high) in spans.items()}
    total = sum(heights.values())
    height = round(total) + _MARGIN["t"] + _MARGIN["b"]
    return {
        "data": [*_curves(fit), *_stack(fit, rows, 0.055 * (top - bottom))],
        "layout": layout(
            height,
            xaxis=_ppm_axis(fit),
            **_panels(spans, {name: size / total for name, size in heights.items()}),
            shapes=_left_out(fit),
            annotations=_names(rows, 0.055 * (top - bottom)),
            margin=_MARGIN,
            hovermode="x",
        ),
    }


def data_figure(fit: FitResult) -> Figure:
    """Return the plotly figure of the data alone, where nothing could be fitted."""
    top, bottom = max(float(fit.data.max()), 0.0), min(float(fit.data.min()), 0.0)
    edge = 0.03 * (top - bottom)
    panel = _panels({"yaxis": (bottom - edge, top + edge)}, {"yaxis": 1.0})
    panel["yaxis"]["title"]["text"] = "signal"
    return {
        "data": [_line(fit, "data", fit.data, line={"color": INK, "width": 1})],
        "layout": layout(
            MAIN_PX,
            xaxis={**_ppm_axis(fit), "anchor": "y"},
            **panel,
            annotations=_names([], 0.0)[-1:],
            margin=_MARGIN,
            hovermode="x",
        ),
    }


def _line(fit: FitResult, name: str, values: RealArray, **changes: Any) -> Figure:
    """Return one curve over the evenly spaced chemical shifts of a fit."""
    step = (fit.ppm[-1] - fit.ppm[0]) / (fit.ppm.size - 1)
    # An axis as start and step saves a third of the page.
    if np.abs(np.diff(fit.ppm) - step).max() > 1e-6 * abs(step):
        raise ValueError("the chemical shifts of a fit must be evenly spaced")
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label(name),
        "x0": float(fit.ppm[0]),
        "dx": float(step),
        "y": packed(values),
        "hovertemplate": "%{y:.3s}",
        **changes,
    }


def _curves(fit: FitResult) -> list[Figure]:
    """Return residual over its noise band, data, fit and baseline."""
    low, high = float(fit.ppm[0]), float(fit.ppm[-1])
    edge = 2 * fit.noise_sd
    band = {
        "type": "scatter",
        "mode": "lines",
        "name": "± 2 noise SD",
        "x": [low, high, high, low],
        "y": [edge, edge, -edge, -edge],
        "yaxis": "y2",
        "fill": "toself",
        "fillcolor": "rgba(86, 180, 233, 0.25)",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    thin = {"color": INK, "width": 1}
    return [
        _line(fit, "data", fit.data, line=thin),
        _line(fit, "fit", fit.fit, line={"color": VERMILION, "width": 1.6}),
        _line(fit, "baseline", fit.baseline, line={"color": BLUE, "width": 1.6, "dash": "dash"}),
        _line(fit, "residual", fit.residual, yaxis="y2", line={"color": GREY, "width": 1}),
        band,
    ]


def _left_out(fit: FitResult) -> list[Figure]:
    """Return the shades of the ends that the fit does not rest on, one of them in the legend."""
    low, high = fit.trusted_ppm
    ends = [(float(fit.ppm[0]), low), (high, float(fit.ppm[-1]))]
    shades = [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": start,
            "x1": end,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"width": 0},
            "fillcolor": SHADE,
            "name": "not trusted",
        }
        for start, end in ends
        if start < end
    ]
    return [{**shade, "showlegend": index == 0} for index, shade in enumerate(shades)]


def _stack(fit: FitResult, rows: list[tuple[str, RealArray]], gap: float) -> list[Figure]:
    """Return the components, each on a line of its own; `meta` lets the page lay one over."""
    return [
        _line(
            fit,
            name,
            curve - index * gap,
            yaxis="y3",
            line={"color": _COLOURS.get(name, GREY), "width": 1.8 if name in _COLOURS else 1.1},
            showlegend=False,
            hovertemplate=None,
            hoverinfo="skip",
            meta={"component": name, "offset": -index * gap, "colour": _COLOURS.get(name)},
        )
        for index, (name, curve) in enumerate(rows)
    ]


def _names(rows: list[tuple[str, RealArray]], gap: float) -> list[Figure]:
    """Return the names at the left end of the component lines, and of the panels."""
    place = {"xref": "paper", "x": 0, "xanchor": "right", "showarrow": False, "xshift": -8}
    names = [
        {
            **place,
            "yref": "y3",
            "y": -index * gap,
            "text": label(name),
            "font": {"size": 11, "color": _COLOURS.get(name, GREY)},
        }
        for index, (name, _) in enumerate(rows)
    ]
    small = {"font": {"size": 11}}
    return [
        *names,
        {**place, "yref": "y2", "y": 0, "text": "residual", **small},
        {**place, "yref": "y", "y": 0, "text": "0", **small},
    ]


def _stack_span(rows: list[tuple[str, RealArray]], gap: float) -> tuple[float, float]:
    """Return the signal that the component panel spans."""
    tops = [float(curve.max()) - index * gap for index, (_, curve) in enumerate(rows)]
    bottoms = [float(curve.min()) - index * gap for index, (_, curve) in enumerate(rows)]
    return min([*bottoms, -gap * len(rows)]) - 0.3 * gap, max([*tops, 0.0]) + gap


def _ppm_axis(fit: FitResult) -> Figure:
    """Return the axis of chemical shift, high on the left as spectroscopists read it."""
    return axis(
        range=[float(fit.ppm[-1]), float(fit.ppm[0])],
        title={"text": "chemical shift / ppm", "standoff": 8},
        dtick=0.5,
        tick0=0,
        showgrid=True,
        anchor="y3",
        fixedrange=False,
        showspikes=True,
        spikemode="across",
        spikesnap="cursor",
        spikethickness=1,
        spikedash="solid",
        spikecolor=GREY,
        hoverformat=".3f",
    )


def _panels(
    spans: dict[str, tuple[float, float]], shares: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """Return the three vertical axes, from the top, with heights in the ratio of the spans."""
    panels = {}
    top = 1.0
    for name, (low, high) in spans.items():
        bottom = max(top - shares[name], 0.0)
        panels[name] = axis(
            domain=[bottom, top],
            range=[low, high],
            showticklabels=False,
            ticks="",
            showgrid=False,
            zeroline=name == "yaxis",
            zerolinecolor=GREY,
            zerolinewidth=1,
        )
        top = bottom
    panels["yaxis"]["title"] = {"text": "signal, one scale in all panels", "standoff": 30}
    return panels
