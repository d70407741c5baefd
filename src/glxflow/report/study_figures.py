"""The figures of the study page: courses by condition, and each participant's pair."""

from typing import Any

import pandas as pd

from glxflow.report.change import group_means, is_true
from glxflow.report.page import Figure, label, packed
from glxflow.report.style import BLUE, GREY, ORANGE, RULE, axis, layout

_COLOURS = (BLUE, ORANGE, GREY)
_SYMBOLS = ("circle", "diamond", "square")
"""Of the two conditions, and of sessions under neither."""

_NARROWEST_HZ = 1.0
"""Of line widths: conditions that differ by 0.0003 Hz must not lie at opposite ends."""


def course_figure(
    changes: pd.DataFrame, time: str, conditions: tuple[str, ...], *, x_title: str, y_title: str
) -> Figure:
    """Return the course of a change by condition: means with 95 % intervals over faint sessions.

    Colours and marks are those of the two conditions; a second pair, of the reference
    infusion, is dashed.

    Parameters
    ----------
    changes : DataFrame
        As `glxflow.report.change.change_from_baseline` returns it.
    time : str
        Its column of time points.
    conditions : tuple of str
        Conditions in the order of the legend; of a factorial design those with the active
        infusion first, as `glxflow.report.change.groups` returns them.
    x_title, y_title : str
        What the axes show, with units.
    """
    means = group_means(changes, time)
    span = float(changes[time].max() - changes[time].min()) if len(changes) else 1.0
    traces: list[Figure] = []
    for index, condition in enumerate(conditions):
        traces.append(_sessions(changes[changes["condition"] == condition], time, index))
    for index, condition in enumerate(conditions):
        # Side by side, so that the bars of the conditions do not hide each other.
        shift = (index - (len(conditions) - 1) / 2) * 0.012 * span
        own = means[means["condition"] == condition]
        traces.append(_means(own, time, shift, index, condition))
    return {
        "data": traces,
        "layout": layout(
            430,
            xaxis=axis(title={"text": x_title}, showgrid=False),
            yaxis=axis(
                title={"text": y_title, "standoff": 10},
                automargin=True,  # numbers of six digits reach the title otherwise
                showgrid=True,
                zeroline=True,
                zerolinecolor=GREY,
                tickformat="~g",
            ),
            hovermode="closest",
        ),
    }


def pairs_figure(pairs: pd.DataFrame, *, x_title: str) -> Figure:
    """Return a row per participant with one mark a condition, joined by a line.

    Parameters
    ----------
    pairs : DataFrame
        As `glxflow.report.change.by_participant` returns it.
    x_title : str
        What the marks show.
    """
    names = [label(str(subject)) for subject in pairs.index]
    rows = list(range(len(names)))
    conditions = list(pairs.columns)
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                **_joints(pairs[conditions[:2]]),
                "line": {"color": GREY, "width": 1.5},
                "hoverinfo": "skip",
                "showlegend": False,
            },
            *(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": label(str(condition)),
                    "x": packed(pairs[condition]),
                    "y": rows,
                    "text": names,
                    "marker": _marker(index, 9),
                    "hovertemplate": "%{text}: %{x:.3g}<extra>%{fullData.name}</extra>",
                }
                for index, condition in enumerate(conditions)
            ),
        ],
        "layout": layout(
            110 + 22 * max(len(names), 1),
            xaxis=axis(
                title={"text": x_title},
                showgrid=True,
                rangemode="tozero",
                zeroline=True,
                zerolinecolor=GREY,
            ),
            yaxis=axis(
                tickvals=rows,
                ticktext=names,
                range=[len(names) - 0.3, -0.7],  # the first row on top
                automargin=True,
                showgrid=True,
            ),
            hovermode="closest",
        ),
    }


def _joints(pairs: pd.DataFrame) -> dict[str, list[float | None]]:
    """Return lines between the marks of those who have both, with gaps between participants."""
    joints: dict[str, list[float | None]] = {"x": [], "y": []}
    for row, (first, second) in enumerate(pairs.to_numpy(dtype=float)):
        if first == first and second == second:
            joints["x"] += [float(first), float(second), None]
            joints["y"] += [row, row, None]
    return joints


def quality_figure(judged: pd.DataFrame, conditions: tuple[str, ...]) -> Figure:
    """Return SNR over line width of every spectrum; open marks failed quality control.

    Parameters
    ----------
    judged : DataFrame
        A row per spectrum: subject, session, bin, condition, snr, fwhm_hz, qc_pass.
    conditions : tuple of str
        Conditions of the plan in the order of the legend; what else there is follows.
    """
    others = sorted(set(judged["condition"]) - set(conditions))
    passes = is_true(judged["qc_pass"])
    traces = [
        _spectra(judged[(judged["condition"] == condition) & (passes == passed)], index,
                 condition if passed else f"{condition}, failed", "" if passed else "-open")
        for index, condition in enumerate((*conditions, *others))
        for passed in (True, False)
    ]  # fmt: skip
    traces = [trace for trace in traces if trace["text"]]
    return {
        "data": traces,
        "layout": layout(
            360,
            xaxis=axis(title={"text": "line width / Hz"}, showgrid=True, **_range(judged)),
            yaxis=axis(title={"text": "SNR"}, showgrid=True, rangemode="tozero"),
            hovermode="closest",
        ),
    }


def _range(judged: pd.DataFrame) -> dict[str, Any]:
    """Return the range of line widths that is shown, where they alone would spread too wide."""
    low, high = judged["fwhm_hz"].min(), judged["fwhm_hz"].max()
    if not high - low < _NARROWEST_HZ:
        return {}
    middle, half = (low + high) / 2, _NARROWEST_HZ / 2
    return {"range": [middle - half, middle + half]}


def _spectra(rows: pd.DataFrame, index: int, name: str, ending: str) -> Figure:
    """Return spectra with one mark, so that the legend shows it."""
    marker = _marker(index, 8)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label(name),
        "x": packed(rows["fwhm_hz"]),
        "y": packed(rows["snr"]),
        "marker": {**marker, "symbol": marker["symbol"] + ending, "opacity": 0.75},
        "text": [
            label(f"{row['subject']} {row['session']} bin {row['bin']}")
            for row in rows.to_dict("records")
        ],
        "hovertemplate": "%{text}<br>%{x:.3g} Hz, SNR %{y:.3g}",
    }


def _marker(index: int, size: int) -> dict[str, Any]:
    """Return the mark of a condition: colour and shape, so that neither is needed alone."""
    place = min(index, len(_COLOURS) - 1)
    return {"color": _COLOURS[place], "symbol": _SYMBOLS[place], "size": size}


def _line(index: int) -> dict[str, str]:
    """Return colour and dash of a course: a condition's, dashed with the reference infusion."""
    return {"color": _COLOURS[index % 2], "dash": "solid" if index < 2 else "dash"}


def _sessions(changes: pd.DataFrame, time: str, index: int) -> Figure:
    """Return all sessions of a condition as one faint trace, a gap between sessions."""
    x: list[float | None] = []
    y: list[float | None] = []
    names: list[str] = []
    for key, rows in changes.groupby(["subject", "session"], observed=True):
        x += [*rows[time].astype(float), None]
        y += [*rows["change"].astype(float), None]
        names += [label(" ".join(map(str, key)))] * (len(rows) + 1)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "text": names,
        "line": {**_line(index), "width": 1},
        "opacity": 0.25,
        "showlegend": False,
        "hovertemplate": "%{text}: %{y:.3g}<extra></extra>",
    }


def _means(means: pd.DataFrame, time: str, shift: float, index: int, condition: str) -> Figure:
    """Return the means of a condition with their intervals."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label(condition),
        "x": packed(means[time] + shift),
        "y": packed(means["mean"]),
        "error_y": {
            "type": "data",
            "array": packed(means["half"].fillna(0.0)),
            "thickness": 1.8,
            "width": 5,
        },
        "line": {**_line(index), "width": 2.4},
        "marker": {**_marker(index % 2, 9), "line": {"color": RULE, "width": 1}},
        "text": [f"n = {n}" for n in means["n"]],
        "hovertemplate": "%{y:.3g}, %{text}",
    }
