"""Soft constraints on amplitudes against what each is said to believe."""

from dataclasses import replace

import numpy as np
import pytest

from glxflow.constants import load
from glxflow.fit import FitOptions, fit_prepared, prepare
from glxflow.fit.soft import ratio_rows
from glxflow.spectrum import Kind

SHARE_SD = 0.3


@pytest.fixture
def point(basis, make_fid):
    """Return a model of a range that shows some macromolecules only, and a fit by it."""
    options = FitOptions(ppm_range=(1.8, 4.2), baseline_ed_per_ppm=1.5)
    narrow = prepare(replace(basis, share_sd=SHARE_SD), options)
    point = fit_prepared(make_fid(), narrow).found.solution.point
    amplitudes = point.amplitudes.copy()
    is_line = np.array([kind is Kind.MACROMOLECULE for kind in narrow.kinds])
    amplitudes[: is_line.size][is_line] = np.linspace(1.0, 3.0, is_line.sum())
    return narrow, replace(point, amplitudes=amplitudes)


def misfit(rows, amplitudes):
    return np.sum((rows @ amplitudes) ** 2)


def test_macromolecules_scatter_about_their_mean_in_units_of_those_that_are_seen(point):
    """Of a line of few protons less is known: by as much as one proton more or less."""
    model, at = point
    members = [n for n, kind in enumerate(model.kinds) if kind is Kind.MACROMOLECULE]
    rows = ratio_rows(model, at)[: len(members)]
    seen = [n for n in members if model.names[n] not in ("MM09", "MM12", "MM14", "MM17")]
    sd = SHARE_SD * np.hypot(1.0, 1 / model.protons[members]) * at.amplitudes[seen].mean()
    amplitudes = np.zeros(at.amplitudes.size)
    amplitudes[members] = np.random.default_rng(1).uniform(0.5, 2.0, len(members))
    own = amplitudes[members]
    # The best common ratio is the mean by precision.
    mean = np.average(own, weights=sd**-2)
    assert misfit(rows, amplitudes) == pytest.approx(np.sum(((own - mean) / sd) ** 2))


def test_weak_metabolites_scatter_about_their_share_of_creatine(point):
    model, at = point
    expected = load("expectations")["ratio_to_tcr"]
    rows = ratio_rows(model, at)
    creatine = [model.names.index(name) for name in ("Cr", "PCr")]
    total = at.amplitudes[creatine].sum()
    amplitudes = np.zeros(at.amplitudes.size)
    amplitudes[creatine] = 0.5 * total
    weak = [name for name in model.names if name in expected]
    assert {"GSH", "Tau"} <= set(weak)
    for name in weak:
        amplitudes[model.names.index(name)] = expected[name]["mean"] * total
    assert misfit(rows, amplitudes) == pytest.approx(0.0, abs=1e-12)  # rounding
    for name in weak:
        more = amplitudes.copy()
        more[model.names.index(name)] += expected[name]["sd"] * total
        assert misfit(rows, more) == pytest.approx(1.0)


def test_what_is_broad_is_no_more_than_a_few_times_the_largest_amplitude(point):
    """Three times; lipid in quadrature, of any sign, half of it."""
    model, at = point
    rows = ratio_rows(model, at)[-int(model.is_broad.sum()) :]
    seen = at.amplitudes[: len(model.names)][~model.is_broad[: len(model.names)]].max()
    amplitudes = np.full(at.amplitudes.size, seen)
    sd = np.where(model.is_signed, 0.5, 3.0)[model.is_broad]
    assert misfit(rows, amplitudes) == pytest.approx(np.sum(sd**-2.0))
