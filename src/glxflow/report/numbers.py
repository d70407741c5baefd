"""Print numbers as a reader needs them: with their uncertainty, no digit too many."""

import math
import re
from typing import Any

import pandas as pd

MISSING = "n/a"

_MINUS = re.compile(r"(?<= )-(?= )|(?:(?<=^)|(?<=[ (\[]))-(?=\.?\d)")
"""Between two names, or before a number: not in a label such as sub-01, or a path."""


def number(value: float, digits: int = 3) -> str:
    """Return a number with some significant digits and a true minus sign; n/a for NaN."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    exponent = _exponent(value)
    text = (
        f"{value:.{max(digits - 1 - exponent, 0)}f}"
        if -4 <= exponent < 6
        else f"{value:.{digits - 1}e}"
    )
    return text.replace("-", "−")


def true_minus(text: str) -> str:
    """Return a text of a table with true minus signs in contrasts and before numbers.

    Tables on disk have the hyphens that any program reads.
    """
    return _MINUS.sub("−", text)


def with_sd(value: float, sd: float) -> str:
    """Return ``value ± sd``, the SD with two significant digits and the value to match.

    An SD of zero belongs to what is so by definition, such as tNAA/tNAA.
    """
    if math.isnan(value):
        return MISSING
    if sd == 0:
        return number(value)
    if not math.isfinite(sd):
        return f"{number(value)} (no SD)"
    decimals = 1 - _exponent(sd)
    if not -4 <= decimals <= 6:
        return f"{number(value, 4)} ± {number(sd, 2)}"
    rounded, sd = round(value, decimals), round(sd, decimals)
    shown = max(decimals, 0)
    return f"{rounded:.{shown}f} ± {sd:.{shown}f}".replace("-", "−")


def interval(low: float, high: float) -> str:
    """Return ``[low, high]``, both with the decimals that the width deserves."""
    return f"[{within(low, low, high)}, {within(high, low, high)}]"


def within(value: float, low: float, high: float) -> str:
    """Return a number with three significant digits of the width of its interval.

    What is not zero is not printed as zero: on which side it lies decides.
    """
    width = high - low
    if not (math.isfinite(width) and width > 0 and math.isfinite(value)):
        return number(value)
    decimals = 2 - _exponent(width)
    if not -4 <= decimals <= 6:
        return number(value)
    rounded = round(value, decimals)
    if value and not rounded:
        return number(value, 1)
    return f"{rounded:.{max(decimals, 0)}f}".replace("-", "−")


def p_value(p: float) -> str:
    """Return ``P = .027``, as medical journals print it; ``P < .001`` below that."""
    if math.isnan(p):
        return "P not computable"
    if p < 0.001:
        return "P < 0.001"
    return f"P = {p:.3f}" if p < 0.995 else "P > 0.99"


def _exponent(value: float) -> int:
    """Return the decimal exponent of a number as it prints with three digits."""
    return math.floor(math.log10(float(f"{abs(value):.2e}"))) if value else 0


def words(value: Any, missing: str = MISSING) -> str:
    """Return a cell of a table as text.

    Parameters
    ----------
    value : object
        What stands in it.
    missing : str
        What is printed where nothing does.
    """
    return missing if pd.isna(value) else str(value)
