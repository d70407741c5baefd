"""What there is to doubt about a fit, in words, each with its value and limit."""

from collections.abc import Iterator

import numpy as np

from glxflow.fit.groups import COLLINEAR_WIDTH_HZ, LARGEST_CORRELATION
from glxflow.fit.model import FitModel
from glxflow.fit.prior import SHARED
from glxflow.fit.solver import Solution
from glxflow.spectrum import Fid, FitResult, FitStatus, Flag, Kind

SMALLEST_SNR = 8.0
LARGEST_REDUCED_CHI2 = 3.0
"""Of the quarter of a second that is fitted; 1.5 of a whole second, the rest of which is noise."""
_NEARLY = 0.99
_OF_ALL_LINES = {
    "phase_rad": "the phase",
    "delay_us": "the first-order phase",
    "lorentzian_hz": "the Lorentzian width of all lines",
    "log_gaussian": "the Gaussian width of the shim",
    "log_ratio": "the ratio of the shim's two widths",
    "split": "the distance of the shim's two parts",
    "log_odds": "the shares of the shim's two parts",
    "shift_hz": "the frequency offset",
}


def doubts(
    result: FitResult, solution: Solution, model: FitModel, softest_ed: float
) -> tuple[Flag, ...]:
    """Return every doubt about a fit.

    Parameters
    ----------
    result : FitResult
        The fit, without flags.
    solution : Solution
        The end of its search.
    model : FitModel
        What was fitted.
    softest_ed : float
        Largest effective dimension per ppm that AIC may choose for the baseline.
    """
    return (
        *_of_model(model),
        *_of_search(result, solution),
        *_of_baseline(result, model, softest_ed),
        *_of_data(result, model),
    )


def _of_model(model: FitModel) -> Iterator[Flag]:
    """Yield doubts about what was fitted."""
    if Kind.MACROMOLECULE not in model.kinds:
        yield Flag(
            "NO_MACROMOLECULES",
            "the basis set holds no macromolecules: glutamate then takes up their signal "
            "(25-49 % too high at short TE). Add default or measured macromolecules.",
        )
    if model.collinear:
        pairs = ", ".join(f"{one} and {other}" for one, other in model.collinear)
        yield Flag(
            "COLLINEAR",
            f"{pairs} are the same curve to {LARGEST_CORRELATION:g} at {COLLINEAR_WIDTH_HZ:g} Hz: "
            "data cannot part them. Read their sum, or leave one out of the basis set.",
        )


def _of_search(result: FitResult, solution: Solution) -> Iterator[Flag]:
    """Yield doubts about the minimum."""
    if result.status is not FitStatus.CONVERGED:
        yield Flag(
            "NOT_CONVERGED",
            f"a further step would lower chi-squared by {solution.predicted_decrease:.2g}, "
            f"expected less than {solution.tolerance:.2g}. Look at the residual: "
            "the model does not describe this spectrum.",
        )
    yield from bound_doubts(solution.at_bound)


def bound_doubts(at_bound: tuple[str, ...]) -> Iterator[Flag]:
    """Yield a doubt about parameters that ended at a bound, where there are some."""
    if at_bound:
        yield Flag(
            "AT_BOUND",
            f"{', '.join(map(_in_words, at_bound))} ended at a bound. Look for "
            f"{_causes(at_bound)}.",
        )


def _in_words(parameter: str) -> str:
    """Return a parameter of one group, or of all lines, in words."""
    if parameter in SHARED:
        return _OF_ALL_LINES[parameter]
    what, _, group = parameter.partition("_")
    return f"the {what} of {'the lipids' if group == 'Lip' else group}"


def _causes(at_bound: tuple[str, ...]) -> str:
    """Return what makes these parameters end at a bound."""
    causes = []
    if any(one not in SHARED for one in at_bound):
        causes.append("an artefact where that component lies, or a line too broad to fit")
    if any(one in SHARED for one in at_bound):
        causes.append("a line shape, phase or offset beyond the model, as a bad shim makes")
    return "; and for ".join(causes)


def _of_baseline(result: FitResult, model: FitModel, softest_ed: float) -> Iterator[Flag]:
    """Yield doubts about the baseline's stiffness, where the data chose it."""
    is_chosen = model.options.baseline_ed_per_ppm is None
    if is_chosen and result.baseline_ed > _NEARLY * softest_ed:
        yield Flag(
            "BASELINE_END",
            f"AIC asks for the softest baseline it may choose, {softest_ed:g} dimensions per ppm: "
            "something broad is not in the model. Look for lipid and macromolecules, and do not "
            "read differences smaller than the change of Glx with the baseline "
            "(glx_baseline_sensitivity).",
        )


def _of_data(result: FitResult, model: FitModel) -> Iterator[Flag]:
    """Yield doubts about the spectrum."""
    if not result.snr >= SMALLEST_SNR:
        yield Flag(
            "LOW_SNR",
            f"SNR is {result.snr:.1f}, expected at least {SMALLEST_SNR:g}. "
            "Average more transients before fitting.",
        )
    if not model.trusts_all:
        low, high = model.trusted_ppm
        yield Flag(
            "ENDS",
            f"only {low:.2f} to {high:.2f} ppm were trusted: beyond, the residual "
            "is larger than among the metabolites, here or in a bin this one is compared with. "
            "Look for lipid from outside the voxel and for residual water.",
        )
    if result.reduced_chi2 > LARGEST_REDUCED_CHI2:
        yield Flag(
            "RESIDUAL",
            f"the residual's reduced chi-squared is {result.reduced_chi2:.2f}, expected "
            f"at most {LARGEST_REDUCED_CHI2:g}. Uncertainties are inflated by its root; look at "
            "the residual for lipid, water or a missing component.",
        )


def failed(model: FitModel, fid: Fid, reason: str, noise: float) -> FitResult:
    """Return the result of a fit that could not be made: the data, and NaN, never zero.

    Parameters
    ----------
    model : FitModel
        What was to be fitted.
    fid : Fid
        The data.
    reason : str
        Why it could not be, in words.
    noise : float
        SD of the noise in the fitted spectrum; NaN where there is none.
    """
    n, n_fit = len(model.names), len(model.ppm)
    nothing = np.full(n, np.nan)
    nan = float("nan")
    return FitResult(
        names=model.names,
        kinds=model.kinds,
        amplitudes=nothing,
        covariance=np.full((n, n), np.nan),
        noise_covariance=np.full((n, n), np.nan),
        shift_ppm=nothing,
        linewidth_hz=nothing,
        phase_rad=nan,
        delay_s=nan,
        offset_ppm=nan,
        ppm=model.ppm,
        trusted_ppm=model.trusted_ppm,
        data=model.data_spectrum(fid).real,
        baseline=np.full(n_fit, np.nan),
        components=np.full((n, n_fit), np.nan),
        noise_sd=noise,
        snr=nan,
        fwhm_hz=nan,
        reduced_chi2=nan,
        baseline_ed=nan,
        status=FitStatus.FAILED,
        flags=(Flag("NO_METABOLITES", reason),),
    )
