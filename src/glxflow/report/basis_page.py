"""The page of a basis set: every component, what was changed, what cannot be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.report.numbers import number
from glxflow.report.page import Figure, Provenance, label, packed, render
from glxflow.report.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, axis, layout
from glxflow.spectrum import BasisSet, Kind, RealArray

_COLOURS = {"Glu": GREEN, "Gln": PURPLE}
_KIND_COLOURS = {Kind.METABOLITE: INK, Kind.MACROMOLECULE: BLUE, Kind.LIPID: ORANGE}
_ROW_PX = 46
_MARGIN = {"l": 84, "r": 16, "t": 16, "b": 48}


@dataclass(frozen=True, slots=True)
class BasisView:
    """What the page shows.

    Attributes
    ----------
    title : str
        Name of the basis set.
    basis : BasisSet
        The responses.
    ppm : (n_shown,) ndarray
        Evenly spaced chemical shifts of the curves, ascending.
    curves : (n_components, n_shown) ndarray
        Real spectra over them.
    linewidth_hz : float
        Width that was added to show them, in Hz.
    pairs : sequence of (str, str, float)
        Components that are hard to tell apart, with their correlation.
    limit : float
        Smallest correlation that is listed.
    provenance : Provenance
        Inputs and settings.
    """

    title: str
    basis: BasisSet
    ppm: RealArray
    curves: RealArray
    linewidth_hz: float
    pairs: Sequence[tuple[str, str, float]]
    limit: float
    provenance: Provenance


def basis_page(view: BasisView) -> str:
    """Return the HTML page of a basis set."""
    return render(
        "basis.html",
        {"components": components_figure(view)},
        view=view,
        facts=_facts(view.basis),
        rows=[_row(view, index) for index in range(len(view.basis.names))],
        pairs=[
            [f"{first} and {second}", number(value), number(1 / np.sqrt(max(1 - value**2, 1e-9)))]
            for first, second, value in view.pairs
        ],
        provenance=view.provenance,
    )


def components_figure(view: BasisView) -> Figure:
    """Return the components one above the other, each scaled to its own height."""
    n_components = len(view.basis.names)
    height = _ROW_PX * (n_components + 1) + _MARGIN["t"] + _MARGIN["b"]
    return {
        "data": [_curve(view, index) for index in range(n_components)],
        "layout": layout(
            height,
            xaxis=axis(
                range=[float(view.ppm[-1]), float(view.ppm[0])],
                title={"text": "chemical shift / ppm", "standoff": 8},
                dtick=0.5,
                tick0=0,
                showgrid=True,
                fixedrange=False,
                hoverformat=".3f",
            ),
            yaxis=axis(
                range=[-n_components + 0.1, 1.1], showticklabels=False, ticks="", showgrid=False
            ),
            annotations=[_name(view.basis.names[index], index) for index in range(n_components)],
            margin=_MARGIN,
            showlegend=False,
            hovermode="x",
        ),
    }


def _curve(view: BasisView, index: int) -> Figure:
    """Return one component on its line."""
    name, kind = view.basis.names[index], view.basis.kinds[index]
    tallest = float(np.abs(view.curves[index]).max())
    scaled = view.curves[index] / tallest if tallest > 0 else view.curves[index]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label(name),
        "x0": float(view.ppm[0]),
        "dx": float((view.ppm[-1] - view.ppm[0]) / (view.ppm.size - 1)),
        "y": packed(0.85 * scaled - index),
        "line": {"color": _COLOURS.get(name, _KIND_COLOURS[kind]), "width": 1.3},
        "hoverinfo": "name+x",
    }


def _name(name: str, index: int) -> Figure:
    """Return the name at the left end of a line."""
    return {
        "xref": "paper",
        "x": 0,
        "xanchor": "right",
        "xshift": -8,
        "y": -index,
        "text": label(name),
        "showarrow": False,
        "font": {"size": 12, "color": _COLOURS.get(name, GREY)},
    }


def _facts(basis: BasisSet) -> dict[str, str]:
    """Return the protocol in a few words."""
    return {
        "components": str(len(basis.names)),
        "echo time": f"{number(1000 * basis.echo_time_s)} ms",
        "spectrometer": f"{basis.axis.spectrometer_frequency_mhz:.3f} MHz",
        "points": str(basis.axis.n_points),
        "spectral width": f"{basis.axis.bandwidth_hz:g} Hz",
        "0 Hz at": f"{basis.axis.reference_ppm:g} ppm",
        "line width": f"{number(basis.linewidth_hz)} Hz",
    }


def _row(view: BasisView, index: int) -> list[str]:
    """Return the table's line of one component."""
    peak = int(np.abs(view.curves[index]).argmax())
    return [
        view.basis.names[index],
        view.basis.kinds[index].value,
        number(float(np.abs(view.basis.fids[index, 0]))),
        f"{view.ppm[peak]:.2f}",
    ]
