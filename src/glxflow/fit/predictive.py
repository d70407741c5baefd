"""How well models predict parts of a spectrum that they were not fitted to, and what that weighs.

Within-sample misfit favours whatever is most flexible, and a chi-squared in units of the
noise gives the whole weight to one of several models that are all a little wrong. Here a
model predicts each stretch of the spectrum from the others (to first order at its optimum,
where this has a closed form), and models are weighed by what a resampled set of
stretches would prefer (pseudo-BMA+, Yao et al. 2018, doi:10.1214/17-BA1091). Misfit
runs on over neighbouring points, which then do not count as so many witnesses.
"""

import numpy as np

from glxflow.fit.optimum import Seen
from glxflow.fit.square import diagonal
from glxflow.spectrum import BoolArray, RealArray

BLOCK_PPM = 0.15
"""Length of a stretch: wider than a line and than a wrong macromolecule's misfit."""

_N_DRAWS = 500
_SHARED_EQUALLY = 0.8
"""Share of the weight that does not depend on prediction.

All models are wrong, and how well one predicts the rest of a spectrum says little of
its error in glutamate. At this share the 95 % interval of the spread reaches every
alternative of a choice of three: its weight is above 1/1.96^2.
"""


def predictive_scores(seen: Seen, inverse: RealArray, blocks: RealArray) -> RealArray:
    """Return the log density of each block given the rest of what was fitted, (n_blocks,).

    Parameters
    ----------
    seen : Seen
        A spectrum of a fit at its optimum.
    inverse : (n_parameters, n_parameters) ndarray
        Inverse Hessian of the fit.
    blocks : (n_fit,) ndarray
        Number of the block of each point from 0; negative where a point is in none.

    Notes
    -----
    With K the covariance of the data under the model, priors and baseline included,
    a block B left out has the residual ``(K^-1)_BB^-1 (K^-1 y)_B`` and the
    covariance ``(K^-1)_BB^-1``. ``K^-1 y`` is the residual of the penalised fit.
    """
    problem, model = seen.problem, seen.problem.model
    explained = model.rotation @ problem.whiten(seen.slopes.T).T
    kept = np.ones(len(model.ppm))
    kept[: problem.shares.size] -= problem.shares
    residual = seen.residual * model.weight
    scale = (seen.view.noise_sd / problem.noise_sd) ** 2
    scores = []
    for number in range(int(blocks.max()) + 1):
        inside = blocks == number
        turn = model.rotation[inside]
        precision = (turn * kept) @ turn.T - explained[inside] @ inverse @ explained[inside].T
        diagonal(precision)[:] += 1e-9
        misfit = float(residual[inside] @ np.linalg.solve(precision, residual[inside])) / scale
        scores.append(0.5 * np.linalg.slogdet(precision)[1] - _surprise(misfit, inside.sum()))
    return np.array(scores)


def _surprise(misfit: float, n_points: int) -> float:
    """Return minus the log density of residuals whose scale is unknown, but not below the noise.

    One stretch that all models describe badly would otherwise decide between them.
    """
    variance = max(misfit / n_points, 1.0)
    return 0.5 * (misfit / variance + n_points * float(np.log(variance)))


def run_length(residual: RealArray) -> float:
    """Return over how many points a residual runs on: 1 for noise.

    The sum of its autocorrelation up to where that is first negative: n points of it
    say as much as n over this of white noise.
    """
    centred = residual - residual.mean()
    products = np.correlate(centred, centred, "full")[centred.size - 1 :]
    correlation = products / products[0]
    end = int(np.argmax(correlation <= 0)) or correlation.size
    return float(1 + 2 * correlation[1:end].sum())


def blocks_of(ppm: RealArray, trusted: BoolArray) -> RealArray:
    """Return the number of the block of each point, and -1 where it is not trusted.

    Blocks cover the trusted range evenly, each about `BLOCK_PPM` long.
    """
    low, high = ppm[trusted][[0, -1]]
    n_blocks = max(round((high - low) / BLOCK_PPM), 2)
    number = np.floor((ppm - low) / (high - low) * n_blocks)
    blocks: RealArray = np.where(trusted, np.clip(number, 0, n_blocks - 1), -1)
    return blocks


def predictive_weights(scores: RealArray, rng: np.random.Generator) -> RealArray:
    """Return the weight of each model, which sum to 1.

    Parameters
    ----------
    scores : (n_models, n_blocks) ndarray
        Of each block under each model.
    rng : Generator
        For the Bayesian bootstrap of the blocks.
    """
    n_blocks = scores.shape[1]
    draws = n_blocks * rng.dirichlet(np.ones(n_blocks), size=_N_DRAWS)
    totals = draws @ scores.T
    likelihood = np.exp(totals - totals.max(axis=1, keepdims=True))
    preferred = (likelihood / likelihood.sum(axis=1, keepdims=True)).mean(axis=0)
    weights: RealArray = _SHARED_EQUALLY / len(scores) + (1 - _SHARED_EQUALLY) * preferred
    return weights
