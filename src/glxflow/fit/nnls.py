"""Non-negative least squares on the normal equations, warm-started.

A spectrum is fitted some thirty times with nearly the same active set: starting
from the last one, most solves need one Cholesky factorisation (Bro & de Jong
1997, doi:10.1002/(SICI)1099-128X(199709/10)11:5<393::AID-CEM483>3.0.CO;2-L).
"""

import numpy as np

from glxflow.fit.square import diagonal, principal
from glxflow.spectrum import BoolArray, RealArray


def nnls_gram(
    gram: RealArray, moment: RealArray, passive: BoolArray, signed: BoolArray
) -> RealArray:
    """Return the x, non-negative but for `signed`, that minimises x' gram x / 2 - moment' x.

    Parameters
    ----------
    gram : (n, n) ndarray
        Positive definite normal matrix.
    moment : (n,) ndarray
        Right-hand side.
    passive : (n,) bool ndarray
        Guess of which coefficients are not zero.
    signed : (n,) bool ndarray
        Coefficients that may be negative.
    """
    # Slopes count over the length of their columns.
    scale = diagonal(gram) ** -0.5
    tolerance = 1e-10 * max(float(np.abs(moment * scale).max()), 1e-300)
    passive = passive | signed
    x = np.zeros(moment.size)
    for _ in range(5 * moment.size):
        x, passive = _descend(gram, moment, passive, x, signed)
        gradient = (moment - gram @ x) * scale
        gradient[passive] = -np.inf
        best = int(gradient.argmax())
        if gradient[best] <= tolerance:
            break
        passive[best] = True
    return x


def _descend(
    gram: RealArray, moment: RealArray, passive: BoolArray, x: RealArray, signed: BoolArray
) -> tuple[RealArray, BoolArray]:
    """Solve on the passive set, leaving out what turns negative, until nothing does."""
    while passive.any():
        solution = np.zeros_like(x)
        solution[passive] = np.linalg.solve(principal(gram, passive), moment[passive])
        negative = (solution <= 0) & passive & ~signed
        if not negative.any():
            return solution, passive
        step = x[negative] / (x[negative] - solution[negative] + 1e-300)
        x = x + min(float(step.min()), 1.0) * (solution - x)
        passive = passive & ~(negative & (x <= 1e-12 * np.abs(x).max() + 1e-300))
        x[~passive] = 0.0
    return np.zeros_like(x), passive
