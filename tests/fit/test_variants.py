"""The other models of an ensemble: what each changes, and that it changes nothing else."""

import numpy as np
import pytest

from glxflow.fit import fit_prepared
from glxflow.fit.variants import variants_of
from glxflow.spectrum import Fid, Kind


@pytest.fixture
def problem(model, make_fid):
    """Return the problem of a spectrum whose end at the water is not trusted."""
    fid = make_fid()
    tail = 60 * np.exp(2j + (2j * np.pi * fid.axis.hz(4.3) - 60) * fid.axis.time_s)
    return fit_prepared(Fid(fid.samples + tail, fid.axis), model).found.problem


@pytest.fixture
def variant(problem):
    """Return a function that gives the problem of a variant."""
    known = {(one.choice, one.label): one.problem for one in variants_of(problem)}
    return lambda choice, label: known[choice, label]


def groups_of(problem, *kinds):
    return [group.name for group in problem.model.groups if group.kind in kinds]


@pytest.mark.parametrize(("label", "factor"), [("half", 0.5), ("double", 2.0)])
def test_halves_and_doubles_are_of_what_they_say(label, factor, problem, variant):
    baseline = variant("baseline", f"{label} dimension")
    assert baseline.shares.sum() == pytest.approx(factor * problem.shares.sum(), rel=1e-6)
    for what in ("shift", "width"):
        prior = variant(f"{what} prior", f"{label} SD").prior
        changed = {f"{what}_{name}" for name in groups_of(problem, Kind.METABOLITE)}
        factors = [factor if name in changed else 1.0 for name in prior.names]
        assert prior.sd == pytest.approx(factors * problem.prior.sd)
        assert (prior.common == problem.prior.common).all()
        assert (prior.mean == problem.prior.mean).all()
    rows = variant("macromolecule ratios", f"{label} SD").ratio_rows
    broad = [kind is Kind.MACROMOLECULE for kind in problem.model.kinds]
    is_ratio = (problem.ratio_rows[:, : len(broad)][:, broad] != 0).sum(axis=1) > 1
    assert is_ratio.sum() == sum(broad)
    size = np.linalg.norm(rows, axis=1) / np.linalg.norm(problem.ratio_rows, axis=1)
    assert size == pytest.approx(np.where(is_ratio, 1 / factor, 1.0))


@pytest.mark.parametrize(("label", "factor"), [("narrower", 0.5), ("wider", 1.5)])
def test_macromolecules_are_expected_narrower_or_wider(label, factor, problem, variant):
    prior = variant("macromolecule widths", label).prior
    changed = {f"width_{name}" for name in groups_of(problem, Kind.MACROMOLECULE)}
    factors = [factor if name in changed else 1.0 for name in prior.names]
    assert np.exp(prior.mean - problem.prior.mean) == pytest.approx(factors)
    assert (prior.sd == problem.prior.sd).all()


def test_a_narrower_range_trusts_no_more_than_the_fit_did(problem, variant):
    model = problem.model
    assert model.weight.min() < 1
    weight = variant("range", "0.5-4.1 ppm").model.weight
    inside = (model.ppm >= 0.5) & (model.ppm <= 4.1)
    assert (weight[inside] == model.weight[inside]).all()
    assert weight[~inside].max() < model.weight.min()
