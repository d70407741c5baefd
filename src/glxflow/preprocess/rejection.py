"""The step that leaves out spoilt transients, and doubts what it cannot tell."""

import numpy as np

from glxflow.preprocess.outliers import MOST_SCATTER, is_outlier, scatter
from glxflow.preprocess.records import PreprocessOptions
from glxflow.preprocess.work import Work
from glxflow.spectrum import Flag, percent


def reject_outliers(work: Work, options: PreprocessOptions) -> None:
    """Leave out transients that motion or lipid spoilt, and with them their partners."""
    n_transients = len(work.samples)
    outlying = [
        is_outlier(work.samples[part], work.axis, options.outlier_sd) for part in work.parts()
    ]
    work.rejected = work.with_partners(np.concatenate(outlying))
    n_rejected = int(work.rejected.sum())
    work.metrics |= {
        "n_transients": float(n_transients),
        "n_used": float(n_transients - n_rejected),
        "n_rejected": float(n_rejected),
    }
    if n_transients == work.n_conditions:
        work.did("Rejection of outliers", "Not possible: one transient.")
        return
    what = "pairs" if work.n_conditions > 1 else "transients"
    pairs = work.rejected[work.parts()[0]]
    which = ", ".join(str(index) for index in np.flatnonzero(pairs))
    work.did(
        "Rejection of outliers",
        f"{pairs.sum()} of {pairs.size} {what} beyond {options.outlier_sd:g} SD"
        + (f" (counted from 0: {which})." if which else "."),
    )
    _doubt_amplitudes(work)


def _doubt_amplitudes(work: Work) -> None:
    """Leave a flag where so many transients are spoilt that the good ones cannot be told."""
    part = work.parts()[0]
    scattered = scatter(work.samples[part], work.axis, work.rejected[part])
    if scattered > MOST_SCATTER:
        work.flags.append(
            Flag(
                "amplitudes_scatter",
                f"amplitudes of the transients scatter by {percent(scattered)} beyond noise "
                f"(limit {percent(MOST_SCATTER)}): half or more may have lost signal by motion or "
                "hold lipid, so that the good ones cannot be told. The average, and what is "
                "scaled by water, may be too low. Look at the transients, and scan again.",
            )
        )
