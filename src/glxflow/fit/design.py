"""How amplitudes may change over a series, and the few spectra that hold all of it.

Amplitudes follow a design, C = X beta, one row a transient. With precisions w the
weighted design has orthonormal columns Q, the first of which is the root of w; least
squares over all transients is then least squares over the pseudo-spectra Q' w^1/2 Y
plus a constant, so that the cost of a fit does not grow with the transients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glxflow.errors import ConfigError
from glxflow.spectrum import BoolArray, RealArray, starts_within

LEAST_HEIGHT = 0.2
"""A response that stays lower tells nothing of its height: noise is taken times five."""

_ROUNDING = 1e-8
"""Relative size below which a column of a design is a combination of the others."""


@dataclass(frozen=True, slots=True)
class Design:
    """A model of amplitudes over time, and which of its levels are compared.

    Attributes
    ----------
    matrix : (n_transients, n_columns) ndarray
        Amplitudes are this matrix times one coefficient a column and substance.
        A constant must be among what its columns can add up to.
    baseline : (n_columns,) ndarray
        Row of the state that changes are counted from.
    responses : tuple of (str, (n_columns,) ndarray)
        Name and row of each state that is compared with it.
    """

    matrix: RealArray
    baseline: RealArray
    responses: tuple[tuple[str, RealArray], ...]

    @property
    def levels(self) -> RealArray:
        """Rows of the baseline and of the responses, (1 + n_responses, n_columns)."""
        return np.stack([self.baseline, *(row for _, row in self.responses)])


def bin_design(labels: Sequence[str]) -> Design:
    """Return a design with a level of its own for each bin; the first is the baseline.

    Parameters
    ----------
    labels : sequence of str
        Bin of each transient (or of each average), in order of time.

    Raises
    ------
    ConfigError
        If all are of one bin: nothing can have changed.
    """
    bins = list(dict.fromkeys(labels))
    if len(bins) < 2:
        raise ConfigError(
            f"design: all {len(labels)} transients are of one bin, expected a baseline and at "
            "least one more. Give the event that parts them."
        )
    rows = np.eye(len(bins))
    matrix = rows[[bins.index(label) for label in labels]]
    return Design(matrix, rows[0], tuple(zip(bins[1:], rows[1:], strict=True)))


def event_design(name: str, is_inside: BoolArray, others: Sequence[RealArray] = ()) -> Design:
    """Return a design with one level during events and one at rest, the baseline.

    Parameters
    ----------
    name : str
        Of the events.
    is_inside : (n_transients,) bool ndarray
        Which transients are within an event.
    others : sequence of (n_transients,) ndarray
        As `response_design` takes them.

    Raises
    ------
    ConfigError
        If all transients are within events, or none is.
    """
    if is_inside.all() or not is_inside.any():
        raise ConfigError(
            f"design: {int(is_inside.sum())} of {is_inside.size} transients are within "
            f"{name!r}, expected some within and some outside. Check onset and duration of the "
            "events, in seconds on the clock of the transients."
        )
    return response_design(name, is_inside.astype(np.float64), others)


def response_design(name: str, regressor: RealArray, others: Sequence[RealArray] = ()) -> Design:
    """Return a design with a constant and a smooth response of given course.

    The change that is reported is that from a regressor of 0 to one of 1.

    Parameters
    ----------
    name : str
        Of the response.
    regressor : (n_transients,) ndarray
        Expected course, 0 before the response and 1 at its full height.
    others : sequence of (n_transients,) ndarray
        Courses of what else happens: neither response nor rest.

    Raises
    ------
    ConfigError
        If the response never comes near its height, so that it would be extrapolated.
    """
    if not regressor.max() > LEAST_HEIGHT:
        raise ConfigError(
            f"design: the response to {name!r} reaches {regressor.max():.2g} of its height during "
            f"the scan, expected at least {LEAST_HEIGHT:g}. Check the time constant and the "
            "events, in seconds on the clock of the transients."
        )
    matrix = np.stack([np.ones(regressor.size), regressor, *others], axis=1)
    rest, full = np.eye(matrix.shape[1])[:2]
    return Design(matrix, rest, ((name, rest + full),))


def in_events(onset_s: RealArray, starts_s: RealArray, durations_s: RealArray) -> BoolArray:
    """Tell which transients start within an event, (n_transients,).

    Parameters
    ----------
    onset_s : (n_transients,) ndarray
        Start of each transient, in s.
    starts_s, durations_s : (n_events,) ndarray
        Events on the same clock, in s.
    """
    elapsed = onset_s[:, np.newaxis] - starts_s
    return np.asarray(starts_within(elapsed, 0.0, durations_s).any(axis=1))


def smooth_response(
    onset_s: RealArray, starts_s: RealArray, durations_s: RealArray, time_constant_s: float
) -> RealArray:
    """Return the course of a response that rises and falls exponentially, (n_transients,).

    Events as boxes, folded with an exponential of unit area: an event that lasts long
    against the time constant brings it to 1.

    Parameters
    ----------
    onset_s : (n_transients,) ndarray
        Start of each transient, in s.
    starts_s, durations_s : (n_events,) ndarray
        Events on the same clock, in s.
    time_constant_s : float
        Of the rise and the fall, in s.

    Raises
    ------
    ConfigError
        If the time constant is not positive.
    """
    if not time_constant_s > 0:
        raise ConfigError(
            f"series: the time constant of the response is {time_constant_s:g} s, expected above "
            "0. Leave it out for blocks without transition."
        )
    since_start = np.maximum(onset_s[:, np.newaxis] - starts_s, 0.0)
    since_stop = np.maximum(since_start - durations_s, 0.0)
    rising, falling = (
        1 - np.exp(-elapsed / time_constant_s) for elapsed in (since_start, since_stop)
    )
    return np.asarray((rising - falling).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Reduction:
    """A series in the coordinates of its design.

    Attributes
    ----------
    mixing : (n_columns, n_transients) ndarray
        Times the transients it gives the pseudo-spectra: first their weighted mean,
        then contrasts, all with the noise of the mean.
    levels : (1 + n_responses, n_columns) ndarray
        Times the amplitudes of the pseudo-spectra it gives those of baseline and
        responses; the first column is 1.
    """

    mixing: RealArray
    levels: RealArray


def reduce_design(design: Design, weights: RealArray) -> Reduction:
    """Return how transients become pseudo-spectra, and these become levels.

    Parameters
    ----------
    design : Design
        Of the series.
    weights : (n_transients,) ndarray
        Precision of each transient: 1 over its noise variance, to any unit.

    Raises
    ------
    ConfigError
        If weights or design do not fit, no constant is in the design, or its columns
        are not independent.
    """
    _check(design, weights)
    root = np.sqrt(weights / weights.sum())
    weighted = root[:, np.newaxis] * design.matrix
    contrasts = weighted - np.outer(root, root @ weighted)
    # Of the columns less their mean, one depends on the others: that is the constant.
    left, size, _ = np.linalg.svd(contrasts, full_matrices=False)
    orthonormal = np.column_stack([root, left[:, : size.size - 1]])
    triangle = orthonormal.T @ weighted
    inverse = np.linalg.inv(triangle)
    return Reduction(
        mixing=orthonormal.T * root,
        levels=design.levels @ inverse,
    )


def _check(design: Design, weights: RealArray) -> None:
    """Refuse weights and designs that no series can be fitted with."""
    n_transients, n_columns = design.matrix.shape
    if weights.shape != (n_transients,) or not (np.isfinite(weights) & (weights > 0)).all():
        raise ConfigError(
            f"series: {weights.shape} weights from {weights.min(initial=np.inf):g}, expected "
            f"{n_transients}, each above 0. Leave transients without weight out."
        )
    root = np.sqrt(weights / weights.sum())
    weighted = root[:, np.newaxis] * design.matrix
    size = np.linalg.svd(weighted / np.linalg.norm(weighted, axis=0), compute_uv=False)
    if n_transients < n_columns or not size[-1] > _ROUNDING * size[0]:
        raise ConfigError(
            f"design: its {n_columns} columns are not independent over {n_transients} transients. "
            "Leave out a column that others add up to, or that is zero."
        )
    constant, *_ = np.linalg.lstsq(weighted, root)
    if np.linalg.norm(weighted @ constant - root) > _ROUNDING:
        raise ConfigError(
            "design: no combination of its columns is constant over time, so that there is no "
            "mean to change from. Add a column of ones."
        )
