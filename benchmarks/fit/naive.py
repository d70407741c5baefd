"""The same fit by plain lmfit, with everything a parameter, beside ours: ratios of one run.

Run ``OPENBLAS_NUM_THREADS=1 python benchmarks/fit/naive.py --spectra 3`` (about a minute). Plain
means what one would write first: amplitudes, spline coefficients, shifts and widths are
lmfit parameters, spectra come from Fourier transforms, derivatives from finite
differences. Model, priors and penalty are the same, so that both seek one minimum.
"""

import argparse
import time
from collections.abc import Callable

import lmfit
import numpy as np
from generator import Scene, axis_3t, make_spectrum, metabolite_basis
from scipy.interpolate import BSpline

from glxflow.basis.macromolecules import with_macromolecules
from glxflow.fit import FitModel, FitOptions, fit_prepared, prepare
from glxflow.fit.baseline import KNOTS_PER_PPM
from glxflow.fit.lineshape import lineshape
from glxflow.fit.prior import COMMON_SHIFT
from glxflow.fit.problem import Problem
from glxflow.fit.reference import solve_lmfit
from glxflow.fit.shapes import shapes_of
from glxflow.fit.solver import solve_fast
from glxflow.spectrum import BasisSet, Fid

DEGREE = 3
TOLERANCE = 1e-5
MOST_RESIDUALS = 6000
"""Where the plain search is given up: its time is then a lower limit."""


class Plain:
    """The residual of one spectrum as a function of all parameters."""

    def __init__(self, basis: BasisSet, problem: Problem, data: np.ndarray) -> None:
        model = problem.model
        self.problem, self.model, self.data = problem, model, data
        extra = 1j * basis.fids[list(model.quadrature_of)]
        upright = np.conj(basis.fids[basis.names.index("NAA"), 0])
        fids = upright / abs(upright) * np.concatenate([basis.fids, extra])
        self.fids = fids[:, : model.n_kept]
        self.time_s = model.axis.time_s[: model.n_kept]
        self.design, self.roughness = self._spline()

    def _spline(self) -> tuple[np.ndarray, np.ndarray]:
        """Return B-splines on the fitted points, and the rows of their penalty."""
        ppm = self.model.ppm
        n_inner = max(round(KNOTS_PER_PPM * (ppm[-1] - ppm[0])), 4)
        step = (ppm[-1] - ppm[0]) / n_inner
        knots = ppm[0] + step * np.arange(-DEGREE, n_inner + DEGREE + 1)
        inside = np.clip(ppm, ppm[0], knots[n_inner + DEGREE] - 1e-12)
        design = BSpline.design_matrix(inside, knots, DEGREE).toarray()
        rows = np.diff(np.eye(design.shape[1]), n=2, axis=0)
        return design, np.sqrt(self.problem.stiffness) * rows

    def parameters(self) -> lmfit.Parameters:
        """Return all parameters at the mean of their priors, with the best amplitudes there."""
        parameters = lmfit.Parameters()
        prior = self.problem.prior
        for row, mean in enumerate(prior.mean):
            parameters.add(f"t{row}", value=mean, min=prior.low[row], max=prior.high[row])
        found = self.problem.evaluate(prior.mean).amplitudes
        # A bounded parameter that starts at its bound has no slope, and stays there.
        amplitudes = np.where(self.model.is_signed, found, np.maximum(found, 0.02 * found.max()))
        for row, (signed, value) in enumerate(zip(self.model.is_signed, amplitudes, strict=True)):
            parameters.add(f"a{row}", value=value, min=-np.inf if signed else 0.0)
        for row in range(self.design.shape[1]):
            parameters.add(f"s{row}", value=0.0)
        return parameters

    def residual(self, parameters: lmfit.Parameters) -> np.ndarray:
        """Return data minus model over the noise, penalty and priors."""
        values = np.array([parameter.value for parameter in parameters.values()])
        n_theta, n_columns = self.problem.prior.mean.size, len(self.fids)
        theta, amplitudes = values[:n_theta], values[n_theta : n_theta + n_columns]
        spline = values[n_theta + n_columns :]
        shapes = shapes_of(self.model, theta)
        decays = shapes.shim.at(self.time_s).values * lineshape(
            self.time_s, shapes.gamma_per_s, shapes.shift_hz, shapes.own_g_per_s2
        )
        signal = np.fft.fft(self.fids * decays, 2 * self.model.n_kept, axis=1)
        spectra = np.fft.fftshift(signal, axes=1)[:, self.model.rows].real
        phase = theta[0] + self.model.turn_per_us * theta[1]
        data = (self.data * np.exp(-1j * phase)).real / self.problem.noise_sd
        left = data - amplitudes @ spectra / self.problem.noise_sd - self.design @ spline
        return np.concatenate(
            [
                self.model.weight * left,
                self.roughness @ spline,
                self.problem.ratio_rows @ amplitudes,
                self.problem.prior.root @ (theta - self.problem.prior.mean),
            ]
        )


def timed(run: Callable[[], object]) -> tuple[float, object]:
    """Return CPU time of a call, in ms, and its result."""
    start = time.process_time()
    result = run()
    return 1000 * (time.process_time() - start), result


def compare(model: FitModel, basis: BasisSet, fid: Fid) -> tuple[float, ...]:
    """Return the times of a whole fit, both cores and the plain fit, and what they found."""
    whole, fit = timed(lambda: fit_prepared(fid, model))
    problem, start = fit.found.problem, fit.found.problem.prior.mean
    vary = np.ones(start.size, dtype=np.bool_)
    fast, ours = timed(lambda: solve_fast(problem, start, vary))
    reference, _ = timed(lambda: solve_lmfit(problem, start, vary))
    result = fit.result
    f0_mhz = model.axis.spectrometer_frequency_mhz
    theta = fit.found.solution.point.theta
    turned = fid.samples * np.exp(
        -2j * np.pi * (result.offset_ppm * f0_mhz - theta[COMMON_SHIFT]) * fid.axis.time_s
    )
    data = model.data_spectrum(Fid(turned, fid.axis)) * np.exp(-1j * (result.phase_rad - theta[0]))
    plain = Plain(basis, problem, data)
    parameters = plain.parameters()
    spent, outcome = timed(
        lambda: lmfit.minimize(
            plain.residual,
            parameters,
            scale_covar=False,
            calc_covar=False,
            max_nfev=MOST_RESIDUALS,
            ftol=TOLERANCE,
            xtol=TOLERANCE,
        )
    )
    glu = result.names.index("Glu")
    sd = float(np.sqrt(result.covariance[glu, glu]))
    apart = (outcome.params[f"a{glu}"].value - ours.point.amplitudes[glu]) / sd
    return whole, fast, reference, spent, apart, outcome.chisqr / ours.point.cost, outcome.nfev


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spectra", type=int, default=3)
    arguments = parser.parse_args()
    metabolites = metabolite_basis(axis_3t())
    basis = with_macromolecules(metabolites)
    model = prepare(basis, FitOptions(baseline_ed_per_ppm=1.5))
    scene = Scene((3.0, 9.0), (50.0, 100.0), True)
    rows = np.array(
        [
            compare(model, basis, make_spectrum(metabolites, scene, np.random.default_rng(s))[0])
            for s in range(arguments.spectra)
        ]
    )
    whole, fast, reference, plain, apart, cost, calls = np.median(rows, axis=0)
    print(f"CPU of the plain fit {plain:.0f} ms with {calls:.0f} residuals")
    print(f"core by lmfit with the Jacobian {reference:.1f} ms: ratio {plain / reference:.0f}")
    print(f"core, fast path {fast:.1f} ms: ratio {plain / fast:.0f}")
    print(f"whole fit of a spectrum {whole:.1f} ms: ratio {plain / whole:.0f}")
    print(f"Glu of the plain fit less ours {apart:+.3f} SD, cost over ours {cost:.4f}")
    if calls >= MOST_RESIDUALS:
        print("The plain fit was given up: its ratios are lower limits.")


if __name__ == "__main__":
    main()
