"""Parts of square matrices, without the index arrays that cost more than small products do."""

import numpy as np

from glxflow.spectrum import BoolArray, RealArray


def principal(matrix: RealArray, chosen: BoolArray) -> RealArray:
    """Return the rows and columns that are chosen, (n_chosen, n_chosen)."""
    if chosen.all():
        return matrix.copy()
    part: RealArray = matrix.compress(chosen, axis=0).compress(chosen, axis=1)
    return part


def diagonal(matrix: RealArray) -> RealArray:
    """Return the diagonal as a view that can be changed, whatever the order in memory."""
    entries: RealArray = np.einsum("ii->i", matrix)
    return entries
