"""Fit one spectrum: find it, choose the baseline's stiffness, fit, and say how sure."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from glxflow.fit.doubts import doubts, failed
from glxflow.fit.found import Fit, Found
from glxflow.fit.merit import singlet, trust
from glxflow.fit.minima import GAUSSIAN_SHARE, are_apart, may_hide_shoulder, shoulders
from glxflow.fit.model import FitModel
from glxflow.fit.noise import noise_doubts, noise_sd
from glxflow.fit.options import FitOptions
from glxflow.fit.point import Point
from glxflow.fit.preparation import prepare
from glxflow.fit.prior import SHARED
from glxflow.fit.problem import Problem
from glxflow.fit.record import of_spectrum
from glxflow.fit.soft import ratio_rows
from glxflow.fit.solver import Solution, solve_fast, within
from glxflow.fit.start import Alignment, locate
from glxflow.fit.uncertainty import Uncertainty, fixed_shape_chi2, residual_of, uncertainty
from glxflow.spectrum import BasisSet, BoolArray, Fid, FitResult, FitStatus, RealArray

DEFAULTS = FitOptions()
PREFIT_ED_PER_PPM = 1.5
_PREFIT_DECREASE = 1e-2
_USUAL_OWN_HZ = 2.0
_LARGEST_START_SD = 0.3
_SCOUTED_TO = 0.1
_STILL_TO_FALL = 5.0
ED_GRID = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
"""Effective dimensions per ppm among which AIC chooses."""


def fit_spectrum(fid: Fid, basis: BasisSet, options: FitOptions = DEFAULTS) -> Fit:
    """Return the linear-combination fit of one spectrum.

    Parameters
    ----------
    fid : Fid
        The data: one coil-combined, averaged signal of any phase, up to 0.4 ppm
        off its frequency.
    basis : BasisSet
        On the axis of the data, with macromolecules.
    options : FitOptions
        Choices of the fit.

    Raises
    ------
    BasisError
        If the basis set cannot describe the data.
    DataError
        If the data are conjugated, or hold a signal and no noise.
    """
    return fit_prepared(fid, prepare(basis, options))


def fit_prepared(fid: Fid, model: FitModel) -> Fit:
    """Return the fit of one spectrum by a prepared model, which many spectra may share."""
    if not fid.samples.any():
        reason = "every sample is zero. Look at the raw data of this time."
        return Fit(failed(model, fid, reason, float("nan")))
    noise = noise_sd(fid)
    # Fewer samples hold less noise.
    kept_noise = noise * float(np.sqrt(model.share_kept))
    found = locate(fid, model.reference, noise)
    if isinstance(found, str):
        return Fit(failed(model, fid, found, kept_noise))
    problem, start = prefit(fid, model, kept_noise, found)
    solution = search(problem, start)
    residual = residual_of(problem, solution.point) * (problem.noise_sd / kept_noise)
    weight = np.minimum(model.weight, trust(model.ppm, residual))
    if (weight < model.weight).any():
        near = solution.point.theta
        problem, start = prefit(fid, model.reweighted(weight), kept_noise, found, near)
        solution = search(problem, near)
    solution = _confirmed(problem, start, solution, found.linewidth_hz)
    return fit_at(fid, problem, solution, found, noise)


def fit_at(fid: Fid, problem: Problem, solution: Solution, found: Alignment, noise: float) -> Fit:
    """Return the fit of one spectrum that a search has ended with.

    Parameters
    ----------
    fid : Fid
        The data.
    problem : Problem
        What was solved.
    solution : Solution
        The end of the search.
    found : Alignment
        Where the metabolites are.
    noise : float
        SD of the noise in the spectrum of the whole signal.
    """
    kept_noise = noise * float(np.sqrt(problem.model.share_kept))
    known = uncertainty(problem, solution.point, solution.free, kept_noise)
    result = _result(problem, solution, known, found, noise)
    result = replace(result, flags=(*result.flags, *noise_doubts(fid)))
    return Fit(result, Found(problem, solution, known, found))


def prefit(
    fid: Fid, model: FitModel, noise: float, found: Alignment, near: RealArray | None = None
) -> tuple[Problem, RealArray]:
    """Return the problem to solve and start values, from a fit with one common line shape.

    Parameters
    ----------
    fid : Fid
        The data.
    model : FitModel
        Prepared for the basis set.
    noise : float
        SD of the noise in the fitted spectrum.
    found : Alignment
        Where the metabolites are.
    near : (n_theta,) ndarray, optional
        Parameters of a fit with other weights, whose common line shape is near.
    """
    options = model.options
    spectrum = model.data_spectrum(found.aligned(fid))
    ed = options.baseline_ed_per_ppm or PREFIT_ED_PER_PPM
    no_rows = np.zeros((0, len(model.response)))
    problem = Problem(model, spectrum, noise, model.spline.stiffness(ed), no_rows)
    start = _start(model, found.linewidth_hz)
    if near is not None:
        start[: len(SHARED)] = near[: len(SHARED)]
    point = problem.evaluate(within(problem, start))
    problem, point = _shared_fit(problem, point)
    if options.baseline_ed_per_ppm is None:
        ed = choose_ed(problem, point)
        problem = problem.with_stiffness(problem.model.spline.stiffness(ed))
    return _weighted(problem, point, noise), point.theta


def _start(model: FitModel, linewidth_hz: float) -> RealArray:
    """Return start values: lines of a known width, half of it Lorentzian."""
    start = model.prior.mean.copy()
    start[SHARED.index("lorentzian_hz")] = max(0.5 * linewidth_hz - _USUAL_OWN_HZ, 0.0)
    start[SHARED.index("log_gaussian")] = np.log(GAUSSIAN_SHARE * linewidth_hz)
    return start


def _shared_fit(problem: Problem, point: Point) -> tuple[Problem, Point]:
    """Return the problem with soft constraints to scale, fitted with one common line shape."""
    problem = problem.with_ratios(ratio_rows(problem.model, point))
    smallest = _PREFIT_DECREASE * point.cost
    vary = _first_searched(problem)
    point = solve_fast(problem, problem.moved(point), vary, smallest).point
    return problem.with_ratios(ratio_rows(problem.model, point)), point


def _first_searched(problem: Problem) -> BoolArray:
    """Tell which parameters the first fit searches: those of the whole spectrum.

    The shares of the shim's two Gaussians are left equal: searched before the metabolites'
    own widths, they end where one of both is next to nothing.
    """
    names = problem.prior.names
    return np.array([name in SHARED and name != "log_odds" for name in names])


def _weighted(problem: Problem, point: Point, noise: float) -> Problem:
    """Return the problem with the misfit of a prefit counted as noise.

    Otherwise the priors would weigh nothing where the model describes least.
    """
    misfit = fixed_shape_chi2(problem, problem.moved(point))
    return problem.with_noise(noise * float(np.sqrt(max(misfit, 1.0))))


def choose_ed(problem: Problem, point: Point) -> float:
    """Return the effective dimension per ppm with the least AIC, at fixed line shapes."""
    n_data = len(problem.model.ppm)

    def criterion(ed: float) -> float:
        stiff = problem.with_stiffness(problem.model.spline.stiffness(ed))
        remainder = stiff.moved(point).remainder
        misfit = float(np.sum((remainder - stiff.baseline(remainder)) ** 2))
        return n_data * float(np.log(misfit)) + 2 * float(stiff.shares.sum())

    return min(ED_GRID, key=criterion)


def _confirmed(
    problem: Problem, start: RealArray, found: Solution, linewidth_hz: float
) -> Solution:
    """Return a solution, or a better one from another start where its end is doubtful."""
    if not found.is_converged:
        # Heavy damping may have ended it, which a new search does not begin with.
        found = search(problem, found.point.theta)
    again = [search(problem, one) for one in _other_starts(problem, start, found, linewidth_hz)]
    # A minimum is better than a stop on the way to a lower one.
    return min([found, *again], key=lambda one: (not one.is_converged, one.point.cost))


def _other_starts(
    problem: Problem, start: RealArray, found: Solution, linewidth_hz: float
) -> Iterator[RealArray]:
    """Yield where to search again if a solution is doubtful."""
    prior, best = problem.prior, found.point
    if not found.is_converged or found.at_bound:
        sd = np.minimum(prior.sd, _LARGEST_START_SD)
        yield start + sd * np.random.default_rng(0).normal(size=start.size)
    if may_hide_shoulder(prior, best.theta):
        # What a search from equal shares of the shim may take a shoulder for. Most of these lead
        # back to where it ended, which a few steps tell.
        vary = np.ones(start.size, dtype=np.bool_)
        for shoulder in shoulders(prior, best.theta, linewidth_hz):
            near = solve_fast(problem, shoulder, vary, _SCOUTED_TO).point
            is_other = are_apart(prior, near.theta, best.theta)
            if near.cost < best.cost + (_STILL_TO_FALL if is_other else -_SCOUTED_TO):
                yield near.theta


def search(problem: Problem, start: RealArray) -> Solution:
    """Search all parameters by the solver of the options.

    Parameters
    ----------
    problem : Problem
        What to solve.
    start : (n_theta,) ndarray
        Where to begin.
    """
    vary = np.ones(start.size, dtype=np.bool_)
    if problem.model.options.solver == "fast":
        return solve_fast(problem, start, vary)
    from glxflow.fit import reference  # only where it is asked for: see `params`

    return reference.solve_lmfit(problem, start, vary)


def _result(
    problem: Problem, solution: Solution, known: Uncertainty, found: Alignment, noise: float
) -> FitResult:
    """Return the record of a fit, in signal units."""
    model, point, n = problem.model, solution.point, len(problem.model.names)
    own = of_spectrum(problem, point, found, problem.noise_sd * problem.baseline(point.remainder))
    row, height = singlet(model.names, model.ppm, own["components"]) or (None, float("nan"))
    result = FitResult(
        **own,
        covariance=known.of_amplitudes(n),
        noise_covariance=known.noise_covariance[:n, :n],
        noise_sd=noise * float(np.sqrt(model.share_kept)),
        snr=height / noise,
        fwhm_hz=float("nan") if row is None else point.shapes.line_hz(row),
        reduced_chi2=known.reduced_chi2,
        status=FitStatus.CONVERGED if solution.is_converged else FitStatus.NOT_CONVERGED,
    )
    return replace(result, flags=doubts(result, solution, model, ED_GRID[-1]))
