import numpy as np
import pytest

from glxflow.preprocess.outliers import MOST_SCATTER, is_outlier, scatter, typical


def transients(axis, clean, rng, snr, n_transients=60):
    height = np.abs(np.fft.fft(clean)).max()
    sd = height / (snr * axis.n_points**0.5)
    return clean + sd * (rng.normal(size=(n_transients, axis.n_points, 2)) @ [1, 1j])


@pytest.mark.parametrize("snr", [2.0, 4.0, 15.0, 100.0])
def test_pure_noise_loses_hardly_any_transient(session_axis, metabolites, snr):
    rng = np.random.default_rng(1)
    lost = sum(
        is_outlier(transients(session_axis, metabolites, rng, snr), session_axis, 4.0).sum()
        for _ in range(10)
    )
    # Beyond 4 SD of a nearly normal figure lie 0.003 %; small samples widen that.
    assert lost <= 6  # 1 % of 600


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.6])
def test_a_loss_of_signal_is_seen(session_axis, metabolites, kept):
    samples = transients(session_axis, metabolites, np.random.default_rng(2), 20.0)
    samples[11] -= (1 - kept) * metabolites
    assert np.flatnonzero(is_outlier(samples, session_axis, 4.0)).tolist() == [11]


@pytest.mark.parametrize(("n_spoilt", "kept"), [(18, 0.6), (27, 0.4), (27, 0.0)])
def test_many_losses_of_signal_are_seen(session_axis, metabolites, n_spoilt, kept):
    rng = np.random.default_rng(6)
    samples = transients(session_axis, metabolites, rng, 12.0)
    spoilt = np.sort(rng.permutation(60)[:n_spoilt])
    samples[spoilt] -= (1 - kept) * metabolites
    found = is_outlier(samples, session_axis, 4.0)
    assert np.flatnonzero(found).tolist() == spoilt.tolist()
    assert scatter(samples, session_axis, np.zeros(60, dtype=bool)) > MOST_SCATTER
    assert scatter(samples, session_axis, found) < 0.03


@pytest.mark.parametrize("snr", [4.0, 15.0, 100.0])
def test_noise_is_no_scatter_of_amplitudes(session_axis, metabolites, snr):
    rng = np.random.default_rng(7)
    samples = transients(session_axis, metabolites, rng, snr)
    assert scatter(samples, session_axis, np.zeros(60, dtype=bool)) < 0.03


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_what_a_body_could_do_is_no_outlier_however_clear_it_is(session_axis, metabolites, factor):
    samples = transients(session_axis, metabolites, np.random.default_rng(8), 200.0)
    samples[::6] *= factor
    assert not is_outlier(samples, session_axis, 4.0).any()


def test_the_scatter_is_that_of_the_amplitudes_without_noise(session_axis, metabolites):
    found, expected = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        change = rng.normal(0, 0.2, 300)
        samples = transients(session_axis, metabolites, rng, 3.0, 300)
        samples += change[:, np.newaxis] * metabolites
        found.append(scatter(samples, session_axis, np.zeros(300, dtype=bool)))
        expected.append(np.std(change))
    # Noise of the amplitude is .1 here, and scatters what is found by .007.
    assert np.mean(found) == pytest.approx(np.mean(expected), abs=0.01)


def test_of_few_noisy_transients_chance_is_no_scatter(session_axis, metabolites):
    rng, none = np.random.default_rng(10), np.zeros(8, dtype=bool)
    found = [
        scatter(transients(session_axis, metabolites, rng, 2.0, 8), session_axis, none)
        for _ in range(20)
    ]
    # Three SD of a variance from eight.
    assert np.count_nonzero(found) <= 1


def test_few_transients_are_not_judged(session_axis, metabolites):
    samples = transients(session_axis, metabolites, np.random.default_rng(3), 20.0, 7)
    samples[3] = 0
    assert not is_outlier(samples, session_axis, 4.0).any()


def test_order_does_not_matter(session_axis, metabolites):
    rng = np.random.default_rng(4)
    samples = transients(session_axis, metabolites, rng, 10.0)
    samples[5] *= -1
    order = rng.permutation(60)
    found = is_outlier(samples, session_axis, 4.0)
    np.testing.assert_array_equal(is_outlier(samples[order], session_axis, 4.0), found[order])


def test_the_typical_spectrum_turns_with_the_data():
    rng = np.random.default_rng(5)
    spectra = 5 * np.exp(0.3j) + rng.normal(size=(30, 40, 2)) @ [1, 1j]
    turned = typical(spectra * np.exp(1.1j))
    np.testing.assert_allclose(turned, typical(spectra) * np.exp(1.1j), atol=1e-12)  # rounding
