"""Figures of merit of a fit, read off its curves."""

import numpy as np

from glxflow.spectrum import RealArray

_SINGLETS = {("NAA", "NAAG"): (1.9, 2.12), ("Cr", "PCr"): (2.92, 3.12)}
"""Where the highest singlet of either component is looked for, in ppm: data hardly part them."""

_INNER_PPM = (1.8, 3.8)
_TRUST_WINDOW_PPM = 0.15
_LARGEST_EXCESS = 2.0
_POWER_OF_NOISE = 4.0
_LARGEST_POWER = 8.0
_LITTLE_TRUST = 0.05


def singlet(
    names: tuple[str, ...], ppm: RealArray, components: RealArray
) -> tuple[int, float] | None:
    """Return which component has the NAA or NAAG (else creatine) singlet, and its height.

    Parameters
    ----------
    names : tuple of str
        Components.
    ppm : (n_fit,) ndarray
        Chemical shifts, in ppm.
    components : (n_components, n_fit) ndarray
        Fitted curves.

    Returns
    -------
    tuple of (int, float), or None
        None where neither was found.
    """
    for members, (low, high) in _SINGLETS.items():
        near = (ppm >= low) & (ppm <= high)
        rows = [row for row, name in enumerate(names) if name in members]
        if rows and near.any():
            heights = {row: float(components[row, near].max()) for row in rows}
            highest = max(heights, key=heights.__getitem__)
            if heights[highest] > 0:
                return highest, heights[highest]
    return None


def half_width(position: RealArray, curve: RealArray) -> float:
    """Return the full width at half height of a peak, in units of `position`.

    NaN where the curve does not fall to half its height on both sides.
    """
    top = int(curve.argmax())
    half = curve[top] / 2
    below = np.flatnonzero(curve < half)
    left, right = below[below < top], below[below > top]
    if not (left.size and right.size):
        return float("nan")
    return _crossing(position, curve, int(right[0]) - 1, half) - _crossing(
        position, curve, int(left[-1]), half
    )


def _crossing(position: RealArray, curve: RealArray, index: int, level: float) -> float:
    """Return where a line through two neighbouring points crosses a level."""
    share = (level - curve[index]) / (curve[index + 1] - curve[index])
    return float(position[index] + share * (position[index + 1] - position[index]))


def trust(ppm: RealArray, residual: RealArray) -> RealArray:
    """Return weights, (n_fit,): 1, or next to nothing at an end that the model does not describe.

    Lipid from outside the voxel and the tail of water are not in the model, and
    would bend everything else. An end counts as bad where its misfit exceeds twice that
    of the metabolites between 1.8 and 3.8 ppm, which are always trusted, and four
    times the noise; or eight times the noise, since what bends everything else makes
    the rest misfit too. It is left out whole: a limit that follows the misfit differs
    with where the data lie on their grid, and a result with it.

    Parameters
    ----------
    ppm, residual : (n_fit,) ndarray
        Chemical shifts and the residual of a first fit over the noise.
    """
    window = np.ones(max(round(_TRUST_WINDOW_PPM / float(ppm[1] - ppm[0])), 1))
    power = np.convolve(residual**2, window, "same") / np.convolve(ppm**0, window, "same")
    low, high = ppm < _INNER_PPM[0], ppm > _INNER_PPM[1]
    usual = np.median(power[~(low | high)]) if not (low | high).all() else np.inf
    bad = power > np.clip(_LARGEST_EXCESS * usual, _POWER_OF_NOISE, _LARGEST_POWER)
    left_out = (low & (low & bad).any()) | (high & (high & bad).any())
    return np.where(left_out, _LITTLE_TRUST, 1.0)
