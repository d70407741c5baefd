"""What every spectrum of an edited study shares: models of half sum and difference."""

from dataclasses import dataclass, replace

import numpy as np

from glxflow.errors import BasisError, ConfigError
from glxflow.fit.model import FitModel
from glxflow.fit.options import FitOptions
from glxflow.fit.preparation import prepare, upright_by
from glxflow.fit.widths import narrowed
from glxflow.spectrum import BasisSet, ComplexArray, Kind

LOWEST_EDITED_PPM = 2.45
_LEAST_HIGH_PPM = 3.4


@dataclass(frozen=True, slots=True)
class EditedModel:
    """What every spectrum of an edited study shares.

    Attributes
    ----------
    total, difference : FitModel
        Of the half sum and of the difference.
    responses : (2, n_components, n_points) complex ndarray
        Of the half sum's components in it and in the difference, as upright and narrowed as
        it is.
    """

    total: FitModel
    difference: FitModel
    responses: ComplexArray

    def with_baseline(self, ed_per_ppm: float) -> "EditedModel":
        """Return the model with baselines of a given effective dimension per ppm."""
        return replace(
            self,
            total=self.total.with_baseline(ed_per_ppm),
            difference=self.difference.with_baseline(ed_per_ppm),
        )


def prepare_edited(total: BasisSet, difference: BasisSet, options: FitOptions) -> EditedModel:
    """Return the model of two basis sets that are on the data's axis.

    Parameters
    ----------
    total : BasisSet
        Half the sum of ON and OFF, with macromolecules.
    difference : BasisSet
        ON less OFF, with the co-edited macromolecules.
    options : FitOptions
        Choices of the fit.

    Raises
    ------
    BasisError
        If their metabolites differ, or one of them cannot be prepared.
    ConfigError
        If the fitted range ends below GABA.
    """
    names = _metabolites(total)
    if names != _metabolites(difference) or total.axis != difference.axis:
        raise BasisError(
            f"{total.source} holds {', '.join(names)}, {difference.source} holds "
            f"{', '.join(_metabolites(difference))}: expected the same metabolites, in one "
            "order and on one axis. Simulate ON and OFF with the same options."
        )
    low, high = options.ppm_range
    if high < _LEAST_HIGH_PPM:
        raise ConfigError(
            f"the fitted range ends at {high:g} ppm: GABA at 3.0 ppm needs {_LEAST_HIGH_PPM:g} at "
            "least. Widen it."
        )
    edited = replace(options, ppm_range=(max(low, LOWEST_EDITED_PPM), high))
    # In the difference NAA and Glx nearly cancel at the start: it stands as the half sum does.
    upright = upright_by(total)
    in_difference = np.zeros_like(total.fids)
    edited_fids = narrowed(difference)
    for name in names:
        in_difference[total.names.index(name)] = edited_fids[difference.names.index(name)]
    return EditedModel(
        total=prepare(total, options),
        difference=prepare(difference, edited, upright),
        responses=upright * np.array([narrowed(total), in_difference]),
    )


def _metabolites(basis: BasisSet) -> tuple[str, ...]:
    """Return the names of what is not macromolecule or lipid."""
    pairs = zip(basis.names, basis.kinds, strict=True)
    return tuple(name for name, kind in pairs if kind is Kind.METABOLITE)
