"""Turn a template and records into one HTML text that needs no network.

Every value is escaped by the template engine; figures travel as JSON in which no
`<` survives; and the page forbids the browser to load anything from elsewhere.
"""

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from glxflow.report.numbers import interval, number, p_value, true_minus, with_sd

Figure = dict[str, Any]
"""A plotly figure as plain data: `data`, `layout`."""

FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a page rests on.

    Attributes
    ----------
    version : str
        Version of glxflow.
    inputs : mapping
        From the path of each input to its SHA-256.
    parameters : mapping
        Settings that shaped the numbers, as they were given.
    """

    version: str
    inputs: Mapping[str, str]
    parameters: Mapping[str, Any]


def render(template: str, figures: Mapping[str, Figure], **context: Any) -> str:
    """Return a page from a template of this package; every value is escaped.

    Parameters
    ----------
    template : str
        File in `templates`.
    figures : mapping
        Figures by the identifier of the element that shows each; a page without
        any does not carry the plot library (5 MB).
    **context
        What the template names.
    """
    plotly_js = Markup(get_plotlyjs()) if figures else ""
    page = _environment().get_template(template)
    return page.render(plotly_js=plotly_js, figures=figures, **context)


def packed(values: npt.ArrayLike) -> dict[str, str]:
    """Return numbers as plotly reads them fastest and smallest: base64 of 32-bit floats.

    Parameters
    ----------
    values : (n,) array-like
        Numbers; NaN makes a gap in a line. The rounding, 6e-8 relative, is far
        below a pixel.
    """
    array = np.ascontiguousarray(values, dtype="<f4")
    return {"dtype": "f4", "bdata": base64.b64encode(array.tobytes()).decode("ascii")}


def label(text: str) -> str:
    """Return a text that plotly shows as it stands, although it reads some HTML in labels."""
    return html.escape(text, quote=False)


def as_json(content: Any) -> Markup:
    """Return JSON for a `<script type="application/json">`, which no content can leave.

    Raises
    ------
    ValueError
        If a number is NaN or infinite: JSON lacks them, and `packed` or None is meant.
    """
    text = json.dumps(content, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _environment() -> jinja2.Environment:
    """Return the template engine: escaping on, a misspelt name an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("glxflow.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "true_minus": true_minus, "as_json": as_json}
    environment.globals |= {"with_sd": with_sd, "interval": interval, "p_value": p_value}
    return environment
