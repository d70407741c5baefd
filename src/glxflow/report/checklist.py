"""The reporting checklist of an MRS study: its rows, and values that differ between scans.

References
----------
Lin A. et al., "Minimum Reporting Standards for in vivo Magnetic Resonance Spectroscopy
(MRSinMRS)", NMR Biomed 34:e4484 (2021). doi:10.1002/nbm.4484
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from glxflow.report.numbers import number

BY_HAND = "fill in by hand"


class ChecklistRow(NamedTuple):
    """One line of the checklist.

    Attributes
    ----------
    item : str
        Number and letter as in the paper, such as 2d.
    name : str
        What is asked for.
    value : str
        What is known of it, or what is to be filled in.
    source : str
        Where the value comes from, such as "header: Manufacturer".
    """

    item: str
    name: str
    value: str
    source: str


def unrecorded(*parts: Sequence[str]) -> str:
    """Say that headers do not tell, and which fields of a sidecar would.

    Parameters
    ----------
    *parts : sequence of str
        Of each value that is lacking the fields that may hold it; none where no standard has one.
    """
    fields = " and ".join(" or ".join(names) for names in parts)
    if not fields:
        return f"no header field holds it: {BY_HAND}"
    return f"not recorded in the headers: {BY_HAND} (sidecar field {fields})"


def counted(texts: Iterable[str]) -> str:
    """Return what is so in every scan; where they differ, each value with its number of scans."""
    counts = Counter(texts).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return "; ".join(f"{text} ({scans(n)})" for text, n in counts)


def scans(n: int) -> str:
    """Return a number of scans in words."""
    return "1 scan" if n == 1 else f"{n} scans"


def over(n: int) -> str:
    """Say of how many spectra a median and a range are; of one there is neither."""
    return "of 1 spectrum" if n == 1 else f"median (range) over {n} spectra"


def spread(values: Iterable[float], write: Callable[[float], str] = number) -> str:
    """Return median and range of the values that are known.

    Parameters
    ----------
    values : iterable of float
        NaN where one is not known.
    write : callable
        How a number is printed.
    """
    known = pd.Series(values, dtype=float).dropna()
    if known.empty:
        return "n/a"
    low, high = write(float(known.min())), write(float(known.max()))
    return low if low == high else f"{write(float(known.median()))} ({low} to {high})"
