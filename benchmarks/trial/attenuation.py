"""Count how often the intervals of an attenuation hold the true one.

Simulates crossover trials: each participant's fall of the score under the reference
condition, the smaller fall under the active one, correlated, with normal or skewed
scatter; then Fieller's interval from the covariance of the means (t with n - 2 df, as
the sequences leave them) and the bootstrap's, as `attenuation.tsv` gives them.

    OPENBLAS_NUM_THREADS=1 python benchmarks/trial/attenuation.py --trials 1000
"""

import argparse

import numpy as np

from glxflow.trial.attenuation import TwoEffects, bootstrap, fieller

TRUE = 0.28
FALL, SD, CORRELATION = 12.0, 8.0, 0.4
WEIGHTS = {"NP": (0.5, 0.5), "PN": (0.5, 0.5)}


def falls(n: int, rng: np.random.Generator, *, is_skewed: bool) -> np.ndarray:
    """Return the falls under both conditions, (n, 2)."""
    common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 2))
    scatter = np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own
    if is_skewed:
        # Of mean 0 and SD 1 again.
        spread = 0.6
        scatter = (np.exp(spread * scatter) - np.exp(spread**2 / 2)) / np.sqrt(
            (np.exp(spread**2) - 1) * np.exp(spread**2)
        )
    return FALL * np.array([1.0, 1 - TRUE]) + SD * scatter


def covered(n: int, rng: np.random.Generator, n_draws: int, *, is_skewed: bool) -> list[float]:
    """Return whether either interval holds the truth, and its width; NaN without interval."""
    both = falls(n, rng, is_skewed=is_skewed)
    group = np.array(["NP", "PN"])[np.arange(n) % 2]
    within = both - np.array([both[group == own].mean(axis=0) for own in group])
    covariance = within.T @ within / (n - 2) / n
    means = both.mean(axis=0)
    effects = TwoEffects(*means, *np.diag(covariance), covariance[0, 1], n - 2)
    drawn = bootstrap(*both.T, group, WEIGHTS, confidence=0.95, n_draws=n_draws, rng=rng)
    result = []
    for found in (fieller(effects, 0.95), drawn):
        holds = float(found.ci_low <= TRUE <= found.ci_high) if found.is_bounded else np.nan
        result += [holds, found.ci_high - found.ci_low]
    return result


def main() -> None:
    """Print coverage and median width by the number of participants and the scatter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=2000)
    given = parser.parse_args()
    for is_skewed in (False, True):
        for n in (16, 26, 52, 104):
            rng = np.random.default_rng(n)
            rows = np.array(
                [covered(n, rng, given.draws, is_skewed=is_skewed) for _ in range(given.trials)]
            )
            print(
                f"{'skewed' if is_skewed else 'normal'}, n = {n}: Fieller covers "
                f"{np.nanmean(rows[:, 0]):.1%} (width {np.nanmedian(rows[:, 1]):.2f}), "
                f"BCa {np.nanmean(rows[:, 2]):.1%} ({np.nanmedian(rows[:, 3]):.2f})"
            )


if __name__ == "__main__":
    main()
