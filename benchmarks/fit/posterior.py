"""Is the fit's minimum a good summary of its posterior? The mean of draws against it.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/posterior.py --spectra 40`` (about 5 s a
spectrum). Draws by Hamiltonian Monte Carlo over all non-linear parameters, in coordinates
whitened by the Hessian at the minimum, with the amplitudes integrated out as unbounded
Gaussians; the amplitudes of every draw by Gibbs sampling with their bounds. Nothing of the
fit but its cost and gradient is used.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis
from other_generator import make_other
from scipy.special import ndtr, ndtri

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import Fit, FitModel, FitOptions, fit_prepared, prepare
from glxflow.fit.point import Point
from glxflow.fit.problem import Problem
from glxflow.preprocess.water import without_water
from glxflow.quantify import estimates
from glxflow.spectrum import BasisSet, Fid, RealArray

REPORTED = {"Glu": ("Glu",), "Gln": ("Gln",), "Glx": ("Glu", "Gln")}
FIRST_REPORTED_SEED = 1000
SCENE = Scene((3.0, 9.0), (50.0, 100.0), True)
STEP, STEPS, BURN_IN = 0.25, (3, 8), 0.2
State = tuple[Point, float, RealArray]
Maker = Callable[[BasisSet, np.random.Generator], tuple[Fid, dict[str, float]]]
GENERATORS: dict[str, Maker] = {
    "first": lambda basis, rng: make_spectrum(basis, SCENE, rng),
    "other": make_other,
}


class Posterior:
    """The posterior of a spectrum's parameters, whitened about the minimum.

    Parameters
    ----------
    fit : Fit
        Whose problem and minimum are taken.
    """

    def __init__(self, fit: Fit) -> None:
        assert fit.found is not None
        self.problem: Problem = fit.found.problem
        prior, theta = self.problem.prior, fit.found.solution.point.theta
        span = np.where(np.isfinite(prior.span), prior.span, 0.0)
        self.start = np.clip(theta, prior.low + 1e-6 * span, prior.high - 1e-6 * span)
        self.everything = np.ones(theta.size, dtype=np.bool_)
        at_start = self.problem.evaluate(self.start)
        normal = self.problem.quadratic(at_start, self.everything, is_near=False).normal
        values, vectors = np.linalg.eigh(normal)
        self.scale = vectors / np.sqrt(np.maximum(values, 1e-6))

    def at(self, theta: RealArray) -> State | None:
        """Return state, log density and the cost's whitened slope; None beyond the bounds."""
        prior = self.problem.prior
        if (theta <= prior.low).any() or (theta >= prior.high).any():
            return None
        point = self.problem.evaluate(theta)
        density = -point.cost / 2 - np.linalg.slogdet(point.gram)[1] / 2
        slope = self.problem.quadratic(point, self.everything, is_near=False).gradient
        # The determinant changes slowly: it is left to the acceptance.
        return point, density, -self.scale.T @ slope

    def draws(self, n_draws: int, rng: np.random.Generator) -> RealArray:
        """Return draws of the amplitudes, (n_kept, n_columns)."""
        theta, state = self.start, self.at(self.start)
        assert state is not None
        amplitudes, kept = state[0].amplitudes.copy(), []
        for draw in range(n_draws):
            momentum = rng.normal(size=theta.size)
            there, other, last = self._leap(theta, state, momentum, int(rng.integers(*STEPS)))
            if other is not None:
                gained = other[1] - state[1] - (last @ last - momentum @ momentum) / 2
                if np.log(rng.uniform()) < gained:
                    theta, state = there, other
            if draw >= BURN_IN * n_draws:
                amplitudes = self._amplitudes(state[0], amplitudes, rng)
                kept.append(amplitudes.copy())
        return np.array(kept)

    def _leap(
        self, theta: RealArray, state: State, momentum: RealArray, n_steps: int
    ) -> tuple[RealArray, State | None, RealArray]:
        """Return where leapfrog steps end, the state there (None beyond a bound), and momentum."""
        there: State | None = state
        for _ in range(n_steps):
            assert there is not None
            momentum = momentum + STEP * there[2] / 2
            theta = theta + STEP * (self.scale @ momentum)
            there = self.at(theta)
            if there is None:
                break
            momentum = momentum + STEP * there[2] / 2
        return theta, there, momentum

    def _amplitudes(
        self, point: Point, amplitudes: RealArray, rng: np.random.Generator
    ) -> RealArray:
        """Return amplitudes after two sweeps of Gibbs sampling at given line shapes."""
        moment = point.whitened @ self.problem.whiten(point.data)
        for _ in range(2):
            for index, precision in enumerate(np.diag(point.gram)):
                left = moment[index] - point.gram[index] @ amplitudes
                mean, sd = amplitudes[index] + left / precision, precision**-0.5
                least = 0.0 if self.problem.model.is_signed[index] else ndtr(-mean / sd)
                share = least + rng.uniform() * (1 - least)
                amplitudes[index] = mean + sd * ndtri(np.clip(share, 1e-12, 1 - 1e-12))
                if not self.problem.model.is_signed[index]:
                    amplitudes[index] = max(amplitudes[index], 0.0)
        return amplitudes


def ratios_of(names: Sequence[str], amplitudes: RealArray) -> RealArray:
    """Return Glu, Gln and Glx over creatine, (..., 3)."""

    def total(parts: Sequence[str]) -> RealArray:
        found: RealArray = sum(amplitudes[..., list(names).index(part)] for part in parts)
        return found

    creatine = total(["Cr", "PCr"])
    return np.stack([total(parts) / creatine for parts in REPORTED.values()], axis=-1)


def compare(make: Maker, basis: BasisSet, model: FitModel, n_spectra: int, n_draws: int) -> None:
    """Print the errors of the minimum and of the mean of the draws, and both SDs."""
    rows = []
    for seed in range(FIRST_REPORTED_SEED, FIRST_REPORTED_SEED + n_spectra):
        fid, truth = make(basis, np.random.default_rng(seed))
        fit = fit_prepared(Fid(without_water(fid.samples, fid.axis), fid.axis), model)
        found = {one.metabolite: one for one in estimates(fit.result)}
        drawn = ratios_of(model.names, Posterior(fit).draws(n_draws, np.random.default_rng(seed)))
        true = ratios_of(list(truth), np.array(list(truth.values())))
        mode, sd = np.array(
            [(found[name].ratio_tcr, found[name].ratio_tcr_sd) for name in REPORTED]
        ).T
        rows.append([mode / true - 1, drawn.mean(axis=0) / true - 1, sd / true,
                     drawn.std(axis=0) / true])  # fmt: skip
    mode, mean, sd, sd_drawn = 100 * np.array(rows).transpose(1, 2, 0)
    print("ratio to tCr, % | bias | RMS error | of the mean: bias | RMS error | SD | of draws")
    for row, name in enumerate(REPORTED):
        cells = [
            *(f(one[row]) for one in (mode, mean) for f in (np.mean, _root_mean_square)),
            np.median(sd[row]),
            np.median(sd_drawn[row]),
        ]
        print(f"{name} | " + " | ".join(f"{cell:.1f}" for cell in cells))


def _root_mean_square(values: RealArray) -> float:
    """Return the root mean square of some values."""
    return float(np.sqrt(np.mean(values**2)))


def main() -> None:
    """Compare both summaries on the spectra of a generator."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spectra", type=int, default=40)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--generator", choices=GENERATORS, default="first")
    given = parser.parse_args()
    basis = metabolite_basis(axis_3t())
    model = prepare(with_macromolecules(basis), FitOptions())
    compare(GENERATORS[given.generator], basis, model, given.spectra, given.draws)


if __name__ == "__main__":
    main()
