"""Interpolate evenly sampled signals by a spline.

Written out in numpy: the splines of scipy take 0.2 s to import, as long as ten fits, and
every scan whose frequency is not exactly that of its basis set would wait for them.
"""

import numpy as np
import numpy.typing as npt

from glxflow.spectrum import ComplexArray, RealArray

IntArray = npt.NDArray[np.intp]

_BLOCK = 32


def interpolate(samples: ComplexArray, positions: RealArray, degree: int) -> ComplexArray:
    """Return the spline through samples at other places.

    Parameters
    ----------
    samples : (n_signals, n_points) complex ndarray
        Signals at 0, 1, 2, ...; more points than the degree.
    positions : (n_positions,) ndarray
        Where they are wanted, from 0 to ``n_points - 1``.
    degree : int
        An odd degree below the size of a block, 32. Its first and last polynomial pass
        through ``degree // 2 + 2`` samples each ("not a knot") [1]_.

    Returns
    -------
    (n_signals, n_positions) complex ndarray
        Values at the positions.

    References
    ----------
    .. [1] de Boor C., A Practical Guide to Splines, Springer (1978), chapters X and XIII.
    """
    n_points = samples.shape[1]
    ends, inner = np.zeros(degree + 1), np.arange(degree // 2 + 1, n_points - degree // 2 - 1)
    knots = np.concatenate([ends, inner, ends + n_points - 1])
    first, weights = _weights(knots, np.arange(n_points, dtype=np.float64), degree)
    coefficients = _solved(first, weights, samples.T)
    first, weights = _weights(knots, positions, degree)
    values = np.zeros((positions.size, len(samples)), dtype=np.complex128)
    for offset in range(degree + 1):
        values += weights[:, offset, np.newaxis] * coefficients[first + offset]
    return values.T


def _weights(knots: RealArray, positions: RealArray, degree: int) -> tuple[IntArray, RealArray]:
    """Return the first B-spline that is not zero at each position, and the values of all such."""
    last = knots.size - degree - 2
    interval = np.clip(np.searchsorted(knots, positions, side="right") - 1, degree, last)
    place = positions[:, np.newaxis]
    values = np.ones_like(place)
    for order in range(1, degree + 1):
        left = interval[:, np.newaxis] + 1 - order + np.arange(order)
        start, stop = knots[left], knots[left + order]
        share = values / (stop - start)
        values = np.zeros((positions.size, order + 1))
        values[:, :-1] += (stop - place) * share
        values[:, 1:] += (place - start) * share
    return interval - degree, values


def _solved(first: IntArray, weights: RealArray, samples: ComplexArray) -> ComplexArray:
    """Return the coefficients that give the samples, by elimination block after block.

    Rows need not be exchanged, as the matrix is totally positive.
    """
    n_points, n_signals = samples.shape
    matrix = _blocks(first, weights)
    known = np.zeros((len(matrix) * _BLOCK, 2 * n_signals))
    known[:n_points] = np.concatenate([samples.real, samples.imag], axis=1)
    solved = known.reshape(len(matrix), _BLOCK, -1)
    coupling = np.zeros((len(matrix), _BLOCK, _BLOCK))
    for block, (before, own, after) in enumerate(matrix):
        if block:
            own = own - before @ coupling[block - 1]
            solved[block] -= before @ solved[block - 1]
        both = np.linalg.solve(own, np.concatenate([after, solved[block]], axis=1))
        coupling[block], solved[block] = both[:, :_BLOCK], both[:, _BLOCK:]
    for block in range(len(matrix) - 2, -1, -1):
        solved[block] -= coupling[block] @ solved[block + 1]
    return known[:n_points, :n_signals] + 1j * known[:n_points, n_signals:]


def _blocks(first: IntArray, weights: RealArray) -> RealArray:
    """Return the rows of every block, (n_blocks, 3, n, n): by coefficients before, own, after.

    No B-spline reaches beyond the blocks beside its own.
    """
    n_points = len(weights)
    n_blocks = -(-n_points // _BLOCK)
    rows = np.arange(n_blocks * _BLOCK)
    band = np.zeros((rows.size, 3 * _BLOCK))
    # Rows that fill the last block say that their coefficient is zero.
    band[rows[n_points:], _BLOCK + rows[n_points:] % _BLOCK] = 1
    here = rows[:n_points, np.newaxis]
    columns = first[:, np.newaxis] + np.arange(weights.shape[1])
    band[here, columns - here // _BLOCK * _BLOCK + _BLOCK] = weights
    return band.reshape(n_blocks, _BLOCK, 3, _BLOCK).transpose(0, 2, 1, 3)
