"""Covariances against dense least squares with the baseline written out, and known kernels."""

import numpy as np
import pytest

from glxflow.fit import fit_prepared
from glxflow.fit.block import Block, explained, residual_curve
from glxflow.fit.joint import Joint
from glxflow.fit.uncertainty import fixed_shape_chi2, residual_of, shape_errors, uncertainty
from glxflow.spectrum import Fid, Kind

SHAPE_SD, SHAPE_LENGTH_PPM = 0.11, 0.06


@pytest.fixture
def found(model, basis, make_fid):
    """Return a fit with lipid that misfits, so that its data weigh less and its priors more."""
    fid = make_fid(noise_sd=0.4)
    time_s = fid.axis.time_s
    lipid = 3.0 * basis.fid("Lip13a") * np.exp(-((3.0 * time_s) ** 2))
    hump = 4.0 * np.exp((2j * np.pi * fid.axis.hz(2.75) - 30.0) * time_s)
    tail = 60 * np.exp(2j + (2j * np.pi * fid.axis.hz(4.3) - 60) * time_s)
    return fit_prepared(Fid(fid.samples - hump + tail + lipid, fid.axis), model).found


class Dense:
    """Amplitudes and the spline's coefficients as one plain problem, over the noise."""

    def __init__(self, problem, point, chosen):
        model, weight = problem.model, problem.model.weight
        self.ratios = problem.ratio_rows[:, chosen]
        roughness = problem.stiffness * model.spline.roughness
        columns = np.hstack([(weight * model.curve(point.spectra[chosen])).T, model.spline.modes])
        n = self.ratios.shape[1]
        known = np.zeros((columns.shape[1],) * 2)
        known[:n, :n] = self.ratios.T @ self.ratios
        known[n:, n:] = np.diag(roughness)
        inverse = np.linalg.inv(columns.T @ columns + known)
        self.inverse = inverse[:n, :n]
        # From weighted data to amplitudes.
        self.response = (inverse @ columns.T)[:n]
        data = weight * model.curve(point.data)
        self.left = data - columns @ (inverse @ (columns.T @ data))
        # Amplitudes less what is known of them beforehand, and what a baseline alone takes.
        taken = n - np.trace(self.ratios @ self.inverse @ self.ratios.T)
        alone = np.sum(1 / (1 + roughness))
        self.expected = weight @ weight - taken - alone


def alike(covariance, expected):
    """Tell whether covariances are the same, to the ridge that keeps columns apart."""
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    return np.abs((covariance - expected) / size).max() < 1e-5


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_covariances_are_those_of_dense_least_squares(found, factor):
    """With line shapes that are known, whatever weight the problem gives its data."""
    problem = found.problem.with_noise(factor * found.problem.noise_sd)
    model, k = problem.model, problem.tightening
    assert k > 1
    assert model.weight.min() < 1
    point = problem.evaluate(found.solution.point.theta)
    noise_sd = 0.3 * problem.noise_sd
    none = np.zeros(point.theta.size, dtype=bool)
    known = uncertainty(problem, point, none, noise_sd)
    dense = Dense(problem, point, np.ones(point.amplitudes.size, dtype=bool))
    assert alike(known.noise_covariance, 0.3**2 * dense.response @ dense.response.T)

    left = model.weight * residual_of(problem, point)
    chi2 = left @ left / dense.expected
    assert (chi2 > 1) == (factor < 1)
    assert known.reduced_chi2 == pytest.approx(chi2 / 0.3**2, rel=1e-6)
    wrong = dense.response @ (model.weight * model.curve(shape_errors(problem, point).T)).T
    # Of constraints of k times what is believed, the square less 1 is believed beside.
    pulled = dense.inverse @ dense.ratios[problem.of_broad].T
    expected = dense.inverse * max(chi2, 1.0) + wrong @ wrong.T + (k**2 - 1) * pulled @ pulled.T
    assert alike(known.covariance, expected)


def test_misfit_is_that_of_dense_least_squares(found):
    problem, point = found.problem, found.solution.point
    dense = Dense(problem, point, point.amplitudes != 0)
    chi2 = dense.left @ dense.left / dense.expected
    assert fixed_shape_chi2(problem, point) == pytest.approx(chi2, rel=1e-6)
    block, one = Block.of(problem), Joint.of(problem).evaluate(point.theta).blocks[0]
    _, expected = explained(block, one, 0)
    assert expected == pytest.approx(dense.expected, rel=1e-6)
    left = problem.model.weight * residual_curve(block, one, 0)
    # Amplitudes of the joint fit and of the fit alone have ridges of their own.
    assert left == pytest.approx(dense.left, abs=1e-5 * np.abs(dense.left).max())


def test_the_shape_of_macromolecules_is_wrong_by_a_share_that_neighbours_have_in_common(found):
    """A squared-exponential covariance in proportion to their curve, but for its ends."""
    problem, point = found.problem, found.solution.point
    model = problem.model
    errors = model.curve(shape_errors(problem, point).T)
    members = [index for index, kind in enumerate(model.kinds) if kind is Kind.MACROMOLECULE]
    shares = errors / model.curve(point.amplitudes[members] @ point.spectra[members])
    covariance = shares.T @ shares
    # Over the range, the mean variance is that of the share.
    assert np.diag(covariance).mean() == pytest.approx(SHAPE_SD**2, rel=0.01)
    inner = np.flatnonzero((model.ppm > 1.0) & (model.ppm < 3.4))
    apart = np.subtract.outer(model.ppm[inner], model.ppm[inner])
    expected = SHAPE_SD**2 * np.exp(-((apart / SHAPE_LENGTH_PPM) ** 2) / 2)
    # What the ends have more; cosines beyond the last, exp(-(0.8 pi)^2 / 2) of the first.
    assert covariance[np.ix_(inner, inner)] == pytest.approx(expected, abs=0.03 * SHAPE_SD**2)
