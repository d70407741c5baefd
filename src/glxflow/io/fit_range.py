"""Which ranges of chemical shift can be fitted."""

HIGHEST_PPM = 4.25
"""From here up preprocessing takes away what is left of water."""

LEAST_HIGH_PPM = 3.4
"""Choline at 3.2 ppm is below."""

NARROWEST_PPM = 2.1
"""Of 2.0, less the points at its ends, the baseline of 1 per ppm would be none but a line."""


def range_problem(low: float, high: float) -> str:
    """Return what is wrong with a range of chemical shift to fit; nothing if it can be fitted.

    Parameters
    ----------
    low, high : float
        Its ends, in ppm.
    """
    if low >= high:
        return f"{low:g} to {high:g} ppm: expected the lower end first"
    if not (low >= 0 and high <= HIGHEST_PPM):
        return (
            f"{low:g} to {high:g} ppm: expected within 0 and {HIGHEST_PPM:g} ppm, where no water "
            "was taken away"
        )
    if high < LEAST_HIGH_PPM:
        return (
            f"{low:g} to {high:g} ppm: expected up to {LEAST_HIGH_PPM:g} ppm at least, above the "
            "creatine and choline that everything is a ratio to"
        )
    if round(high - low, 6) < NARROWEST_PPM:  # 3.9 - 1.8 is a little less than 2.1
        return (
            f"{low:g} to {high:g} ppm: expected at least {NARROWEST_PPM:g} ppm, of which the "
            "baseline can be told from the metabolites"
        )
    return ""
