"""A test of the condition as a function of who was allocated to which sequence.

Every column of a design that depends on the allocation is a participant's side, +1
or -1, times something that does not. All products with the covariance, which is
that of the model without the condition, are then sums over participants of side
times a constant, so that thousands of allocations cost one matrix product.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glxflow.spectrum import RealArray

IndexArray = npt.NDArray[np.intp]

_ALIASED = 1e-9
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Unit:
    """One participant's share of a regression, rows divided by their covariance's root.

    Attributes
    ----------
    outcome : (n_rows,) ndarray
        Outcome.
    fixed : (n_rows, n_fixed) ndarray
        Columns that no allocation changes.
    moved : (n_rows, n_moved) ndarray
        Columns that the participant's side multiplies; the condition is the first.
    """

    outcome: RealArray
    fixed: RealArray
    moved: RealArray


@dataclass(frozen=True, slots=True)
class AllocationTest:
    """The test of one specification, ready for any allocation.

    Attributes
    ----------
    who : (n_units,) ndarray of int
        Places of its participants among all.
    cross : (n_fixed * n_moved, n_units) ndarray
        Products of the orthonormal fixed columns with the moved ones.
    score : (n_moved, n_units) ndarray
        Products of the moved columns with the outcome.
    level : (n_fixed,) ndarray
        Products of the orthonormal fixed columns with the outcome.
    gram : (n_moved, n_moved) ndarray
        Products of the moved columns; sides square to one.
    df : float
        Degrees of freedom of t.
    left : float or None
        Sum of squares that the fixed columns leave, from which the residual variance
        of each allocation follows; None where the variances are fixed.
    """

    who: IndexArray
    cross: RealArray
    score: RealArray
    level: RealArray
    gram: RealArray
    df: float
    left: float | None

    def statistic(self, side: RealArray) -> tuple[RealArray, RealArray]:
        """Return effect and t under each allocation, (n_allocations,) each.

        Parameters
        ----------
        side : (n_all, n_allocations) ndarray
            +1 for those who get the active condition first, else -1.

        Notes
        -----
        Variances fixed by the model without the condition hold its effect too. In
        complete data z^2 = (df + 1) r^2 and t^2 = df r^2 / (1 - r^2), so that
        t^2 = df z^2 / (df + 1 - z^2) is the classical t; it is used throughout.
        """
        mine = side[self.who]
        size = self.gram.shape[0]
        cross = (self.cross @ mine).reshape(-1, size, mine.shape[1])
        score = self.score @ mine - np.einsum("fmb,f->mb", cross, self.level)
        gram = self.gram[:, :, np.newaxis] - np.einsum("fmb,fnb->mnb", cross, cross)
        explained = _eliminate(gram, score, np.diag(self.gram))
        usable = gram[0, 0] > _ALIASED * self.gram[0, 0]
        variance = np.where(usable, gram[0, 0], 1.0)
        effect = np.where(usable, score[0] / variance, 0.0)
        z2 = np.where(usable, score[0] ** 2 / variance, 0.0)
        if self.left is None:
            ratio = z2 / np.maximum(self.df + 1 - z2, _LEAST)
        else:
            ratio = z2 / np.maximum(self.left - explained - z2, _LEAST * self.left)
        return effect, np.sign(effect) * np.sqrt(self.df * ratio)


def _eliminate(gram: RealArray, score: RealArray, least: RealArray) -> RealArray:
    """Sweep all moved columns but the first, in place; return the squares they explain."""
    explained = np.zeros(score.shape[1])
    for last in range(gram.shape[0] - 1, 0, -1):
        pivot = gram[last, last]
        # A column that an allocation aliases with others explains nothing more.
        inverse = np.where(pivot > _ALIASED * least[last], 1 / np.maximum(pivot, 1e-300), 0.0)
        factor = gram[:last, last] * inverse
        explained += score[last] ** 2 * inverse
        gram[:last, :last] -= factor[:, np.newaxis] * gram[np.newaxis, last, :last]
        score[:last] -= factor * score[last]
    return explained


def prepare(
    who: IndexArray, units: Sequence[Unit], df: float, *, fixed_variance: bool
) -> AllocationTest:
    """Return the test of a specification from its participants' shares.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the fixed columns cannot be told apart.
    """
    gram = sum(unit.fixed.T @ unit.fixed for unit in units)
    inverse = np.linalg.inv(np.linalg.cholesky(gram))
    level = inverse @ sum(unit.fixed.T @ unit.outcome for unit in units)
    total = float(sum(unit.outcome @ unit.outcome for unit in units))
    cross = [(inverse @ (unit.fixed.T @ unit.moved)).ravel() for unit in units]
    return AllocationTest(
        who=who,
        cross=np.array(cross).T,
        score=np.array([unit.moved.T @ unit.outcome for unit in units]).T,
        level=level,
        gram=np.asarray(sum(unit.moved.T @ unit.moved for unit in units)),
        df=df,
        left=None if fixed_variance else total - float(level @ level),
    )
