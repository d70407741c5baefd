"""A fitted spectrum, and what is behind it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glxflow.fit.problem import Problem
from glxflow.fit.solver import Solution
from glxflow.fit.start import Alignment
from glxflow.fit.uncertainty import Uncertainty
from glxflow.spectrum import FitResult

if TYPE_CHECKING:
    import lmfit


@dataclass(frozen=True, slots=True)
class Found:
    """What is behind the result of a fit.

    Attributes
    ----------
    problem : Problem
        Residual and Jacobian.
    solution : Solution
        The optimum.
    uncertainty : Uncertainty
        Covariances at the optimum.
    alignment : Alignment
        How the data were aligned before the search.
    """

    problem: Problem
    solution: Solution
    uncertainty: Uncertainty
    alignment: Alignment


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted spectrum, with what is needed to look behind it.

    Attributes
    ----------
    result : FitResult
        Amplitudes, uncertainty and curves.
    found : Found or None
        What they come from; None where the fit failed.
    """

    result: FitResult
    found: Found | None = None

    @property
    def params(self) -> "lmfit.Parameters":
        """Non-linear parameters and amplitudes with value, stderr and correl; empty on failure."""
        from glxflow.fit import reference  # lmfit takes 0.7 s to import

        if self.found is None:
            return reference.no_parameters()
        known = self.found.uncertainty
        return reference.fitted_parameters(
            self.found.problem.prior,
            self.result.names,
            self.found.solution.point.theta,
            self.result.amplitudes,
            known.free,
            known.reported(len(self.result.names)),
        )
