"""Mixed models as specifications: their answer, and their test under any allocation.

The answer is that of the model itself. For the joint test the covariance is that of
the model without the condition, which no allocation changes: the test is exact for
any covariance, and thousands of allocations need no search.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from glxflow.errors import TableError
from glxflow.spectrum import RealArray
from glxflow.trial.allocation import AllocationTest, Unit, prepare
from glxflow.trial.formula import sum_contrasts
from glxflow.trial.inference import KenwardRoger
from glxflow.trial.known_error import KnownErrorLikelihood
from glxflow.trial.parts import Result
from glxflow.trial.reml import Likelihood, RandomBlock
from glxflow.trial.search import optimise
from glxflow.trial.specification import require_both_sequences, session_means
from glxflow.trial.universe import Cells

MIXED = "mixed model of bins"
COMPLETE = "mixed model of bins, participants with both sessions"
MEANS = "mixed model of session means"
KNOWN = "mixed model of bins, errors of the fits known"


@dataclass(frozen=True, slots=True)
class MixedTask:
    """A mixed model to fit.

    Attributes
    ----------
    name : str
        One of the models' names.
    cells : Cells
        Its data.
    with_baseline : bool
        Whether the baseline's two parts are covariates.
    side : (n_all,) ndarray
        The actual allocation, +1 for active first.
    """

    name: str
    cells: Cells
    with_baseline: bool
    side: RealArray


@dataclass(frozen=True, slots=True)
class Design:
    """Columns and covariance structure of a mixed model.

    Attributes
    ----------
    outcome : (n_rows,) ndarray
        Change from baseline.
    fixed : (n_rows, n_fixed) ndarray
        Columns that no allocation changes.
    moved : (n_rows, n_moved) ndarray
        Columns that the side multiplies; the condition is the first.
    blocks : tuple of RandomBlock
        Participants, and sessions where they have several rows.
    known : (n_rows, n_rows) ndarray or None
        Known covariance of the errors.
    """

    outcome: RealArray
    fixed: RealArray
    moved: RealArray
    blocks: tuple[RandomBlock, ...]
    known: RealArray | None

    def likelihood(self, columns: RealArray) -> Likelihood:
        """Return the restricted likelihood with some columns."""
        if self.known is None:
            return Likelihood(self.outcome, columns, self.blocks, True)
        return KnownErrorLikelihood(self.outcome, columns, self.blocks, True, self.known)


def fit_mixed(task: MixedTask) -> Result:
    """Return the answer of a mixed model and the covariance parameters without the condition.

    Where the data cannot carry it, there is a reason instead.
    """
    try:
        cells, design = _prepared(task)
        full = np.column_stack([design.fixed, task.side[cells.who, np.newaxis] * design.moved])
        if np.linalg.matrix_rank(full) < full.shape[1] or full.shape[0] <= full.shape[1]:
            raise TableError("the data cannot tell its coefficients apart")
        model = design.likelihood(full)
        optimum = optimise(model)
        inference = KenwardRoger(model, optimum)
        without = optimise(design.likelihood(design.fixed), start=optimum.theta)
    except (TableError, np.linalg.LinAlgError) as error:
        return {"reason": str(error)}
    place = design.fixed.shape[1]
    test = inference.f_test(np.eye(full.shape[1])[[place]])
    if np.isnan(test.ddf):
        return {"reason": f"{np.unique(cells.who).size} participants leave no degree of freedom"}
    estimate = float(inference.beta[place])
    t = float(np.sign(estimate) * np.sqrt(test.statistic))
    return {
        "estimate": estimate,
        "statistic": t,
        "df": test.ddf,
        "p": 2 * float(stats.t.sf(abs(t), test.ddf)),
        "n_participants": int(np.unique(cells.who).size),
        "theta": without.theta.tolist(),
        "sigma": without.sigma,
    }


def mixed_test(task: MixedTask, fitted: Result) -> AllocationTest:
    """Return the test of a fitted mixed model under any allocation."""
    cells, design = _prepared(task)
    model = design.likelihood(design.fixed)
    phi = model.variances(np.array(fitted["theta"]), fitted["sigma"])
    covariance = np.tensordot(phi, np.array(model.components), axes=1) + model.fixed_covariance
    participants = np.unique(cells.who)
    units = []
    for who in participants:
        rows = np.flatnonzero(cells.who == who)
        root = np.linalg.cholesky(covariance[np.ix_(rows, rows)])
        joined = np.column_stack([design.outcome, design.fixed, design.moved])[rows]
        free = np.linalg.solve(root, joined)
        split = 1 + design.fixed.shape[1]
        units.append(Unit(free[:, 0], free[:, 1:split], free[:, split:]))
    return prepare(participants, units, fitted["df"], fixed_variance=True)


def _prepared(task: MixedTask) -> tuple[Cells, Design]:
    """Return the rows that a model uses and its design."""
    cells = task.cells
    if task.name == KNOWN:
        cells = cells.take(cells.has_error)
    if task.name == COMPLETE:
        both = np.bincount(np.unique(cells.session) // 2) == 2
        cells = cells.take(both[cells.who])
    require_both_sequences(cells.who, task.side)
    if task.name == MEANS:
        cells = _of_sessions(cells)
    return cells, _design(cells, task.with_baseline, task.name == KNOWN)


def _of_sessions(cells: Cells) -> Cells:
    """Return a row a session, with its mean change."""
    sessions, change, base = session_means(cells)
    empty = np.full(sessions.size, np.nan)
    number = np.zeros(sessions.size, dtype=np.intp)
    return Cells(
        sessions // 2, sessions % 2 == 1, number, change, base, empty, empty, empty
    )  # fmt: skip


def _design(cells: Cells, with_baseline: bool, with_errors: bool) -> Design:
    """Return the design of a model with condition by bin, period, sequence and baseline."""
    n_bins = int(cells.bin.max()) + 1
    bins = sum_contrasts(n_bins)[cells.bin] if n_bins > 1 else np.zeros((cells.bin.size, 0))
    period = np.where(cells.is_late, -1.0, 1.0)[:, np.newaxis]
    # Half the difference of sides: its coefficient is active minus reference.
    condition = 0.5 * period
    baseline = _baseline_parts(cells) if with_baseline else np.zeros((cells.who.size, 0))
    fixed = np.column_stack([np.ones(cells.who.size), bins, period, baseline])
    sequence = np.ones(cells.who.size)
    moved = np.column_stack([condition, condition * bins, sequence])
    known = None
    if with_errors:
        known = np.diag(cells.own_variance)
        if not with_baseline:
            # Beside the baseline as covariate its error is for the variance of sessions.
            same = cells.session[:, np.newaxis] == cells.session
            shared = np.sqrt(cells.common_variance)
            known = known + same * np.outer(shared, shared)
    return Design(cells.delta, fixed, moved, _blocks(cells), known)


def _baseline_parts(cells: Cells) -> RealArray:
    """Return the participant's mean baseline, centred, and the session's deviation from it."""
    sessions, _, base = session_means(cells)
    owner = sessions // 2
    own = np.bincount(owner, base) / np.maximum(np.bincount(owner), 1)
    centre = own[np.unique(owner)].mean()
    return np.column_stack([own[cells.who] - centre, cells.base - own[cells.who]])


def _blocks(cells: Cells) -> tuple[RandomBlock, ...]:
    """Return the random effects of participants, and of sessions with several rows."""
    blocks = []
    for label, group in (("subject", cells.who), ("subject:visit", cells.session)):
        names, place = np.unique(group, return_inverse=True)
        if names.size < group.size:
            membership = (place[:, np.newaxis] == np.arange(names.size)).astype(np.float64)
            blocks.append(RandomBlock(label, ("(Intercept)",), (membership,)))
    if not blocks:
        raise TableError("every participant has one row")
    return tuple(blocks)
