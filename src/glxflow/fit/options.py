"""What a user may choose about a fit."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FitOptions:
    """Choices of the spectral fit; the defaults were tuned on simulated spectra.

    Attributes
    ----------
    ppm_range : tuple of float
        Lowest and highest chemical shift that is fitted, in ppm.
    baseline_ed_per_ppm : float or None
        Effective dimension of the baseline per ppm; None chooses it by AIC
        within 1 to 2, the range in which simulated truth is recovered best.
    shift_sd_ppm : float
        Prior SD of a metabolite's shift about the common one, in ppm.
    width_log_sd : float
        Prior SD of the logarithm of a metabolite's own width, which T2 gives it.
    solver : {"fast", "lmfit"}
        Both minimise the same residual; lmfit is the reference.
    """

    ppm_range: tuple[float, float] = (0.2, 4.2)
    baseline_ed_per_ppm: float | None = None
    shift_sd_ppm: float = 0.01
    width_log_sd: float = 0.2
    solver: Literal["fast", "lmfit"] = "fast"
